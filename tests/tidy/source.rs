//! A source file, read just well enough: comments blanked, code of tests left out, paths found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Source {
    /// From the root of the repository, with `/`.
    pub path: String,
    pub length: usize,
    text: String,
    /// Without comments and test code, line for line.
    code: String,
}

/// The core's own files, tests left out.
pub fn all() -> Vec<Source> {
    let files = rust_files("src");
    let tests = test_files(&files);
    let is_test =
        |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    files.into_iter().filter(|path| !is_test(path)).map(Source::read).collect()
}

/// Whatever is Rust here, drivers and tests included.
pub fn everywhere() -> Vec<Source> {
    ["src", "tests", "plugins", "build.rs"].into_iter().flat_map(rust_files).map(Source::read).collect()
}

fn rust_files(place: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.join(place)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory of the sources can be read");
            open.extend(
                entries
                    .map(|entry| entry.expect("its entries can be read").path())
                    .filter(|path| !path.ends_with("target")),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let path = path.strip_prefix(root).expect("it was found below the root");
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    found.sort();
    found
}

/// Modules that stand behind `#[cfg(test)] mod NAME;`, as paths without extension.
fn test_files(files: &[String]) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in files {
        let text = without_comments(&read(file));
        let folder = file
            .trim_end_matches("/mod.rs")
            .trim_end_matches("/lib.rs")
            .trim_end_matches("/main.rs")
            .trim_end_matches(".rs");
        for (at, _) in text.match_indices("#[cfg(test)]") {
            let item = text[at..].lines().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            if let Some(name) = item.strip_suffix(';').and_then(|item| item.split("mod ").nth(1)) {
                tests.insert(format!("{folder}/{name}"));
            }
        }
    }
    tests
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

impl Source {
    fn read(path: String) -> Self {
        let text = read(&path);
        let code = without_tests(&without_comments(&text));
        Self { length: text.lines().count(), path, text, code }
    }

    /// The row of the import table it belongs to: `src/engine/plan.rs` → `engine`.
    pub fn module(&self) -> &str {
        let inner = self.path.trim_start_matches("src/");
        inner.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Modules inside the crate's root that lead here: 2 for `src/engine/plan.rs`.
    fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').count()
    }

    pub fn opens_with_words(&self) -> bool {
        self.text.starts_with("//!")
    }

    /// Line numbers and top modules that are named through `crate::`, or `super::` up to the root.
    pub fn imports(&self, known: &[&str]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let up = "super::".repeat(self.depth());
        for prefix in ["crate::", &up] {
            for (at, _) in self.code.match_indices(prefix) {
                let before = self.code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let names = first_names(&self.code[at + prefix.len()..]);
                let line = self.code[..at].matches('\n').count() + 1;
                found.extend(names.into_iter().filter(|name| known.contains(&&**name)).map(|name| (line, name)));
            }
        }
        found
    }

    /// Lines where the crate is named in a path.
    pub fn paths_of(&self, name: &str) -> Vec<usize> {
        let path = format!("{name}::");
        let at = self.code.match_indices(&path).map(|(at, _)| at);
        let whole = at.filter(|at| !self.code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
        whole.map(|at| self.code[..at].matches('\n').count() + 1).collect()
    }

    pub fn lines_with(&self, needle: &str) -> Vec<usize> {
        self.numbered(|line| line.contains(needle))
    }

    pub fn lines_with_word(&self, word: &str) -> Vec<usize> {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        let is_code = |line: &str| !line.contains('"') && line.split(|c| !inside(c)).any(|it| it == word);
        self.numbered(is_code)
    }

    fn numbered(&self, holds: impl Fn(&str) -> bool) -> Vec<usize> {
        self.code.lines().enumerate().filter(|(_, line)| holds(line)).map(|(at, _)| at + 1).collect()
    }
}

/// `domain::x` → `domain`; `{domain::{a, b}, store}` → `domain`, `store`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut names, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(name(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

/// Comments become spaces; texts stay, with whatever looks like a comment in them.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '/' if rest.starts_with("//") => {
                let end = rest.find('\n').unwrap_or(rest.len());
                rest = &rest[end..];
                continue;
            }
            '"' => literal(rest),
            'r' if !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') => raw_literal(rest).unwrap_or(1),
            '\'' => character(rest),
            _ => first.len_utf8(),
        };
        code.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    code
}

fn literal(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_literal(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// A character literal that holds a quote or a slash; a lifetime is one byte.
fn character(text: &str) -> usize {
    ["'\"'", "'\\\"'", "'/'", "'\\''", "'\\\\'", "'{'", "'}'"]
        .iter()
        .find(|it| text.starts_with(**it))
        .map_or(1, |it| it.len())
}

/// Items behind `#[cfg(test)]` become empty lines.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let length = item_length(item);
        kept.extend(item[..length].chars().filter(|c| *c == '\n'));
        rest = &item[length..];
    }
    kept.push_str(rest);
    kept
}

/// To the semicolon or the closing brace that ends an item.
fn item_length(item: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(c) = item[at..].chars().next() {
        let step = match c {
            '"' => literal(&item[at..]),
            'r' if item[at..].starts_with("r#\"") || item[at..].starts_with("r\"") => {
                raw_literal(&item[at..]).unwrap_or(1)
            }
            '\'' => character(&item[at..]),
            _ => c.len_utf8(),
        };
        at += step;
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    item.len()
}
