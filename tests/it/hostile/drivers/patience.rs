//! Drivers that never get done: they occupy a record and nothing else, are asked less and less often, and end when somebody says so.

use vend::pb;
use vend::pb::operation::State;

use super::cases::{Cases, grown};
use super::rig::resident_mib;
use super::stocked::{accepted, order, rests, start, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_is_never_done_is_waited_for_and_can_be_given_up() {
    let mut cases = Cases::new("patience");
    let core = start(|_| {}).await;
    let admin = core.admin();
    let before = resident_mib();
    let waiting =
        |poll: u32, times: u32| format!("after-create: [{{ pending: {{ times: {times}, poll-after-ms: {poll} }} }}]");
    let at_once = accepted(&admin, &order("at-once", &waiting(0, u32::MAX))).await;
    let for_ages = accepted(&admin, &order("for-ages", &waiting(u32::MAX, u32::MAX))).await;
    let short = accepted(&admin, &order("short", &waiting(0, 2))).await;

    // A twin of both waits twice, and is done.
    let short = until(&admin, &short, rests).await;
    cases.check("pending twice", short.state() == State::Succeeded, &short);

    let waited = |it: &pb::Operation| it.state() == State::Waiting && !it.status.is_empty();
    let child = until(&admin, &at_once, |it| waited(it) && it.status.contains("waited 7 ")).await;
    let pause_ms = ms(&child.due_time) - ms(&child.update_time);
    let outcome = format!("WAITING, and called again after {pause_ms} ms at the earliest");
    let case = "pending for ever, and to be called again at once";
    cases.row(case, &["WAITING"], pause_ms >= 100, &outcome, &grown(before));

    let child = until(&admin, &for_ages, waited).await;
    let pause_ms = ms(&child.due_time) - ms(&child.update_time);
    let outcome = format!("WAITING, and called again after {} h", pause_ms / 3_600_000);
    let case = "pending, and to be called again in 49 days";
    cases.row(case, &["after 24 h"], pause_ms <= 24 * 3_600_000 + 1_000, &outcome, &grown(before));

    for (case, parent) in [("pending for ever is given up", at_once), ("pending for ages is given up", for_ages)] {
        let request = pb::CancelOperationRequest { id: parent.clone() };
        admin.operations().cancel_operation(request).await.expect("accepted");
        let ended = until(&admin, &parent, rests).await;
        let outcome = format!("{:?} {}", ended.state(), ended.reason);
        cases.row(case, &["CANCELLED"], ended.state() == State::Cancelled, &outcome, &grown(before));
    }
    core.stop().await;
    cases.end();
}

fn ms(time: &Option<prost_types::Timestamp>) -> i64 {
    let time = time.as_ref().expect("it is said");
    time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
}
