//! Asks a component what it is. The same component gives the same answer, today and after every restart: it is asked at a moment that
//! never changes, with a seed that never changes, and may call nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::capability::grants::Grants;
use crate::capability::journal::memory::MemoryJournal;
use crate::domain::contract::{Answer, Call, Violation};
use crate::domain::description::Description;
use crate::domain::json::pointer_push;
use crate::domain::time::{Clock, Timestamp};

use super::attempt::{Attempt, Past};
use super::component::{Driver, Inner};
use super::load::LoadError;
use super::manifest;
use super::profile::Profiles;
use super::runtime::Runtime;

/// The time at which every component is asked.
struct Always;

impl Clock for Always {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO
    }
}

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
            past: Past::default(),
            trace: String::new(),
            journal: Arc::new(MemoryJournal::new()),
            secrets: Vec::new(),
            handle_key: [0; 32],
            seed: [0; 32],
            clock: Arc::new(Always),
            entropy: shared.entropy.clone(),
        })
        .await;
    let document = match report.result.map_err(LoadError::Describe)? {
        Answer::Described(document) => document,
        other => return Err(LoadError::Host(format!("describe answered {other:?}"))),
    };
    let inner =
        bare.into_inner().ok_or_else(|| LoadError::Host("the driver is in use while it is loaded".to_owned()))?;
    let (description, schemas) = manifest::read(document, &inner.imports)?;
    if inner.profiles.discover().is_none() {
        can_discover(&description)?;
    }
    Ok(Driver::new(Inner { description, schemas, ..inner }))
}

/// Of a component that does not export it.
fn can_discover(description: &Description) -> Result<(), LoadError> {
    let says = description.types.iter().filter(|(_, it)| it.verbs.iter().any(|verb| verb == "discover"));
    let violations: Vec<Violation> = says
        .map(|(name, _)| Violation {
            pointer: pointer_push(&pointer_push("/types", name), "verbs"),
            message: "says `discover`, and the component does not export `vend:driver/discovery@0.1.0`".into(),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(LoadError::Description { violations }) }
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
