//! Orders, and the one word that says how an order is.

use serde_json::{Value, json};

use crate::domain::document::{API_VERSION, Kind};
use crate::domain::operation::OperationState;
use crate::domain::order::Order;
use crate::domain::resource::ResourceState;
use crate::engine::{Condition, Past};
use crate::pb;

use super::{etag, hold, int, long, operation, time};

/// An order's resources, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Count {
    pub all: usize,
    pub ready: usize,
    pub failed: usize,
    pub attention_required: usize,
}

impl Count {
    pub fn add(&mut self, state: ResourceState, resources: usize) {
        self.all += resources;
        match state {
            ResourceState::Ready => self.ready += resources,
            ResourceState::Failed => self.failed += resources,
            ResourceState::AttentionRequired => self.attention_required += resources,
            ResourceState::Pending | ResourceState::Deleting => {}
        }
    }
}

pub fn generation(it: Past) -> pb::OrderGeneration {
    let Past { generation: of, state, manifest, plan } = it;
    pb::OrderGeneration {
        generation: long(of.generation),
        operation: of.operation.to_string(),
        state: state.map_or_else(Default::default, operation::state).into(),
        verb: operation::verb(of.verb).into(),
        principal: of.principal,
        source: of.source,
        plan_digest: of.plan_digest,
        counts: of.counts.into_iter().map(|(action, count)| (action, int(count))).collect(),
        create_time: Some(time(of.time)),
        manifest_json: manifest.map_or_else(String::new, |it| with_header(it).to_string()),
        plan: plan.map(super::plan::plan),
    }
}

/// `operation` is the state of the one that carries out the order's generation, if there is still a record of it.
pub fn order(
    it: Order,
    manifest: Value,
    operation: Option<OperationState>,
    count: Count,
    held: Vec<Condition>,
    shared: Vec<pb::SharedEntry>,
) -> pb::Order {
    pb::Order {
        name: it.name.to_string(),
        id: it.id.to_string(),
        generation: long(it.generation),
        labels: it.labels.into_iter().collect(),
        manifest_json: with_header(manifest).to_string(),
        operation: it.operation.to_string(),
        state: state(it.deleting, operation, count).into(),
        resources: int(count.all),
        resources_ready: int(count.ready),
        principal: it.principal,
        create_time: Some(time(it.create_time)),
        update_time: Some(time(it.update_time)),
        etag: etag(it.version),
        source: it.source,
        conditions: held.into_iter().map(hold::condition).collect(),
        shared,
    }
}

/// What needs a person stands before what merely failed, and both before what still works.
fn state(deleting: bool, operation: Option<OperationState>, count: Count) -> &'static str {
    use OperationState::{Cancelled, Failed, NeedsAttention, Queued, Running, Waiting};
    if count.attention_required > 0 || operation == Some(NeedsAttention) {
        return "attention-required";
    }
    if deleting {
        return "deleting";
    }
    match operation {
        Some(Queued | Running | Waiting) => "working",
        Some(Failed | Cancelled) => "failed",
        _ if count.failed > 0 => "failed",
        _ if count.ready < count.all => "working",
        _ => "ready",
    }
}

/// The manifest as a document that can be applied again.
fn with_header(manifest: Value) -> Value {
    let mut document = json!({ "apiVersion": API_VERSION, "kind": Kind::Order.as_str() });
    if let (Value::Object(header), Value::Object(members)) = (&mut document, manifest) {
        header.extend(members);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_says_how_an_order_is() {
        use OperationState::*;
        let count = |all, ready, failed, attention_required| Count { all, ready, failed, attention_required };
        let check = |deleting, operation, count, expected| assert_eq!(state(deleting, operation, count), expected);
        check(false, Some(Succeeded), count(2, 2, 0, 0), "ready");
        check(false, Some(Succeeded), count(0, 0, 0, 0), "ready");
        check(false, None, count(1, 1, 0, 0), "ready");
        check(false, Some(Queued), count(2, 1, 0, 0), "working");
        check(false, Some(Running), count(2, 1, 1, 0), "working");
        check(false, Some(Superseded), count(2, 1, 0, 0), "working");
        check(false, Some(Failed), count(2, 1, 1, 0), "failed");
        check(false, Some(Cancelled), count(2, 1, 0, 0), "failed");
        check(false, Some(Running), count(2, 0, 0, 1), "attention-required");
        check(true, Some(Running), count(2, 0, 0, 0), "deleting");
        check(true, Some(NeedsAttention), count(2, 0, 0, 1), "attention-required");
    }

    #[test]
    fn a_manifest_is_shown_as_a_document() {
        let shown = with_header(json!({ "name": "checkout" }));
        assert_eq!(shown, json!({ "apiVersion": "vend/v1", "kind": "Order", "name": "checkout" }));
    }
}
