//! What newcomers see first.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::core::until;

#[test]
fn the_demonstration_plays_to_its_end() {
    let said = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new("examples/demo/demo.sh");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VEND_")) {
        command.env_remove(name);
    }
    command.env("VEND", env!("CARGO_BIN_EXE_vend")).env_remove("STAY").current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::null()).stdout(said.reopen().expect("a handle")).stderr(said.reopen().expect("a handle"));
    let begun = Instant::now();
    let mut process = command.spawn().expect("it starts");
    let mut status = None;
    until("the demonstration is over", || {
        status = process.try_wait().expect("its status");
        status.is_some()
    });
    let told = std::fs::read_to_string(said.path()).expect("what it said");
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{told}");
    // Alone it takes less than 30 s; here it shares the machine with other tests.
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}\n{told}", begun.elapsed());
    for line in ["denied before anything left", "databases, none missing, none twice", "was not sent again", "Done in"]
    {
        assert!(told.contains(line), "`{line}` is missing\n{told}");
    }
}
