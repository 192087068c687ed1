//! What is asked and remembered, and the rules for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vend_sdk::{Error, Violations};

use super::access::Access;
use crate::documents::{is_name, is_reserved, is_word, unlimited};

/// The longest beginning of a role's name: PostgreSQL takes 63 bytes in all.
const LONGEST: usize = 40;
/// Characters of a resource's id that tell its roles from those of others.
const OWN: usize = 8;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// A database of the server.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,63}$"))]
    pub database: String,
    /// `read`: rows of tables in the schema public, those to come as well. `write`: changes them too. `owner`: everything that the
    /// database's owner may; what it makes belongs to that.
    #[serde(default)]
    pub access: Access,
    /// How the names of its roles begin; by default as the database is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z_][a-z0-9_-]{0,39}$"))]
    pub name: Option<String>,
    /// Another number is another role with another password.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    pub rotation: u32,
    /// Sessions at once; -1 for as many as the server has.
    #[serde(default = "unlimited")]
    #[schemars(range(min = -1))]
    pub connection_limit: i32,
}

fn first() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Of the role.
    pub name: String,
    pub database: String,
}

impl Params {
    pub fn normal(self) -> Result<Self, Error> {
        let mut wrong = Violations::default();
        let database = self.database.to_ascii_lowercase();
        wrong.require(is_word(&database), "/params/database", "1 to 63 of a-z, A-Z, 0-9, _ and -");
        if let Some(name) = &self.name {
            let fits = name.len() <= LONGEST && is_name(name);
            wrong.require(fits, "/params/name", "1 to 40 of a-z, 0-9, _ and -, not beginning with a digit or -");
            wrong.require(!is_reserved(name), "/params/name", "this name belongs to PostgreSQL");
        }
        wrong.require(self.rotation >= 1, "/params/rotation", "at least 1");
        wrong.require(self.connection_limit >= -1, "/params/connection-limit", "at least -1");
        wrong.or(self)
    }
}

impl State {
    /// `orders-2gpz9n9b-1`: nobody else's, and another one for each incarnation.
    pub fn new(params: &Params, resource_id: &str, incarnation: u32) -> Self {
        let fallback = params.database.to_ascii_lowercase();
        let beginning = params.name.as_deref().unwrap_or(&fallback);
        let beginning: String = beginning.chars().take(LONGEST).collect();
        let own = resource_id.get(resource_id.len().saturating_sub(OWN)..).unwrap_or(resource_id);
        Self { name: format!("{beginning}-{own}-{incarnation}"), database: params.database.clone() }
    }
}
