//! Where secrets must not be found: the generated password and the connections' credentials, each written in every way that
//! somebody might write them, searched in every file, every word the core says and every answer of its API.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::server::{READER, ask, executed, order, platform, revealed, server};
use crate::proof::core::Core;

/// Of a role of its own, from which a permission is taken.
const WRITER: &str = r#"cAnary/9+"Xo\z% wr?ter&="#;

struct Canary {
    what: String,
    bytes: Vec<u8>,
}

/// A value as it might stand somewhere.
fn forms(name: &str, value: &str) -> Vec<Canary> {
    let mut found: Vec<Canary> = Vec::new();
    let mut add = |how: &str, text: String| {
        if !found.iter().any(|it| it.bytes == text.as_bytes()) {
            found.push(Canary { what: format!("{name}, {how}"), bytes: text.into_bytes() });
        }
    };
    add("plain", value.to_owned());
    // Whatever stands before it: one of three alignments, without the characters that its neighbours take part in.
    for offset in 0..3 {
        let padded = ["x".repeat(offset).as_bytes(), value.as_bytes()].concat();
        let whole = padded.len() / 3 * 4;
        let first = [0, 2, 3][offset];
        add("base64", STANDARD_NO_PAD.encode(&padded)[first..whole].to_owned());
        add("base64url", URL_SAFE_NO_PAD.encode(&padded)[first..whole].to_owned());
    }
    let hex = |upper: bool, before: &str| {
        value.bytes().fold(String::new(), |mut text, byte| {
            let _ = if upper { write!(text, "{before}{byte:02X}") } else { write!(text, "{before}{byte:02x}") };
            text
        })
    };
    add("hex", hex(false, ""));
    add("hex in capitals", hex(true, ""));
    add("all percent", hex(true, "%"));
    add("all percent, small", hex(false, "%"));
    let percent = |kept: &str| {
        value.chars().fold(String::new(), |mut text, it| {
            let plain = it.is_ascii_alphanumeric() || kept.contains(it);
            let _ = if plain { write!(text, "{it}") } else { write!(text, "%{:02X}", it as u32) };
            text
        })
    };
    add("percent", percent("-._~"));
    add("percent, as a browser", percent("-._~!*'()"));
    add("percent, as a path", percent("-._~/+&="));
    let json = serde_json::to_string(value).expect("text");
    add("JSON", json.trim_matches('"').to_owned());
    let twice = serde_json::to_string(&json).expect("text");
    add("JSON in JSON", twice.trim_matches('"').trim_matches(['\\', '"']).to_owned());
    add("list of bytes", value.bytes().map(|it| it.to_string()).collect::<Vec<_>>().join(", "));
    add("list of bytes, close", value.bytes().map(|it| it.to_string()).collect::<Vec<_>>().join(","));
    add("SQL literal", value.replace('\'', "''"));
    add("SQL literal, escaped", value.replace('\\', r"\\").replace('\'', r"\'"));
    found
}

