//! Which driver a recipe asks for: `NAME` or `NAME@REQUIREMENT`.

use std::fmt;

use semver::{Version, VersionReq};

use super::name::{self, Name};

/// A driver's name and the versions that will do, written as Cargo writes them: `postgres@^0.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub driver: Name,
    /// Without one, every version that is no pre-release.
    pub versions: VersionReq,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error(transparent)]
    Name(#[from] name::Invalid),
    #[error("`{0}` is no version requirement: write it as in `postgres@^0.1` or `postgres@=1.2.3`")]
    Versions(String),
}

impl Requirement {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let Some((driver, versions)) = text.split_once('@') else {
            return Ok(Self { driver: Name::new(text)?, versions: VersionReq::STAR });
        };
        let driver = Name::new(driver)?;
        let parsed = VersionReq::parse(versions).map_err(|_| Invalid::Versions(versions.to_owned()))?;
        Ok(Self { driver, versions: parsed })
    }

    /// Whether `version` of `driver` will do. A pre-release does only where the requirement names one.
    pub fn accepts(&self, driver: &str, version: &Version) -> bool {
        self.driver.as_str() == driver && self.versions.matches(version)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions == VersionReq::STAR {
            return write!(f, "{}", self.driver);
        }
        write!(f, "{}@{}", self.driver, self.versions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_accepts_what_cargo_would() {
        let accepts = |text: &str, version: &str| {
            let version = Version::parse(version).expect("a version");
            Requirement::parse(text).expect("a requirement").accepts("postgres", &version)
        };
        for (requirement, version, expected) in [
            ("postgres", "0.0.1", true),
            ("postgres", "1.0.0-rc.1", false),
            ("postgres@^0.1", "0.1.9", true),
            ("postgres@^0.1", "0.2.0", false),
            ("postgres@=1.2.3", "1.2.4", false),
            ("postgres@>=1, <2", "1.9.0", true),
            ("postgres@1.0.0-rc.1", "1.0.0-rc.2", true),
            ("other", "1.0.0", false),
        ] {
            assert_eq!(accepts(requirement, version), expected, "{requirement} {version}");
        }
    }

    #[test]
    fn what_is_no_requirement_is_named() {
        for (text, expected) in [
            ("postgres@", "`` is no version requirement"),
            ("postgres@new", "`new` is no version requirement"),
            ("Postgres@1", "`Postgres` is no name"),
            ("", "`` is no name"),
        ] {
            let error = Requirement::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
