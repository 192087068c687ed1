//! Patterns of names and paths: `*` stands for a run of characters, also of none.

/// Whether `text` as a whole fits `pattern`; `*` is any run.
pub fn matches(pattern: &str, text: &str) -> bool {
    fits(pattern.as_bytes(), text.as_bytes(), |_| true)
}

/// The same for paths: `*` is a run without `/`, `**` any run; a pattern that ends in `/**` means what is before it, too.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    if let Some(before) = pattern.strip_suffix("/**")
        && fits(before.as_bytes(), path.as_bytes(), |b| b != b'/')
    {
        return true;
    }
    fits(pattern.as_bytes(), path.as_bytes(), |b| b != b'/')
}

/// One pass with the last star of either kind to go back to: time is at most the product of both lengths.
fn fits(pattern: &[u8], text: &[u8], star_takes: impl Fn(u8) -> bool) -> bool {
    // Where to go on from when what follows a star does not fit: behind the star, and the first byte it has not taken.
    let mut any: Option<(usize, usize)> = None;
    let mut run: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    loop {
        if pattern[p..].starts_with(b"**") && !star_takes(b'/') {
            p += 2;
            (any, run) = (Some((p, t)), None);
            continue;
        }
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            run = Some((p, t));
            continue;
        }
        match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            _ => {}
        }
        if let Some((behind, taken)) = run
            && text.get(taken).is_some_and(|b| star_takes(*b))
        {
            run = Some((behind, taken + 1));
            (p, t) = (behind, taken + 1);
            continue;
        }
        let Some((behind, taken)) = any.filter(|(_, taken)| *taken < text.len()) else { return false };
        (any, run) = (Some((behind, taken + 1)), None);
        (p, t) = (behind, taken + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name, expected) in [
            ("app", "app", true),
            ("app", "apps", false),
            ("app_*", "app_", true),
            ("app_*", "app_x_1", true),
            ("app_*", "xapp_1", false),
            ("*", "", true),
            ("*", "any/thing", true),
            ("*_dev", "a_dev_dev", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("", "x", false),
            ("", "", true),
            ("é*", "éa", true),
            ("App", "app", false),
            ("a**b", "a--b", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/zones", "/zones", true),
            ("/zones", "/zones/", false),
            ("/zones/*", "/zones/a.", true),
            ("/zones/*", "/zones/a./b", false),
            ("/zones/*", "/zones", false),
            ("/zones/**", "/zones", true),
            ("/zones/**", "/zones/", true),
            ("/zones/**", "/zones/a/b/c", true),
            ("/zones/**", "/zonesx", false),
            ("/*/b", "/a/b", true),
            ("/*/b", "/a/c/b", false),
            ("/**/b", "/a/c/b", true),
            ("/**/b", "/a/c/bb", false),
            ("/a*/**/x*z", "/abc/d/e/x-y-z", true),
            ("/a*/**/x*z", "/bbc/d/e/x-y-z", false),
            ("/**", "/", true),
            ("/**", "", true),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "/**".repeat(300) + "/never";
        assert!(!matches_path(&pattern, &"/a".repeat(2_000)));
        assert!(!matches(&("*a".repeat(300) + "b"), &"a".repeat(4_000)));
    }
}
