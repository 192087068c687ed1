//! What a call is about, with params, config and prior in the driver's own types.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::vend::driver::types as wire;
use crate::{Error, Labels, Resource, validate};

/// One call on one resource.
pub struct Input<R: Resource> {
    pub resource_id: String,
    /// Counts the objects made for this resource; a replacement gets the next while the old one still exists.
    pub incarnation: u32,
    /// To be put on every external object.
    pub labels: Labels,
    pub params: R::Params,
    pub config: R::Config,
    /// Absent: nothing is known to exist. In `create`: what an earlier attempt left.
    pub prior: Option<Prior<R>>,
    /// Project, environment, class and more; ignore what you don't know.
    pub context: Map<String, Value>,
    continuation: Option<String>,
}

/// What is known to be ours, complete or not.
pub struct Prior<R: Resource> {
    /// Absent while a create is unfinished and the object has no name yet.
    pub external_id: Option<String>,
    pub state: R::State,
    /// Absent while a create is unfinished.
    pub outputs: Option<R::Outputs>,
}

/// An existing object that is to be taken under management.
pub struct Adoption<R: Resource> {
    pub external_id: String,
    pub labels: Labels,
    pub config: R::Config,
}

/// What there is of a type is to be listed, a page at a time.
pub struct Discovery<R: Resource> {
    /// Those that all objects of this core carry.
    pub labels: Labels,
    pub config: R::Config,
    /// What the page before this one gave; absent: the first.
    pub page_token: Option<String>,
}

impl<R: Resource> Input<R> {
    /// What the last step of this verb left when it returned pending.
    pub fn continuation<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(text) = &self.continuation else {
            return Ok(None);
        };
        stored("continuation", text).map(Some)
    }

    /// With params and config as they are now desired.
    pub(crate) fn desired(raw: &wire::Input) -> Result<Self, Error> {
        let params = validate::parse("/params", &raw.params)?;
        let config = validate::parse("/config", &raw.config)?;
        Self::with(raw, params, config)
    }

    /// With params and config as they were last applied.
    pub(crate) fn applied(raw: &wire::Input) -> Result<(Self, Prior<R>), Error> {
        let prior = raw.prior.as_ref().ok_or_else(no_prior)?;
        let params = stored("applied params", &prior.params)?;
        let config = stored("applied config", &prior.config)?;
        Ok((Self::with(raw, params, config)?, Prior::parse(prior)?))
    }

    fn with(raw: &wire::Input, params: R::Params, config: R::Config) -> Result<Self, Error> {
        Ok(Self {
            resource_id: raw.resource_id.clone(),
            incarnation: raw.incarnation,
            labels: Labels::new(raw.labels.iter().cloned()),
            params,
            config,
            prior: raw.prior.as_ref().map(Prior::parse).transpose()?,
            context: stored("context", &raw.context)?,
            continuation: raw.continuation.clone(),
        })
    }
}

impl<R: Resource> Prior<R> {
    pub(crate) fn parse(raw: &wire::Prior) -> Result<Self, Error> {
        let outputs: Map<String, Value> = stored("outputs", &raw.outputs)?;
        Ok(Self {
            external_id: raw.claim.external_id.clone(),
            state: stored("state", &raw.claim.state)?,
            // None yet, or those of an older version that lack a member: the driver tells them anew.
            outputs: serde_json::from_value(Value::Object(outputs)).ok(),
        })
    }
}

impl<R: Resource> Adoption<R> {
    pub(crate) fn parse(raw: &wire::Input, external_id: String) -> Result<Self, Error> {
        Ok(Self {
            external_id,
            labels: Labels::new(raw.labels.iter().cloned()),
            config: validate::parse("/config", &raw.config)?,
        })
    }
}

impl<R: Resource> Discovery<R> {
    pub(crate) fn parse(raw: &wire::Input, page_token: Option<String>) -> Result<Self, Error> {
        Ok(Self {
            labels: Labels::new(raw.labels.iter().cloned()),
            config: validate::parse("/config", &raw.config)?,
            page_token,
        })
    }
}

pub(crate) fn no_prior() -> Error {
    Error::internal("PRIOR_MISSING", "this verb needs to know what was made, and no prior was given")
}

/// Reads a document that vend kept: a failure is no fault of whoever ordered.
pub(crate) fn stored<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("this version of the driver cannot read the stored {what}: {error}");
        Error::internal("STORED_DOCUMENT_UNREADABLE", message)
    })
}
