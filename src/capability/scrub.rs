//! Takes secret values out of what comes back from a backend, before the guest, the journal or an error message sees it.
//!
//! A value of six bytes or more is replaced wherever it stands, as it is or in one of the encodings it may have been sent in.
//! A shorter one would tear unrelated text apart (a password `a`), so it is replaced only where it is the whole text; what protects it
//! otherwise is that a statement with secrets returns no rows and none of the backend's words.

use std::borrow::Cow;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, PatternID};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encode;
use crate::domain::secret::Handle;

pub const MARK: &str = "[secret]";

const SHORTEST: usize = 6;

/// The values to look for, in all their forms. A driver chooses how many there are, what they are like and what is searched, so the
/// search is one pass that takes the same time whatever they are.
#[derive(Default)]
pub struct Scrubber {
    anywhere: Option<NFA>,
    whole: Vec<String>,
}

impl Scrubber {
    pub fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut whole = Vec::new();
        let mut anywhere = Vec::new();
        for value in values.filter(|value| !value.is_empty()) {
            if value.len() < SHORTEST {
                whole.push(value.to_owned());
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
            anywhere.extend(forms);
        }
        anywhere.sort_unstable();
        anywhere.dedup();
        let automaton = |forms: &[String]| NFA::new(forms).expect("a book's secrets are few and short enough");
        Self { anywhere: (!anywhere.is_empty()).then(|| automaton(&anywhere)), whole }
    }

    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.whole.iter().any(|value| value == text) {
            return Cow::Borrowed(MARK);
        }
        let places = self.places(text.as_bytes());
        if places.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut clean, mut done) = (String::new(), 0);
        for (from, to) in places {
            clean.push_str(&text[done..from]);
            clean.push_str(MARK);
            done = to;
        }
        clean.push_str(&text[done..]);
        Cow::Owned(clean)
    }

    /// Bytes that hold a value are replaced as a whole.
    pub fn bytes(&self, bytes: &mut Vec<u8>) {
        let whole = self.whole.iter().any(|value| value.as_bytes() == bytes.as_slice());
        if whole || !self.places(bytes).is_empty() {
            *bytes = MARK.as_bytes().to_vec();
        }
    }

    /// Where values stand, from left to right; those that overlap are one place.
    fn places(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut places: Vec<(usize, usize)> = Vec::new();
        let Some(automaton) = &self.anywhere else { return places };
        let mut state = start(automaton);
        for (at, byte) in text.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, *byte);
            if !automaton.is_match(state) {
                continue;
            }
            let (mut from, to) = (at + 1 - longest(automaton, state), at + 1);
            while let Some(&(begun, ended)) = places.last().filter(|(_, ended)| *ended > from) {
                from = from.min(begun);
                debug_assert!(ended <= to, "ends come in order");
                places.pop();
            }
            places.push((from, to));
        }
        places
    }
}

fn start(automaton: &NFA) -> StateID {
    automaton.start_state(Anchored::No).expect("such an automaton starts anywhere")
}

/// Of the values that end here. Each is the end of the longest one.
fn longest(automaton: &NFA, state: StateID) -> usize {
    let ending = (0..automaton.match_len(state)).map(|index| automaton.match_pattern(state, index));
    ending.map(|pattern: PatternID| automaton.pattern_len(pattern)).max().unwrap_or(0)
}

/// `text` with every handle masked: they are for documents and requests, not for people.
pub fn mask_handles(text: String) -> String {
    let standing = Handle::scan(&text);
    if standing.is_empty() {
        return text;
    }
    let (mut masked, mut done) = (String::new(), 0);
    for (at, _) in standing {
        masked.push_str(&text[done..at]);
        masked.push_str(MARK);
        done = at + Handle::LENGTH;
    }
    masked.push_str(&text[done..]);
    masked
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
        let scrubber = Scrubber::new(["aaaaaa", "aaaaaaaa", "baaaaaaaac"].into_iter());
        assert_eq!(scrubber.text("-aaaaaaa-baaaaaaaac-aaaaa-"), "-[secret]-[secret]-aaaaa-");
        assert_eq!(scrubber.text("ö-aaaaaa-ö"), "ö-[secret]-ö");
    }

    /// A hundred values that differ only in their ends, and a text that begins one of them at every byte: were each looked for by
    /// itself, this would not end within the time of a test.
    #[test]
    fn many_values_alike_are_looked_for_at_once() {
        let values: Vec<String> = (0..100).map(|n| format!("{}{n:03}", "a".repeat(500))).collect();
        let scrubber = Scrubber::new(values.iter().map(String::as_str));
        let text = "a".repeat(8 << 20);
        assert_eq!(scrubber.text(&text), text);
        assert_eq!(scrubber.text(&(text + "042")).len(), (8 << 20) - 500 + MARK.len());
    }

    #[test]
    fn handles_are_masked_wherever_they_stand() {
        let handle = Handle::from_bytes(&[7; 32]).to_string();
        assert_eq!(mask_handles(format!("a {handle}, b{handle}{handle}")), "a [secret], b[secret][secret]");
        assert_eq!(mask_handles("vsec_short".to_owned()), "vsec_short");
    }
}
