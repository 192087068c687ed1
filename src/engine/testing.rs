//! Records for the tests of the pure parts.

use std::collections::BTreeMap;

use crate::domain::effect::Effect;
use crate::domain::id::{OperationId, OrderId, ResourceId};
use crate::domain::name::{Name, OrderName};
use crate::domain::operation::{Budget, Operation, OperationState, OperationVerb, Stage, Tally};
use crate::domain::order::Order;
use crate::domain::resource::{ExternalObject, Pin, Resource, ResourceState};
use crate::domain::sealed::Sealed;
use crate::domain::time::{Entropy, Timestamp};

/// Chance that is none: each call fills with the next byte.
#[derive(Default)]
pub struct Counting(std::sync::atomic::AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub fn sealed() -> Sealed {
    Sealed { format: 1, key_id: 1, nonce: [0; 12], ciphertext: Vec::new() }
}

pub fn order_name() -> OrderName {
    OrderName { project: name("shop"), environment: name("dev"), order: name("checkout") }
}

pub fn object(claimed: bool, complete: bool) -> ExternalObject {
    ExternalObject {
        incarnation: 1,
        claimed,
        external_id: claimed.then(|| "x".to_owned()),
        state: sealed(),
        state_version: 1,
        applied: sealed(),
        outputs: sealed(),
        complete,
    }
}

pub fn resource() -> Resource {
    let entropy = Counting::default();
    Resource {
        id: ResourceId::new(Timestamp::ZERO, &entropy),
        name: order_name().resource(name("db")),
        order: OrderId::new(Timestamp::ZERO, &entropy),
        labels: BTreeMap::new(),
        resource_type: name("thing"),
        class: None,
        shared: None,
        generation: 1,
        observed_generation: 0,
        desired: sealed(),
        pin: Pin {
            recipe: name("recipe"),
            recipe_revision: 1,
            driver_digest: "sha256:0".into(),
            connections: BTreeMap::new(),
            filled: BTreeMap::new(),
        },
        care: Default::default(),
        edges: Vec::new(),
        ties: Vec::new(),
        incarnation: 1,
        object: None,
        former: None,
        state: ResourceState::Pending,
        reason: None,
        message: String::new(),
        principal: "token:admin".into(),
        version: 1,
        create_time: Timestamp::ZERO,
        update_time: Timestamp::ZERO,
    }
}

pub fn order() -> Order {
    let entropy = Counting::default();
    Order {
        id: OrderId::new(Timestamp::ZERO, &entropy),
        name: order_name(),
        labels: BTreeMap::new(),
        generation: 1,
        manifest: sealed(),
        operation: OperationId::new(Timestamp::ZERO, &entropy),
        deleting: false,
        principal: "token:admin".into(),
        source: String::new(),
        version: 1,
        create_time: Timestamp::ZERO,
        update_time: Timestamp::ZERO,
    }
}

pub fn operation(verb: OperationVerb) -> Operation {
    let entropy = Counting::default();
    Operation {
        id: OperationId::new(Timestamp::ZERO, &entropy),
        parent: None,
        order: order_name(),
        resource: Some(resource().id),
        resource_key: "db".into(),
        verb,
        generation: 1,
        state: OperationState::Running,
        reason: None,
        message: String::new(),
        effect: Effect::None,
        status: String::new(),
        principal: "token:admin".into(),
        request_id: String::new(),
        trace: String::new(),
        stage: Stage::Decide,
        step: 0,
        continuation: None,
        attempts: 0,
        budget: Budget::default(),
        due: Timestamp::ZERO,
        held: None,
        awaits: 0,
        broken_by: None,
        cancel_requested: false,
        superseded_by: None,
        plan_digest: String::new(),
        tally: Tally::default(),
        driver_digest: String::new(),
        version: 1,
        create_time: Timestamp::ZERO,
        update_time: Timestamp::ZERO,
        end_time: None,
    }
}
