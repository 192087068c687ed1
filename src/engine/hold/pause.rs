//! Pausing and resuming: what is held is in the store; what is known of it here is only quicker to ask.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::domain::document::Kind;
use crate::domain::event::Audit;
use crate::domain::hold::{Cause, Hold, Target, key};
use crate::domain::name::{Name, OrderName};
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::policy::Action;
use crate::store::{Commit, Site, Write};

use super::circuit::Circuit;
use crate::engine::view::Condition;
use crate::engine::{Engine, Error};

/// All of them are kept in memory. Who would pause more pauses what they have in common.
const MOST_PAUSES: usize = 10_000;

/// What is held, as the store has it.
#[derive(Default)]
pub struct Holds {
    /// One change at a time: the store first, then what is known here.
    pub(in crate::engine) changing: tokio::sync::Mutex<()>,
    /// By key.
    known: RwLock<BTreeMap<String, Hold>>,
    /// Of connections that something is known against.
    pub(in crate::engine) circuits: Mutex<HashMap<Name, Circuit>>,
    /// Names of drivers by their digests, which never mean another.
    drivers: Mutex<HashMap<String, String>>,
    /// Operations may be held by what is no more: true at first, for nobody knows what became of what since the last end.
    kept_needlessly: AtomicBool,
}

impl Holds {
    pub fn new() -> Self {
        Self { kept_needlessly: AtomicBool::new(true), ..Self::default() }
    }

    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    pub(in crate::engine) fn get(&self, key: &str) -> Option<Hold> {
        self.read().get(key).cloned()
    }

    fn pause(&self, target: &Target) -> Option<Hold> {
        self.get(&key(Cause::Pause, target))
    }

    pub(in crate::engine) fn put(&self, hold: Hold) {
        self.write().insert(hold.key(), hold);
    }

    pub(in crate::engine) fn take(&self, key: &str) {
        self.write().remove(key);
        self.look_for_released();
    }

    /// Somebody may wait for nothing.
    pub(in crate::engine) fn look_for_released(&self) {
        self.kept_needlessly.store(true, Ordering::Release);
    }

