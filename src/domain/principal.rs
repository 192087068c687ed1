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

impl Role {
    pub const ALL: [Role; 5] = [Role::Admin, Role::Platform, Role::Infra, Role::Developer, Role::Auditor];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Platform => "platform",
            Role::Infra => "infra",
            Role::Developer => "developer",
            Role::Auditor => "auditor",
        }
    }
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
