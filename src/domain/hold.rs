//! What keeps work from starting: somebody paused it, or a connection keeps failing.

use std::fmt;

use super::name::{Name, OrderName};
use super::reason::Reason;
use super::time::Timestamp;

/// What a hold is on: all operations that have to do with it wait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// All there is.
    Core,
    Connection(Name),
    /// All versions of it.
    Driver(Name),
    Recipe(Name),
    Order(OrderName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A person wants it so, until a person wants it otherwise.
    Pause,
    /// The circuit breaker of a connection: until an attempt comes through.
    Breaker,
    /// What a backup brought, until it was looked at: operations on suspects alone.
    Suspect,
}

/// One such reason to wait. There is at most one of a cause on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub cause: Cause,
    pub target: Target,
    pub reason: Reason,
    /// Why, as whoever paused it or the backend said; may be empty.
    pub message: String,
    pub principal: String,
    pub since: Timestamp,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Pause => "pause",
            Cause::Breaker => "breaker",
            Cause::Suspect => "suspect",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Cause::Pause, Cause::Breaker, Cause::Suspect].into_iter().find(|it| it.as_str() == text)
    }
}

/// Its resource name: `core`, `connections/*`, `drivers/*`, `recipes/*`, `projects/*/environments/*/orders/*`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Core => f.write_str("core"),
            Target::Connection(name) => write!(f, "connections/{name}"),
            Target::Driver(name) => write!(f, "drivers/{name}"),
            Target::Recipe(name) => write!(f, "recipes/{name}"),
            Target::Order(name) => write!(f, "{name}"),
        }
    }
}

impl Target {
    /// The target of a resource name.
    pub fn parse(text: &str) -> Option<Self> {
        let name = |text: &str| Name::new(text).ok();
        let parts: Vec<&str> = text.split('/').collect();
        Some(match parts.as_slice() {
            ["core"] => Target::Core,
            ["connections", it] => Target::Connection(name(it)?),
            ["drivers", it] => Target::Driver(name(it)?),
            ["recipes", it] => Target::Recipe(name(it)?),
            ["projects", project, "environments", environment, "orders", order] => Target::Order(OrderName {
                project: name(project)?,
                environment: name(environment)?,
                order: name(order)?,
            }),
            _ => return None,
        })
    }

    /// As `vend pause` and `vend resume` take it: `connection pg-dev`.
    pub fn words(&self) -> String {
        match self {
            Target::Core => "core".to_owned(),
            Target::Connection(name) => format!("connection {name}"),
            Target::Driver(name) => format!("driver {name}"),
            Target::Recipe(name) => format!("recipe {name}"),
            Target::Order(name) => {
                format!("order {} -p {} -e {}", name.order, name.project, name.environment)
            }
        }
    }

    /// The project whose business it is; empty for the platform's own.
    pub fn project(&self) -> &str {
        match self {
            Target::Order(name) => name.project.as_str(),
            _ => "",
        }
    }
}

impl Hold {
    /// What operations that it holds back remember of it.
    pub fn key(&self) -> String {
        key(self.cause, &self.target)
    }

    /// For whoever waits: what is in the way, by whom, since when, and what ends it.
    pub fn told(&self) -> String {
        let what = match &self.target {
            Target::Core => "all work".to_owned(),
            Target::Order(name) => format!("order `{}`", name.order),
            Target::Connection(name) => format!("connection `{name}`"),
            Target::Driver(name) => format!("driver `{name}`"),
            Target::Recipe(name) => format!("recipe `{name}`"),
        };
        let why = if self.message.is_empty() { String::new() } else { format!(" ({})", self.message) };
        match self.cause {
            Cause::Pause => format!(
                "{what} is paused by {} since {}{why}; `vend resume {}` lets it go on",
                self.principal,
                self.since,
                self.target.words()
            ),
            Cause::Suspect => format!(
                "the resource comes from the backup that was restored on {}, and what became of it since is not known; \
                 `vend verify` finds out",
                self.since
            ),
            Cause::Breaker => format!(
                "{what} is not used since {}{why}; it is tried again now and then, and at once after `vend check {}`",
                self.since,
                self.target.words()
            ),
        }
    }
}

pub fn key(cause: Cause, target: &Target) -> String {
    format!("{}:{target}", cause.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_its_name() {
        for text in [
            "core",
            "connections/pg-dev",
            "drivers/postgres",
            "recipes/shared",
            "projects/shop/environments/dev/orders/checkout",
        ] {
            assert_eq!(Target::parse(text).map(|it| it.to_string()).as_deref(), Some(text));
        }
        for text in ["", "core/x", "connections/", "connections/A", "projects/shop", "resourceTypes/x"] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }

    #[test]
    fn who_waits_is_told_what_who_since_when_and_what_ends_it() {
        let mut hold = Hold {
            cause: Cause::Pause,
            target: Target::Connection(Name::new("pg-dev").expect("a name")),
            reason: Reason::Paused,
            message: "new disks".into(),
            principal: "token:anna".into(),
            since: Timestamp::ZERO,
        };
        assert_eq!(hold.key(), "pause:connections/pg-dev");
        assert_eq!(
            hold.told(),
            "connection `pg-dev` is paused by token:anna since 1970-01-01T00:00:00.000Z (new disks); \
             `vend resume connection pg-dev` lets it go on"
        );
        hold.target = Target::parse("projects/shop/environments/dev/orders/checkout").expect("an order");
        assert!(hold.told().contains("`vend resume order checkout -p shop -e dev`"), "{}", hold.told());
    }
}
