//! Asks a component what it is, and holds the answer against `wit/describe.schema.json` and its own sense.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use serde_json::Value;

use crate::capability::encode::NAMES;
use crate::capability::grants::Grants;
use crate::capability::journal::memory::MemoryJournal;
use crate::domain::contract::{Answer, Call, Violation};
use crate::domain::description::{Description, TypeDescription};
use crate::domain::json::depth;

use super::attempt::Attempt;
use super::component::{Driver, Inner};
use super::fit::Schemas;
use super::load::LoadError;
use super::profile::Profiles;
use super::runtime::Runtime;

const DEEPEST: usize = 48;
const MOST_VIOLATIONS: usize = 20;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value =
        serde_json::from_str(include_str!("../../wit/describe.schema.json")).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
});

/// The last step of loading: runs `describe` and makes a driver of what it says.
pub async fn complete(
    runtime: &Runtime,
    digest: String,
    imports: Vec<String>,
    profiles: Profiles,
) -> Result<Driver, LoadError> {
    let shared = &runtime.0;
    let bare = Driver::new(Inner {
        runtime: runtime.clone(),
        digest,
        imports,
        profiles,
        description: nothing(),
        schemas: BTreeMap::new(),
    });
    let report = bare
        .run(Attempt {
            call: Call::Describe,
            grants: Grants::default(),
            limits: shared.max_limits.clone(),
            history: Vec::new(),
            journal: Arc::new(MemoryJournal::new()),
            secrets: Vec::new(),
            handle_key: [0; 32],
            seed: [0; 32],
            clock: shared.clock.clone(),
            entropy: shared.entropy.clone(),
        })
        .await;
    let document = match report.result.map_err(LoadError::Describe)? {
        Answer::Described(document) => document,
        other => return Err(LoadError::Host(format!("describe answered {other:?}"))),
    };
    let (description, schemas) = read(document)?;
    let inner =
        bare.into_inner().ok_or_else(|| LoadError::Host("the driver is in use while it is loaded".to_owned()))?;
    Ok(Driver::new(Inner { description, schemas, ..inner }))
}

fn nothing() -> Description {
    Description {
        name: String::new(),
        version: String::new(),
        title: String::new(),
        description: String::new(),
        state_version: 0,
        slots: BTreeMap::new(),
        types: BTreeMap::new(),
        encodings: Vec::new(),
        limits: Default::default(),
    }
}

/// What a describe document says, or all that is wrong with it; no component is needed for that.
pub fn description(document: Value) -> Result<Description, LoadError> {
    read(document).map(|(description, _)| description)
}

fn read(document: Value) -> Result<(Description, BTreeMap<String, Schemas>), LoadError> {
    let mut wrong = Wrong::default();
    if depth(&document) > DEEPEST {
        wrong.add("", format!("nests deeper than {DEEPEST}"));
        return Err(wrong.into());
    }
    for error in SCHEMA.iter_errors(&document).take(MOST_VIOLATIONS) {
        wrong.add(error.instance_path().as_str(), error.to_string());
    }
    if !wrong.0.is_empty() {
        return Err(wrong.into());
    }
    let description: Description = serde_json::from_value(document).map_err(|error| {
        let mut wrong = Wrong::default();
        wrong.add("", error.to_string());
        LoadError::from(wrong)
    })?;
    if description.types.is_empty() {
        wrong.add("/types", "a driver implements one resource type at least".to_owned());
    }
    for encoding in description.encodings.iter().filter(|encoding| !NAMES.contains(&encoding.as_str())) {
        wrong.add("/encodings", format!("`{encoding}` is unknown: vend has {}", NAMES.join(", ")));
    }
    let mut schemas = BTreeMap::new();
    for (name, described) in &description.types {
        if let Some(key) = described.natural_key.as_ref().filter(|key| !description.slots.contains_key(&key.slot)) {
            wrong.add(&format!("/types/{name}/natural-key/slot"), format!("there is no slot `{}`", key.slot));
        }
        if let Some(compiled) = compile(name, described, &mut wrong) {
            schemas.insert(name.clone(), compiled);
        }
    }
    if wrong.0.is_empty() { Ok((description, schemas)) } else { Err(wrong.into()) }
}

fn compile(name: &str, described: &TypeDescription, wrong: &mut Wrong) -> Option<Schemas> {
    let mut one = |member: &str, schema: &Value| {
        let compiled = jsonschema::draft202012::new(schema);
        compiled.map_err(|error| wrong.add(&format!("/types/{name}/{member}"), error.to_string())).ok()
    };
    one("config", &described.config)?;
    Some(Schemas { params: one("params", &described.params)?, outputs: one("outputs", &described.outputs)? })
}

#[derive(Default)]
struct Wrong(Vec<Violation>);

impl Wrong {
    fn add(&mut self, pointer: &str, message: String) {
        if self.0.len() < MOST_VIOLATIONS {
            let message = crate::capability::convert::shorten(message, 500);
            self.0.push(Violation { pointer: pointer.to_owned(), message });
        }
    }
}

impl From<Wrong> for LoadError {
    fn from(wrong: Wrong) -> Self {
        Self::Description { violations: wrong.0 }
    }
}
