//! What the cloud holds, and what is asked of it: the bodies of requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub type Labels = BTreeMap<String, String>;

/// The kinds of objects differ only in how a lost create can be told from one that never happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collection {
    /// The client chooses the id.
    Named,
    /// A key of the client's stands for one create.
    Keyed,
    /// Can be listed by label, some time after it was made.
    Labelled,
    /// None of these.
    Blind,
}

impl Collection {
    pub const ALL: [Collection; 4] = [Collection::Named, Collection::Keyed, Collection::Labelled, Collection::Blind];

    pub fn name(self) -> &'static str {
        match self {
            Collection::Named => "named",
            Collection::Keyed => "keyed",
            Collection::Labelled => "labelled",
            Collection::Blind => "blind",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub collection: Collection,
    pub id: String,
    pub name: String,
    pub size: u64,
    pub labels: Labels,
    /// Name by id.
    pub parts: BTreeMap<String, String>,
    /// Told once.
    pub password: String,
    pub made_ms: u64,
    pub ready_ms: u64,
}

impl Object {
    /// As a client sees it, without the password.
    pub fn shown(&self, now_ms: u64) -> Value {
        let state = if now_ms < self.ready_ms { "creating" } else { "ready" };
        json!({
            "id": self.id, "name": self.name, "size": self.size, "labels": self.labels, "parts": self.parts, "state": state,
        })
    }

    pub fn shown_with_password(&self, now_ms: u64) -> Value {
        let mut shown = self.shown(now_ms);
        shown["password"] = json!(self.password);
        shown
    }

    /// Whether it has all of these.
    pub fn has_labels(&self, wanted: &[(String, String)]) -> bool {
        wanted.iter().all(|(label, value)| self.labels.get(label) == Some(value))
    }
}

/// The body of a make or a change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asked {
    pub name: String,
    pub size: u64,
    #[serde(default)]
    pub labels: Labels,
    /// How long it is `creating`; of a change it means nothing.
    #[serde(default)]
    pub provision_ms: u64,
}

/// The body of a part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedPart {
    pub name: String,
}

const LONGEST_TEXT: usize = 500;
const MOST_LABELS: usize = 50;
const LONGEST_PROVISION_MS: u64 = 30 * 24 * 60 * 60 * 1000;

impl Asked {
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let asked: Self = parse(body)?;
        check_text("name", &asked.name)?;
        if asked.labels.len() > MOST_LABELS {
            return Err(format!("at most {MOST_LABELS} labels"));
        }
        for (label, value) in &asked.labels {
            check_text("a label", label)?;
            check_text("the value of a label", value)?;
        }
        if asked.provision_ms > LONGEST_PROVISION_MS {
            return Err(format!("provision-ms is at most {LONGEST_PROVISION_MS}"));
        }
        Ok(asked)
    }
}

impl AskedPart {
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let asked: Self = parse(body)?;
        check_text("name", &asked.name)?;
        Ok(asked)
    }
}

/// Says what is wrong in the words of a client's error.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body is not what is expected here: {error}"))
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > LONGEST_TEXT { Err(format!("{what} has at most {LONGEST_TEXT} bytes")) } else { Ok(()) }
}
