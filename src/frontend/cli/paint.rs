//! Colour, where it is wanted: every piece of text asks here.

/// Whether to colour; a plain one gives texts back as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    colour: bool,
}

macro_rules! colours {
    ($($name:ident: $code:literal),+ $(,)?) => {
        impl Paint {
            $(pub fn $name(&self, text: &str) -> String {
                self.with($code, text)
            })+
        }
    };
}

colours! { red: "31", green: "32", yellow: "33", magenta: "35", cyan: "36", bold: "1", dim: "2" }

impl Paint {
    pub fn new(colour: bool) -> Self {
        Paint { colour }
    }

    #[cfg(test)]
    pub fn plain() -> Self {
        Paint { colour: false }
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Text from elsewhere, without what would move the cursor, colour the screen or turn the direction of writing; line ends stay.
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if is_obeyed(letter) && letter != '\n' { ' ' } else { letter }).collect()
}

/// What a terminal does not show but obeys: control characters, separators of lines, and Unicode's Bidi_Control.
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_message_cannot_take_over_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e"), "a [2Jb\nc d e");
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200f}é"), "a b c é");
    }
}
