//! What is tried with any bytes: each target a plain function that panics where something does not hold.
//!
//! Read by libFuzzer (`fuzz_targets/`) and by the integration tests, which run every target over its kept corpus.

pub mod input;

pub mod address;
pub mod capture;
pub mod describe;
pub mod document;
pub mod http_draft;
pub mod http_header;
pub mod http_path;
pub mod http_rule;
pub mod journal;
pub mod page_token;
pub mod pattern;
pub mod replay;
pub mod scrub;
pub mod secrets;
pub mod sql;
pub mod watch_token;

/// A name, which is also that of the folder of its corpus, and what is run.
pub type Target = (&'static str, fn(&[u8]));

/// All there are, by name.
pub const ALL: [Target; 16] = [
    ("address", address::target),
    ("capture", capture::target),
    ("describe", describe::target),
    ("document", document::target),
    ("http_draft", http_draft::target),
    ("http_header", http_header::target),
    ("http_path", http_path::target),
    ("http_rule", http_rule::target),
    ("journal", journal::target),
    ("page_token", page_token::target),
    ("pattern", pattern::target),
    ("replay", replay::target),
    ("scrub", scrub::target),
    ("secrets", secrets::target),
    ("sql", sql::target),
    ("watch_token", watch_token::target),
];
