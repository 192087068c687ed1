//! Documents: what parses can be shown, and what is shown parses to the same.

use vend::document::{File, MAX_BYTES, parse, render, yaml};

pub fn target(bytes: &[u8]) {
    let parsed = match parse(&File { name: "it.yaml", content: bytes }) {
        Ok(parsed) => parsed,
        Err(errors) => {
            let said = errors.to_string();
            assert!(said.contains("it.yaml:"), "a problem says where it is: {said}");
            return;
        }
    };
    for document in parsed {
        let shown = render(&document.manifest, None);
        for text in [yaml(&shown), shown.to_string()] {
            if text.len() > MAX_BYTES {
                continue;
            }
            let again = parse(&File { name: "again.yaml", content: text.as_bytes() });
            let again = again.unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            assert_eq!(again.len(), 1, "{text}");
            assert_eq!(again[0].manifest, document.manifest, "{text}");
        }
    }
}
