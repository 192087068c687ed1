//! Where secrets must not be found: the generated password and the connection's credential, in every file of the core, all it
//! says, and what it tells of the operation.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::server::{assert_usable, core, order, revealed};
use crate::support::rabbitmq::{ADMIN, PASSWORD, Server};

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

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn passwords_are_found_nowhere() {
    let mut core = core(Server::shared().port);
    core.kill();
    core.level = "trace";
    core.restart();
    core.run(&["apply", "-f", &core.file("order.yaml", &order("canary", "canary", "")), "--wait", "--timeout", "2m"]);
    assert_usable(&core, "canary");
    let generated = revealed(&core, "canary")["password"].as_str().expect("a password").to_owned();
    assert_eq!(generated.len(), 32);
    let basic = STANDARD.encode(format!("{ADMIN}:{PASSWORD}"));
    let json = serde_json::to_string(PASSWORD).expect("text");
    let secrets = [generated.as_str(), PASSWORD, json.trim_matches('"'), basic.trim_end_matches('=')];

    let operation = core.operation("canary");
    let mut told =
        vec![("the journal".to_owned(), serde_json::json!(core.journal(&operation)).to_string().into_bytes())];
    assert!(holds(&told[0].1, "/users/canary"), "the journal tells nothing of the user");
    core.kill();
    for file in [files(&core.data()), files(&core.said())].concat() {
        let bytes = std::fs::read(&file).expect("a file");
        told.push((file.display().to_string(), bytes));
    }
    assert!(told.iter().any(|(place, _)| place.ends_with(".stderr")), "nothing that was said was searched");
    for (place, bytes) in &told {
        for secret in secrets {
            assert!(!holds(bytes, secret), "a password stands in {place}");
        }
    }
    core.restart();
    core.delete("canary");
}
