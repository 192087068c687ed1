//! Whether what a driver says about itself can be true: it keeps `wit/describe.schema.json`, is bounded and can be shown, and goes
//! together with what the component imports.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::capability::convert::{is_obeyed, line};
use crate::capability::encode::NAMES;
use crate::document::json_schema::Compiled;
use crate::domain::contract::Violation;
use crate::domain::description::{Access, Description, Slot, TypeDescription};
use crate::domain::json::{depth, pointer_push};
use crate::domain::marker;

use super::fit::{Schemas, said};
use super::load::LoadError;

const DEEPEST: usize = 48;
const MOST_VIOLATIONS: usize = 20;
/// Of one text or name in it.
const LONGEST: usize = 8 << 10;
/// `$ref`s and applicators that are followed to where a pointer leads.
const FOLLOWED: usize = 64;

/// How connections are spoken to, and by which types of them.
const SPOKEN: [(&str, &[&str]); 2] = [("sql", &["postgres", "sqlite"]), ("http", &["http"])];

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value =
        serde_json::from_str(include_str!("../../wit/describe.schema.json")).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
});

/// `imports`: what the component imports, as it says it.
pub fn read(document: Value, imports: &[String]) -> Result<(Description, BTreeMap<String, Schemas>), LoadError> {
    let mut wrong = Wrong::default();
    if depth(&document) > DEEPEST {
        wrong.add("", format!("nests deeper than {DEEPEST}"));
        return Err(wrong.into());
    }
    texts(&document, &mut wrong);
    for error in SCHEMA.iter_errors(&document).take(MOST_VIOLATIONS) {
        wrong.add(error.instance_path().as_str(), said(&error));
    }
    wrong.none()?;
    let description: Description = match serde_json::from_value(document) {
        Ok(description) => description,
        Err(error) => {
            wrong.add("", error.to_string());
            return Err(wrong.into());
        }
    };
    if description.types.is_empty() {
        wrong.add("/types", "a driver implements one resource type at least".to_owned());
    }
    for encoding in description.encodings.iter().filter(|encoding| !NAMES.contains(&encoding.as_str())) {
        wrong.add("/encodings", format!("`{encoding}` is unknown: vend has {}", NAMES.join(", ")));
    }
    for (name, slot) in &description.slots {
        can_be_used(name, slot, imports, &mut wrong);
    }
    let mut schemas = BTreeMap::new();
    for (name, described) in &description.types {
        let at = pointer_push("/types", name);
        keys(&at, described, &description, &mut wrong);
        if let Some(compiled) = compile(&at, described, &mut wrong) {
            schemas.insert(name.clone(), compiled);
        }
    }
    wrong.none()?;
    Ok((description, schemas))
}

/// All of it is shown to people somewhere.
fn texts(document: &Value, wrong: &mut Wrong) {
    let fits =
        |text: &str, may: &[char]| text.len() <= LONGEST && !text.chars().any(|c| is_obeyed(c) && !may.contains(&c));
    let mut open = vec![(String::new(), document)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::String(text) if !fits(text, &['\n', '\t']) => {
                wrong.add(&pointer, format!("a text has {LONGEST} bytes at most, and no control characters"));
            }
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(i, item)| (pointer_push(&pointer, &i.to_string()), item)));
            }
            Value::Object(map) => {
                for (name, item) in map {
                    if fits(name, &[]) {
                        open.push((pointer_push(&pointer, name), item));
                    } else {
                        let name = line(name.clone(), 100);
                        wrong.add(
                            &pointer,
                            format!("the name `{name}` has control characters, or over {LONGEST} bytes"),
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is asked for is what can be used: a component that cannot call what a slot is for was described for somebody else.
fn can_be_used(name: &str, slot: &Slot, imports: &[String], wrong: &mut Wrong) {
    let spoken: Vec<&str> = slot
        .types
        .iter()
        .filter_map(|wanted| SPOKEN.iter().find(|(_, types)| types.contains(&wanted.as_str())).map(|(how, _)| *how))
        .collect();
    if spoken.is_empty() || spoken.len() < slot.types.len() {
        return;
    }
    let imported = |half: &str| {
        spoken.iter().any(|how| imports.iter().any(|it| it.starts_with(&format!("vend:driver/{how}-{half}@"))))
    };
    let at = pointer_push("/slots", name);
    if slot.access == Access::ReadWrite && !imported("write") {
        let how = spoken[0];
        wrong.add(&at, format!("asks to write, and the component imports no {how}-write: say `access: read`"));
    } else if !imported("read") && !imported("write") {
        let how = spoken[0];
        wrong.add(&at, format!("asks for a connection, and the component imports neither {how}-read nor {how}-write"));
    }
}

/// Pointers into params lead to params.
fn keys(at: &str, described: &TypeDescription, description: &Description, wrong: &mut Wrong) {
    if let Some(key) = &described.natural_key {
        if !description.slots.contains_key(&key.slot) {
            wrong.add(&format!("{at}/natural-key/slot"), format!("there is no slot `{}`", key.slot));
        }
        for (index, pointer) in key.pointers.iter().enumerate() {
            if !leads(&described.params, &described.params, pointer, FOLLOWED) {
                wrong.add(&format!("{at}/natural-key/pointers/{index}"), format!("params have no `{pointer}`"));
            }
        }
    }
    for (index, pointer) in described.create_only.iter().enumerate() {
        if !leads(&described.params, &described.params, pointer, FOLLOWED) {
            wrong.add(&format!("{at}/create-only/{index}"), format!("params have no `{pointer}`"));
        }
    }
}

/// Whether `schema` knows a value at `pointer`.
fn leads(root: &Value, schema: &Value, pointer: &str, followed: usize) -> bool {
    let Some(followed) = followed.checked_sub(1) else { return false };
    let Some(rest) = pointer.strip_prefix('/') else { return pointer.is_empty() };
    let (token, behind) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let token = token.replace("~1", "/").replace("~0", "~");
    let named = schema.get("properties").and_then(|named| named.get(&token));
    let items = token.bytes().all(|b| b.is_ascii_digit()).then(|| schema.get("items")).flatten();
    if named.or(items).is_some_and(|inner| leads(root, inner, behind, followed)) {
        return true;
    }
    let referred = schema.get("$ref").and_then(Value::as_str).and_then(|text| marker::local(root, text));
    let branches = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array());
    referred.into_iter().chain(branches.flatten()).any(|branch| leads(root, branch, pointer, followed))
}

fn compile(at: &str, described: &TypeDescription, wrong: &mut Wrong) -> Option<Schemas> {
    let mut one = |member: &str, schema: &Value| match Compiled::new(schema) {
        Ok(compiled) => Some(compiled),
        Err(found) => {
            for it in found {
                wrong.add(&format!("{at}/{member}{}", it.pointer), it.message);
            }
            None
        }
    };
    let config = one("config", &described.config);
    let (params, outputs) = (one("params", &described.params), one("outputs", &described.outputs));
    config?;
    Some(Schemas { params: params?, outputs: outputs? })
}

#[derive(Default)]
struct Wrong(Vec<Violation>);

impl Wrong {
    fn add(&mut self, pointer: &str, message: String) {
        if self.0.len() < MOST_VIOLATIONS {
            self.0.push(Violation { pointer: line(pointer.to_owned(), 500), message: line(message, 500) });
        }
    }

    fn none(&mut self) -> Result<(), LoadError> {
        if self.0.is_empty() { Ok(()) } else { Err(std::mem::take(self).into()) }
    }
}

impl From<Wrong> for LoadError {
    fn from(wrong: Wrong) -> Self {
        Self::Description { violations: wrong.0 }
    }
}
