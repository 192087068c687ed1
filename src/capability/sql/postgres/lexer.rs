//! Splits a statement into the pieces in which a `$1` or a `;` may or may not mean something.
//!
//! Follows PostgreSQL's scan.l with `standard_conforming_strings` on, which every session sets. It finds boundaries only:
//! whether a statement makes sense is for the server to say.

/// What a piece of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Space,
    Comment,
    /// A key word or an unquoted identifier.
    Word,
    /// A string constant, a quoted identifier or a dollar-quoted text, closed or not.
    Quoted,
    /// `$n`; `None` if the number is beyond any count of parameters.
    Parameter(Option<usize>),
    Semicolon,
    /// One character of anything else.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
}

/// The tokens of `sql`, in order and without gaps.
pub fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { rest: sql }
}

pub struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (kind, length) = next_token(self.rest)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Token { kind, text })
    }
}

fn next_token(text: &str) -> Option<(Kind, usize)> {
    let first = text.chars().next()?;
    let bytes = text.as_bytes();
    let second = bytes.get(1).copied();
    Some(match first {
        c if is_space(c) => (Kind::Space, run(text, is_space)),
        '-' if second == Some(b'-') => (Kind::Comment, run(text, |c| c != '\n' && c != '\r')),
        '/' if second == Some(b'*') => (Kind::Comment, block_comment(bytes)),
        // Only the exact prefix `E` turns backslashes on; in `name'…'` the quote opens a plain string.
        'e' | 'E' if second == Some(b'\'') => (Kind::Quoted, escape_string(text)),
        '\'' | '"' => (Kind::Quoted, quoted(bytes, first as u8)),
        '$' => dollar(text),
        ';' => (Kind::Semicolon, 1),
        c if is_word_start(c) => (Kind::Word, run(text, |c| is_word_start(c) || c.is_ascii_digit() || c == '$')),
        c => (Kind::Other, c.len_utf8()),
    })
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// The length of the prefix whose characters all satisfy `belongs`.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Comments nest.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        match bytes.get(at..) {
            Some([b'/', b'*', ..]) => (at, depth) = (at + 2, depth + 1),
            Some([b'*', b'/', ..]) => (at, depth) = (at + 2, depth - 1),
            Some([_, ..]) => at += 1,
            _ => return bytes.len(),
        }
    }
    at
}

/// Up to the closing quote; a doubled one stands for itself.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    at
}

/// `E'…'`, with the pieces that continue it: a string goes on behind white space that holds a line break, under the rules of its first piece.
fn escape_string(text: &str) -> usize {
    let mut at = 1;
    loop {
        at = escape_piece(text.as_bytes(), at + 1);
        match continuation(&text[at..]) {
            Some(gap) => at += gap,
            None => return at,
        }
    }
}

/// From behind an opening quote to behind the closing one.
fn escape_piece(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'\\', Some(_)) | (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// How far away the quote is that continues a string, if one does.
fn continuation(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut line_break = false;
    loop {
        let rest = &text[at..];
        let space = run(rest, is_space);
        line_break |= rest[..space].contains(['\n', '\r']);
        at += space;
        if text[at..].starts_with("--") {
            at += run(&text[at..], |c| c != '\n' && c != '\r');
        } else {
            return (line_break && text[at..].starts_with('\'')).then_some(at);
        }
    }
}

/// A parameter, a dollar-quoted text, or a lone dollar sign.
fn dollar(text: &str) -> (Kind, usize) {
    let digits = run(&text[1..], |c| c.is_ascii_digit());
    if digits > 0 {
        return (Kind::Parameter(text[1..=digits].parse().ok()), 1 + digits);
    }
    let tag = match text[1..].chars().next() {
        Some(c) if is_word_start(c) => run(&text[1..], |c| is_word_start(c) || c.is_ascii_digit()),
        _ => 0,
    };
    let Some(body) = text[1 + tag..].strip_prefix('$') else { return (Kind::Other, 1) };
    let delimiter = &text[..tag + 2];
    let length = body.find(delimiter).map_or(text.len(), |end| 2 * delimiter.len() + end);
    (Kind::Quoted, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that are neither space nor single characters, marked by what they are.
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(tokens(sql).map(|token| token.text).collect::<String>(), sql, "no gaps");
        let shown: Vec<String> = tokens(sql)
            .filter_map(|token| match token.kind {
                Kind::Space | Kind::Other => None,
                Kind::Comment => Some(format!("c:{}", token.text)),
                Kind::Word => Some(format!("w:{}", token.text)),
                Kind::Quoted => Some(format!("q:{}", token.text)),
                Kind::Parameter(Some(n)) => Some(format!("p:{n}")),
                Kind::Parameter(None) => Some("p:?".to_owned()),
                Kind::Semicolon => Some(";".to_owned()),
            })
            .collect();
        assert_eq!(shown, expected, "{sql}");
    }

    #[test]
    fn finds_the_pieces() {
        check("select $1, '$2'", &["w:select", "p:1", "q:'$2'"]);
        check("'it''s $1' $2", &["q:'it''s $1'", "p:2"]);
        check(r"'back\' $1", &[r"q:'back\'", "p:1"]);
        check(r"E'back\' $1' $2", &[r"q:E'back\' $1'", "p:2"]);
        check(r"e'a\\' $1", &[r"q:e'a\\'", "p:1"]);
        check("E'a''$1' $2", &["q:E'a''$1'", "p:2"]);
        check(r"type'a\' $1", &["w:type", r"q:'a\'", "p:1"]);
        check("E'a'\n 'b\\' $1' $2", &["q:E'a'\n 'b\\' $1'", "p:2"]);
        check("E'a' -- x\n'b\\' $1' $2", &["q:E'a' -- x\n'b\\' $1'", "p:2"]);
        check("E'a' 'b\\' $1", &["q:E'a'", "q:'b\\'", "p:1"]);
        check("\"a\"\"$1\" $2", &["q:\"a\"\"$1\"", "p:2"]);
        check("-- $1\n$2", &["c:-- $1", "p:2"]);
        check("-- $1\r$2", &["c:-- $1", "p:2"]);
        check("1--$1", &["c:--$1"]);
        check("/* $1 /* */ $2 */ $3", &["c:/* $1 /* */ $2 */", "p:3"]);
        check("/* open $1", &["c:/* open $1"]);
        check("/*/ $1 */ $2", &["c:/*/ $1 */", "p:2"]);
        check("a+/*;*/$1", &["w:a", "c:/*;*/", "p:1"]);
        check("$$ $1 ' $$ $2", &["q:$$ $1 ' $$", "p:2"]);
        check("$a$ $$ $1 $a$ $2", &["q:$a$ $$ $1 $a$", "p:2"]);
        check("$é1$ $1 $é1$;", &["q:$é1$ $1 $é1$", ";"]);
        check("$a$ open $1", &["q:$a$ open $1"]);
        check("foo$1 $2", &["w:foo$1", "p:2"]);
        check("foo$$ $1", &["w:foo$$", "p:1"]);
        check("$1$2", &["p:1", "p:2"]);
        check("$1$$a$$", &["p:1", "q:$$a$$"]);
        check("$ 1 $a 1", &["w:a"]);
        check("$99999999999999999999999", &["p:?"]);
        check("'open $1", &["q:'open $1"]);
        check("E'open\\", &["q:E'open\\"]);
        check("a;b", &["w:a", ";", "w:b"]);
        check("U&'\\0041$1' $2", &["w:U", "q:'\\0041$1'", "p:2"]);
        check("schöne $1", &["w:schöne", "p:1"]);
        check("", &[]);
    }
}
