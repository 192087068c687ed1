//! Surroundings that are the same on every run, and nothing real among them.

use super::*;
use crate::capability::log::{Log, LogLevel};

#[test]
fn interfaces_of_any_patch_version_are_provided_and_no_others() {
    for (import, provided) in [
        ("wasi:cli/environment@0.2.0", true),
        ("wasi:io/streams@0.2.12", true),
        ("wasi:random/random@0.2.99", true),
        ("wasi:cli/environment@0.3.0", false),
        ("wasi:cli/environment@0.2.0-rc", false),
        ("wasi:cli/environment", false),
        ("wasi:cli/command@0.2.0", false),
        ("wasi:sockets/tcp@0.2.0", false),
        ("other:io/streams@0.2.0", false),
    ] {
        assert_eq!(provides(import), provided, "{import}");
    }
}

#[test]
fn chance_follows_the_seed() {
    let mut a = Random::new([1; 32]);
    let mut b = Random::new([1; 32]);
    assert_eq!(a.bytes(100), b.bytes(100));
    assert_ne!(a.number(), a.number());
    assert_ne!(a.bytes(32), Random::new([2; 32]).bytes(32));
}

#[test]
fn sleeping_moves_the_clock_to_where_it_is_waited_for() {
    let mut timers = Timers::default();
    let now = timers.now_ns(1_000);
    let (soon, late) = (timers.add(now + 5).expect("room"), timers.add(now + 9).expect("room"));
    assert!(!timers.is_over(soon, 1_000));
    assert_eq!(timers.wait(&[late, soon], 1_000), [1]);
    assert_eq!(timers.now_ns(1_000), now + 5);
    assert_eq!(timers.wait(&[late, soon], 1_000), [0, 1].into_iter().filter(|at| *at == 1).collect::<Vec<u32>>());
    timers.remove(soon);
    assert_eq!(timers.wait(&[late], 1_000), [0]);
    assert_eq!(timers.add(now), Some(soon), "places are used again");
}

#[test]
fn output_becomes_lines_of_the_log() {
    let mut log = Log::new(1 << 10);
    let mut output = Output::new(LogLevel::Info);
    output.write(b"one\ntw", &mut log).expect("room");
    output.write(b"o\n\nthree", &mut log).expect("room");
    output.flush(&mut log).expect("room");
    let lines: Vec<String> = log.take().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["one", "two", "three"]);
    assert!(
        output.write(&[b'x'; 2 << 10], &mut log).and_then(|()| output.flush(&mut log)).is_err(),
        "the log is bounded"
    );
}
