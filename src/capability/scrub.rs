//! Takes secret values out of what comes back from a backend, before the guest, the journal or an error message sees it.
//!
//! A value of six bytes or more is replaced wherever it stands, as it is or in one of the encodings it may have been sent in.
//! A shorter one would tear unrelated text apart (a password `a`), so it is replaced only where it is the whole text; what protects it
//! otherwise is that a statement with secrets returns no rows and none of the backend's words.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encode;

pub const MARK: &str = "[secret]";

const SHORTEST: usize = 6;

/// The values to look for, in all their forms.
#[derive(Default)]
pub struct Scrubber {
    anywhere: Vec<String>,
    whole: Vec<String>,
}

impl Scrubber {
    pub fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut scrubber = Self::default();
        for value in values.filter(|value| !value.is_empty()) {
            if value.len() < SHORTEST {
                scrubber.whole.push(value.to_owned());
                continue;
            }
            let percent = encode::percent(value);
            let form = percent.replace("%20", "+");
            let doubled = value.replace('\'', "''");
            let forms = [
                value.to_owned(),
                encode::json(value),
                percent,
                form,
                encode::xml(value),
                STANDARD.encode(value),
                doubled,
            ];
            scrubber.anywhere.extend(forms);
        }
        scrubber.anywhere.sort_unstable();
        scrubber.anywhere.dedup();
        scrubber
    }

    pub fn text<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        if self.whole.iter().any(|value| value == text) {
            return Cow::Owned(MARK.to_owned());
        }
        // Every place once, from left to right; where several begin, the longest.
        let find = |value: &'a String| text.match_indices(value.as_str()).map(|(at, _)| (at, value.len()));
        let mut places: Vec<(usize, usize)> = self.anywhere.iter().flat_map(find).collect();
        if places.is_empty() {
            return Cow::Borrowed(text);
        }
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let (mut clean, mut done) = (String::new(), 0);
        for (at, length) in places.into_iter() {
            if at >= done {
                clean.push_str(&text[done..at]);
                clean.push_str(MARK);
            }
            // Of one that overlaps the last, nothing is left over either.
            done = done.max(at + length);
        }
        clean.push_str(&text[done..]);
        Cow::Owned(clean)
    }

    /// Bytes that hold a value are replaced as a whole.
    pub fn bytes(&self, bytes: &mut Vec<u8>) {
        let whole = self.whole.iter().any(|value| value.as_bytes() == bytes.as_slice());
        let within = |value: &String| bytes.windows(value.len()).any(|window| window == value.as_bytes());
        if whole || self.anywhere.iter().any(within) {
            *bytes = MARK.as_bytes().to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_encodings_go() {
        let scrubber = Scrubber::new(["p&ss wörd'", "abc"].into_iter());
        for (text, expected) in [
            ("it was p&ss wörd' all along", "it was [secret] all along"),
            ("p%26ss%20w%C3%B6rd%27", "[secret]"),
            ("p%26ss+w%C3%B6rd%27", "[secret]"),
            ("<p>p&amp;ss wörd&apos;</p>", "<p>[secret]</p>"),
            ("PASSWORD 'p&ss wörd'''", "PASSWORD '[secret]'"),
            ("cCZzcyB3w7ZyZCc=", "[secret]"),
            ("abc", "[secret]"),
            ("abcd", "abcd"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(scrubber.text(text), expected);
        }
        let mut bytes = b"\x00p&ss w\xc3\xb6rd'\xff".to_vec();
        scrubber.bytes(&mut bytes);
        assert_eq!(bytes, MARK.as_bytes());
    }

    #[test]
    fn a_value_inside_another_one_leaves_nothing() {
        let scrubber = Scrubber::new(["secret", "secret-and-more"].into_iter());
        assert_eq!(scrubber.text("secret-and-more"), MARK);
        let scrubber = Scrubber::new(["abcdefgh", "efghijkl"].into_iter());
        assert_eq!(scrubber.text("<abcdefghijkl>"), "<[secret]>");
    }
}
