//! Finding out what became of what a backup brought: the driver of each resource is asked, and backends are asked for what nobody has
//! on record. Nothing is changed at a backend; what is found there without a record is told, and left alone.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::sync::mpsc;

use crate::domain::contract::{Answer, Call, ErrorKind, Finding as Found};
use crate::domain::description::Identity;
use crate::domain::event::Audit;
use crate::domain::id::ResourceId;
use crate::domain::name::{Name, ResourceName};
use crate::domain::observation::Presence;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, ExternalObject, Resource};
use crate::domain::suspect::{Finding, Restored, Suspect};
use crate::driver::Failure;
use crate::stock::Offer;
use crate::store::{self, Commit, Site, Write};

use super::discover::Listed;
use super::suspect::{Going, hold_key, is_looked_for};
use crate::engine::prepare::key_retention_ms;
use crate::engine::{Engine, Error};

const PAGE: u32 = 256;
/// Resources looked at at once.
const ABREAST: usize = 16;
/// How often a look is made again because a record was changed meanwhile.
const CONFLICT_TRIES: u32 = 4;
/// So long a backend is given to show what was done to it before; what takes longer is for the next time.
const PATIENCE_MS: u64 = 30_000;

/// What verification has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Resource(SeenResource),
    Orphan(Orphan),
    /// Objects of this type were not listed: orphans of it would not be told.
    Unlisted(Unlisted),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SeenResource {
    pub name: ResourceName,
    pub id: ResourceId,
    pub resource_type: Name,
    pub external_id: Option<String>,
    pub finding: Finding,
    /// Operations on it still wait.
    pub open: bool,
    pub detail: String,
}

/// An object that carries the core's own label, and is on no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    pub resource_type: Name,
    /// That it was found over.
    pub connections: Vec<Name>,
    pub external_id: String,
    /// As its label says.
    pub resource: Option<String>,
    pub summary: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    pub resource_type: Name,
    pub driver: String,
    pub connections: Vec<Name>,
    /// It should have been possible.
    pub failed: bool,
    pub detail: String,
}

/// What a look came to.
struct Look {
    finding: Finding,
    detail: String,
    external_id: Option<String>,
    /// `None`: not known well enough to go on.
    going: Option<Going>,
}

impl Engine {
    /// Looks at everything that is still suspected, and tells of all that the backup brought. May be broken off and made again: what
    /// was looked at stays so. `trusted`: resources that a person has looked at.
    pub async fn verify(
        &self,
        trusted: &[ResourceId],
        principal: &Principal,
        tell: &mpsc::Sender<Seen>,
    ) -> Result<(), Error> {
        let Some(restored) = self.store.restored() else {
            let refusal =
                Refusal::new(Reason::RequestInvalid, "this store was never restored: there is nothing to verify");
            return Err(refusal.hint("`vend refresh` compares a resource with its backend").into());
        };
        let _turn = self.verifying.try_lock().map_err(|_| {
            let refusal = Refusal::new(Reason::ConcurrentOperation, "somebody else is verifying");
            refusal.hint("try again when that is done")
        })?;
        for id in trusted {
            self.trust(id, principal).await?;
        }
        let mut commit = Commit::new(Site::Audit);
        commit.audit.push(self.verify_audit("", "backups.verify", self.store.core_id().as_str(), principal));
        self.put(commit).await?;
        let listed = self.list(tell).await?;
        let (mut after, mut open) = (None, 0_u64);
        loop {
            let page = self.store.suspects(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.resource.clone());
            let mut looks = stream::iter(page).map(|suspect| self.one(suspect, &restored, &listed)).buffered(ABREAST);
            while let Some(seen) = looks.next().await {
                let Some(seen) = seen? else { continue };
                open += u64::from(seen.open);
                if tell.send(Seen::Resource(seen)).await.is_err() {
                    return Ok(());
                }
            }
        }
        if open == 0 {
            self.lift().await?;
        }
        self.look_for_due();
        Ok(())
    }

    /// Nobody is suspected any more.
    async fn lift(&self) -> Result<(), Error> {
        let _turn = self.holds.changing.lock().await;
        self.reload().await?;
        let key = hold_key();
        if self.holds.get(&key).is_none() {
            return Ok(());
        }
        let mut commit = Commit::new(Site::Hold);
        commit.writes.push(Write::LiftHold { key: key.clone(), time: self.clock.now() });
        self.put(commit).await?;
        self.holds.take(&key);
        tracing::info!("all that the backup brought was looked at");
        Ok(())
    }

