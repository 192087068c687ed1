//! Letting a resource go by itself: its record goes, its object stays as it is. Asks no backend, which may be gone for good.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::effect::Effect;
use crate::domain::event::Audit;
use crate::domain::id::ResourceId;
use crate::domain::operation::{Operation, OperationState, OperationVerb};
use crate::domain::plan::PlannedAction;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::engine::journal::tally;
use crate::engine::{Engine, Error};
use crate::store::{self, Commit, Site, Write};

use super::protect;

/// How often a commit is tried again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;

/// How often, and how long apart, what is being worked on is looked at before the request is refused: two seconds.
const BUSY_TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

impl Engine {
    /// The resource as it was. Operations on it end; its order does without it.
    pub async fn let_go(&self, id: &ResourceId, etag: Option<u64>, principal: &Principal) -> Result<Resource, Error> {
        for _ in 0..CONFLICT_TRIES {
            let Some(resource) = self.store.resource(id).await? else {
                return Err(Refusal::new(Reason::NotFound, format!("there is no resource `{id}`")).into());
            };
            if etag.is_some_and(|etag| etag != resource.version) {
                let message = format!("{} has changed: its etag is now \"{}\"", resource.name, resource.version);
                return Err(Refusal::new(Reason::EtagMismatch, message).hint("get it again and decide anew").into());
            }
            self.may_go(&resource).await?;
            match self.put(self.released(&resource, principal).await?).await {
                Ok(()) => {
                    self.look_for_due();
                    return Ok(resource);
                }
                Err(store::Error::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("resource `{id}` keeps changing; ask again")).into())
    }

    async fn may_go(&self, resource: &Resource) -> Result<(), Error> {
        let key = &resource.name.key;
        if resource.care.protect {
            protect::refuse(&[(key.clone(), PlannedAction::Release)])?;
        }
        if let Some(alias) = self.store.aliases_of(&resource.id, 1).await?.first() {
            let message = format!("`{key}` cannot be released: `{}` is the same resource", alias.name.short());
            return Err(Refusal::new(Reason::ResourceHasDependants, message)
                .hint("take the other entries out of their orders first; the last one can be released")
                .into());
        }
        let others = self.existing(&resource.name.order).await?;
        let referrers: Vec<_> =
            others.values().filter(|it| it.refers_to(&resource.id)).map(|it| format!("`{}`", it.name.key)).collect();
        if !referrers.is_empty() {
            let verb = if referrers.len() == 1 { "refers" } else { "refer" };
            let names = referrers.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
            let message = format!("`{key}` cannot be released: {names} {verb} to it");
            return Err(Refusal::new(Reason::ResourceHasDependants, message)
                .hint("take those references out of the order and apply it, or release them first")
                .into());
        }
        // What an attempt writes meanwhile would be on no record.
        if !self.is_left_alone(&resource.id).await {
            let message = format!("`{key}` is being worked on at this moment");
            return Err(Refusal::new(Reason::ConcurrentOperation, message)
                .hint("ask again in a moment; `vend cancel OP` ends what keeps it")
                .into());
        }
        Ok(())
    }

    /// Whether nobody works on it; short attempts, and looks at what has to wait, are waited for.
    async fn is_left_alone(&self, id: &ResourceId) -> bool {
        for _ in 0..BUSY_TRIES {
            if !self.busy.lock().expect("nothing panics while holding it").contains(id.as_str()) {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    async fn released(&self, resource: &Resource, principal: &Principal) -> Result<Commit, Error> {
        let now = self.clock.now();
        let mut commit = Commit::new(Site::Operation);
        for open in self.store.open_operations(&resource.id).await? {
            let after = ended(&open, principal, now);
            commit.writes.extend(tally(&after, open.state, now));
            if open.awaits > 0 {
                commit.writes.push(Write::Await { operation: Box::new(open.clone()), related: Vec::new() });
            }
            commit.writes.push(Write::Operation(Box::new(after)));
        }
        let name = &resource.name.order;
        commit.writes.push(Write::DeleteResource { id: resource.id.clone(), version: resource.version, time: now });
        if let Some(order) = self.store.order(name).await? {
            let order = self.without(order, &BTreeSet::from([resource.name.key.as_str()]))?;
            commit.writes.push(Write::Order(Box::new(order)));
            commit.writes.push(Write::SweepOrder { name: name.clone(), time: now });
        }
        let external_id = resource.object.as_ref().and_then(|it| it.external_id.clone()).unwrap_or_default();
        let full = resource.name.to_string();
        let audit = Audit::allowed(principal, name.project.as_str(), "resources.release", &full, now, &*self.entropy);
        commit.audit.push(audit.because(&format!("{} {external_id}", resource.resource_type)));
        Ok(commit)
    }
}

/// What was to be deleted is let go instead; anything else ends as it stands.
fn ended(open: &Operation, principal: &Principal, now: Timestamp) -> Operation {
    let mut after = Operation {
        version: open.version + 1,
        update_time: now,
        end_time: Some(now),
        held: None,
        continuation: None,
        message: format!("{principal} has released the resource"),
        ..open.clone()
    };
    (after.verb, after.state, after.reason) = match open.effect {
        _ if open.verb.removes() => (OperationVerb::Release, OperationState::Succeeded, None),
        Effect::Unknown => (open.verb, OperationState::Failed, Some(Reason::Cancelled)),
        _ => (open.verb, OperationState::Cancelled, Some(Reason::Cancelled)),
    };
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::Role;
    use crate::engine::testing::operation;

    #[test]
    fn what_is_at_work_on_it_ends_and_says_what_is_known() {
        let anna = Principal { name: "token:anna".into(), roles: vec![Role::Infra] };
        use OperationState::{Cancelled, Failed, Succeeded};
        for (verb, effect, state, after_verb) in [
            (OperationVerb::Delete, Effect::Unknown, Succeeded, OperationVerb::Release),
            (OperationVerb::Update, Effect::Unknown, Failed, OperationVerb::Update),
            (OperationVerb::Create, Effect::Applied, Cancelled, OperationVerb::Create),
        ] {
            let open = Operation { effect, ..operation(verb) };
            let after = ended(&open, &anna, Timestamp::from_ms(5));
            assert_eq!((after.state, after.verb, after.effect), (state, after_verb, effect), "{verb:?}");
            assert!(after.message.contains("token:anna"), "{}", after.message);
        }
    }
}
