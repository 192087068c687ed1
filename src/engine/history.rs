//! What orders were: for whoever wants to see, or to go back.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::generation::Generation;
use crate::domain::name::OrderName;
use crate::domain::operation::{Operation, OperationState};
use crate::domain::order::Order;
use crate::domain::plan::{Plan, PlannedAction};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

use super::accept::Asking;
use super::{Engine, Error};

/// Of a plan so much is kept, in bytes of its changes and outputs: what is more is only counted.
const MOST: usize = 256 * 1_024;

/// A generation, opened. Secrets are handles.
#[derive(Debug, Clone)]
pub struct Past {
    pub generation: Generation,
    /// How its operation ended or stands, if its record is kept.
    pub state: Option<OperationState>,
    /// These two for one generation only.
    pub manifest: Option<Value>,
    pub plan: Option<Plan>,
}

/// What is kept of an accepted plan.
pub(super) fn generation(plan: &Plan, order: &Order, operation: &Operation, asking: &Asking<'_>) -> Generation {
    let mut counts = BTreeMap::new();
    for it in plan.resources.iter().filter(|it| it.action != PlannedAction::None) {
        *counts.entry(it.action.as_str().to_owned()).or_insert(0) += 1;
    }
    Generation {
        order: order.id.clone(),
        name: order.name.clone(),
        generation: order.generation,
        operation: operation.id.clone(),
        verb: operation.verb,
        principal: operation.principal.clone(),
        source: asking.source.to_owned(),
        plan_digest: plan.digest.clone(),
        counts,
        plan: asking.sealer.plan(&order.id, &kept(plan)),
        manifest: None,
        time: asking.now,
    }
}

/// With what was to be done, up to a bound; what is desired stands in the manifest.
fn kept(plan: &Plan) -> Plan {
    let mut kept = Plan { resources: Vec::new(), warnings: plan.warnings.clone(), ..bare(plan) };
    let (mut size, mut left) = (0, 0);
    for it in plan.resources.iter().filter(|it| it.action != PlannedAction::None) {
        let values = it.changes.iter().flat_map(|it| [it.before.as_ref(), it.after.as_ref()]).flatten();
        size += values.chain([&it.outputs]).map(size_of).sum::<usize>();
        if size > MOST {
            left += 1;
            continue;
        }
        let mut it = it.clone();
        it.desired = None;
        kept.resources.push(it);
    }
    if left > 0 {
        kept.warnings.push(format!("{left} resources more: the plan was too long to be kept whole"));
    }
    kept
}

fn bare(plan: &Plan) -> Plan {
    Plan { order: plan.order.clone(), digest: plan.digest.clone(), resources: Vec::new(), warnings: Vec::new() }
}

/// About as many bytes as its text has.
fn size_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(size_of).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + size_of(value)).sum::<usize>() + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

impl Engine {
    /// The latest first.
    pub async fn generations(&self, order: &OrderName) -> Result<Vec<Past>, Error> {
        let mut all = Vec::new();
        for generation in self.store.generations(order).await? {
            let state = self.store.operation(&generation.operation).await?.map(|it| it.state);
            all.push(Past { generation, state, manifest: None, plan: None });
        }
        Ok(all)
    }

    /// With its manifest and its plan.
    pub async fn generation(&self, order: &OrderName, generation: u64) -> Result<Past, Error> {
        let Some(found) = self.store.generation(order, generation).await? else {
            let kept = self.store.generations(order).await?;
            let message = format!("generation {generation} of {order} is not kept");
            let hint = match (kept.last(), kept.first()) {
                (Some(oldest), Some(latest)) => {
                    format!("kept are {} to {}: `vend history` lists them", oldest.generation, latest.generation)
                }
                _ => "`vend get orders` lists the orders there are".to_owned(),
            };
            return Err(Refusal::new(Reason::NotFound, message).hint(hint).into());
        };
        let sealer = self.sealer(order.project.as_str());
        let manifest = match &found.manifest {
            Some(sealed) => Some(sealer.open_manifest(&found.order, sealed)?),
            None => None,
        };
        let plan = Some(sealer.open_plan(&found.order, &found.plan)?);
        let state = self.store.operation(&found.operation).await?.map(|it| it.state);
        Ok(Past { generation: found, state, manifest, plan })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::Change;
    use crate::engine::plan::{Leaving, plan};
    use crate::engine::testing::{order_name, resource};

    #[test]
    fn what_is_too_long_is_counted() {
        let leaving = vec![Leaving { resource: resource(), driver: "d@1".into(), grace_ms: 0 }];
        let mut plan = plan(&order_name(), Vec::new(), leaving, Vec::new()).expect("a plan");
        let big = json!("x".repeat(100 * 1_024));
        let change = Change { pointer: "/params/a".into(), before: None, after: Some(big), forces_replacement: false };
        plan.resources[0].changes = vec![change];
        plan.resources = vec![plan.resources[0].clone(); 5];
        let mut idle = plan.resources[0].clone();
        idle.action = PlannedAction::None;
        plan.resources.push(idle);
        let kept = kept(&plan);
        assert_eq!(kept.resources.len(), 2);
        assert_eq!(kept.warnings, ["3 resources more: the plan was too long to be kept whole"]);
        assert_eq!(kept.digest, plan.digest);
    }
}