    /// Whether there is reason to look for those who wait for nothing; asked before they are looked for.
    pub(in crate::engine) fn may_be_kept_needlessly(&self) -> bool {
        self.kept_needlessly.swap(false, Ordering::AcqRel)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Hold>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Hold>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// From here on no attempt of an operation concerned starts; those that run end. What was paused before stays as it was
    /// paused, and is the answer with `true`.
    pub async fn pause(&self, target: Target, why: &str, principal: &Principal) -> Result<(Hold, bool), Error> {
        self.must_exist(&target).await?;
        let _turn = self.holds.changing.lock().await;
        self.reload().await?;
        if let Some(known) = self.holds.pause(&target) {
            return Ok((known, true));
        }
        if self.holds.read().len() >= MOST_PAUSES {
            let message = format!("{MOST_PAUSES} things are paused already");
            let hint = "resume some, or pause the connection that they have in common, or `core`";
            return Err(Refusal::new(Reason::RequestInvalid, message).hint(hint).into());
        }
        let now = self.clock.now();
        let (cause, reason, message) = (Cause::Pause, Reason::Paused, why.to_owned());
        let hold = Hold { cause, target, reason, message, principal: principal.name.clone(), since: now };
        let mut commit = Commit::new(Site::Hold);
        commit.audit.push(self.pause_audit(&hold.target, action(&hold.target).0, why, principal));
        commit.writes.push(Write::Hold(Box::new(hold.clone())));
        self.put(commit).await?;
        tracing::info!(target.name = %hold.target, principal = %principal, "paused");
        self.holds.put(hold.clone());
        Ok((hold, false))
    }

    /// What waited for it is due at once. `None`: it was not paused.
    pub async fn resume(&self, target: &Target, principal: &Principal) -> Result<Option<Hold>, Error> {
        let _turn = self.holds.changing.lock().await;
        self.reload().await?;
        let Some(hold) = self.holds.pause(target) else {
            self.must_exist(target).await?;
            return Ok(None);
        };
        let mut commit = Commit::new(Site::Hold);
        commit.audit.push(self.pause_audit(target, action(target).1, "", principal));
        commit.writes.push(Write::LiftHold { key: hold.key(), time: self.clock.now() });
        self.put(commit).await?;
        tracing::info!(target.name = %target, principal = %principal, "resumed");
        self.holds.take(&hold.key());
        self.look_for_due();
        Ok(Some(hold))
    }

    /// All there is, by key.
    pub fn holds(&self) -> Vec<Hold> {
        self.holds.read().values().cloned().collect()
    }

    /// Brings what is known here up to date with the store.
    pub async fn load_holds(&self) -> Result<(), Error> {
        let _turn = self.holds.changing.lock().await;
        self.reload().await
    }

    /// For whoever has the turn to change something.
    pub(in crate::engine) async fn reload(&self) -> Result<(), Error> {
        let stored: BTreeMap<String, Hold> =
            self.store.holds().await?.into_iter().map(|hold| (hold.key(), hold)).collect();
        let mut known = self.holds.write();
        let lifted = known.keys().any(|key| !stored.contains_key(key));
        *known = stored;
        drop(known);
        self.adjust_circuits();
        if lifted {
            self.holds.look_for_released();
        }
        Ok(())
    }

    async fn must_exist(&self, target: &Target) -> Result<(), Error> {
        let exists = match target {
            Target::Core => true,
            Target::Connection(name) => self.store.document(Kind::Connection, "", name.as_str()).await?.is_some(),
            Target::Recipe(name) => self.store.document(Kind::Recipe, "", name.as_str()).await?.is_some(),
            Target::Order(name) => self.store.order(name).await?.is_some(),
            Target::Driver(name) => self.store.drivers().await?.iter().any(|it| it.description.name == name.as_str()),
        };
        if exists {
            return Ok(());
        }
        Err(Refusal::new(Reason::NotFound, format!("there is no `{target}`")).into())
    }

    fn pause_audit(&self, target: &Target, action: Action, why: &str, principal: &Principal) -> Audit {
        let now = self.clock.now();
        Audit::allowed(principal, target.project(), action.as_str(), &target.to_string(), now, &*self.entropy)
            .because(why)
    }

    /// The pause that whatever is made with this pin for this order has to wait for.
    pub(in crate::engine) async fn pause_on(&self, order: &OrderName, pin: &Pin) -> Result<Option<Hold>, Error> {
        if self.holds.is_empty() {
            return Ok(None);
        }
        let mut targets = vec![Target::Core, Target::Order(order.clone()), Target::Recipe(pin.recipe.clone())];
        targets.extend(pin.connections.values().cloned().map(Target::Connection));
        if let Some(Ok(name)) = self.driver_name(&pin.driver_digest).await?.map(Name::new) {
            targets.push(Target::Driver(name));
        }
        Ok(targets.iter().find_map(|target| self.holds.pause(target)))
    }

    async fn driver_name(&self, digest: &str) -> Result<Option<String>, Error> {
        let known = |names: &Mutex<HashMap<String, String>>| {
            names.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
        };
        if let Some(name) = known(&self.holds.drivers) {
            return Ok(Some(name));
        }
        let Some(record) = self.store.driver(digest).await? else { return Ok(None) };
        let name = record.description.name;
        let mut names = self.holds.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(digest.to_owned(), name.clone());
        Ok(Some(name))
    }

    /// `Paused` and `CircuitOpen`, as far as they hold of this very thing, or of all.
    pub fn held_conditions(&self, target: &Target) -> Vec<Condition> {
        let breaker = self.holds.get(&key(Cause::Breaker, target));
        let pause = self.holds.pause(target).or_else(|| self.holds.pause(&Target::Core));
        pause.iter().chain(&breaker).map(condition).collect()
    }

    /// Likewise of something that is made with this pin for this order.
    pub async fn held_resource(&self, order: &OrderName, pin: &Pin) -> Result<Vec<Condition>, Error> {
        let pause = self.pause_on(order, pin).await?;
        let breaker = |name: &Name| self.holds.get(&key(Cause::Breaker, &Target::Connection(name.clone())));
        let breakers: Vec<_> = pin.shared().filter_map(breaker).collect();
        Ok(pause.iter().chain(breakers.first()).map(condition).collect())
    }
}

fn condition(hold: &Hold) -> Condition {
    let kind = match hold.cause {
        Cause::Pause => "Paused",
        Cause::Breaker => "CircuitOpen",
        Cause::Suspect => "Unverified",
    };
    Condition { kind, status: true, reason: hold.reason.to_string(), message: hold.told(), since: Some(hold.since) }
}

/// What pausing and resuming this asks.
fn action(target: &Target) -> (Action, Action) {
    match target {
        Target::Core => (Action::SystemPause, Action::SystemResume),
        Target::Connection(_) | Target::Recipe(_) => (Action::DocumentsPause, Action::DocumentsResume),
        Target::Driver(_) => (Action::DriversPause, Action::DriversResume),
        Target::Order(_) => (Action::OrdersPause, Action::OrdersResume),
    }
}
