//! Where a request goes: a base URL on the first line, what a driver asks on the second. Whatever is taken has one spelling, is
//! below the base, and means the same to every server.

use vend::capability::http::path::{Base, Target};

use super::input::line;

pub fn target(bytes: &[u8]) {
    let (base, rest) = line(bytes);
    let (asked, _) = line(rest);
    let Ok(base) = Base::parse(&base) else { return };
    let url = base.url();
    assert_eq!(Base::parse(&url), Ok(base.clone()), "{url}");
    assert!(!url.contains('@'), "credentials in {url}");
    let Ok(target) = base.target(&asked) else { return };
    let text = target.text();
    holds(&target, &text);
    assert_eq!(base.target(&text).as_ref(), Ok(&target), "one spelling: {asked:?} as {text:?}");
    assert_eq!(base.target(&format!("{url}{text}")).as_ref(), Ok(&target), "the same below {url}");
    let uri: http::Uri = format!("{}{text}", base.path).parse().expect("it can be sent");
    assert_eq!(uri.path(), format!("{}{}", base.path, target.path));
    assert_eq!(uri.query(), target.query.as_deref());
    assert!(uri.authority().is_none(), "{text}");
}

pub fn holds(target: &Target, text: &str) {
    let path = &target.path;
    assert!(path.starts_with('/') && !path.contains("//"), "{path}");
    assert!(!path.contains(['?', '#', '\\']), "{path}");
    assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    for reading in [path.clone(), decoded(path), decoded(&decoded(path))] {
        for part in reading.split(['/', '\\']) {
            let name = part.split(';').next().unwrap_or_default();
            assert!(name != "." && name != "..", "{path} is read as {reading:?}");
        }
        assert_eq!(reading.matches('/').count(), path.matches('/').count(), "{path} is read as {reading:?}");
        assert!(!reading.contains('\\'), "{path} is read as {reading:?}");
        assert!(!reading.chars().any(|c| c < ' ' || c == '\x7f'), "{path} is read as {reading:?}");
    }
    let spelled = |part: &str| {
        let mut rest = part;
        while let Some(at) = rest.find('%') {
            let code = rest.get(at + 1..at + 3).expect("two digits follow");
            let byte = u8::from_str_radix(code, 16).expect("in hex");
            assert_eq!(code, format!("{byte:02X}"), "{part}");
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            assert!(!unreserved, "{part} has {code}, which needs no encoding");
            rest = &rest[at + 3..];
        }
    };
    spelled(path);
    spelled(target.query.as_deref().unwrap_or_default());
}

/// As a server might read it: what cannot be decoded stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                rest = &after[2..];
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
