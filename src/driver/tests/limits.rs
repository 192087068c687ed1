//! Whatever a driver does too much of ends in a failure that names it, and harms nobody else.

use std::time::Duration;

use super::*;
use crate::domain::contract::Answer;
use crate::domain::limits::Limit;
use crate::driver::Failure;

async fn meets(fixture: Fixture, limits: Limits, expected: Limit) -> Report {
    let report = create(&fixture, &Step::with_limits(limits)).await;
    match &report.result {
        Err(Failure::Limit { limit, .. }) if *limit == expected => report,
        other => panic!("expected the limit of {expected}, got {other:?}"),
    }
}

fn small() -> Limits {
    Limits { cpu_ms: 100, time_ms: 5_000, ..Limits::default() }
}

#[tokio::test]
async fn a_loop_meets_the_cpu_limit_while_others_run() {
    let endless = creating(|_| "(loop $l (br $l)) unreachable".to_owned());
    let other = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (report, ()) = tokio::join!(meets(endless, small(), Limit::Cpu), other);
    assert!(report.usage.cpu_ms >= 100, "{:?}", report.usage);
}

#[tokio::test]
async fn growing_memory_meets_its_limit_even_if_the_driver_then_traps() {
    let body =
        "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l)) unreachable";
    let report =
        meets(creating(|_| body.to_owned()), Limits { memory_bytes: 8 << 20, ..Limits::default() }, Limit::Memory)
            .await;
    assert!(report.usage.memory_bytes <= 8 << 20);
    let large = creating(|f| f.done("{}")).memory_pages(64);
    let driver = load(&large).await.expect("a driver, under the default limit");
    let tight = Step::with_limits(Limits { memory_bytes: 1 << 20, ..Limits::default() });
    let report = tight.create(&driver).await;
    assert!(matches!(report.result, Err(Failure::Limit { limit: Limit::Memory, .. })), "{:?}", report.result);
}

#[tokio::test]
async fn a_growth_that_the_driver_copes_with_is_no_failure() {
    let fixture = creating(|f| format!("(drop (memory.grow (i32.const 10000))) {}", f.done("{}")));
    let report = create(&fixture, &Step::with_limits(Limits { memory_bytes: 8 << 20, ..Limits::default() })).await;
    assert!(matches!(report.result, Ok(Answer::Done(_))), "{:?}", report.result);
}

#[tokio::test]
async fn tables_stack_and_log_are_bounded() {
    let growing = "(loop $l (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable)) (br $l)) unreachable";
    meets(creating(|_| growing.to_owned()).more("(table $t 1 funcref)"), small(), Limit::Table).await;
    let recursing = creating(|_| "(call $deep (i32.const 0))".to_owned())
        .more("(func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))");
    meets(recursing, small(), Limit::Stack).await;
    let talking = creating(|f| format!("(loop $l {} (br $l)) unreachable", f.log("and another thing")));
    let report = meets(talking, Limits { log_bytes: 1 << 10, ..Limits::default() }, Limit::Log).await;
    assert!(!report.logs.is_empty());
}

#[tokio::test]
async fn effects_are_counted() {
    let reading = creating(|f| format!("(loop $l {} (br $l)) unreachable", f.query("db", "look")));
    let report = meets(reading, Limits { reads: 5, ..Limits::default() }, Limit::Reads).await;
    assert_eq!((report.usage.reads, report.usage.writes), (5, 0));
    let writing = creating(|f| format!("(loop $l {} (br $l)) unreachable", f.execute("db", "write")));
    let report = meets(writing, Limits { writes: 3, ..Limits::default() }, Limit::Writes).await;
    assert_eq!((report.usage.writes, report.effect), (3, crate::domain::effect::Effect::Applied));
}

#[tokio::test]
async fn sizes_are_bounded() {
    let wide = creating(|f| f.execute("db", &"x".repeat(5_000)) + &f.done("{}"));
    let step = Step::with_limits(Limits { body_bytes: 4_000, ..Limits::default() });
    let report = create(&wide, &step).await;
    assert!(matches!(report.result, Err(Failure::Limit { limit: Limit::Body, .. })), "{:?}", report.result);
    assert!(step.backend.asked().is_empty(), "nothing was sent");
    let chatty = creating(|f| format!("(loop $l {} (br $l)) unreachable", f.query("db", "look")));
    meets(chatty, Limits { journal_bytes: 4_000, ..Limits::default() }, Limit::Journal).await;
    let verbose = creating(|f| f.done(&format!(r#"{{"name":"{}"}}"#, "x".repeat(5_000))));
    meets(verbose, Limits { output_bytes: 4_000, ..Limits::default() }, Limit::Output).await;
    // A list that is a page of memory many times over would be a thousand times larger on the host's side.
    let bomb = creating(|_| "(call $log (i32.const 1) (i32.const 0) (i32.const 120000000)) unreachable".to_owned())
        .memory_pages(2000);
    let report = create(&bomb, &Step::new()).await;
    assert!(matches!(report.result, Err(Failure::Limit { limit: Limit::Body, .. })), "{:?}", report.result);
}

#[tokio::test]
async fn time_runs_out_in_an_effect() {
    let limits = Limits { time_ms: 100, ..Limits::default() };
    let reading = creating(|f| f.query("db", "hang") + &f.done("{}"));
    meets(reading, limits.clone(), Limit::Time).await;
    let writing = creating(|f| f.execute("db", "hang") + &f.done("{}"));
    let report = create(&writing, &Step::with_limits(limits)).await;
    assert!(matches!(&report.result, Err(Failure::InDoubt(doubt)) if doubt.seq == 0), "{:?}", report.result);
    assert_eq!(report.effect, crate::domain::effect::Effect::Unknown);
}

#[tokio::test]
async fn a_trap_is_a_crash_of_the_driver_alone() {
    let fixture = creating(|f| f.log("about to fall") + "unreachable");
    let report = create(&fixture, &Step::new()).await;
    let Err(Failure::Trapped(why)) = &report.result else { panic!("{:?}", report.result) };
    assert!(why.contains("unreachable") && why.contains("about to fall"), "{why}");
    assert_eq!(report.logs.len(), 1);
}

#[tokio::test]
async fn more_attempts_than_instances_wait_their_turn() {
    let driver = load(&creating(|f| f.query("db", "look") + &f.done("{}"))).await.expect("a driver");
    let runs = (0..64).map(|_| {
        let driver = driver.clone();
        async move { Step::new().create(&driver).await }
    });
    for report in futures::future::join_all(runs).await {
        assert!(report.result.is_ok(), "{:?}", report.result);
    }
}
