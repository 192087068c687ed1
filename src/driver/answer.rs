//! Calls a verb and turns what comes back into words of the domain. JSON texts are parsed here, and judged elsewhere.

use crate::capability::convert::{error_to_wit, json, json_object as object_of, line};
use crate::domain::contract::{
    Action, Answer, Call, Candidate, Change, Claim, Discovered, Error, ErrorKind, Finding, Input, Object, Observation,
    Observed, Pending, Planned,
};
use crate::domain::json::canonical;
use crate::wit::Driver;
use crate::wit::discoverer::Discoverer;
use crate::wit::discoverer::exports::vend::driver::discovery;
use crate::wit::exports::vend::driver::lifecycle as wit;
use crate::wit::vend::driver::types;

use super::fit;
use super::state::State;

/// Of what a driver says of an object that it has found, bytes.
const LONGEST_SAID: usize = 500;

/// An answer as the guest gave it.
pub enum Raw {
    Described(String),
    Validated(String),
    Planned(wit::Planned),
    Progress(wit::Progress),
    Removal(wit::Removal),
    Observation(wit::Observation),
    Finding(wit::Finding),
    Adopted(wit::Observed),
    Discovered(discovery::Page),
    Migrated(String),
}

pub async fn call(
    driver: &Driver,
    store: &mut wasmtime::Store<State>,
    call: &Call,
) -> wasmtime::Result<Result<Raw, types::Error>> {
    let verbs = driver.vend_driver_lifecycle();
    Ok(match call {
        Call::Describe => Ok(Raw::Described(verbs.call_describe(store).await?)),
        Call::Validate(of) => verbs.call_validate(store, &input(of)).await?.map(Raw::Validated),
        Call::Plan(of) => verbs.call_plan(store, &input(of)).await?.map(Raw::Planned),
        Call::Create(of) => verbs.call_create(store, &input(of)).await?.map(Raw::Progress),
        Call::Read(of) => verbs.call_read(store, &input(of)).await?.map(Raw::Observation),
        Call::Find(of) => verbs.call_find(store, &input(of)).await?.map(Raw::Finding),
        Call::Update(of) => verbs.call_update(store, &input(of)).await?.map(Raw::Progress),
        Call::Delete(of) => verbs.call_delete(store, &input(of)).await?.map(Raw::Removal),
        Call::Adopt { input: of, external_id } => {
            verbs.call_adopt(store, &input(of), external_id).await?.map(Raw::Adopted)
        }
        // It is another export.
        Call::Discover { .. } => Err(no_discovery()),
        Call::Migrate { resource_type, from_version, to_version, state } => verbs
            .call_migrate(store, resource_type, *from_version, *to_version, &canonical(state))
            .await?
            .map(Raw::Migrated),
    })
}

/// Of a component that has this export.
pub async fn discover(
    driver: &Discoverer,
    store: &mut wasmtime::Store<State>,
    of: &Input,
    page_token: Option<&str>,
) -> wasmtime::Result<Result<Raw, types::Error>> {
    let page = driver.vend_driver_discovery().call_discover(store, &input(of), page_token).await?;
    Ok(page.map(Raw::Discovered))
}

pub fn no_discovery() -> types::Error {
    let message = "this driver cannot list what it made";
    error_to_wit(Error::new(ErrorKind::Unsupported, "VERB_UNSUPPORTED", message))
}

fn input(of: &Input) -> types::Input {
    types::Input {
        resource_id: of.resource_id.clone(),
        incarnation: of.incarnation,
        resource_type: of.resource_type.clone(),
        labels: of.labels.clone(),
        config: canonical(&of.config),
        params: canonical(&of.params),
        unknown: of.unknown.clone(),
        prior: of.prior.as_ref().map(|prior| types::Prior {
            claim: types::Claim { external_id: prior.claim.external_id.clone(), state: canonical(&prior.claim.state) },
            params: canonical(&prior.params),
            config: canonical(&prior.config),
            outputs: canonical(&prior.outputs),
        }),
        continuation: of.continuation.as_ref().map(canonical),
        context: canonical(&of.context),
    }
}

