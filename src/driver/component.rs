//! A driver that is loaded: what it is, and running it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::description::Description;

use super::attempt::{Attempt, Report};
use super::fit::Schemas;
use super::profile::Profiles;
use super::run;
use super::runtime::Runtime;

/// Cheap to clone; attempts run at once, each in an instance of its own.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

pub(super) struct Inner {
    pub runtime: Runtime,
    pub digest: String,
    pub imports: Vec<String>,
    pub profiles: Profiles,
    pub description: Description,
    /// By resource type.
    pub schemas: BTreeMap<String, Schemas>,
}

impl Driver {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// `None` if there are clones.
    pub(super) fn into_inner(self) -> Option<Inner> {
        Arc::into_inner(self.0)
    }

    /// `sha256:` and the hex of the component's bytes.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// What the component imports, as it says it: `vend:driver/sql-read@0.1.0`.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Runs one attempt to its end. To drop the future is a crash: what was sent stays sent, and the journal knows.
    pub async fn run(&self, attempt: Attempt) -> Report {
        run::run(&self.0, attempt).await
    }
}
