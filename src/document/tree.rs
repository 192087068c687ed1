//! YAML events into JSON values that know where they stand. Bounded in depth and size; no anchors, tags or merge keys.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Value};

use super::place::{Inside, Place, Position};
use super::problem::{Errors, Problem};
use super::scalar::{self, short};
use super::text::count;
use crate::domain::json::pointer_push;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 1_000_000;

/// What a mapping costs, in keys and values: even a small one takes more room than what is in it.
const MAPPING: usize = 8;

/// One document as read.
#[derive(Debug)]
pub struct Tree {
    pub value: Value,
    pub place: Place,
    /// As they are counted.
    pub(super) nodes: usize,
    /// Nothing had to be left out of it, except what stands twice.
    pub(super) intact: bool,
}

/// Every document of `text` that is not empty. What is refused goes to `problems`; reading goes on where it can.
pub(super) fn read(file: &str, text: &str, problems: &mut Errors) -> Vec<Tree> {
    let (open, trees, intact) = (Vec::new(), Vec::new(), true);
    let mut reader = Reader { file, problems, open, trees, intact, nodes: 0, former_nodes: 0 };
    let mut events = Parser::new_from_str(text);
    while let Some(event) = events.next_event() {
        match event {
            Ok((event, span)) => {
                if reader.event(event, position(&span.start)).is_err() {
                    break;
                }
            }
            Err(error) => {
                reader.broken(text, &error);
                break;
            }
        }
    }
    reader.trees
}

fn position(marker: &Marker) -> Position {
    Position { line: count(marker.line()), column: count(marker.col() + 1) }
}

/// A collection whose end has not come yet.
struct Open {
    at: Position,
    /// Where it will stand in the collection around it.
    pointer: String,
    body: Body,
}

enum Body {
    Items { values: Vec<Value>, places: Vec<Place> },
    Members { values: Map<String, Value>, places: BTreeMap<String, Place>, key: Option<Key> },
}

struct Key {
    text: String,
    at: Position,
    /// False for a key whose value is read and dropped.
    kept: bool,
}

/// Reading cannot go on; a problem says why.
struct Stop;

