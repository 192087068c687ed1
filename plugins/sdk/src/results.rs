//! What the verbs answer, in the driver's own types.

use serde::Serialize;
use serde_json::Value;

use crate::bindings::exports::vend::driver::lifecycle as wire;
use crate::bindings::vend::driver::types::Claim;
use crate::discoverer::exports::vend::driver::discovery;
use crate::{Error, Resource};

/// The external object as it is now.
pub struct Object<R: Resource> {
    /// Its name at the backend.
    pub external_id: String,
    pub state: R::State,
    /// None while it is unfinished.
    pub outputs: Option<R::Outputs>,
}

/// How far a create or an update has come.
pub enum Progress<R: Resource> {
    Done(Object<R>),
    /// Call again with this continuation (JSON) after so many milliseconds.
    Pending(Value, u32),
}

/// How far a delete has come.
pub enum Removal {
    Gone,
    /// Call again with this continuation (JSON) after so many milliseconds.
    Pending(Value, u32),
}

/// What is at the backend.
pub struct Observed<R: Resource> {
    pub object: Object<R>,
    /// Its present values in the normal form of `validate`; what cannot be observed is left out.
    pub params: Value,
}

pub enum Observation<R: Resource> {
    Ready(Observed<R>),
    /// It exists and is incomplete or not yet usable.
    Unready(Observed<R>),
    Absent,
}

/// What of ours was found.
pub enum Finding<R: Resource> {
    None,
    One {
        external_id: Option<String>,
        state: R::State,
    },
    /// External ids.
    Many(Vec<String>),
}

/// An object at the backend that carries the labels it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub external_id: String,
    /// As its labels say: [`crate::Labels::resource`].
    pub resource_id: Option<String>,
    /// What it is, in a line, for whoever decides about it.
    pub summary: String,
}

/// A page of what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// 1,000 at most.
    pub candidates: Vec<Candidate>,
    /// For the next page; absent: this is the last.
    pub next_page_token: Option<String>,
}

impl Discovered {
    pub(crate) fn wire(self) -> discovery::Page {
        let candidate = |it: Candidate| discovery::Candidate {
            external_id: it.external_id,
            resource_id: it.resource_id,
            summary: it.summary,
        };
        discovery::Page {
            candidates: self.candidates.into_iter().map(candidate).collect(),
            next_page_token: self.next_page_token,
        }
    }
}

impl<R: Resource> Object<R> {
    pub fn new(external_id: impl Into<String>, state: R::State, outputs: R::Outputs) -> Self {
        Self { external_id: external_id.into(), state, outputs: Some(outputs) }
    }

    pub fn unfinished(external_id: impl Into<String>, state: R::State) -> Self {
        Self { external_id: external_id.into(), state, outputs: None }
    }

    fn wire(&self) -> Result<wire::Object, Error> {
        Ok(wire::Object {
            external_id: self.external_id.clone(),
            state: json(&self.state)?,
            outputs: self.outputs.as_ref().map_or(Ok("{}".into()), json)?,
        })
    }
}

impl<R: Resource> Progress<R> {
    pub(crate) fn wire(&self) -> Result<wire::Progress, Error> {
        Ok(match self {
            Self::Done(object) => wire::Progress::Done(object.wire()?),
            Self::Pending(continuation, after) => wire::Progress::Pending(pending(continuation, *after)),
        })
    }
}

impl Removal {
    pub(crate) fn wire(&self) -> wire::Removal {
        match self {
            Self::Gone => wire::Removal::Gone,
            Self::Pending(continuation, after) => wire::Removal::Pending(pending(continuation, *after)),
        }
    }
}

impl<R: Resource> Observed<R> {
    pub(crate) fn wire(&self) -> Result<wire::Observed, Error> {
        Ok(wire::Observed { object: self.object.wire()?, params: self.params.to_string() })
    }
}

impl<R: Resource> Observation<R> {
    pub(crate) fn wire(&self) -> Result<wire::Observation, Error> {
        Ok(match self {
            Self::Ready(observed) => wire::Observation::Ready(observed.wire()?),
            Self::Unready(observed) => wire::Observation::Unready(observed.wire()?),
            Self::Absent => wire::Observation::Absent,
        })
    }
}

impl<R: Resource> Finding<R> {
    pub(crate) fn wire(&self) -> Result<wire::Finding, Error> {
        Ok(match self {
            Self::None => wire::Finding::None,
            Self::One { external_id, state } => {
                wire::Finding::One(Claim { external_id: external_id.clone(), state: json(state)? })
            }
            Self::Many(ids) => wire::Finding::Many(ids.clone()),
        })
    }
}

fn pending(continuation: &Value, poll_after_ms: u32) -> wire::Pending {
    wire::Pending { continuation: continuation.to_string(), poll_after_ms }
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("NOT_JSON", format!("the driver's answer is not JSON: {error}")))
}
