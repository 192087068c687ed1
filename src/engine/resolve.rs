//! A person's word on an operation that stopped for one: go on, begin afresh, or take this object for it.

use serde_json::Value;

use crate::domain::contract::{Answer, Call, Claim, ErrorKind, Input, Observed};
use crate::domain::effect::Effect;
use crate::domain::event::Audit;
use crate::domain::id::OperationId;
use crate::domain::operation::{Operation, OperationState, Stage};
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Resource, ResourceState};
use crate::driver::Failure;
use crate::stock::Offer;
use crate::store::{self, Commit, Paging, Site, Write};

use super::asked::{Asked, refused};
use super::conclude::{Facts, claim_object, mark_begun, next_stage, put_object};
use super::journal::{History, Look, Payload, Place, row, tally};
use super::keep::grace;
use super::step::is_blind;
use super::{Engine, Error};

/// How often a commit is tried again after somebody else changed a record.
const CONFLICT_TRIES: u32 = 8;
/// Children of one order's operation that are retried at once.
const BATCH: u32 = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// As if the cause were mended: from where it stands, with its journal and a new budget.
    GoOn,
    /// With an empty journal; where objects can be looked for, that comes first. `driver`: from now on with this version of it, as
    /// `NAME@REQUIREMENT`.
    Afresh { driver: Option<String> },
    /// The object with this external id is the one that the lost create made.
    Adopt(String),
}

impl Resolution {
    fn action(&self) -> &'static str {
        match self {
            Resolution::GoOn => "operations.retry",
            Resolution::Afresh { .. } => "operations.retry-afresh",
            Resolution::Adopt(_) => "operations.adopt",
        }
    }
}

impl Engine {
    /// Of an order's operation: going on is said to all of its children that wait, the rest to the one that needs a person.
    pub async fn resolve(
        &self,
        id: &OperationId,
        resolution: &Resolution,
        principal: &Principal,
    ) -> Result<Operation, Error> {
        let operation = self.operation(id).await?;
        if operation.resource.is_some() {
            self.resolve_child(id, resolution, principal).await?;
            return self.operation(id).await;
        }
        let waiting = self.waiting_children(&operation).await?;
        let parked: Vec<_> = waiting.iter().filter(|it| it.state == OperationState::NeedsAttention).collect();
        match (resolution, parked.as_slice()) {
            (Resolution::GoOn, _) if waiting.is_empty() => return Err(nothing_waits(&operation).into()),
            (Resolution::GoOn, _) => {
                for child in &waiting {
                    match self.resolve_child(&child.id, resolution, principal).await {
                        // It went on by itself meanwhile.
                        Err(Error::Refused(refusal)) if refusal.reason == Reason::RequestInvalid => {}
                        other => other?,
                    }
                }
            }
            (_, [child]) => self.resolve_child(&child.id, resolution, principal).await?,
            (_, []) => return Err(nothing_waits(&operation).into()),
            (_, several) => {
                let names: Vec<_> =
                    several.iter().take(10).map(|it| format!("{} ({})", it.id, it.resource_key)).collect();
                let message = format!("{} of its resources need a person: {}", several.len(), names.join(", "));
                return Err(Refusal::new(Reason::RequestInvalid, message).hint("name the operation of one").into());
            }
        }
        self.operation(id).await
    }

    async fn waiting_children(&self, parent: &Operation) -> Result<Vec<Operation>, Error> {
        let filter = store::Filter {
            project: Some(parent.order.project.to_string()),
            parent: Some(parent.id.clone()),
            ..store::Filter::default()
        };
        let (mut waiting, mut paging) = (Vec::new(), Paging { limit: BATCH, after: None });
        loop {
            let page = self.store.operations(&filter, &paging).await?;
            // A deletion that was put off is not hurried along with what failed.
            let waits = |it: &Operation| {
                matches!(it.state, OperationState::NeedsAttention | OperationState::Waiting) && !grace::is_kept(it)
            };
            waiting.extend(page.items.into_iter().filter(waits));
            match page.next {
                Some(next) => paging.after = Some(next),
                None => return Ok(waiting),
            }
        }
    }

