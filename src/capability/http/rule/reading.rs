//! The ways in which servers read a path. Pure.
//!
//! What is sent has one spelling; what a server makes of it may still be more than one thing: some cut off what follows a semicolon, some
//! do not tell capitals from small letters or `/a` from `/a/`, and most decode what need not have been encoded.

use std::borrow::Cow;

use crate::capability::pattern::matches_path;

/// Whether `path` is one that `pattern` allows, also for servers that take parameters out of it. A pattern with a semicolon knows of them.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    matches_path(pattern, path) && (pattern.contains(';') || matches_path(pattern, &without_parameters(path)))
}

/// Whether any server could take `path` for one that `pattern` means.
pub(super) fn touches(pattern: &str, path: &str) -> bool {
    let patterns = ends(plain(pattern));
    let plain_path = plain(path);
    let bare = without_parameters(&plain_path).into_owned();
    [plain_path, bare].into_iter().flat_map(ends).any(|path| patterns.iter().any(|it| matches_path(it, &path)))
}

/// Decoded, in small letters.
fn plain(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().to_lowercase()
}

/// With what stands at its end, and without a slash there.
fn ends(path: String) -> [String; 2] {
    let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(&path).to_owned();
    [path, bare]
}

/// Each part up to its first semicolon, also if that is encoded.
fn without_parameters(path: &str) -> Cow<'_, str> {
    if !path.contains(';') && !path.contains("%3B") {
        return Cow::Borrowed(path);
    }
    let bare = |part: &str| {
        let end = [part.find(';'), part.find("%3B")].into_iter().flatten().min().unwrap_or(part.len());
        part[..end].to_owned()
    };
    Cow::Owned(path.split('/').map(bare).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_path_is_allowed_in_each_reading() {
        for (pattern, path, expected) in [
            ("/zones/*", "/zones/a", true),
            ("/zones/*", "/zones/a;b=c", true),
            ("/zones/*", "/Zones/a", false),
            ("/files/*.txt", "/files/secret;.txt", false),
            ("/files/*.txt", "/files/secret%3B.txt", false),
            ("/files/*.txt", "/files/a.txt;v=1", false),
            ("/files;v=*", "/files;v=1", true),
            ("/**", "/a;b/c;d", true),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_denied_path_is_denied_in_any_reading() {
        for (pattern, path, expected) in [
            ("/config/**", "/config/a", true),
            ("/config/**", "/CONFIG/a", true),
            ("/config/**", "/config;x/a", true),
            ("/config/**", "/config;/a", true),
            ("/config/**", "/config%3Bx/a", true),
            ("/config/**", "/confi%67/a", true),
            ("/config", "/config/", true),
            ("/config/", "/config", true),
            ("/Zones/Secret.", "/zones/sECRET.", true),
            ("/a:b", "/a%3Ab", true),
            ("/a%3Ab", "/a:b", true),
            ("/caf%C3%A9", "/CAF%C3%89", true),
            ("/config/**", "/configs/a", false),
            ("/config", "/config/a", false),
            ("/", "/a", false),
            ("/", "/", true),
            ("/**", "/", true),
        ] {
            assert_eq!(touches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
