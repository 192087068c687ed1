//! Who is calling.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The caller as `identity` found it; recorded with everything it causes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Principal {
    /// `token:admin`, `system:engine`, …
    pub name: String,
    pub roles: Vec<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Admin,
    Platform,
    Infra,
    Developer,
    Auditor,
}

impl Principal {
    /// vend itself, carrying on with what somebody asked.
    pub fn engine() -> Self {
        Self { name: "system:engine".into(), roles: Vec::new() }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