struct Reader<'a> {
    file: &'a str,
    problems: &'a mut Errors,
    open: Vec<Open>,
    trees: Vec<Tree>,
    intact: bool,
    nodes: usize,
    /// Of the documents that are done.
    former_nodes: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, at: Position) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => {
                self.intact = true;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(anchor, tag.is_some(), at);
                self.nodes(1, at)?;
                self.scalar(&text, style, at);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(anchor, tag.is_some(), at);
                self.nodes(1, at)?;
                self.start(at, Body::Items { values: Vec::new(), places: Vec::new() })
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(anchor, tag.is_some(), at);
                self.nodes(MAPPING, at)?;
                self.start(at, Body::Members { values: Map::new(), places: BTreeMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Alias(_) => {
                self.refuse(at, "aliases (`*name`) are not read", "write the value out");
                self.nodes(1, at)?;
                self.intact = false;
                self.value(Value::Null, Place::scalar(at));
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// Refuses what would make a node more than its text.
    fn plain(&mut self, anchor: usize, tagged: bool, at: Position) {
        if anchor != 0 {
            self.refuse(at, "anchors (`&name`) are not read", "write the value out where it is needed");
        }
        if tagged {
            self.refuse(at, "tags (`!name`) are not read", "leave the tag out; quotes make a text");
            self.intact = false;
        }
    }

    fn nodes(&mut self, more: usize, at: Position) -> Result<(), Stop> {
        self.nodes += more;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("this file has more than {MAX_NODES} keys and values, each mapping counted as {MAPPING}");
        self.refuse(at, &message, "split it into several");
        Err(Stop)
    }

    fn start(&mut self, at: Position, body: Body) -> Result<(), Stop> {
        if self.open.len() == MAX_DEPTH {
            self.too_deep(at);
            return Err(Stop);
        }
        if self.awaits_key() {
            self.refuse(at, "a key is a text, not a list or a mapping", "");
            self.intact = false;
        }
        let pointer = self.pointer();
        self.open.push(Open { at, pointer, body });
        Ok(())
    }

    fn too_deep(&mut self, at: Position) {
        self.refuse(at, &format!("this nests deeper than {MAX_DEPTH} levels"), "");
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let (value, inside) = match open.body {
            Body::Items { values, places } => (Value::Array(values), Inside::Items(places.into())),
            Body::Members { values, places, .. } => {
                (Value::Object(values), Inside::Members(places.into_iter().collect()))
            }
        };
        self.value(value, Place { at: open.at, key: None, inside });
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Position) {
        if self.awaits_key() {
            self.key(text, style, at);
            return;
        }
        let value =
            if style == ScalarStyle::Plain { scalar::resolve(text) } else { Ok(Value::String(text.to_owned())) };
        let value = value.unwrap_or_else(|refused| {
            self.refuse(at, &refused.message, refused.hint);
            self.intact = false;
            Value::Null
        });
        let is_empty_document = self.open.is_empty() && value.is_null() && self.intact;
        if !is_empty_document {
            self.value(value, Place::scalar(at));
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { body: Body::Members { key: None, .. }, .. }))
    }

    fn key(&mut self, text: &str, style: ScalarStyle, at: Position) {
        let plain = style == ScalarStyle::Plain;
        let merges = plain && text == "<<";
        if merges {
            self.refuse(at, "merge keys (`<<`) are not read", "write the keys out");
        } else if plain && !matches!(scalar::resolve(text), Ok(Value::String(_))) {
            self.refuse(at, &format!("the key {} is no text", short(text)), "write it in quotes");
        }
        let Some(Open { body: Body::Members { places, key, .. }, .. }) = self.open.last_mut() else { return };
        let first = places.get(text).and_then(|place| place.key);
        *key = Some(Key { text: text.to_owned(), at, kept: first.is_none() && !merges });
        if let Some(first) = first {
            self.refuse(at, &format!("the key {} stands twice", short(text)), &format!("first on line {}", first.line));
        }
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, value: Value, place: Place) {
        match self.open.last_mut().map(|open| &mut open.body) {
            None => {
                let nodes = self.nodes - self.former_nodes;
                self.former_nodes = self.nodes;
                self.trees.push(Tree { value, place, nodes, intact: self.intact });
            }
            Some(Body::Items { values, places }) => {
                values.push(value);
                places.push(place);
            }
            Some(Body::Members { values, places, key }) => match key.take() {
                Some(Key { text, at, kept: true }) => {
                    values.insert(text.clone(), value);
                    places.insert(text, Place { key: Some(at), ..place });
                }
                Some(_) => {}
                // A key that is no text has been refused: its own value is what comes next.
                None => *key = Some(Key { text: String::new(), at: place.at, kept: false }),
            },
        }
    }

    /// The pointer to the node that comes next.
    fn pointer(&self) -> String {
        let Some(open) = self.open.last() else { return String::new() };
        match &open.body {
            Body::Items { values, .. } => pointer_push(&open.pointer, &values.len().to_string()),
            Body::Members { key: Some(key), .. } => pointer_push(&open.pointer, &key.text),
            Body::Members { key: None, .. } => open.pointer.clone(),
        }
    }

    fn refuse(&mut self, at: Position, message: &str, hint: &str) {
        let pointer = self.pointer();
        self.problems.push(Problem::new(self.file, at, &pointer, message).hint(hint));
    }

    fn broken(&mut self, text: &str, error: &ScanError) {
        let at = position(error.marker());
        if error.info() == "recursion limit exceeded" {
            return self.too_deep(at);
        }
        let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let info = error.info();
        let hint = if indent.contains('\t') || info.contains("tab") {
            "indent with spaces, not with tabs"
        } else if info.contains("anchor") {
            "aliases (`*name`) are not read: write the value out"
        } else if info.contains("mapping values are not allowed") {
            "check the indentation, and quote a text that contains `: `"
        } else {
            ""
        };
        self.refuse(at, &format!("this is not valid YAML: {info}"), hint);
    }
}
