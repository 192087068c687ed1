//! What an upgrade moves resources to.

use std::fmt;

use semver::Version;

use super::name::Name;
use super::requirement::{self, Requirement};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Towards {
    /// What would make them if they were ordered now.
    #[default]
    Current,
    /// This recipe as it was at this revision, with the newest driver that it asks for.
    Recipe { name: Name, revision: u64 },
    /// The same recipe with another version of its driver.
    Driver(Requirement),
}

impl Towards {
    /// Empty, `RECIPE@REVISION` with a whole number, or `DRIVER@VERSION`, where a version without an operator is that very one.
    pub fn parse(text: &str) -> Result<Self, requirement::Invalid> {
        if text.is_empty() {
            return Ok(Towards::Current);
        }
        let (name, version) = text.split_once('@').unwrap_or((text, ""));
        if let Ok(revision) = version.parse() {
            return Ok(Towards::Recipe { name: Name::new(name)?, revision });
        }
        let exact = Version::parse(version).is_ok();
        let requirement = format!("{name}@{}{version}", if exact { "=" } else { "" });
        Ok(Towards::Driver(Requirement::parse(&requirement)?))
    }
}

impl fmt::Display for Towards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Towards::Current => Ok(()),
            Towards::Recipe { name, revision } => write!(f, "{name}@{revision}"),
            Towards::Driver(requirement) => requirement.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_a_revision_and_a_version_is_that_very_one() {
        for (text, expected) in [
            ("", Some("")),
            ("shared@4", Some("shared@4")),
            ("postgres@0.1.2", Some("postgres@=0.1.2")),
            ("postgres@^0.1", Some("postgres@^0.1")),
            ("shared", None),
            ("shared@", None),
            ("@4", None),
            ("Shared@4", None),
            ("shared@new", None),
        ] {
            let parsed = Towards::parse(text).ok().map(|it| it.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
        assert!(matches!(Towards::parse("shared@4"), Ok(Towards::Recipe { revision: 4, .. })));
    }
}
