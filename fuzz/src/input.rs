//! How a target reads its bytes: as lines and words where a person should be able to read a corpus.

use vend::domain::time::Entropy;

/// The text up to the first line break, and what is behind it. Bytes that are no UTF-8 are shown as such.
pub fn line(bytes: &[u8]) -> (String, &[u8]) {
    let (line, rest) = match bytes.iter().position(|b| *b == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    (String::from_utf8_lossy(line).into_owned(), rest)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Chance that is none.
pub struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}