/// The error says which member is not JSON.
pub fn read(raw: Raw) -> Result<Answer, String> {
    Ok(match raw {
        Raw::Described(text) => Answer::Described(json("the description", &text)?),
        Raw::Validated(text) => Answer::Validated(object_of("params", &text)?),
        Raw::Planned(planned) => Answer::Planned(Planned {
            action: match planned.action {
                wit::Action::None => Action::None,
                wit::Action::Create => Action::Create,
                wit::Action::Update => Action::Update,
                wit::Action::Replace => Action::Replace,
            },
            changes: planned.changes.into_iter().map(change).collect::<Result<_, _>>()?,
            outputs: object_of("outputs", &planned.outputs)?,
            unknown: planned.unknown,
        }),
        Raw::Progress(wit::Progress::Done(done)) => Answer::Done(object(done)?),
        Raw::Progress(wit::Progress::Pending(wait)) | Raw::Removal(wit::Removal::Pending(wait)) => {
            Answer::Pending(Pending {
                continuation: json("the continuation", &wait.continuation)?,
                poll_after_ms: fit::poll_after_ms(wait.poll_after_ms),
            })
        }
        Raw::Removal(wit::Removal::Gone) => Answer::Gone,
        Raw::Observation(wit::Observation::Ready(found)) => Answer::Observed(Observation::Ready(observed(found)?)),
        Raw::Observation(wit::Observation::Unready(found)) => Answer::Observed(Observation::Unready(observed(found)?)),
        Raw::Observation(wit::Observation::Absent) => Answer::Observed(Observation::Absent),
        Raw::Finding(wit::Finding::None) => Answer::Found(Finding::None),
        Raw::Finding(wit::Finding::One(claim)) => Answer::Found(Finding::One(Claim {
            external_id: claim.external_id,
            state: object_of("state", &claim.state)?,
        })),
        Raw::Finding(wit::Finding::Many(ids)) => Answer::Found(Finding::Many(ids)),
        Raw::Adopted(found) => Answer::Adopted(observed(found)?),
        Raw::Discovered(page) => Answer::Discovered(Discovered {
            candidates: page.candidates.into_iter().map(candidate).collect(),
            next_page_token: page.next_page_token,
        }),
        Raw::Migrated(text) => Answer::Migrated(object_of("state", &text)?),
    })
}

/// Bytes of an answer as the guest gave it, with something for each item of a list.
pub fn size(raw: &Raw) -> u64 {
    const ITEM: usize = 16;
    let object = |object: &wit::Object| object.external_id.len() + object.state.len() + object.outputs.len();
    let observed = |observed: &wit::Observed| object(&observed.object) + observed.params.len();
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let listed = |texts: &[String]| texts.iter().map(|text| text.len() + ITEM).sum::<usize>();
    let bytes = match raw {
        Raw::Described(text) | Raw::Validated(text) | Raw::Migrated(text) => text.len(),
        Raw::Planned(planned) => {
            let change = |it: &wit::Change| it.pointer.len() + optional(&it.before) + optional(&it.after) + ITEM;
            planned.outputs.len() + planned.changes.iter().map(change).sum::<usize>() + listed(&planned.unknown)
        }
        Raw::Progress(wit::Progress::Done(done)) => object(done),
        Raw::Progress(wit::Progress::Pending(wait)) | Raw::Removal(wit::Removal::Pending(wait)) => {
            wait.continuation.len()
        }
        Raw::Observation(wit::Observation::Ready(found) | wit::Observation::Unready(found)) | Raw::Adopted(found) => {
            observed(found)
        }
        Raw::Finding(wit::Finding::One(claim)) => optional(&claim.external_id) + claim.state.len(),
        Raw::Finding(wit::Finding::Many(ids)) => listed(ids),
        Raw::Discovered(page) => {
            let candidate =
                |it: &discovery::Candidate| it.external_id.len() + optional(&it.resource_id) + it.summary.len() + ITEM;
            page.candidates.iter().map(candidate).sum::<usize>() + optional(&page.next_page_token)
        }
        Raw::Removal(wit::Removal::Gone)
        | Raw::Observation(wit::Observation::Absent)
        | Raw::Finding(wit::Finding::None) => 0,
    };
    bytes as u64
}

fn candidate(it: discovery::Candidate) -> Candidate {
    Candidate {
        external_id: it.external_id,
        resource_id: it.resource_id.map(|id| line(id, LONGEST_SAID)),
        summary: line(it.summary, LONGEST_SAID),
    }
}

fn object(found: wit::Object) -> Result<Object, String> {
    Ok(Object {
        external_id: found.external_id,
        state: object_of("state", &found.state)?,
        outputs: object_of("outputs", &found.outputs)?,
    })
}

fn observed(found: wit::Observed) -> Result<Observed, String> {
    Ok(Observed { object: object(found.object)?, params: object_of("params", &found.params)? })
}

fn change(change: wit::Change) -> Result<Change, String> {
    let value = |what: &str, text: Option<String>| text.map(|text| json(what, &text)).transpose();
    Ok(Change {
        before: value("a change's `before`", change.before)?,
        after: value("a change's `after`", change.after)?,
        pointer: change.pointer,
        forces_replacement: change.forces_replacement,
    })
}
