//! Containers with everything in place. Reads source files; asks nobody.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::faults;
use super::super::file::{ScoreFile, members};
use super::super::placeholder::{self, Invalid, Piece, Reference};
use super::known::{Known, MASK};
use super::source::{self, Raw};
use crate::document::Errors;
use crate::document::refusal::Refusal;
use crate::frontend::cli::explain::escape;

/// What is to be rendered of a workload.
#[derive(Debug)]
pub struct Wanted {
    pub containers: Vec<String>,
    pub files: bool,
}

/// Bytes of all files of a workload.
const MOST_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub struct Filled {
    pub containers: Vec<Container>,
    /// Somewhere in it a mask stands for a secret.
    pub masked: bool,
}

#[derive(Debug)]
pub struct Container {
    pub name: String,
    pub variables: BTreeMap<String, String>,
    pub files: Vec<File>,
}

#[derive(Debug)]
pub struct File {
    pub target: String,
    /// Octal, as it was written.
    pub mode: Option<String>,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Text(String),
    Binary(Vec<u8>),
}

pub fn containers(file: &ScoreFile, wanted: &Wanted, known: &Known) -> Result<Filled, Errors> {
    let mut filling = Filling { file, known, masked: false, left: MOST_BYTES, refusals: Vec::new() };
    let containers = wanted.containers.iter().map(|name| filling.container(name, wanted.files)).collect();
    let mut errors = Errors::default();
    for refusal in &filling.refusals {
        errors.push(file.problem(refusal));
    }
    if errors.is_empty() { Ok(Filled { containers, masked: filling.masked }) } else { Err(errors.sorted()) }
}

struct Filling<'a> {
    file: &'a ScoreFile,
    known: &'a Known,
    masked: bool,
    /// Bytes of files that there is still room for.
    left: usize,
    refusals: Vec<Refusal>,
}

impl Filling<'_> {
    fn container(&mut self, name: &str, with_files: bool) -> Container {
        let workload = &self.file.workload["containers"][name];
        let at = format!("/containers/{}", escape(name));
        let mut variables = BTreeMap::new();
        for (variable, value) in members(workload, "variables") {
            let filled = self.text(value.as_str().unwrap_or_default());
            let filled = self.told(filled, &format!("{at}/variables/{}", escape(variable)));
            variables.insert(variable.to_owned(), filled.unwrap_or_default());
        }
        let files = if with_files { self.files(&workload["files"], &format!("{at}/files")) } else { Vec::new() };
        Container { name: name.to_owned(), variables, files }
    }

    fn files(&mut self, entries: &Value, at: &str) -> Vec<File> {
        let mut files = Vec::new();
        for (key, entry) in faults::entries(entries) {
            let content = self.content(entry);
            let Some(content) = self.told(content, &format!("{at}/{key}")) else { continue };
            let target = match text(entry, "target") {
                Some(target) if entries.is_array() => target,
                _ => key.replace("~1", "/").replace("~0", "~"),
            };
            files.push(File { target, mode: text(entry, "mode"), content });
        }
        files
    }

    /// What there is; what there is not is kept for later.
    fn told<T>(&mut self, filled: Result<T, Invalid>, pointer: &str) -> Option<T> {
        filled.map_err(|invalid| self.refusals.push(Refusal::new(pointer, invalid.message).hint(invalid.hint))).ok()
    }

    fn content(&mut self, entry: &Value) -> Result<Content, Invalid> {
        let content = match source::raw(&self.file.folder(), entry)? {
            Raw::Expand(text) => Content::Text(self.text(&text)?),
            Raw::Text(text) => Content::Text(text),
            Raw::Binary(bytes) => Content::Binary(bytes),
        };
        let size = match &content {
            Content::Text(text) => text.len(),
            Content::Binary(bytes) => bytes.len(),
        };
        let left = self.left.checked_sub(size);
        self.left =
            left.ok_or_else(|| Invalid::new(format!("all files together have more than {MOST_BYTES} bytes"), ""))?;
        Ok(content)
    }

    fn text(&mut self, text: &str) -> Result<String, Invalid> {
        let mut filled = String::new();
        for piece in placeholder::parse(text)? {
            match piece {
                Piece::Text(text) => filled.push_str(&text),
                Piece::Reference(Reference::Metadata(path)) => {
                    filled.push_str(&placeholder::metadata(&self.file.workload, &path)?);
                }
                Piece::Reference(reference) => {
                    let value = self.known.find(&reference)?;
                    self.masked |= is_masked(&value);
                    filled.push_str(&placeholder::text(&value));
                }
            }
        }
        Ok(filled)
    }
}

fn text(entry: &Value, key: &str) -> Option<String> {
    entry[key].as_str().map(str::to_owned)
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(members) => members.values().any(is_masked),
        _ => false,
    }
}
