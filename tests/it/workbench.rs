//! The workbench as its users run it; and a new resource type, from the template to an order, without a line of the core.

use std::path::Path;
use std::process::{Command, Output};

use vend::domain::operation::OperationState;

use super::support::bench::{Bench, admin};
use super::support::drivers::path;

fn vend(args: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
    // One place for what is built of templates, so that only the first run compiles the SDK.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/from-template");
    command.args(args).current_dir(directory).env("CARGO_TARGET_DIR", target);
    command.output().expect("the program runs")
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

const OFFER: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: guest-book
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [database], properties: { database: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: guest-book
type: guest-book
driver: guest-book
connections: { server: files }
"#;

const ORDER: &str = r#"
apiVersion: vend/v1
kind: Order
name: party
resources:
  book: { type: guest-book, params: { name: visitors } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_resource_type_needs_nothing_of_the_core() {
    let folder = tempfile::tempdir().expect("a folder");
    succeeds(&["driver", "new", "guest-book"], folder.path());
    let project = folder.path().join("guest-book");
    let built = succeeds(&["driver", "build"], &project);
    let component = built.lines().next().expect("the path of the component").to_owned();
    assert!(component.ends_with("guest_book.wasm"), "{built}");
    let shown = succeeds(&["driver", "check", &component], &project);
    assert!(shown.contains("type guest-book"), "{shown}");

    let bench = Bench::new(&[]).await;
    let bytes = std::fs::read(&component).expect("the component");
    bench.core.stock.install(bytes, &admin()).await.unwrap_or_else(|error| panic!("{error}"));
    bench.documents(OFFER).await;
    let operation = bench.apply(ORDER).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert_eq!(bench.databases(), ["visitors"]);
    let operation = bench.delete("party").await;
    assert_eq!(bench.settled(&operation).await.state, OperationState::Succeeded);
    assert!(bench.databases().is_empty());
}
