//! Who takes the processor for himself takes it from nobody else.

use vend::pb::operation::State;

use super::cases::{Cases, grown};
use super::rig::resident_mib;
use super::stocked::{accepted, child, operation, order, start};

const HOGS: usize = 4;
const NEIGHBOURS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_get_their_work_done_beside_hogs() {
    let mut cases = Cases::new("fairness");
    // Long enough for all of this, on any machine: that the hogs still run at the end is what is asserted, not how long it took.
    let hours = 3_600_000;
    let core = start(|settings| (settings.limits.cpu_ms, settings.limits.time_ms) = (hours, hours)).await;
    let admin = core.admin();
    let before = resident_mib();
    let mut hogs = Vec::new();
    for n in 0..HOGS {
        hogs.push(accepted(&admin, &order(&format!("hog-{n}"), "after-create: [loop-forever]")).await);
    }
    for hog in &hogs {
        super::stocked::until(&admin, hog, |it| it.state() == State::Running).await;
    }
    let works = "after-create: [write, read, write, read]";
    let orders = (0..NEIGHBOURS).map(|n| {
        let (admin, text) = (admin.clone(), order(&format!("neighbour-{n}"), works));
        async move { accepted(&admin, &text).await }
    });
    let neighbours = futures::future::join_all(orders).await;
    for neighbour in &neighbours {
        super::stocked::until(&admin, neighbour, |it| it.done).await;
    }
    let mut done = 0;
    for neighbour in &neighbours {
        done += usize::from(operation(&admin, neighbour).await.state() == State::Succeeded);
    }
    let mut running = 0;
    for hog in &hogs {
        running += usize::from(child(&admin, hog).await.state() == State::Running);
    }
    let outcome = format!("{done} operations of a neighbour are done, {running} hogs still run");
    let words = ["50 operations of a neighbour are done, 4 hogs still run"];
    cases.row("four endless loops beside a neighbour", &words, true, &outcome, &grown(before));
    // The hogs end with this test: a core would wait for them before it stops.
    cases.end();
}
