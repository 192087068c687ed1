//! Headers: the first line names the credential's, then one `name: value` a line, carriage returns and all. What goes out is what
//! a driver may set; what comes in shows no session.

use vend::capability::http::header::{incoming, outgoing};

use super::input::line;

pub fn target(bytes: &[u8]) {
    let (credential, mut rest) = line(bytes);
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let (head, after) = line(rest);
        rest = after;
        let (name, value) = head.split_once(": ").unwrap_or((&head, ""));
        // A tab stands for a line break, which would end the line here.
        headers.push((name.to_owned(), value.replace('\t', "\r\n")));
    }
    let mut map = http::HeaderMap::new();
    for (name, value) in headers.iter().take(64) {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            map.append(name, value);
        }
    }
    for (name, _) in incoming(&map, Some(&map)) {
        assert!(!["set-cookie", "connection", "transfer-encoding", "proxy-authenticate"].contains(&&*name), "{name}");
    }
    let given = headers.clone();
    let Ok(sent) = outgoing(headers, &[&credential]) else { return };
    assert_eq!(sent.len(), given.len(), "none is added, none is lost");
    for ((name, value), (asked, asked_value)) in sent.iter().zip(&given) {
        assert_eq!((name, value), (&asked.to_ascii_lowercase(), asked_value));
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()), "{name:?}");
        assert!(!name.contains([':', ' ', '(', ')', '/', '"']), "{name:?}");
        assert!(value.bytes().all(|b| b.is_ascii_graphic() || b == b' ' || b == b'\t'), "{value:?}");
        assert!(!name.eq_ignore_ascii_case(&credential), "the credential's header");
        let owned = ["host", "authorization", "cookie", "content-length", "transfer-encoding", "connection", "te"];
        assert!(!owned.contains(&name.as_str()) && !name.starts_with("proxy-"), "{name} is the host's");
    }
}
