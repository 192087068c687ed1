//! Patterns of names and paths, against matchers that are slow and plain. Two lines: a pattern and a text.

use vend::capability::pattern::{matches, matches_path};

use super::input::line;

const LONGEST: usize = 24;

pub fn target(bytes: &[u8]) {
    let (pattern, rest) = line(bytes);
    let (text, _) = line(rest);
    let name = matches(&pattern, &text);
    let path = matches_path(&pattern, &text);
    assert!(matches("*", &text) && matches_path("/**", &format!("/{text}")) && matches_path("**", &text));
    assert!(!path || name || pattern.ends_with("/**"), "`{text}` fits `{pattern}` as a path alone");
    if pattern.len() > LONGEST || text.len() > LONGEST {
        return;
    }
    assert_eq!(name, plain(pattern.as_bytes(), text.as_bytes(), true), "`{pattern}` and `{text}` as names");
    let mut fits = plain(pattern.as_bytes(), text.as_bytes(), false);
    if let Some(before) = pattern.strip_suffix("/**") {
        fits |= plain(before.as_bytes(), text.as_bytes(), false);
    }
    assert_eq!(path, fits, "`{pattern}` and `{text}` as paths");
}

/// By trying everything. `*` takes slashes only where `over`; `**` always does.
fn plain(pattern: &[u8], text: &[u8], over: bool) -> bool {
    // Row by row: which rests of the text the rest of the pattern fits.
    let mut fits = vec![false; text.len() + 1];
    fits[text.len()] = true;
    let mut at = pattern.len();
    while at > 0 {
        let star = pattern[at - 1] == b'*';
        // Runs of stars are read from the left in pairs.
        let stars = pattern[..at].iter().rev().take_while(|b| **b == b'*').count();
        let double = star && !over && stars >= 2 && stars % 2 == 0;
        let mut next = vec![false; text.len() + 1];
        for from in (0..=text.len()).rev() {
            next[from] = if star {
                fits[from] || from < text.len() && (over || double || text[from] != b'/') && next[from + 1]
            } else {
                from < text.len() && text[from] == pattern[at - 1] && fits[from + 1]
            };
        }
        fits = next;
        at -= if double { 2 } else { 1 };
    }
    fits[0]
}
