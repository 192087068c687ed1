//! The house rules that a compiler does not hold: who may import whom, where a word may stand, how a file begins.
//!
//! A new edge of the import table is a reviewed edit here.

#[path = "tidy/source.rs"]
mod source;

use source::Source;

/// Module → what it may import of this crate. Rows import only rows above them; `telemetry` may be imported by all.
const IMPORTS: [(&str, &[&str]); 20] = [
    ("domain", &[]),
    ("telemetry", &["domain"]),
    ("config", &["domain"]),
    ("pb", &[]),
    ("wit", &[]),
    ("document", &["domain"]),
    ("store", &["domain"]),
    ("secret", &["domain", "store"]),
    ("identity", &["domain", "store", "secret"]),
    ("policy", &["domain"]),
    ("capability", &["domain", "wit", "secret"]),
    // `document` for its JSON Schemas: what others write is bounded in one place.
    ("driver", &["domain", "document", "wit", "capability"]),
    ("package", &["domain", "driver"]),
    ("stock", &["domain", "document", "store", "secret", "policy", "capability", "driver", "package"]),
    ("engine", &["domain", "store", "secret", "policy", "capability", "driver", "stock"]),
    ("server", &["domain", "pb", "document", "store", "identity", "policy", "stock", "engine"]),
    ("workbench", &["domain", "document", "store", "secret", "driver", "package", "stock", "engine"]),
    // `document` for its reader and the words of its schemas: files whose form others have made. Documents are for the server.
    ("frontend", &["pb", "document"]),
    ("app", &["*"]),
    ("main", &["*"]),
];

/// Crate → the modules that may name it. What stands here is a decision that must not leak.
const CRATES: [(&str, &[&str]); 14] = [
    ("wasmtime", &["wit", "capability", "driver"]),
    ("cel", &["document"]),
    ("tokio_postgres", &["capability"]),
    ("rusqlite", &["store", "capability"]),
    ("prost", &["pb", "server", "frontend"]),
    ("prost_types", &["pb", "server", "frontend"]),
    ("tonic", &["pb", "server", "frontend", "app"]),
    ("tonic_reflection", &["server", "app"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("prometheus_client", &["telemetry"]),
    ("clap", &["frontend", "workbench", "main"]),
    ("anyhow", &["frontend", "workbench", "app", "main"]),
];

/// Words that belong into `plugins/` and `examples/`, and the only places of the core where they may stand.
const FOREIGN: [(&str, &[&str]); 13] = [
    ("postgres-database", &[]),
    ("sqlite-database", &[]),
    ("slow-database", &[]),
    ("dns-zone", &[]),
    ("rrset", &[]),
    ("rabbitmq-vhost", &[]),
    ("CREATE ROLE", &[]),
    ("ALTER ROLE", &[]),
    ("DROP ROLE", &[]),
    ("CREATE USER", &[]),
    ("CREATE EXTENSION", &[]),
    // The host itself answers these two for directories of SQLite files.
    ("CREATE DATABASE", &["src/capability/sql/sqlite"]),
    ("DROP DATABASE", &["src/capability/sql/sqlite"]),
];

const LONG: usize = 450;
const TOO_LONG: usize = 600;

fn fail_on(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}\n  {}", faults.join("\n  "));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let known: Vec<&str> = IMPORTS.iter().map(|(module, _)| *module).collect();
    let mut faults = Vec::new();
    for source in source::all() {
        let module = source.module();
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            if module != "lib" {
                faults.push(format!("{}: module `{module}` is not in the import table", source.path));
            }
            continue;
        };
        for (line, target) in source.imports(&known) {
            let fine =
                target == module || target == "telemetry" || allowed.contains(&"*") || allowed.contains(&&*target);
            if !fine {
                faults.push(format!("{}:{line}: `{module}` may not import `{target}`", source.path));
            }
        }
    }
    fail_on(faults, "the import table does not allow this");
}

#[test]
fn crates_stay_where_they_belong() {
    let mut faults = Vec::new();
    for source in source::all() {
        for (name, allowed) in CRATES {
            if !allowed.contains(&source.module()) {
                let lines = source.paths_of(name).into_iter();
                faults.extend(lines.map(|line| format!("{}:{line}: `{name}` does not belong here", source.path)));
            }
        }
    }
    fail_on(faults, "these crates are known to few modules only");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = source::everywhere().into_iter().filter(|source| !source.opens_with_words());
    fail_on(silent.map(|source| source.path).collect(), "every module opens with `//!`");
}

#[test]
fn unsafe_code_is_in_one_place() {
    // The second is a driver that looks through all of its own memory: what it must not hold is searched for there.
    let allowed = ["src/driver/cache.rs", "plugins/fixtures/probe/src/bomb.rs"];
    let sources = source::everywhere().into_iter().filter(|source| !allowed.contains(&source.path.as_str()));
    let faults = |source: Source| {
        source.lines_with_word("unsafe").into_iter().map(move |line| format!("{}:{line}", source.path))
    };
    fail_on(sources.flat_map(faults).collect(), "only src/driver/cache.rs may be unsafe");
}

#[test]
fn input_never_panics() {
    let faults =
        |source: Source| source.lines_with(".unwrap()").into_iter().map(move |line| format!("{}:{line}", source.path));
    fail_on(source::all().into_iter().flat_map(faults).collect(), "say with `expect` why it holds, or handle it");
}

#[test]
fn the_core_knows_no_resource_type_and_no_driver() {
    let mut faults = Vec::new();
    for source in source::all() {
        for (word, allowed) in FOREIGN {
            if !allowed.iter().any(|place| source.path.starts_with(place)) {
                let lines = source.lines_with(word).into_iter();
                faults.extend(lines.map(|line| format!("{}:{line}: `{word}`", source.path)));
            }
        }
    }
    fail_on(faults, "what is made, and how, is the drivers' business");
}

#[test]
fn files_stay_readable() {
    let mut long: Vec<(usize, String)> = source::everywhere()
        .into_iter()
        .map(|source| (source.length, source.path))
        .filter(|(lines, _)| *lines > LONG)
        .collect();
    long.sort();
    for (lines, path) in &long {
        println!("{path} has {lines} lines: is there a second noun in it?");
    }
    let faults =
        long.into_iter().filter(|(lines, _)| *lines > TOO_LONG).map(|(lines, path)| format!("{path}: {lines}"));
    fail_on(faults.collect(), "no file has more than 600 lines");
}
