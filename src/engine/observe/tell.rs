//! Conditions of a resource that follow from what was seen of it.

use std::collections::BTreeMap;

use crate::domain::contract::{Action, Change};
use crate::domain::id::ResourceId;
use crate::domain::name::OrderName;
use crate::domain::observation::{Observation, Presence};
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;

use crate::engine::plan::{Existing, Surveyed};
use crate::engine::view::{Condition, ResourceView, mask};
use crate::engine::{Engine, Error};

/// Pieces of drift that a message tells.
const TOLD: usize = 5;
/// Characters of one value in a message.
const VALUE: usize = 80;

impl Engine {
    /// Puts what was seen of a resource into its view.
    pub async fn observed(&self, resource: &Resource, view: &mut ResourceView) -> Result<(), Error> {
        let Some(observation) = self.store.observation(&resource.id).await? else { return Ok(()) };
        if observation.generation != resource.observed_generation {
            return Ok(());
        }
        view.observe_time = observation.time;
        view.conditions.extend(self.observed_conditions(resource, &observation));
        let Some(ready) = view.conditions.iter_mut().find(|it| it.kind == "Ready" && it.status) else {
            return Ok(());
        };
        let against = match observation.presence {
            Some(Presence::Absent) => "it is not there any more",
            Some(Presence::Unready) => "its backend says that it is not in working order",
            _ => return Ok(()),
        };
        (ready.status, ready.since) = (false, observation.presence_since);
        ready.message = against.to_owned();
        Ok(())
    }

    /// What was seen of an order's resources, and others of its environment, that are not as they were applied.
    pub(in crate::engine) async fn drifted(
        &self,
        order: &OrderName,
    ) -> Result<BTreeMap<ResourceId, Observation>, Error> {
        let seen = self.store.drifted(&order.environment_name()).await?;
        Ok(seen.into_iter().map(|it| (it.resource.clone(), it)).collect())
    }

    /// What has drifted of something to which nothing would be done otherwise, and is still desired as it was: `before` as it was seen.
    pub(in crate::engine) fn drift_of(
        &self,
        surveyed: &Surveyed,
        drifted: &BTreeMap<ResourceId, Observation>,
    ) -> Result<Vec<Change>, Error> {
        let Some(Existing { resource, complete: true, .. }) = &surveyed.existing else { return Ok(Vec::new()) };
        let seen = drifted.get(&resource.id).filter(|it| it.generation == resource.observed_generation);
        let Some(sealed) = seen.filter(|_| surveyed.planned.action == Action::None).and_then(|it| it.drift.as_ref())
        else {
            return Ok(Vec::new());
        };
        let drift = self.sealer_of(resource).open_drift(&resource.id, sealed)?;
        let params = &surveyed.desired.params;
        let wanted = |pointer: &str| pointer.strip_prefix("/params").and_then(|it| params.pointer(it)).cloned();
        let mended = |it: Change| Change { before: it.after, after: wanted(&it.pointer), ..it };
        Ok(drift.into_iter().map(mended).filter(|it| it.before != it.after).collect())
    }

    pub(super) fn observed_conditions(&self, resource: &Resource, observation: &Observation) -> Vec<Condition> {
        let condition = |kind, reason: String, message: String, since: Option<Timestamp>| Condition {
            kind,
            status: true,
            reason,
            message,
            since,
        };
        let mut conditions = Vec::new();
        if observation.presence == Some(Presence::Absent) {
            let message = "its backend does not have it any more; it is made again when its order is applied";
            conditions.push(condition("Missing", String::new(), message.into(), observation.presence_since));
        }
        if let Some(sealed) = &observation.drift {
            let sealer = self.sealer(resource.name.order.project.as_str());
            let message = match sealer.open_drift(&resource.id, sealed) {
                Ok(drift) => words(&drift, observation),
                Err(error) => format!("how cannot be read: {error}"),
            };
            conditions.push(condition("Drifted", String::new(), message, observation.drift_since));
        }
        if let Some(it) = &observation.inconclusive {
            let message = match observation.time {
                Some(time) => format!("{}; last seen at {time}", it.message),
                None => it.message.clone(),
            };
            conditions.push(condition("ObservationInconclusive", it.reason.to_string(), message, Some(it.since)));
        }
        conditions
    }
}

fn words(drift: &[Change], observation: &Observation) -> String {
    let one = |it: &Change| format!("{}: {} → {}", it.pointer, value(it.before.as_ref()), value(it.after.as_ref()));
    let mut text: Vec<_> = drift.iter().take(TOLD).map(one).collect();
    if drift.len() > TOLD {
        text.push(format!("and {} more", drift.len() - TOLD));
    }
    let mut text = text.join(", ");
    if observation.corrections > 0 {
        let times =
            if observation.corrections == 1 { "once".into() } else { format!("{} times", observation.corrections) };
        text.push_str(&format!("; corrected {times}, which did not hold"));
    }
    text
}

fn value(value: Option<&serde_json::Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), |it| mask(it).to_string());
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::resource;

    #[test]
    fn a_message_tells_what_differs_and_no_secret() {
        let change =
            |pointer: &str, before, after| Change { pointer: pointer.into(), before, after, forces_replacement: false };
        let mut observation = Observation::new(resource().id, 1);
        let drift = vec![change("/params/limit", Some(json!(5)), Some(json!(-1)))];
        assert_eq!(words(&drift, &observation), "/params/limit: 5 → -1");
        observation.corrections = 2;
        assert_eq!(words(&drift, &observation), "/params/limit: 5 → -1; corrected 2 times, which did not hold");
        observation.corrections = 0;
        let many: Vec<_> =
            (0..7).map(|at| change(&format!("/params/{at}"), None, Some(json!("x".repeat(500))))).collect();
        let text = words(&many, &observation);
        assert!(text.ends_with("and 2 more") && text.len() < 700, "{text}");
    }
}
