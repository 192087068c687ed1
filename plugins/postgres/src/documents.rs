//! What is asked, fixed, remembered and offered; and the rules for it.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use vend_sdk::secrets::{compose, text};
use vend_sdk::{Error, Secret, Violations};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Name of the database, and of the role that owns it.
    #[schemars(regex(pattern = r"^[a-z_][a-z0-9_-]{0,62}$"))]
    pub name: String,
    /// Extensions in the database: exactly these; list what they need as well.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[a-z0-9_-]{1,63}$")))]
    pub extensions: Vec<String>,
    /// Sessions at once; -1 for as many as the server has.
    #[serde(default = "unlimited")]
    #[schemars(range(min = -1))]
    pub connection_limit: i32,
}

pub fn unlimited() -> i32 {
    -1
}

/// Where the server is, as whoever uses the database sees it: facts of the connection, put here by the recipe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[schemars(length(min = 1))]
    pub host: String,
    #[serde(default = "default_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
}

fn default_port() -> u16 {
    5432
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub name: String,
    /// Taken over and not yet labelled: that it lacks our labels proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = promise_all)]
pub struct Outputs {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// Known for every database that was made, unknown for one that was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// `postgres://user:password@host:port/database`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
}

/// What is made has all of its outputs; only adoption cannot know the secret ones.
fn promise_all(schema: &mut Schema) {
    let names = ["host", "port", "database", "user", "password", "url"];
    schema.insert("required".into(), names.to_vec().into());
    for secret in ["password", "url"] {
        if let Some(schema) = schema.pointer_mut(&format!("/properties/{secret}/type")) {
            *schema = "string".into();
        }
    }
}

impl Params {
    /// The rules, and the normal form: extensions sorted, each once, without the one that every database has.
    pub fn normal(mut self) -> Result<Self, Error> {
        let mut wrong = Violations::default();
        wrong.require(
            is_name(&self.name),
            "/params/name",
            "1 to 63 of a-z, 0-9, _ and -, not beginning with a digit or -",
        );
        wrong.require(!is_reserved(&self.name), "/params/name", "this name belongs to PostgreSQL");
        for (at, extension) in self.extensions.iter().enumerate() {
            let pointer = format!("/params/extensions/{at}");
            wrong.require(is_word(extension), pointer, "1 to 63 of a-z, 0-9, _ and -");
        }
        wrong.require(self.connection_limit >= -1, "/params/connection-limit", "at least -1");
        self.extensions.retain(|extension| extension != "plpgsql");
        self.extensions.sort();
        self.extensions.dedup();
        wrong.or(self)
    }
}

pub fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(allowed)
}

pub fn is_name(text: &str) -> bool {
    is_word(text) && !text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

pub fn is_reserved(name: &str) -> bool {
    name.starts_with("pg_") || ["postgres", "template0", "template1", "public", "none"].contains(&name)
}

impl Outputs {
    /// Without what only a driver that made the role knows.
    pub fn open(database: &str, user: &str, config: &Config) -> Self {
        Self {
            host: config.host.clone(),
            port: config.port,
            database: database.to_owned(),
            user: user.to_owned(),
            password: None,
            url: None,
        }
    }

    pub fn with(mut self, password: Secret) -> Result<Self, Error> {
        let Self { host, port, database, user, .. } = &self;
        // An IPv6 address stands in brackets in a URL (RFC 3986).
        let host = if host.contains(':') { format!("[{}]", host.trim_matches(['[', ']'])) } else { host.clone() };
        let end = text(format!("@{host}:{port}/{database}"));
        self.url = Some(compose([text(format!("postgres://{user}:")), password.percent().into(), end])?);
        self.password = Some(password);
        Ok(self)
    }
}
