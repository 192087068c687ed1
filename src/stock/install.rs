//! Installing and removing drivers.

use std::sync::Arc;

use semver::Version;

use crate::domain::document::{Manifest, Recipe};
use crate::domain::driver::DriverRecord;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::requirement::Requirement;
use crate::driver::{Driver, LoadError};
use crate::store::{Commit, Site, Write};

use super::records::counted;
use super::requirement::newest;
use super::{Error, Stock};

impl Stock {
    /// Loads everything that is installed; from the compile cache where that has it. Answers with how many there are.
    pub async fn load(&self) -> Result<usize, Error> {
        let records = self.store.drivers().await?;
        for record in &records {
            if let Err(error) = self.driver(&record.digest).await {
                tracing::error!(driver = %record.description.name, digest = %record.digest, "cannot load a driver: {error}");
            }
        }
        Ok(self.drivers_loaded().await)
    }

    pub async fn drivers_loaded(&self) -> usize {
        self.drivers.read().await.len()
    }

    /// The driver of this digest, ready to run.
    pub async fn driver(&self, digest: &str) -> Result<Arc<Driver>, Error> {
        if let Some(driver) = self.drivers.read().await.get(digest) {
            return Ok(driver.clone());
        }
        let missing = || Refusal::new(Reason::NotFound, format!("no driver with digest {digest} is installed"));
        let record = self.store.driver(digest).await?.ok_or_else(missing)?;
        let bytes = self.store.component(digest).await?.ok_or_else(missing)?;
        let driver = Arc::new(self.load_component(bytes).await?);
        same_as_installed(&record, &driver)?;
        self.drivers.write().await.insert(digest.to_owned(), driver.clone());
        Ok(driver)
    }

    async fn load_component(&self, bytes: Vec<u8>) -> Result<Driver, Error> {
        self.runtime.load(bytes).await.map_err(|error| invalid(&error).into())
    }

    /// Checks, compiles and records a component. True if that very component was there before. Another component under a name and
    /// version that is taken is refused: what is ordered next would be made by it, and nobody had said so.
    pub async fn install(&self, bytes: Vec<u8>, principal: &Principal) -> Result<(DriverRecord, bool), Error> {
        let driver = self.load_component(bytes.clone()).await?;
        // One at a time, from the look at what is there until it is there.
        let _turn = self.installing.lock().await;
        if let Some(record) = self.store.driver(driver.digest()).await? {
            return Ok((record, true));
        }
        untaken(&driver, &self.store.drivers().await?)?;
        let now = self.clock.now();
        let record = DriverRecord {
            digest: driver.digest().to_owned(),
            description: driver.description().clone(),
            imports: driver.imports().to_vec(),
            size_bytes: bytes.len() as u64,
            version: 1,
            principal: principal.name.clone(),
            create_time: now,
            update_time: now,
        };
        let mut commit = Commit::new(Site::Driver);
        commit.writes.push(Write::Component { digest: record.digest.clone(), bytes });
        commit.writes.push(Write::Driver(Box::new(record.clone())));
        commit.audit.push(self.audit(principal, "", "drivers.install", &record.digest));
        self.store.commit(commit).await?;
        self.drivers.write().await.insert(record.digest.clone(), Arc::new(driver));
        Ok((record, false))
    }

