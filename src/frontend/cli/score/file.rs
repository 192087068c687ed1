//! A Score file: read, held against the official schema, and looked through for what cannot be ordered.
//!
//! Every problem is told at once, with its line and column. Must never ask the core anything.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{faults, order, schema};
use crate::document::refusal::{Refusal, Scope};
use crate::document::{self, Errors, File, Place, Problem};
use crate::pb;

/// One workload in which nothing was found wrong.
#[derive(Debug)]
pub struct ScoreFile {
    /// As it was named.
    pub name: String,
    /// As its schema has it.
    pub workload: Value,
    /// What is ordered for it, as a document of vend.
    pub order: Value,
    /// Where everything stands.
    pub place: Place,
}

impl ScoreFile {
    pub fn read(source: &pb::Source) -> Result<Self, Errors> {
        let name = source.file_name.as_str();
        let mut trees = document::read(&File { name, content: &source.content })?.into_iter();
        let mut problems = Errors::default();
        let Some(tree) = trees.next() else {
            let empty = Problem::new(name, document::Position::START, "", "this file is empty");
            problems.push(empty.hint("a Score file begins with `apiVersion: score.dev/v1b1`"));
            return Err(problems);
        };
        if let Some(second) = trees.next() {
            let more = Problem::new(name, second.place.value(""), "", "a Score file has one workload, this is another");
            problems.push(more.hint("put it into a file of its own"));
            return Err(problems);
        }
        let (workload, place) = (tree.value, tree.place);
        let mut refusals = schema::compiled().refusals(&workload, &Scope::Foreign("this Score file"));
        let mut manifest = Value::Null;
        if refusals.is_empty() {
            (manifest, refusals) = order::manifest(&workload);
            refusals.extend(faults::find(&workload));
        }
        for refusal in &refusals {
            problems.push(problem(name, &place, refusal));
        }
        if !problems.is_empty() {
            return Err(problems.sorted());
        }
        Ok(ScoreFile { name: name.to_owned(), workload, order: manifest, place })
    }

    /// What a later look found, told where it stands.
    pub fn problem(&self, refusal: &Refusal) -> Problem {
        problem(&self.name, &self.place, refusal)
    }

    /// The workload's name, which is the order's.
    pub fn workload_name(&self) -> &str {
        self.workload["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// What its relative paths start from.
    pub fn folder(&self) -> PathBuf {
        let parent = Path::new(&self.name).parent().filter(|it| !it.as_os_str().is_empty());
        parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
    }
}

fn problem(file: &str, place: &Place, refusal: &Refusal) -> Problem {
    let at = if refusal.at_key { place.key(&refusal.pointer) } else { place.value(&refusal.pointer) };
    Problem::new(file, at, &refusal.pointer, &refusal.message).hint(&refusal.hint)
}

/// Names and values of a mapping of the workload; none if it has no such mapping.
pub fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    value.get(key).and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn read(text: &str) -> Result<ScoreFile, Errors> {
        ScoreFile::read(&pb::Source { file_name: "score.yaml".to_owned(), content: text.as_bytes().to_vec() })
    }

    /// A workload of one container, `body` below it: the fifth line is its first.
    pub fn workload(body: &str) -> String {
        format!(
            "apiVersion: score.dev/v1b1\nmetadata: {{name: web, tier: {{n: 1}}}}\ncontainers:\n  main: {{image: .}}\n{body}"
        )
    }

    /// The forty public files.
    pub fn public() -> Vec<(String, String)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/score");
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries
            .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
            .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("read")))
            .collect();
        files.sort();
        assert_eq!(files.len(), 40);
        files
    }

    /// Whatever is cut off or put in: a workload with an order, or problems.
    #[test]
    fn damaged_files_are_told() {
        const PUT_IN: [&str; 8] = ["${", "$${resources.", "\0", "- ", "{a: [", "\n---\n", "\u{85}", ": &a !b *c"];
        for (_, whole) in public() {
            let places = whole.char_indices().map(|(at, _)| at).step_by(23);
            for (number, at) in places.enumerate() {
                let (before, after) = whole.split_at(at);
                for damaged in [before.to_owned(), format!("{before}{}{after}", PUT_IN[number % PUT_IN.len()])] {
                    match read(&damaged) {
                        Ok(file) => assert_eq!(file.order["name"], file.workload["metadata"]["name"]),
                        Err(errors) => assert!(!errors.is_empty() && errors.to_string().starts_with("score.yaml:")),
                    }
                }
            }
        }
    }

    fn check(text: &str, expected: &str) {
        let told = read(text).map_or_else(|errors| errors.to_string(), |_| "fine".to_owned());
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn what_is_no_score_file() {
        for (text, expected) in [
            ("", "score.yaml:1:1: this file is empty: a Score file begins with `apiVersion: score.dev/v1b1`"),
            (
                "a: [",
                "score.yaml:2:1: this is not valid YAML: while parsing a node, did not find expected node content",
            ),
            ("a: &x 1", "score.yaml:1:4: anchors (`&name`) are not read: write the value out where it is needed"),
            ("[]", "score.yaml:1:1: this Score file must be a mapping, not a list"),
            (
                "apiVersion: score.dev/v1b2\nmetadata: {name: web}\ncontainers: {main: {image: .}}",
                "score.yaml:1:13: `apiVersion` cannot be `score.dev/v1b2`: vend reads `score.dev/v1b1`",
            ),
            (
                &format!("{}---\na: 1\n", workload("")),
                "score.yaml:6:1: a Score file has one workload, this is another: put it into a file of its own",
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn what_the_schema_refuses() {
        for (body, expected) in [
            ("", "fine"),
            ("servise: {}", "score.yaml:5:1: unknown key `servise` in this Score file: did you mean `service`?"),
            (
                "resources: {my_db: {type: pg}}",
                "score.yaml:5:13: `my_db` cannot be a key in `resources`: it is 2 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
            ),
            ("resources: {db: {}}", "score.yaml:5:13: missing key `type` in `resources.db`"),
            (
                "resources: {db: {type: my.type}}",
                "score.yaml:5:24: `resources.db.type` cannot be `my.type`: it is 2 to 63 letters, digits and -, beginning and ending with a letter or digit",
            ),
            (
                "resources: {db: {type: pg, parms: {}}}",
                "score.yaml:5:28: unknown key `parms` in `resources.db`: did you mean `params`?",
            ),
            (
                "service: {ports: {web: {port: 99999}}}",
                "score.yaml:5:31: `service.ports.web.port` must be at most 65535",
            ),
            (
                "  side: {image: x, variables: {PORT: 8080}}",
                "score.yaml:5:38: `containers.side.variables.PORT` must be a text, not a number: write it in quotes",
            ),
            (
                "  side: {image: x, files: {/a: {mode: \"9\", content: x}}}",
                "score.yaml:5:39: `containers.side.files./a.mode` cannot be `9`: it is three octal digits, as in \"0644\"",
            ),
            (
                "  side: {image: x, livenessProbe: {}}",
                "score.yaml:5:35: `containers.side.livenessProbe` fits none of its allowed forms: it takes `httpGet` or `exec`",
            ),
            (
                "  side: {image: x, files: {/a: {}}}",
                "score.yaml:5:32: `containers.side.files./a` fits none of its allowed forms: it takes exactly one of `content`, `binaryContent` and `source`",
            ),
            (
                "  side: {image: x, files: {/a: {content: x, source: y}}}",
                "score.yaml:5:32: `containers.side.files./a` fits more than one of its allowed forms: it takes exactly one of `content`, `binaryContent` and `source`",
            ),
        ] {
            check(&workload(body), expected);
        }
    }
}
