//! Rendering, held against values that were worked out by hand.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::super::file::ScoreFile;
use super::super::file::tests::{read, workload};
use super::known::Known;
use super::*;
use crate::document::Errors;
use crate::pb;

fn record(name: &str, state: &str, message: &str) -> Value {
    json!({"name": format!("web/{name}"), "id": format!("res_{name}"), "state": state, "message": message})
}

fn known(outputs: &Value) -> Known {
    let Value::Object(outputs) = outputs.clone() else { panic!("an object") };
    let records = outputs.keys().map(|name| record(name, "ready", "")).collect();
    Known::new("web", outputs, records)
}

fn all(file: &ScoreFile) -> Vec<String> {
    members(&file.workload, "containers").map(|(name, _)| name.to_owned()).collect()
}

fn fill(file: &ScoreFile, known: &Known) -> Result<fill::Filled, Errors> {
    fill::containers(file, &Wanted { containers: all(file), files: true }, known)
}

#[test]
fn workloads_as_worked_out_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/score");
    let mut count = 0;
    for entry in std::fs::read_dir(folder.join("expected")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let expected: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let name = folder.join(path.file_stem().expect("a name")).with_extension("yaml");
        let source = pb::Source { file_name: name.display().to_string(), content: std::fs::read(&name).expect("read") };
        let file = ScoreFile::read(&source).expect("nothing is wrong with it");
        let filled = fill(&file, &known(&expected["outputs"])).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(view(&filled.containers), expected["containers"], "{}", name.display());
        count += 1;
    }
    assert_eq!(count, 7);
}

fn check(variable: &str, expected: &str) {
    let body = format!(
        "  side: {{image: x, variables: {{A: '{variable}'}}}}\nresources: {{db: {{type: pg}}, slow: {{type: pg}}, gone: {{type: \
         pg}}, broken: {{type: pg}}}}\n"
    );
    let file = read(&workload(&body)).expect("fine");
    let outputs = json!({"db": {"host": "h", "port": 5432, "tls": true, "none": null, "more": {"a.b": [1, {"c": "d"}]},
        "password": known::MASK}, "slow": {}, "broken": {"host": "old"}});
    let Value::Object(outputs) = outputs else { panic!("an object") };
    let records =
        vec![record("db", "ready", ""), record("slow", "pending", ""), record("broken", "failed", "no more space")];
    let told = match fill(&file, &Known::new("web", outputs, records)) {
        Ok(filled) => {
            let value = filled.containers[1].variables["A"].clone();
            if filled.masked { format!("{value} (masked)") } else { value }
        }
        Err(errors) => errors.to_string(),
    };
    assert_eq!(told, expected, "{variable}");
}

#[test]
fn values() {
    for (variable, expected) in [
        ("", ""),
        ("plain $ $${x} $$", "plain $ ${x} $"),
        ("${metadata.name}/${metadata.tier.n}", "web/1"),
        ("${resources.db.host}:${resources.db.port}", "h:5432"),
        ("${resources.db.tls} ${resources.db.none}", "true null"),
        (r"${resources.db.more}", r#"{"a.b":[1,{"c":"d"}]}"#),
        (r"${resources.db.more.a\.b.1.c}", "d"),
        ("x:${resources.db.password}@", "x:[secret]@ (masked)"),
        ("${resources.db}", "res_db"),
    ] {
        check(variable, expected);
    }
}

#[test]
fn what_is_not_there() {
    for (variable, expected) in [
        ("${resources.db.hots}", "`${resources.db.hots}`: resource `db` has no output `hots`: did you mean `host`?"),
        ("${resources.db.host.x}", "`${resources.db.host.x}`: resource `db` has no output `x`"),
        ("${resources.slow.host}", "resource `slow` is pending, not ready: `vend wait order/web` waits for it"),
        ("${resources.slow}", "resource `slow` is pending, not ready: `vend wait order/web` waits for it"),
        ("${resources.gone.host}", "resource `gone` is not in the order `web`: `vend score apply` orders it"),
        (
            "${resources.broken.host}",
            "resource `broken` is failed, not ready (no more space): `vend describe order web` says more",
        ),
    ] {
        check(variable, &format!("score.yaml:5:35: {expected}"));
    }
}

fn filled(body: &str) -> fill::Filled {
    let file = read(&workload(body)).expect("fine");
    let outputs = json!({"db": {"host": "h", "password": "it's \"$secret\""}});
    fill(&file, &known(&outputs)).unwrap_or_else(|errors| panic!("{errors}"))
}

const BODY: &str = "  side:\n    image: x\n    variables: {HOST: '${resources.db.host}', PASSWORD: '${resources.db.password}', PORT: \"8080\", EMPTY: ''}\n    \
                    files:\n      /etc/app.yaml: {content: \"host: ${resources.db.host}\\n\", mode: \"0600\"}\n      \
                    /etc/raw: {content: '${HOST}', noExpand: true}\n      /bin/blob: {binaryContent: /wA=}\nresources: {db: {type: pg}}\n";

#[test]
fn lines_for_a_shell() {
    let text = env::render(&filled(BODY).containers).expect("renders");
    assert_eq!(text, "EMPTY=''\nHOST=h\nPASSWORD='it'\\''s \"$secret\"'\nPORT=8080\n");
    let script = format!("set -a\n{text}exec env");
    let mut shell = std::process::Command::new("sh");
    let said = shell.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").output().expect("a shell");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let back: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    assert_eq!((back["PASSWORD"], back["HOST"], back["EMPTY"]), ("it's \"$secret\"", "h", ""));

    let foreign = filled("  side: {image: x, variables: {my.var: a}}\n");
    let failure = env::render(&foreign.containers).expect_err("is refused");
    assert_eq!(failure.message, "the variable `my.var` has no name that a shell knows");
}

#[test]
fn secrets_of_kubernetes() {
    let secrets = secret::render("web", &filled(BODY).containers).expect("renders");
    assert_eq!(
        secrets,
        [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web.side"}, "type": "Opaque",
                "stringData": {"HOST": "h", "PASSWORD": "it's \"$secret\"", "PORT": "8080", "EMPTY": ""}}),
            json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": {"name": "web.side.files", "annotations": {"vend/files": "{\"bin_blob\":{\"target\":\"/bin/blob\"},\
                    \"etc_app.yaml\":{\"mode\":\"0600\",\"target\":\"/etc/app.yaml\"},\"etc_raw\":{\"target\":\"/etc/raw\"}}"}},
                "stringData": {"etc_app.yaml": "host: h\n", "etc_raw": "${HOST}"}, "data": {"bin_blob": "/wA="}}),
        ]
    );
    let text = output::yaml(&secrets).expect("writes");
    assert!(text.contains("  PORT: '8080'\n"), "{text}");
}

#[test]
fn the_mask_is_that_of_the_core() {
    assert_eq!(known::MASK, crate::domain::marker::MASK);
}
