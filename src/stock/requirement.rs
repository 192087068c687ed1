//! The installed driver that a recipe means.

use semver::Version;

use crate::domain::driver::DriverRecord;
use crate::domain::requirement::Requirement;

/// No installed driver will do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("no driver `{driver}` is installed")]
    Driver { driver: String },
    #[error("no installed version of driver `{driver}` meets `{requirement}`: installed are {installed}")]
    Version { driver: String, requirement: String, installed: String },
}

/// The highest version that meets `requirement`; of several components of one version the one installed last.
pub fn newest<'a>(requirement: &Requirement, installed: &'a [DriverRecord]) -> Result<&'a DriverRecord, Missing> {
    let of_driver = || installed.iter().filter(|it| it.description.name == requirement.driver.as_str());
    let best = of_driver()
        .filter_map(|it| Some((Version::parse(&it.description.version).ok()?, it)))
        .filter(|(version, it)| requirement.accepts(&it.description.name, version))
        .max_by(|(a, x), (b, y)| (a, x.create_time, &x.digest).cmp(&(b, y.create_time, &y.digest)));
    if let Some((_, best)) = best {
        return Ok(best);
    }
    let driver = requirement.driver.to_string();
    let mut versions: Vec<&str> = of_driver().map(|it| it.description.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    match versions.is_empty() {
        true => Err(Missing::Driver { driver }),
        false => Err(Missing::Version {
            driver,
            requirement: requirement.versions.to_string(),
            installed: versions.join(", "),
        }),
    }
}
