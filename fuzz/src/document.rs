//! Documents: what parses can be shown, and what is shown parses to the same.

use serde_json::Value;
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
        for text in [yaml(&shown), json(&shown)] {
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

/// As the command line shows it: JSON takes some characters as they are that no document may have.
fn json(shown: &Value) -> String {
    let escape = |c: char| match c {
        '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    shown.to_string().chars().map(escape).collect()
}
