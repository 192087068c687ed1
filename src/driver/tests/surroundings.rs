//! What a language's standard library imports is there, whatever its patch version, and is the same on every run.

use super::*;
use crate::driver::{Failure, LogLevel};

/// Prints eight letters made of a random number, then leaves if `exit`.
fn printing(exit: bool) -> Fixture {
    let exit = if exit { "(call $exit (i32.const 0))" } else { "" };
    let body = "(local $n i64) (local $at i32) (local.set $n (call $random)) (local.set $at (i32.const 808)) \
         (loop $l (local.set $at (i32.sub (local.get $at) (i32.const 1))) \
         (i32.store8 (local.get $at) (i32.add (i32.const 97) (i32.wrap_i64 (i64.rem_u (local.get $n) (i64.const 26))))) \
         (local.set $n (i64.div_u (local.get $n) (i64.const 26))) (br_if $l (i32.gt_u (local.get $at) (i32.const 800)))) \
         (call $print (call $stdout) (i32.const 800) (i32.const 8) (i32.const 512))";
    creating(|f| format!("{body} {exit} {}", f.done("{}"))).surroundings()
}

#[tokio::test]
async fn output_goes_to_the_log_and_chance_follows_the_seed() {
    let driver = load(&printing(false)).await.expect("a patch version that nobody has seen links");
    assert!(driver.imports().iter().any(|import| import == "wasi:random/random@0.2.77"), "{:?}", driver.imports());
    let said = async |seed: u8| {
        let mut attempt = Step::new().attempt(Call::Create(input()));
        attempt.seed = [seed; 32];
        let report = driver.run(attempt).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!((report.logs.len(), report.logs[0].0), (1, LogLevel::Debug));
        report.logs[0].1.clone()
    };
    let first = said(1).await;
    assert_eq!((first.len(), said(1).await), (8, first.clone()));
    assert_ne!(said(2).await, first);
}

#[tokio::test]
async fn to_leave_is_a_crash() {
    let report = create(&printing(true), &Step::new()).await;
    assert!(matches!(&report.result, Err(Failure::Trapped(why)) if why.contains("exit")), "{:?}", report.result);
}
