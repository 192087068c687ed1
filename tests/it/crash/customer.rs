//! Who follows a script, and remembers what he was told.

use std::time::{Duration, Instant};

use vend::pb;
use vend::pb::operation::State;

use super::door::Door;
use super::script::{Class, Pause, Script, Step, Want};
use crate::support::core::{Caller, source};

/// As long as one waits for a step before the next: faults and crashes may hold it up.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a customer was told. All of it has to be true in the end.
#[derive(Debug, Clone)]
pub struct Told {
    pub order: String,
    pub class: Class,
    /// What was asked last; nothing: that it goes.
    pub last: Option<Want>,
    /// Request and operation of each step.
    pub operations: Vec<(String, String)>,
    pub wrong: Vec<String>,
}

pub async fn follow(door: Door, script: Script) -> Told {
    let mut told = Told::new(&script);
    for (number, (pause, step)) in script.steps.iter().enumerate() {
        match (pause, told.operations.last()) {
            (Pause::Ms(ms), _) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            (Pause::Settled, Some((_, id))) => settled(&door, id).await,
            (Pause::Settled, None) => {}
        }
        let request_id = format!("{}-{number}", script.order);
        let id = place(&door, &script, step, &request_id).await;
        told.last = match step {
            Step::Apply(want) => Some(want.clone()),
            Step::Delete => None,
        };
        told.operations.push((request_id, id));
        // Now and then somebody asks once more, for he does not know whether he has asked.
        if number % 2 == 0 {
            told.repeat(&door, &script, number).await;
        }
    }
    told
}

impl Told {
    fn new(script: &Script) -> Self {
        let (operations, wrong) = (Vec::new(), Vec::new());
        Self { order: script.order.clone(), class: script.class, last: None, operations, wrong }
    }

    /// An order that was accepted while an earlier generation was still being made may find another object than it was planned for.
    /// Nothing is destroyed that no plan has shown: it fails, and says to apply again.
    pub async fn plan_again(&mut self, door: &Door, script: &Script) -> bool {
        let (_, id) = self.operations.last().expect("each script has a step").clone();
        let request = pb::ListOperationsRequest { parent: id.clone(), project: "default".into(), ..Default::default() };
        let call = |caller: Caller| {
            let request = request.clone();
            async move { caller.operations().list_operations(request).await }
        };
        let children = door.ask("children", call).await.operations;
        let stale = |it: &pb::Operation| it.state() == State::Failed && it.reason == "PLAN_VIOLATED";
        if !children.iter().any(stale) {
            return false;
        }
        let request_id = format!("{}-again", script.order);
        let (_, step) = script.steps.last().expect("each script has a step");
        let next = place(door, script, step, &request_id).await;
        self.operations.push((request_id, next));
        true
    }

    /// The same request is the same operation.
    pub async fn repeat(&mut self, door: &Door, script: &Script, number: usize) {
        let (request_id, id) = self.operations[number].clone();
        let again = place(door, script, &script.steps[number].1, &request_id).await;
        if again != id {
            self.wrong.push(format!("request {request_id} was operation {id} and is {again} now"));
        }
    }
}

/// Asks until it is acknowledged; the operation's id.
async fn place(door: &Door, script: &Script, step: &Step, request_id: &str) -> String {
    let operation = match step {
        Step::Apply(want) => {
            let request = pb::ApplyOrderRequest {
                source: Some(source("order.yaml", &script.document(want))),
                project: "default".into(),
                environment: "dev".into(),
                allow_destroy: true,
                request_id: request_id.into(),
                ..Default::default()
            };
            let call = |caller: Caller| {
                let request = request.clone();
                async move { caller.orders().apply_order(request).await }
            };
            door.ask(request_id, call).await.operation
        }
        Step::Delete => {
            let request = pb::DeleteOrderRequest {
                name: format!("projects/default/environments/dev/orders/{}", script.order),
                allow_destroy: true,
                request_id: request_id.into(),
                ..Default::default()
            };
            let call = |caller: Caller| {
                let request = request.clone();
                async move { caller.orders().delete_order(request).await }
            };
            door.ask(request_id, call).await.operation
        }
    };
    operation.unwrap_or_else(|| panic!("{request_id}: there was something to do")).id
}

/// Until it is done or waits for a person, within bounds.
async fn settled(door: &Door, id: &str) {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST_WAIT {
        let request = pb::GetOperationRequest { id: id.into() };
        let call = |caller: Caller| {
            let request = request.clone();
            async move { caller.operations().get_operation(request).await }
        };
        let operation = door.ask(id, call).await.operation.unwrap_or_default();
        if operation.done || operation.state() == State::NeedsAttention {
            return;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}
