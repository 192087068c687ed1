//! The fuzz targets over their kept corpus, and over a fixed number of changes to each of its files: what `cargo fuzz` has once
//! found, and a little more, on every run and without instruments.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

use vend::domain::time::Entropy as _;

use crate::support::chance::Chance;

/// Changes to each file; `VEND_FUZZ_CHANGES` asks for more.
const CHANGES: usize = 256;
/// Longer inputs are tried as they are.
const LONGEST: usize = 8 << 10;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("no corpus of `{name}`: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("readable"))).collect()
}

/// Runs one input; says which it was if something does not hold.
struct Trying<'a> {
    name: &'a str,
    from: &'a Path,
    bytes: &'a [u8],
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", self.name));
            let written = std::fs::write(&kept, self.bytes);
            eprintln!("{}: {:?}", self.from.display(), String::from_utf8_lossy(self.bytes));
            eprintln!("kept as {} ({written:?})", kept.display());
        }
    }
}

fn holds(name: &str) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = corpus(name);
    assert!(corpus.len() >= 3, "`{name}` has a corpus of {}", corpus.len());
    let more = std::env::var("VEND_FUZZ_CHANGES").ok().and_then(|text| text.parse().ok());
    let changes: usize = more.unwrap_or(CHANGES);
    let chance = Chance::new(name.bytes().fold(7, |seed, b| seed * 31 + u64::from(b)));
    for (path, bytes) in &corpus {
        let run = |bytes: &[u8]| {
            let trying = Trying { name, from: path, bytes };
            target(bytes);
            drop(trying);
        };
        run(bytes);
        if bytes.len() > LONGEST {
            continue;
        }
        for _ in 0..changes {
            let (_, other) = &corpus[below(&chance, corpus.len())];
            run(&changed(bytes, other, &chance));
        }
    }
}

fn below(chance: &Chance, bound: usize) -> usize {
    let mut roll = [0; 8];
    chance.fill(&mut roll);
    usize::try_from(u64::from_be_bytes(roll) % (bound.max(1) as u64)).expect("below a bound that is one")
}

/// A few of the changes that fuzzers make: bytes flipped, replaced, taken out, doubled; a piece of another input put in.
fn changed(bytes: &[u8], other: &[u8], chance: &Chance) -> Vec<u8> {
    /// What parsers care for.
    const TELLING: &[u8] = b"\0\n\r\t \"'\\/.:;%#?&=@$-{}[]()<>*+|~^`!,_\x7f\x80\xc3\xff09azAZ";
    let mut bytes = bytes.to_vec();
    for _ in 0..=below(chance, 4) {
        let at = below(chance, bytes.len() + 1);
        let end = (at + 1 + below(chance, 8)).min(bytes.len());
        match below(chance, 6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(chance, 8),
            1 if at < bytes.len() => bytes[at] = TELLING[below(chance, TELLING.len())],
            2 => bytes.insert(at, TELLING[below(chance, TELLING.len())]),
            3 if at < end => drop(bytes.drain(at..end)),
            4 if at < end => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ if !other.is_empty() => {
                let from = below(chance, other.len());
                let to = (from + 1 + below(chance, 32)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn every_target_has_a_door_and_a_corpus() {
    let doors = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let known: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&doors), known);
    assert_eq!(names(&folder("")), known);
}

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name));
        })+

        #[test]
        fn all_are_run_here() {
            let here = [$(stringify!($name)),+];
            assert_eq!(targets::ALL.map(|(name, _)| name), here);
        }
    };
}

targets! {
    address, capture, describe, document, http_draft, http_header, http_path, http_rule, journal, page_token, pattern, replay,
    scrub, secrets, sql, watch_token,
}
