//! What a driver may be called: its name is a crate, a file, a resource type and what a recipe asks for.

use anyhow::{Result, bail};

const LONGEST: usize = 63;

/// Names that Cargo or Rust would stumble over.
const TAKEN: [&str; 52] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "unsafe",
    "use",
    "vend-sdk",
    "where",
];

pub fn check(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let well_formed = (1..=LONGEST).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-');
    if !well_formed {
        bail!(
            "`{name}` cannot name a driver: 1 to {LONGEST} of a-z, 0-9 and -, beginning with a letter and not ending with -"
        );
    }
    if TAKEN.contains(&name) {
        bail!("`{name}` cannot name a driver: Rust needs this word for itself");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_are_crates_and_types_at_once() {
        for name in ["notes", "dns-record", "s3", "a", &"x".repeat(63)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "Notes", "3d", "-a", "a-", "a_b", "a/b", "..", "fn", "test", &"x".repeat(64)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
