//! What an order would do to one resource, derived from the prior and the create-only markers. Pure.

use serde_json::{Map, Value};

use crate::bindings::exports::vend::driver::lifecycle as wire;
pub use crate::bindings::exports::vend::driver::lifecycle::Action;
use crate::schema::escape;
use crate::validate::covers;

/// The answer of `plan`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub action: Action,
    pub changes: Vec<Change>,
    /// Outputs after the action, as far as they are known now.
    pub outputs: Map<String, Value>,
    /// JSON Pointers to the outputs that are not: `/url`.
    pub unknown: Vec<String>,
}

/// One difference. `pointer` leads into the input: `/params/name`, `/config/host`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub pointer: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub forces_replacement: bool,
}

/// Params and config in normal form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Documents {
    pub params: Value,
    pub config: Value,
}

/// What was made before.
pub(crate) struct Made {
    pub documents: Documents,
    pub outputs: Map<String, Value>,
}

/// What the type says about itself.
pub(crate) struct Markers {
    /// Pointers into params.
    pub create_only: Vec<String>,
    /// Pointers into outputs.
    pub outputs: Vec<String>,
}

/// `unknown`: pointers into the input. `made` is none where nothing exists or a create is unfinished.
pub(crate) fn derive(desired: &Documents, unknown: &[String], made: Option<&Made>, markers: &Markers) -> Plan {
    let Some(made) = made else {
        return Plan {
            action: Action::Create,
            changes: Vec::new(),
            outputs: Map::new(),
            unknown: markers.outputs.clone(),
        };
    };
    let mut changes = Vec::new();
    difference("/params", &made.documents.params, &desired.params, &mut changes);
    difference("/config", &made.documents.config, &desired.config, &mut changes);
    // What is not known yet counts as different, also where nothing was before.
    for pointer in unknown {
        if !changes.iter().any(|change| covers(&change.pointer, pointer)) {
            changes.push(Change::at(pointer));
        }
    }
    for change in &mut changes {
        change.forces_replacement = markers.create_only.iter().any(|pointer| {
            let pointer = format!("/params{pointer}");
            covers(&pointer, &change.pointer) || covers(&change.pointer, &pointer)
        });
        if unknown.iter().any(|pointer| covers(pointer, &change.pointer)) {
            change.after = None;
        }
    }
    let action = match changes.as_slice() {
        [] => Action::None,
        some if some.iter().any(|change| change.forces_replacement) => Action::Replace,
        _ => Action::Update,
    };
    let (outputs, unknown) = match action {
        Action::Replace => (Map::new(), markers.outputs.clone()),
        // Nobody can say what it will offer when it is not known what it is asked.
        Action::Update if !unknown.is_empty() => (Map::new(), markers.outputs.clone()),
        _ => (made.outputs.clone(), Vec::new()),
    };
    Plan { action, changes, outputs, unknown }
}

/// Objects are compared member by member, everything else as a whole.
fn difference(pointer: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        for name in after.keys().chain(gone) {
            let pointer = format!("{pointer}/{}", escape(name));
            let value = |document: &Map<String, Value>| document.get(name).cloned().unwrap_or_default();
            difference(&pointer, &value(before), &value(after), changes);
        }
    } else if before != after {
        changes.push(Change {
            before: Some(before.clone()).filter(|value| !value.is_null()),
            after: Some(after.clone()).filter(|value| !value.is_null()),
            ..Change::at(pointer)
        });
    }
}

impl Change {
    /// A change at `pointer` with values that are absent or not known.
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), before: None, after: None, forces_replacement: false }
    }
}

impl Plan {
    /// Says what an output will be.
    pub fn know(&mut self, output: &str, value: impl Into<Value>) {
        self.outputs.insert(output.to_owned(), value.into());
        let pointer = format!("/{}", escape(output));
        self.unknown.retain(|unknown| *unknown != pointer);
    }

    /// Takes back what was said of an output: it will be another one.
    pub fn forget(&mut self, output: &str) {
        let pointer = format!("/{}", escape(output));
        if self.outputs.remove(output).is_some() {
            self.unknown.push(pointer);
        }
    }

    /// Says that there will be no such output.
    pub fn drop(&mut self, output: &str) {
        self.forget(output);
        let pointer = format!("/{}", escape(output));
        self.unknown.retain(|unknown| *unknown != pointer);
    }

    /// The object is not there any more: the same plan, by making it again. Outputs that were known are asked anew.
    pub fn make_again(&mut self) {
        self.action = Action::Create;
        self.changes.clear();
        for output in self.outputs.keys().cloned().collect::<Vec<_>>() {
            self.forget(&output);
        }
    }

    /// Whether a value at `pointer` (`/config/host`) changes.
    pub fn changes(&self, pointer: &str) -> bool {
        self.changes.iter().any(|change| covers(pointer, &change.pointer))
    }

    pub(crate) fn wire(self) -> wire::Planned {
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        let change = |change: Change| wire::Change {
            pointer: change.pointer,
            before: text(change.before),
            after: text(change.after),
            forces_replacement: change.forces_replacement,
        };
        wire::Planned {
            action: self.action,
            changes: self.changes.into_iter().map(change).collect(),
            outputs: Value::Object(self.outputs).to_string(),
            unknown: self.unknown,
        }
    }
}