    /// `None`: it is gone from the records.
    async fn one(&self, suspect: Suspect, restored: &Restored, listed: &Listed) -> Result<Option<SeenResource>, Error> {
        for tried in 1.. {
            let Some(resource) = self.store.resource(&suspect.resource).await? else { return Ok(None) };
            let known = resource.object.as_ref().and_then(|object| object.external_id.clone());
            let told = |finding, open, detail, external_id| SeenResource {
                name: resource.name.clone(),
                id: resource.id.clone(),
                resource_type: resource.resource_type.clone(),
                external_id,
                finding,
                open,
                detail,
            };
            if let (Some(finding), false) = (suspect.finding, suspect.open) {
                return Ok(Some(told(finding, false, suspect.detail, known)));
            }
            let look = self.look_at(&resource, restored, listed).await;
            let mut commit = Commit::new(Site::Operation);
            if let Some(going) = look.going {
                let offer = match resource.pin.is_composite() {
                    true => None,
                    false => Some(self.stock.pinned(&resource.resource_type, &resource.pin).await?),
                };
                let open = self.store.open_operations(&resource.id).await?;
                commit.writes = self.going_on(&resource, open, going, offer.as_ref())?;
            }
            let after = Suspect {
                resource: resource.id.clone(),
                open: look.going.is_none(),
                finding: Some(look.finding),
                detail: look.detail.clone(),
            };
            let project = resource.name.order.project.to_string();
            commit.writes.push(Write::Suspect { project, suspect: Box::new(after) });
            match self.put(commit).await {
                Ok(()) => {
                    let external_id = look.external_id.or(known);
                    return Ok(Some(told(look.finding, look.going.is_none(), look.detail, external_id)));
                }
                Err(store::Error::Conflict { .. }) if tried < CONFLICT_TRIES => {}
                Err(store::Error::Conflict { .. }) => {
                    let detail = "it keeps changing".to_owned();
                    return Ok(Some(told(Finding::Unknown, true, detail, known)));
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(None)
    }

    async fn look_at(&self, resource: &Resource, restored: &Restored, listed: &Listed) -> Look {
        if let Some(others) = listed.strays.get(&resource.id) {
            return Look::unknown(format!("its backend has another object of it: {}", others.join(", ")));
        }
        if let Some(why) = listed.failed(resource) {
            return Look::unknown(format!("what else its backend has of it is not known: {why}"));
        }
        if resource.pin.is_composite() {
            let detail = "it is made of other resources".to_owned();
            return Look::going(Finding::Confirmed, detail, Going::Afresh);
        }
        let offer = match self.stock.pinned(&resource.resource_type, &resource.pin).await {
            Ok(offer) => offer,
            Err(error) => return Look::unknown(error.to_string()),
        };
        let looked = async {
            if let Some(former) = resource.former.as_ref().filter(|object| object.claimed) {
                self.refreshed(resource, former).await?;
            }
            match resource.object.as_ref().filter(|object| object.claimed) {
                Some(object) => self.look_at_recorded(resource, object, restored, &offer).await,
                None => self.look_for(resource, restored, listed, &offer).await,
            }
        };
        match looked.await {
            Ok(look) => look,
            Err(error) => Look::unknown(error.to_string()),
        }
    }

    async fn look_at_recorded(
        &self,
        resource: &Resource,
        object: &ExternalObject,
        restored: &Restored,
        offer: &Offer,
    ) -> Result<Look, Error> {
        let mut refreshed = self.refreshed(resource, object).await?;
        if refreshed.presence == Presence::Absent {
            if let Some(wait) = self.give_time(restored, offer).await {
                return Ok(wait);
            }
            refreshed = self.refreshed(resource, object).await?;
        }
        let drift: Vec<&str> = refreshed.drift.iter().map(|change| change.pointer.as_str()).collect();
        let differs = || format!("differs in {}", drift.join(", "));
        Ok(match refreshed.presence {
            Presence::Absent => self.look_for_successor(resource, object, offer).await,
            _ if !object.complete => Look::going(Finding::Confirmed, "unfinished, as recorded".into(), Going::Afresh),
            Presence::Unready => Look::going(Finding::Changed, "not in working order".into(), Going::Afresh),
            _ if !drift.is_empty() => Look::going(Finding::Changed, differs(), Going::Afresh),
            _ => Look::going(Finding::Confirmed, String::new(), Going::Afresh),
        })
    }

    /// The recorded object is gone: replaced, perhaps.
    async fn look_for_successor(&self, resource: &Resource, object: &ExternalObject, offer: &Offer) -> Look {
        let gone = Look::going(Finding::Gone, "it is not there any more".into(), Going::Afresh);
        if !is_looked_for(offer) {
            return gone;
        }
        match self.find(resource, object.incarnation + 1, offer).await {
            Ok(Found::One(claim)) => {
                let id = claim.external_id.unwrap_or_else(|| "one without an id".into());
                Look::unknown(format!("it is not there any more, and its backend has another object of it: {id}"))
            }
            Ok(Found::Many(ids)) => Look::unknown(format!("its backend has other objects of it: {}", ids.join(", "))),
            Ok(Found::None) => gone,
            Err(Failure::Driver(error)) if error.kind == ErrorKind::Unsupported => gone,
            Err(failure) => Look::unknown(failure.to_string()),
        }
    }

    /// Nothing is on record; something may be there all the same.
    async fn look_for(
        &self,
        resource: &Resource,
        restored: &Restored,
        listed: &Listed,
        offer: &Offer,
    ) -> Result<Look, Error> {
        let identity = offer.type_description().map(|it| it.identity);
        if identity.is_none_or(|identity| identity == Identity::Unsafe) {
            return self.unfindable(resource, restored, listed, offer).await;
        }
        let mut found = self.find(resource, resource.incarnation, offer).await;
        if matches!(found, Ok(Found::None)) {
            if let Some(wait) = self.give_time(restored, offer).await {
                return Ok(wait);
            }
            found = self.find(resource, resource.incarnation, offer).await;
        }
        Ok(match found {
            Ok(Found::None) => {
                Look::going(Finding::Confirmed, "nothing was made yet, as recorded".into(), Going::Afresh)
            }
            Ok(Found::One(claim)) => Look {
                external_id: claim.external_id,
                ..Look::going(Finding::Changed, "it was made since; its operation takes it up".into(), Going::Afresh)
            },
            Ok(Found::Many(ids)) => Look::unknown(format!("several objects may be it: {}", ids.join(", "))),
            Err(Failure::Driver(error)) if error.kind == ErrorKind::Unsupported => {
                self.unfindable(resource, restored, listed, offer).await?
            }
            Err(failure) => Look::unknown(failure.to_string()),
        })
    }

    /// Nothing is on record, and its driver cannot look for it.
    async fn unfindable(
        &self,
        resource: &Resource,
        restored: &Restored,
        listed: &Listed,
        offer: &Offer,
    ) -> Result<Look, Error> {
        let seen = listed.unclaimed.get(&resource.id).map(|ids| format!("; its backend has {}", ids.join(", ")));
        let seen = seen.unwrap_or_default();
        let open = self.store.open_operations(&resource.id).await?;
        if !open.iter().any(|it| !it.verb.removes()) {
            let detail = "nothing is on record, and objects of this type cannot be looked for";
            return Ok(Look::unknown(format!("{detail}{seen}")));
        }
        let until = self.clock.now().plus_ms(offer.limits.time_ms);
        if until < restored.backup_time.plus_ms(key_retention_ms(offer)) {
            let detail = "its create is repeated with the same idempotency key".to_owned();
            return Ok(Look::going(Finding::Confirmed, detail, Going::Keyed));
        }
        let detail = format!("whether it was made since cannot be looked for: its operation waits for a person{seen}");
        Ok(Look::going(Finding::Unknown, detail, Going::Parked))
    }

    async fn find(&self, resource: &Resource, incarnation: u32, offer: &Offer) -> Result<Found, Failure> {
        let host = |error: &dyn std::fmt::Display| Failure::Host(error.to_string());
        let sealer = self.sealer(resource.name.order.project.as_str());
        let desired: Desired = sealer.open_desired(&resource.id, &resource.desired).map_err(|error| host(&error))?;
        let call = Call::Find(self.input(resource, incarnation, desired, None));
        match self.observe(resource, call, offer).await? {
            Answer::Found(found) => Ok(found),
            other => Err(Failure::Unfit(format!("{other:?} to find"))),
        }
    }

    /// Until a backend must show what was done before the restoration; what that leaves open, if it is too long to wait.
    async fn give_time(&self, restored: &Restored, offer: &Offer) -> Option<Look> {
        let wait_ms = restored.restore_time.plus_ms(offer.settle_ms()).since_ms(self.clock.now());
        if wait_ms > PATIENCE_MS {
            let seconds = wait_ms.div_ceil(1_000);
            return Some(Look::unknown(format!("its backend may not show it yet: verify again in {seconds} s")));
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        None
    }

    /// A person has looked: its operations begin afresh.
    async fn trust(&self, id: &ResourceId, principal: &Principal) -> Result<(), Error> {
        let missing = || Refusal::new(Reason::NotFound, format!("`{id}` is no resource that the backup brought"));
        let suspect = self.store.suspect(id).await?.ok_or_else(missing)?;
        let resource = self.store.resource(id).await?.ok_or_else(missing)?;
        if !suspect.open {
            return Ok(());
        }
        let offer = self.stock.pinned(&resource.resource_type, &resource.pin).await.ok();
        let open = self.store.open_operations(id).await?;
        let mut commit = Commit::new(Site::Operation);
        commit.writes = self.going_on(&resource, open, Going::Afresh, offer.as_ref())?;
        let project = resource.name.order.project.to_string();
        commit.audit.push(self.verify_audit(&project, "backups.trust", &resource.name.to_string(), principal));
        let after = Suspect {
            open: false,
            finding: Some(suspect.finding.unwrap_or(Finding::Unknown)),
            detail: format!("trusted by {principal}; {}", suspect.detail).trim_end_matches("; ").to_owned(),
            ..suspect
        };
        commit.writes.push(Write::Suspect { project, suspect: Box::new(after) });
        Ok(self.put(commit).await?)
    }

    fn verify_audit(&self, project: &str, action: &str, name: &str, principal: &Principal) -> Audit {
        let now = self.clock.now();
        Audit::allowed(principal, project, action, name, now, &*self.entropy)
    }
}

impl Look {
    fn unknown(detail: String) -> Self {
        Self { finding: Finding::Unknown, detail, external_id: None, going: None }
    }

    fn going(finding: Finding, detail: String, going: Going) -> Self {
        Self { finding, detail, external_id: None, going: Some(going) }
    }
}
