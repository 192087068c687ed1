//! Drivers that are not the same twice: what an attempt asks on replay is what was asked before, or nothing is sent.

use vend::domain::limits::Limits;

use super::cases::Cases;
use super::fixture::Fixture;
use super::rig::{Rig, creating};

/// What a driver can see of the world beyond the contract is how much memory it gets: this one writes one thing where there is much of it,
/// and another where there is little. Then it reads more often than the first attempt is allowed to.
fn looking_at_its_memory(little: fn(&mut Fixture) -> String) -> Fixture {
    creating(|f| {
        let much = f.execute_in("db", "t", "INSERT INTO note VALUES ('much')");
        let little = little(f);
        format!(
            "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then {little}) (else {much})) {} {}",
            Fixture::repeat(5, &f.query("db", "SELECT 1")),
            f.done("{}")
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_otherwise_on_replay_is_not_sent() {
    let rig = Rig::new();
    let mut cases = Cases::new("replay");
    let other = |f: &mut Fixture| f.execute_in("db", "t", "INSERT INTO note VALUES ('little')");
    let none = |f: &mut Fixture| format!("(return {})", f.done("{}"));
    let turned = |f: &mut Fixture| f.query("db", "SELECT 2");
    type Body = fn(&mut Fixture) -> String;
    let rows: [(&str, &str, Body); 3] = [
        ("another statement on replay", "little", other),
        ("no statement on replay", "nothing more: the driver ended", none),
        ("a read instead of the write on replay", "SELECT 2", turned),
    ];
    for (case, asked, little) in rows {
        let driver = rig.load(&looking_at_its_memory(little)).await.expect("a driver");
        let few_reads = Limits { reads: 3, ..Limits::default() };
        let before = rig.written();
        let (hostile, twin) = (rig.step(), rig.step());
        for step in [&hostile, &twin] {
            let begun = step.clone().within(few_reads.clone()).create(&driver).await;
            let outcome = super::cases::outcome(&begun.result);
            cases.check(case, outcome.contains("reads, 3 calls at most"), outcome);
        }
        cases.check(case, rig.written() - before == 2, "both have written once");
        let little_memory = Limits { memory_bytes: 1 << 20, ..Limits::default() };
        let hostile = hostile.within(little_memory);
        let words = ["NONDETERMINISTIC", "at effect 0", "much", asked];
        cases.attempt(case, &words, hostile.create(&driver), twin.create(&driver)).await;
        cases.check(case, rig.written() - before == 2, "neither has written again");
    }
    cases.end();
}