/// One pass over `bytes`, for logs are long: most pairs of bytes begin no canary.
fn hits(canaries: &[Canary], place: &str, bytes: &[u8]) -> Vec<String> {
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut begins: Vec<Vec<&Canary>> = vec![Vec::new(); 1 << 16];
    for canary in canaries {
        begins[pair(&canary.bytes)].push(canary);
    }
    let mut found = BTreeSet::new();
    for at in 0..bytes.len().saturating_sub(1) {
        for canary in &begins[pair(&bytes[at..])] {
            if bytes[at..].starts_with(&canary.bytes) {
                found.insert(format!("{} in {place}", canary.what));
            }
        }
    }
    found.into_iter().collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type() {
            Ok(it) if it.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// In the data directory and in all that was said so far.
fn search(core: &Core, canaries: &[Canary]) -> Vec<String> {
    let mut found = Vec::new();
    let mut names = Vec::new();
    for file in [files(&core.data()), files(&core.said())].concat() {
        // A write-ahead log may go while it is looked for.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        if file == core.data().join("admin.token") {
            continue;
        }
        found.extend(hits(canaries, &file.display().to_string(), &bytes));
        names.push(file);
    }
    for kind in [".db", "-wal", "sealing.key", ".stderr", ".stdout"] {
        assert!(names.iter().any(|it| it.display().to_string().ends_with(kind)), "no {kind} was searched: {names:?}");
    }
    found
}

const ORDERS: [&str; 3] = ["canary", "canary-refused", "canary-probe"];

/// Everything that can be asked, short of a reveal.
fn answers(core: &Core, orders: &[String]) -> Vec<(String, String)> {
    let mut asked: Vec<Vec<String>> = Vec::new();
    let mut ask = |words: &[&str]| asked.push(words.iter().map(|it| (*it).to_owned()).collect());
    for kind in [
        "projects",
        "environments",
        "resource-types",
        "connections",
        "recipes",
        "orders",
        "resources",
        "operations",
        "drivers",
        "secrets",
        "audit",
    ] {
        ask(&["get", kind, "--limit", "0", "-o", "json"]);
    }
    for file in orders {
        ask(&["plan", "-f", file, "-o", "json"]);
        ask(&["plan", "-f", file, "-o", "wide"]);
    }
    for order in ORDERS {
        ask(&["get", "order", order, "-o", "json"]);
        ask(&["describe", "order", order]);
        ask(&["tree", order]);
        ask(&["outputs", order, "-o", "json"]);
        ask(&["outputs", order, "-o", "env"]);
        ask(&["get", "resource", &format!("{order}/db"), "-o", "json"]);
        ask(&["describe", "resource", &format!("{order}/db")]);
    }
    ask(&["describe", "connection", "pg-dev"]);
    ask(&["check", "connection", "pg-dev"]);
    ask(&["catalog", "-o", "json"]);
    ask(&["status", "-o", "json"]);
    let operations = core.json(&["get", "operations", "--limit", "0"]);
    for operation in operations.as_array().expect("a list") {
        let id = operation["id"].as_str().expect("an id");
        ask(&["journal", id, "-o", "json"]);
        ask(&["journal", id]);
        ask(&["logs", id]);
        ask(&["get", "operation", id, "-o", "json"]);
    }
    let told = |words: Vec<String>| {
        let ran = core.try_run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = if words[0] == "plan" && words[2].contains("foreign") { 1 } else { 0 };
        assert_eq!(ran.status, expected, "vend {}: {}", words.join(" "), ran.stderr);
        (words.join(" "), ran.stdout + &ran.stderr)
    };
    asked.into_iter().map(told).collect()
}

fn probe() -> String {
    "
{ apiVersion: vend/v1, kind: ResourceType, name: probe, params: { type: object },
  outputs: { type: object, properties: { password: { type: string, x-vend-secret: true }, url: { type: string, x-vend-secret: true } } } }
---
{ apiVersion: vend/v1, kind: Connection, name: files, type: sqlite, endpoint: databases, allow: { databases: ['*'] } }
---
{ apiVersion: vend/v1, kind: Recipe, name: probe, type: probe, driver: probe, connections: { server: files } }
"
    .to_owned()
}

#[test]
fn secrets_are_found_nowhere() {
    let ask = |sql: &str| ask(server(), sql);
    ask(&format!("CREATE ROLE vend_canary LOGIN CREATEDB CREATEROLE PASSWORD '{WRITER}'"));
    ask("CREATE ROLE \"canary-foreign\"");
    let mut core = Core::start(&["postgres", "probe"]);
    // Compiled drivers are kept: from here on everything can be said that the core and its libraries ever say.
    core.kill();
    core.level = "trace";
    core.restart();
    core.secret("pg-admin", WRITER);
    core.secret("pg-ro", READER);
    core.apply(&platform(server().port).replace("username: vend,", "username: vend_canary,"));
    core.apply(&probe());
    let file = |core: &Core, name: &str, text: &str| core.file(&format!("{name}.yaml"), text);
    let watch = core.watch();

    let mut orders = vec![file(&core, "canary", &order("canary"))];
    core.run(&["apply", "-f", &orders[0], "--wait", "--timeout", "2m"]);
    // The role exists, and is nobody's we know.
    orders.push(file(&core, "canary-foreign", &order("canary-foreign")));
    let foreign = core.try_run(&["apply", "-f", &orders[1], "--wait", "--timeout", "2m"]);
    assert_ne!(foreign.status, 0, "{foreign:?}");
    // The server refuses the statement that names the role and carries its password.
    ask("ALTER ROLE vend_canary NOCREATEROLE");
    orders.push(file(&core, "canary-refused", &order("canary-refused")));
    let refused = core.try_run(&["apply", "-f", &orders[2], "--wait", "--timeout", "2m"]);
    assert_ne!(refused.status, 0, "{refused:?}");
    assert_eq!(executed("CREATE ROLE \"canary-refused\""), 1);
    let story = core.journal(&core.operation("canary-refused"));
    assert!(story.iter().any(|it| it["outcome"] == "refused"), "{story:#?}");
    // A driver does what it can to put a password where it can be seen.
    orders.push(file(
        &core,
        "canary-probe",
        "{ apiVersion: vend/v1, kind: Order, name: canary-probe, resources: { db: { type: probe, params: { name: canary-probe, \
         forgiving: true, after-create: [generate, compose, broken-secret, handle-in-query] } } } }",
    ));
    core.run(&["apply", "-f", &orders[3], "--wait", "--timeout", "2m"]);
    let logs = core.run(&["logs", core.operation("canary-probe")["id"].as_str().expect("an id")]);
    assert!(logs.contains("a statement that carries a secret") && logs.contains("HANDLE_IN_QUERY"), "{logs}");

    let mut canaries = Vec::new();
    canaries.extend(forms("the writing credential", WRITER));
    canaries.extend(forms("the reading credential", READER));
    let password = |order: &str| revealed(&core, order)["password"].as_str().expect("a password").to_owned();
    let generated = password("canary");
    assert_eq!(generated.len(), 32);
    canaries.extend(forms("the generated password", &generated));
    canaries.extend(forms("the password of the driver that misbehaves", &password("canary-probe")));
    let token = std::fs::read_to_string(core.data().join("admin.token")).expect("a token");
    canaries.extend(forms("the administrator's token", token.trim()));

    let mut found = search(&core, &canaries);
    let answers_before = answers(&core, &orders);
    core.kill();
    found.extend(search(&core, &canaries));
    core.restart();
    // Once more, as a core says it that has read it all from disk.
    core.run(&["apply", "-f", &orders[0], "--wait", "--timeout", "2m"]);
    let answers_after = answers(&core, &orders);
    ask("ALTER ROLE vend_canary CREATEROLE");
    core.delete("canary");
    found.extend(search(&core, &canaries));
    let watched = watch.end();
    assert!(watched.contains("canary"), "{watched}");
    for (place, text) in answers_before.iter().chain(&answers_after).chain([&("vend watch".to_owned(), watched)]) {
        found.extend(hits(&canaries, place, text.as_bytes()));
    }
    // The core's part: what it sends is a verifier, not the password.
    let log = std::fs::read(&server().log).expect("the server's log");
    let sent: Vec<_> = forms("the generated password", &generated);
    found.extend(hits(&sent, "the PostgreSQL server's log", &log));
    // No answer at all would hide everything.
    assert!(answers_before.iter().any(|(asked, text)| asked.starts_with("journal") && text.contains("CREATE ROLE")));
    assert!(found.is_empty(), "{found:#?}");

    for canary in &canaries {
        let planted = core.data().join("cache/planted");
        std::fs::write(&planted, [b"before ", canary.bytes.as_slice(), b" behind"].concat()).expect("planted");
        let found = search(&core, std::slice::from_ref(canary));
        assert_eq!(found.len(), 1, "{}: {found:?}", canary.what);
    }
}
