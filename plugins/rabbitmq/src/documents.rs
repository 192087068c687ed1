//! What is asked, fixed, remembered and offered; and the rules for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vend_sdk::secrets::{compose, text};
use vend_sdk::{Error, Secret, Violations, segment};

/// AMQP 0-9-1 allows a path so many bytes.
const LONGEST_NAME: usize = 127;
const LONGEST_PATTERN: usize = 1_000;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Name of the vhost, and of the user that may use it.
    #[schemars(length(min = 1, max = 127))]
    pub name: String,
    /// What the user may see of the management interface.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// What the user may do in the vhost.
    #[serde(default)]
    pub permissions: Permissions,
    /// Connections at once; -1 for as many as the broker has.
    #[serde(default = "unlimited")]
    #[schemars(range(min = -1))]
    pub max_connections: i64,
    /// Queues; -1 for as many as the broker has.
    #[serde(default = "unlimited")]
    #[schemars(range(min = -1))]
    pub max_queues: i64,
}

/// Not among them: `administrator`, which reaches every vhost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    Management,
    Monitoring,
    Policymaker,
}

/// Regular expressions over the names of queues and exchanges; an empty one lets nothing through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    #[serde(default = "everything")]
    pub configure: String,
    #[serde(default = "everything")]
    pub write: String,
    #[serde(default = "everything")]
    pub read: String,
}

fn everything() -> String {
    ".*".to_owned()
}

fn unlimited() -> i64 {
    -1
}

impl Default for Permissions {
    fn default() -> Self {
        Self { configure: everything(), write: everything(), read: everything() }
    }
}

impl Tag {
    pub fn as_str(self) -> &'static str {
        match self {
            Tag::Management => "management",
            Tag::Monitoring => "monitoring",
            Tag::Policymaker => "policymaker",
        }
    }
}

/// Where the broker is, as whoever uses the vhost sees it: facts of the connection, put here by the recipe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[schemars(length(min = 1))]
    pub host: String,
    #[serde(default = "default_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Whether AMQP is spoken over TLS there: the URL then begins with `amqps`.
    #[serde(default)]
    pub tls: bool,
}

fn default_port() -> u16 {
    5672
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    pub host: String,
    pub port: u16,
    pub vhost: String,
    pub username: String,
    pub password: Secret,
    /// `amqp://username:password@host:port/vhost`
    pub url: Secret,
}

impl Params {
    /// The rules, and the normal form: tags sorted, each once.
    pub fn normal(mut self) -> Result<Self, Error> {
        let mut wrong = Violations::default();
        wrong.take(check_name(&self.name), "/params/name");
        let Permissions { configure, write, read } = &self.permissions;
        for (which, pattern) in [("configure", configure), ("write", write), ("read", read)] {
            let pointer = format!("/params/permissions/{which}");
            wrong.require(pattern.len() <= LONGEST_PATTERN, pointer, format!("at most {LONGEST_PATTERN} bytes"));
        }
        wrong.require(self.max_connections >= -1, "/params/max-connections", "at least -1");
        wrong.require(self.max_queues >= -1, "/params/max-queues", "at least -1");
        self.tags.sort();
        self.tags.dedup();
        wrong.or(self)
    }
}

/// A name is a part of paths, of a URL and of a login, and has to survive all three.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(format!("1 to {LONGEST_NAME} bytes"));
    }
    if name.starts_with('.') || name.trim() != name {
        return Err("it begins neither with a dot nor with a space, and ends with no space".to_owned());
    }
    match name.chars().find(|it| it.is_control() || "/\\%:".contains(*it)) {
        Some(it) => Err(format!("`{}` cannot stand in it", it.escape_default())),
        None => Ok(()),
    }
}

impl Config {
    /// What stands before and behind the password in the URL.
    pub fn url_around_password(&self, name: &str) -> (String, String) {
        let scheme = if self.tls { "amqps" } else { "amqp" };
        let name = segment(name);
        // An IPv6 address stands in brackets in a URL (RFC 3986).
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host.trim_matches(['[', ']'])),
            false => self.host.clone(),
        };
        (format!("{scheme}://{name}:"), format!("@{host}:{}/{name}", self.port))
    }
}

impl Outputs {
    pub fn new(name: &str, config: &Config, password: Secret) -> Result<Self, Error> {
        let (before, behind) = config.url_around_password(name);
        let url = compose([text(before), password.percent().into(), text(behind)])?;
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            vhost: name.to_owned(),
            username: name.to_owned(),
            password,
            url,
        })
    }
}
