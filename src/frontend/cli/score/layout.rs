//! The order as it is sent: each key on the line and in the column where it stands in the Score file. Pure.
//!
//! So that whatever the core finds wrong, it names the place in the file that people wrote.

use serde_json::Value;

use crate::document::{Place, Position};
use crate::frontend::cli::explain::escape;
use crate::frontend::cli::output;

/// `order` in YAML's flow style. What has no place in the Score file stands at the beginning.
pub fn lay(order: &Value, place: &Place) -> String {
    let mut page = Page { text: String::new(), at: Position::START, place };
    page.value(order, "");
    page.text.push('\n');
    page.text
}

/// Where a value of the order stands in the Score file.
fn origin(pointer: &str) -> Option<String> {
    match pointer {
        "/apiVersion" | "/kind" => None,
        "/name" => Some("/metadata/name".to_owned()),
        other => Some(other.to_owned()),
    }
}

struct Page<'a> {
    text: String,
    at: Position,
    place: &'a Place,
}

impl Page<'_> {
    /// Goes on at a place, or where it is if that is behind.
    fn go_to(&mut self, to: Position) {
        while self.at.line < to.line {
            self.text.push('\n');
            self.at = Position { line: self.at.line + 1, column: 1 };
        }
        while self.at.line == to.line && self.at.column < to.column {
            self.write(" ");
        }
    }

    /// A text without line ends.
    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.at.column = self.at.column.saturating_add(letters);
    }

    fn value(&mut self, value: &Value, pointer: &str) {
        match value {
            Value::Object(members) => {
                let mut members: Vec<(Position, &String, &Value, String)> = members
                    .iter()
                    .map(|(key, value)| {
                        let pointer = format!("{pointer}/{}", escape(key));
                        let at = origin(&pointer).map_or(Position::START, |it| self.place.key(&it));
                        (at, key, value, pointer)
                    })
                    .collect();
                members.sort_by_key(|(at, ..)| *at);
                self.write("{");
                for (number, (at, key, value, pointer)) in members.into_iter().enumerate() {
                    if number > 0 {
                        self.write(",");
                    }
                    self.go_to(at);
                    self.write(&format!("{}: ", json(&Value::String(key.clone()))));
                    self.value(value, &pointer);
                }
                self.write("}");
            }
            Value::Array(items) => {
                self.write("[");
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.write(",");
                    }
                    let pointer = format!("{pointer}/{number}");
                    self.go_to(self.place.value(&pointer));
                    self.value(item, &pointer);
                }
                self.write("]");
            }
            other => self.write(&json(other)),
        }
    }
}

/// In one line, and without letters that a YAML file may not have.
fn json(value: &Value) -> String {
    output::escaped(&value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::file::tests::public;
    use super::super::file::{ScoreFile, members};
    use super::*;
    use crate::document::{File, read};
    use crate::pb;

    /// The order as the core reads it: the same value, and `keys` where the Score file has them.
    fn check(score: &str, order: &Value, keys: &[&str]) {
        let read = |content: &str| {
            let mut trees = read(&File { name: "f", content: content.as_bytes() }).expect("is YAML");
            assert_eq!(trees.len(), 1);
            trees.remove(0)
        };
        let place = read(score).place;
        let laid = lay(order, &place);
        let back = read(&laid);
        assert_eq!(back.value, *order, "{laid}");
        for key in keys {
            assert_eq!(back.place.key(key), place.key(key), "{key}\n{laid}");
        }
    }

    #[test]
    fn keys_stand_where_they_stood() {
        let score = "apiVersion: score.dev/v1b1\n\nresources:\n  # a comment\n  db:\n    type: pg\n    params:\n      tags:\n      - a\n      \
                     - {b: c}\n      name: \"lines\\nof\\u0085text\"\n\n  app: {type: x, params: {to: '${resources.db.h}', also: 1}}\n\
                     metadata:\n  name: web\ncontainers: {}\n";
        let order = json!({"apiVersion": "vend/v1", "kind": "Order", "name": "web", "resources": {
            "db": {"type": "pg", "params": {"name": "lines\nof\u{85}text", "tags": ["a", {"b": "c"}]}},
            "app": {"type": "x", "params": {"to": "${resources.db.outputs.h}", "also": 1}}}});
        check(
            score,
            &order,
            &[
                "/resources",
                "/resources/db",
                "/resources/db/params/tags",
                "/resources/db/params/tags/1",
                "/resources/db/params/name",
                "/resources/app",
            ],
        );
    }

    #[test]
    fn public_files_read_back_as_their_orders() {
        let mut count = 0;
        for (name, content) in public() {
            let source = pb::Source { file_name: name.clone(), content: content.into_bytes() };
            let Ok(file) = ScoreFile::read(&source) else { continue };
            let laid = lay(&file.order, &file.place);
            let back = read(&File { name: &name, content: laid.as_bytes() }).expect("is YAML").remove(0);
            assert_eq!(back.value, file.order, "{laid}");
            for (resource, _) in members(&file.order, "resources") {
                let pointer = format!("/resources/{resource}");
                assert_eq!(back.place.key(&pointer), file.place.key(&pointer), "{name}: {pointer}\n{laid}");
            }
            count += 1;
        }
        assert_eq!(count, 39);
    }

    #[test]
    fn what_does_not_fit_comes_right_behind() {
        let score = "{apiVersion: score.dev/v1b1, metadata: {name: web}, resources: {a: {type: b}, c: {type: d}}}\n";
        let order = json!({"apiVersion": "vend/v1", "kind": "Order", "name": "web",
            "resources": {"a": {"type": "b"}, "c": {"type": "d"}}});
        check(score, &order, &[]);
        check("apiVersion: x\nmetadata: {name: web}\n", &json!({"name": "web", "resources": {}}), &[]);
    }
}
