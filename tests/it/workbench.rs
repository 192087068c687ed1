//! The workbench as its users run it: what it shows, and what it refuses. That a project from the template builds and serves
//! orders is proven beside (`proof/template.rs`).

use std::path::Path;
use std::process::{Command, Output};

use super::support::drivers::path;

fn vend(args: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vend")).args(args).current_dir(directory).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeds(args: &[&str], directory: &Path) -> String {
    let output = vend(args, directory);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(file: &Path, why: &str) {
    let name = file.to_str().expect("a plain path");
    let output = vend(&["driver", "check", name], Path::new("."));
    assert_eq!(output.status.code(), Some(1), "{name}");
    let said = text(&output.stderr);
    assert!(said.contains(name) && said.contains(why), "{said}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn check_shows_what_a_driver_is() {
    let shown = succeeds(&["driver", "check", path("sqlite").to_str().expect("a plain path")], Path::new("."));
    for part in
        ["sqlite 0.1.0", "type sqlite-database", "slot server: sqlite", "vend:driver/sql-write@0.1.0", "sha256:"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn check_refuses_what_installing_refuses() {
    let examples = path("sqlite").with_file_name("examples");
    refused(&examples.join("describe_traps.wasm"), "describe failed");
    refused(&examples.join("describe_loops.wasm"), "cpu time");
    refused(&examples.join("describe_rubbish.wasm"), "/name");
    refused(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), "no WebAssembly");
    refused(Path::new("no-such-file.wasm"), "cannot read");
}

#[test]
fn new_refuses_bad_names_and_full_directories() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("taken")).expect("a folder");
    std::fs::write(folder.path().join("taken/mine"), "x").expect("a file");
    for (name, why) in [("Bad_Name", "cannot name a driver"), ("taken", "is not empty")] {
        let output = vend(&["driver", "new", name], folder.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    let output = vend(&["driver", "build"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("vend driver new"), "{}", text(&output.stderr));
}
