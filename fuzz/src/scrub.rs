//! Scrubbing: the first line holds values with tabs between them, the rest is what came back. Nothing that a value covered is
//! left, and nothing else is lost.

use vend::capability::encode::Encoding;
use vend::capability::scrub::{MARK, Scrubber};

use super::input::{Sevens, line, text};

const LONGEST: usize = 4_096;
const SHORTEST: usize = 6;

pub fn target(bytes: &[u8]) {
    let (values, rest) = line(bytes);
    let values: Vec<&str> = values.split('\t').filter(|value| !value.is_empty()).take(8).collect();
    let rest = &rest[..rest.len().min(LONGEST)];
    let came = text(rest);
    let scrubber = Scrubber::new(values.iter().copied());
    let clean = scrubber.text(&came);
    if values.iter().any(|value| *value == came && value.len() < SHORTEST) {
        return assert_eq!(clean, MARK);
    }
    let long: Vec<&str> = values.iter().copied().filter(|value| value.len() >= SHORTEST).collect();
    assert_eq!(one_mark(&clean), one_mark(&plain(&long, &came)), "{values:?} in {came:?}");

    let mut raw = rest.to_vec();
    scrubber.bytes(&mut raw);
    for value in long.iter().filter(|value| !MARK.contains(**value)) {
        let left = raw.windows(value.len()).any(|window| window == value.as_bytes());
        assert!(!left, "{value:?} is left in the bytes");
    }
    assert!(raw == rest || raw == MARK.as_bytes());
}

/// A mark in the place of each run of bytes that any value covers in any form, also where it overlaps itself.
fn plain(values: &[&str], came: &str) -> String {
    let bytes = came.as_bytes();
    let mut covered = vec![false; bytes.len()];
    for form in values.iter().flat_map(|value| forms(value)) {
        for at in 0..bytes.len() {
            if bytes[at..].starts_with(form.as_bytes()) {
                covered[at..at + form.len()].fill(true);
            }
        }
    }
    let mut clean = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match covered[at] {
            false => clean.push(*byte),
            true if at == 0 || !covered[at - 1] => clean.extend_from_slice(MARK.as_bytes()),
            true => {}
        }
    }
    String::from_utf8(clean).expect("forms are texts")
}

fn forms(value: &str) -> Vec<String> {
    use Encoding::{Base64, Form, Json, Percent, Plain, Xml};
    let mut forms: Vec<String> =
        [Plain, Json, Percent, Form, Xml, Base64].iter().map(|it| it.write(value, &Sevens)).collect();
    forms.push(value.replace('\'', "''"));
    forms
}

/// Neighbours share one mark.
fn one_mark(text: &str) -> String {
    let mut text = text.to_owned();
    let two = format!("{MARK}{MARK}");
    while text.contains(&two) {
        text = text.replace(&two, MARK);
    }
    text
}
