//! Who comes when everything is quiet: looks at what stopped, at the cloud, and says what a person would.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use vend::app::SystemClock;
use vend::domain::time::Clock as _;
use vend::pb;
use vend::pb::operation::State;
use vend::pb::resolve_operation_request::Resolution;

use super::door::Door;
use super::found::{operations, resources};
use crate::support::core::Caller;

/// Nothing that is left may take longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// A back-off of the time of the faults is not waited for.
const SOON_MS: i64 = 300;

/// What a person had to do.
#[derive(Debug, Default, Clone)]
pub struct Done {
    /// Resource → what was said of it.
    pub said: Vec<(String, &'static str)>,
}

/// Until all operations are done. `ledger` reads what the cloud has written down.
pub async fn attend(door: &Door, ledger: impl Fn() -> Vec<Value>) -> Done {
    let (begun, mut done) = (Instant::now(), Done::default());
    let mut nudged: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        let left: Vec<_> = operations(door).await.into_iter().filter(|it| !it.done).collect();
        if left.is_empty() || begun.elapsed() > PATIENCE {
            return done;
        }
        for child in left.iter().filter(|it| !it.parent.is_empty()) {
            match child.state() {
                State::NeedsAttention => {
                    let said = resolve(door, child, &ledger()).await;
                    done.said.push((child.resource.clone(), said));
                }
                // What waits for the cloud to show it waits with reason.
                State::Waiting if !child.reason.ends_with("OUTCOME_UNKNOWN") && is_far(child) => {
                    let times = nudged.entry(child.id.clone()).or_default();
                    *times += 1;
                    if *times <= 20 {
                        retry(door, child).await;
                    }
                }
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
}

fn is_far(operation: &pb::Operation) -> bool {
    let now_ms = i64::try_from(SystemClock.now().ms()).expect("before the end of time");
    let due = operation.due_time.as_ref().map_or(0, |due| due.seconds * 1000 + i64::from(due.nanos) / 1_000_000);
    due > now_ms + SOON_MS
}

/// Adopts what the ledger shows, begins afresh where it shows nothing; what stopped for another reason is tried again.
async fn resolve(door: &Door, child: &pb::Operation, ledger: &[Value]) -> &'static str {
    if !child.reason.ends_with("OUTCOME_UNKNOWN") {
        retry(door, child).await;
        return "retried";
    }
    let incarnation = resources(door).await.into_iter().find(|it| it.id == child.resource).map(|it| it.incarnation);
    let id = match incarnation {
        Some(incarnation) if child.reason == "CREATE_OUTCOME_UNKNOWN" => {
            live(ledger, &child.resource, &incarnation.to_string())
        }
        _ => None,
    };
    let (resolution, said) = match id {
        Some(id) => (Resolution::Adopt(id), "adopted"),
        None => (Resolution::Afresh(()), "begun afresh"),
    };
    let request =
        pb::ResolveOperationRequest { id: child.id.clone(), resolution: Some(resolution), ..Default::default() };
    let call = |caller: Caller| {
        let request = request.clone();
        async move { caller.operations().resolve_operation(request).await }
    };
    door.ask("resolve", call).await;
    said
}

async fn retry(door: &Door, child: &pb::Operation) {
    let call = |caller: Caller| {
        let request = pb::RetryOperationRequest { id: child.id.clone() };
        async move { caller.operations().retry_operation(request).await }
    };
    // It may go on by itself meanwhile.
    let _ = door
        .ask_or("retry", call, |status| {
            status.code() == tonic::Code::FailedPrecondition || status.code() == tonic::Code::InvalidArgument
        })
        .await;
}

/// The id of the live object that carries the labels of this resource.
fn live(ledger: &[Value], resource: &str, incarnation: &str) -> Option<String> {
    let mut found: Option<&Value> = None;
    for record in ledger {
        let is_its =
            record["labels"]["vend-resource"] == resource && record["labels"]["vend-incarnation"] == incarnation;
        match record["event"].as_str() {
            Some("make") if is_its => found = Some(record),
            Some("delete") if found.is_some_and(|it| it["id"] == record["id"]) => found = None,
            _ => {}
        }
    }
    found?["id"].as_str().map(str::to_owned)
}