    async fn resolve_child(
        &self,
        id: &OperationId,
        resolution: &Resolution,
        principal: &Principal,
    ) -> Result<(), Error> {
        for _ in 0..CONFLICT_TRIES {
            let before = self.operation(id).await?;
            check(&before, resolution)?;
            let resource = match &before.resource {
                Some(resource) => self.store.resource(resource).await?,
                None => None,
            };
            let Some(resource) = resource else {
                return Err(Refusal::new(Reason::NotFound, format!("the resource of `{id}` is gone")).into());
            };
            let mut commit = Commit::new(Site::Operation);
            let (mut after, mut resource) = match resolution {
                Resolution::GoOn => (before.clone(), resource),
                _ => self.resolved(&before, resource, resolution, principal, &mut commit).await?,
            };
            let now = self.clock.now();
            if before.state == OperationState::NeedsAttention {
                after.attempts = 0;
                after.state = OperationState::Waiting;
                resource.state = match resource.state {
                    ResourceState::AttentionRequired => ResourceState::Pending,
                    other => other,
                };
                (resource.reason, resource.message) = (None, String::new());
                resource.version += 1;
                resource.update_time = now;
                commit.writes.push(Write::Resource(Box::new(resource)));
            }
            after.due = now;
            after.update_time = now;
            after.version = before.version + 1;
            commit.writes.extend(tally(&after, before.state, now));
            commit.writes.push(Write::Operation(Box::new(after)));
            commit.audit.push(
                Audit::allowed(
                    principal,
                    before.order.project.as_str(),
                    resolution.action(),
                    before.id.as_str(),
                    now,
                    &*self.entropy,
                )
                .because(&before.message),
            );
            match self.put(commit).await {
                Ok(()) => {
                    self.look_for_due();
                    return Ok(());
                }
                Err(store::Error::Conflict { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("operation `{id}` keeps changing; ask again")).into())
    }

    /// The records in a new step, and in `commit` the row that tells why.
    async fn resolved(
        &self,
        before: &Operation,
        mut resource: Resource,
        resolution: &Resolution,
        principal: &Principal,
        commit: &mut Commit,
    ) -> Result<(Operation, Resource), Error> {
        let offer = match resolution {
            Resolution::Afresh { driver: Some(driver) } => {
                let (offer, pin) = self.stock.repinned(&resource.resource_type, &resource.pin, driver).await?;
                resource.pin = pin;
                offer
            }
            _ => self.stock.pinned(&resource.resource_type, &resource.pin).await?,
        };
        let history = self.history(before).await?;
        let call = match &history.call {
            Some(call) => call.clone(),
            None => self.call(&resource, before, before.stage)?,
        };
        let now = self.clock.now();
        let facts = Facts {
            call: &call,
            state_version: offer.driver.description().state_version,
            settle_ms: 0,
            unshown_ms: 0,
            effect: None,
            now,
            sealer: self.sealer(before.order.project.as_str()),
        };
        let mut after = before.clone();
        let (how, applied, words) = match resolution {
            Resolution::Adopt(external_id) => {
                match self.adopted(&resource, &call, external_id, &offer).await? {
                    Some(Observed { object, params }) => {
                        let params = made_as_asked(params, &call, &offer, external_id)?;
                        put_object(&mut resource, object, Some(params), &facts);
                        next_stage(&mut after, Stage::Decide);
                    }
                    // A driver that cannot adopt can still complete what a claim shows.
                    None => {
                        let claim = Claim { external_id: Some(external_id.clone()), state: serde_json::json!({}) };
                        claim_object(&mut resource, &claim, &call, &facts.sealer);
                        next_stage(&mut after, Stage::Create);
                    }
                }
                after.effect = Effect::Applied;
                ("adopt", true, format!("{principal} says that it is {external_id}"))
            }
            Resolution::Afresh { .. } | Resolution::GoOn => {
                begin_afresh(&mut resource, &mut after, &offer, &history, &facts);
                after.driver_digest = resource.pin.driver_digest.clone();
                let described = offer.driver.description();
                let words = format!("{principal} has it begun afresh by {}@{}", described.name, described.version);
                ("afresh", false, words)
            }
        };
        let seq = history.past.unanswered.first().map_or(0, |doubt| doubt.seq);
        let from = history.replayed();
        let look = Look { how: how.into(), seq, from, time: now, applied: Some(applied), message: words };
        let place = Place { operation: before, attempt: history.attempts + 1, position: 0 };
        commit.writes.push(row(&self.keyring, &*self.entropy, place, now, &[Payload::Look(look)]));
        Ok((after, resource))
    }

    /// `None`: the driver cannot adopt.
    async fn adopted(
        &self,
        resource: &Resource,
        call: &Call,
        external_id: &str,
        offer: &Offer,
    ) -> Result<Option<Observed>, Error> {
        let (order, key, id) = (&resource.name.order, &resource.name.key, &resource.id);
        let class = resource.class.as_ref();
        let asked = Asked { order, key, class, offer, id, existing: Some(resource), apart: false };
        let input = call.input().cloned().map(|input| Input { prior: None, continuation: None, ..input });
        let Some(input) = input else { return Ok(None) };
        match self.observe(resource, Call::Adopt { input, external_id: external_id.to_owned() }, offer).await {
            Ok(Answer::Adopted(observed)) => Ok(Some(observed)),
            Ok(other) => Err(super::asked::unfit(&asked, &format!("{other:?} to adopt")).into()),
            Err(Failure::Driver(error)) if error.kind == ErrorKind::Unsupported => Ok(None),
            Err(failure) => Err(refused(&asked, &failure).into()),
        }
    }
}

/// The params of an adopted object, with those that are chosen only once as the lost create asked them: were another value recorded, the next
/// step would remove the object for it. One that differs is not the object that the create made.
fn made_as_asked(mut seen: Value, call: &Call, offer: &Offer, external_id: &str) -> Result<Value, Refusal> {
    let Some(input) = call.input() else { return Ok(seen) };
    for pointer in offer.type_description().iter().flat_map(|described| &described.create_only) {
        match (seen.pointer(pointer), input.params.pointer(pointer)) {
            (Some(has), Some(asked)) if has != asked => {
                let message = format!("`{external_id}` has {has} at {pointer}, and the lost create asked for {asked}");
                return Err(Refusal::new(Reason::RequestInvalid, message).hint("adopt the object that it made"));
            }
            (_, asked) => put(&mut seen, pointer, asked.cloned()),
        }
    }
    Ok(seen)
}

/// Sets or removes a member; what leads there and is no object stays as it is.
fn put(value: &mut Value, pointer: &str, member: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    let Some(Value::Object(parent)) = value.pointer_mut(parent) else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match member {
        Some(member) => drop(parent.insert(name, member)),
        None => drop(parent.remove(&name)),
    }
}

/// With an empty journal. Where objects of the type can be looked for, what an earlier attempt may have made is looked for first;
/// where they cannot, a person has said that there is none.
fn begin_afresh(
    resource: &mut Resource,
    operation: &mut Operation,
    offer: &Offer,
    history: &History,
    facts: &Facts<'_>,
) {
    let claimed = resource.object.as_ref().is_some_and(|object| object.claimed);
    // The driver was asked to look, and cannot.
    let in_vain = operation.stage == Stage::Find && operation.reason == Some(Reason::CreateOutcomeUnknown);
    if matches!(operation.stage, Stage::Create | Stage::Find) && !claimed {
        if is_blind(offer) || in_vain {
            resource.object = None;
        } else {
            mark_begun(resource, operation, facts);
        }
    }
    operation.effect = match history.past.unanswered.is_empty() {
        true => history.effect(),
        false => history.before.max(crate::capability::replay::known(&history.past.history)),
    };
    next_stage(operation, Stage::Decide);
}

fn check(operation: &Operation, resolution: &Resolution) -> Result<(), Refusal> {
    let refuse = |why: &str, hint: &str| {
        let message = format!("operation `{}` is {}{why}", operation.id, operation.state.as_str());
        Err(Refusal::new(Reason::RequestInvalid, message).hint(hint))
    };
    match (operation.state, resolution) {
        (state, _) if state.is_terminal() => refuse(" already", "apply its order again"),
        (OperationState::NeedsAttention, Resolution::Adopt(id)) if id.trim().is_empty() => {
            Err(Refusal::new(Reason::RequestInvalid, "the id of the object to adopt is empty"))
        }
        (OperationState::NeedsAttention, Resolution::Adopt(_))
            if !matches!(operation.stage, Stage::Create | Stage::Find) =>
        {
            refuse(
                &format!(" in its stage `{}`, which makes no object", operation.stage.as_str()),
                "`--retry` begins afresh, `--abandon` gives it up",
            )
        }
        (OperationState::NeedsAttention, _) | (OperationState::Waiting, Resolution::GoOn) => Ok(()),
        (_, Resolution::GoOn) => refuse(": there is nothing to retry", "`vend wait` follows it"),
        _ => refuse(" and needs no person", "`vend wait` follows it"),
    }
}

fn nothing_waits(operation: &Operation) -> Refusal {
    let message = format!("no resource of operation `{}` waits: it is {}", operation.id, operation.state.as_str());
    Refusal::new(Reason::RequestInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_member_is_put_where_its_pointer_leads() {
        let check = |pointer: &str, member: Option<Value>, expected: Value| {
            let mut value = json!({ "a": { "b/c": 1 }, "d": 2 });
            put(&mut value, pointer, member);
            assert_eq!(value, expected, "{pointer}");
        };
        check("/d", None, json!({ "a": { "b/c": 1 } }));
        check("/a/b~1c", Some(json!(3)), json!({ "a": { "b/c": 3 }, "d": 2 }));
        check("/e", Some(json!(3)), json!({ "a": { "b/c": 1 }, "d": 2, "e": 3 }));
        check("/d/x", Some(json!(3)), json!({ "a": { "b/c": 1 }, "d": 2 }));
        check("/x/y", None, json!({ "a": { "b/c": 1 }, "d": 2 }));
    }
}