    /// Refused while a resource is pinned to it, or a recipe would be left without a driver.
    pub async fn uninstall(&self, digest: &str, principal: &Principal) -> Result<(), Error> {
        let missing = || Refusal::new(Reason::NotFound, format!("no driver with digest {digest} is installed"));
        let record = self.store.driver(digest).await?.ok_or_else(missing)?;
        let (count, names) = self.store.driver_users(digest).await?;
        if count > 0 {
            let message = format!(
                "{} driver `{}@{}`: {}",
                counted(count, "is pinned to", "are pinned to"),
                record.description.name,
                record.description.version,
                names.join(", ")
            );
            return Err(Refusal::new(Reason::InUse, message).hint("delete those orders first").into());
        }
        let others: Vec<_> = self.store.drivers().await?.into_iter().filter(|other| other.digest != digest).collect();
        for recipe in self.recipes().await?.iter() {
            let Manifest::Recipe(Recipe { driver: Some(driver), .. }) = &recipe.manifest else { continue };
            let Ok(requirement) = Requirement::parse(driver) else { continue };
            let one = std::slice::from_ref(&record);
            if newest(&requirement, one).is_ok() && newest(&requirement, &others).is_err() {
                let message =
                    format!("recipe `{}` needs a driver `{driver}`, and this is the only one", recipe.manifest.name());
                return Err(Refusal::new(Reason::InUse, message).hint("delete the recipe first").into());
            }
        }
        let mut commit = Commit::new(Site::Driver);
        commit.writes.push(Write::DeleteDriver { digest: digest.to_owned(), time: self.clock.now() });
        commit.audit.push(self.audit(principal, "", "drivers.uninstall", digest));
        self.store.commit(commit).await?;
        self.drivers.write().await.remove(digest);
        Ok(())
    }

    /// The newest installed driver that fulfils a recipe's requirement.
    pub(super) async fn find_required(&self, requirement: &str) -> Result<DriverRecord, Error> {
        let unresolved = |message: String| Refusal::new(Reason::UnresolvedReference, message);
        let parsed = Requirement::parse(requirement).map_err(|error| unresolved(error.to_string()))?;
        let installed = self.installed().await?;
        let found = newest(&parsed, &installed).cloned();
        Ok(found
            .map_err(|missing| unresolved(missing.to_string()).hint("install it with `vend driver install FILE`"))?)
    }
}

/// A driver is known by its digest; by its name and version people know it, and these mean one component.
fn untaken(driver: &Driver, installed: &[DriverRecord]) -> Result<(), Refusal> {
    let (name, text) = (&driver.description().name, &driver.description().version);
    let version = |text: &str| Version::parse(text).ok();
    let same = |other: &&DriverRecord| {
        let versions = (version(&other.description.version), version(text));
        other.description.name == *name
            && match versions {
                (Some(theirs), Some(ours)) => theirs.cmp_precedence(&ours).is_eq(),
                _ => other.description.version == *text,
            }
    };
    let Some(other) = installed.iter().find(same) else { return Ok(()) };
    let message = format!("driver `{name}@{text}` is installed already, and is another component: {}", other.digest);
    Err(Refusal::new(Reason::AlreadyExists, message)
        .hint("give this one a higher version, or uninstall the other one first"))
}

/// What was looked at when a driver was installed is what it has to be when it runs.
fn same_as_installed(record: &DriverRecord, driver: &Driver) -> Result<(), Refusal> {
    if record.description == *driver.description() {
        return Ok(());
    }
    let (name, version) = (&record.description.name, &record.description.version);
    let message = format!("driver `{name}@{version}` does not describe itself as it did when it was installed");
    Err(Refusal::new(Reason::DriverInvalid, message).hint("uninstall it, and install a version that does"))
}

fn invalid(error: &LoadError) -> Refusal {
    match error {
        LoadError::Describe(failure) => Refusal::new(Reason::DriverInvalid, format!("{error}: {failure}")),
        LoadError::Description { violations } => {
            Refusal::new(Reason::DriverInvalid, "describe returned no valid description").violations(violations.clone())
        }
        LoadError::ForeignImport { import, hint } => Refusal::new(
            Reason::DriverInvalid,
            format!("the component imports `{import}`, which is not given to drivers"),
        )
        .hint(*hint),
        LoadError::NotWasm | LoadError::NoLifecycle { .. } => Refusal::new(Reason::DriverInvalid, error.to_string())
            .hint("a driver is a component of the world `vend:driver/driver`, built for wasm32-wasip2"),
        _ => Refusal::new(Reason::DriverInvalid, error.to_string()),
    }
}
