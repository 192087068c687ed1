//! Another resource type without a line of ours changed: made from the template, built, installed, ordered.

use std::path::Path;
use std::process::Command;

use super::core::Core;

const PLATFORM: &str = "
apiVersion: vend/v1
kind: ResourceType
name: leaflet
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [database], properties: { database: { type: string } } }
holds-data: true
---
{ apiVersion: vend/v1, kind: Connection, name: files, type: sqlite, endpoint: files, allow: { databases: ['*'] } }
---
{ apiVersion: vend/v1, kind: Recipe, name: leaflet, type: leaflet, driver: leaflet, connections: { server: files } }
";

#[test]
fn a_type_from_the_template_is_built_and_ordered() {
    let core = Core::start(&[]);
    let folder = core.folder().display().to_string();
    core.run(&["driver", "new", "leaflet", "--dir", &folder]);
    let component = build(&core.folder().join("leaflet"));
    core.run(&["driver", "check", &component]);
    core.run(&["driver", "install", &component]);
    core.apply(PLATFORM);
    assert!(core.run(&["catalog"]).contains("leaflet"));
    core.run(&["order", "leaflet", "first", "--set", "name=first", "--wait", "--timeout", "2m"]);
    assert!(core.run(&["outputs", "first"]).contains("first"));

    let file = core.data().join("files/first.db");
    let database = rusqlite::Connection::open(&file).expect("the file");
    let tables: String = database
        .query_row(
            "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1)",
            [],
            |row| row.get(0),
        )
        .expect("tables");
    assert_eq!(tables, "note,owner");
    drop(database);
    core.delete("first");
    assert!(!file.exists());
}

/// One place for whatever is built of the template, so that only the first run compiles what it depends on.
fn build(project: &Path) -> String {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/from-template");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
    command.args(["driver", "build"]).current_dir(project).env("CARGO_TARGET_DIR", &target);
    // Those of the cargo that runs this test are about another workspace.
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let component = target.join("wasm32-wasip2/release/leaflet.wasm");
    assert!(component.is_file(), "{}", String::from_utf8_lossy(&output.stdout));
    component.display().to_string()
}
