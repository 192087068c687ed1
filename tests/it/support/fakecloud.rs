//! The imaginary cloud `tests/fakecloud`: its program, what may go wrong there, what stands in its ledger; and what vend needs to use it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::binary;
use super::call::{Answer, try_call};
use super::keeper::Keeper;

/// Types of the driver `fakecloud`, by the collection that their objects are in.
pub const TYPES: [(&str, &str); 4] =
    [("cloud-named", "named"), ("cloud-keyed", "keyed"), ("cloud-labelled", "labelled"), ("cloud-blind", "blind")];

/// Runs until it is dropped, or until this process ends.
pub struct Cloud {
    pub port: u16,
    ledger: PathBuf,
    _keeper: Keeper,
}

impl Cloud {
    /// `flags` as the program takes them: `["--visible-after-ms", "2000"]`.
    pub fn start(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().to_owned();
        let mut server = Command::new(binary::fakecloud());
        server.arg("--dir").arg(&path).args(flags);
        let script = r#"
            "$@" >"$dir/out" 2>&1 & server=$!
            cat >/dev/null
            kill -s KILL "$server""#;
        let keeper = Keeper::start(dir, script, &server);
        let port = port(&path.join("out"));
        Self { port, ledger: path.join("ledger.jsonl"), _keeper: keeper }
    }

    /// `body` is null where there is none.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        try_call(self.port, method, path, "Accept: application/json", &body).expect("the cloud answers")
    }

    #[track_caller]
    fn told(&self, path: &str, body: &Value) -> Value {
        let method = if body.is_null() { "GET" } else { "POST" };
        let answer = self.call(method, path, body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// What goes wrong from now on: `{ rules: […], random: {…} }`; `{}` for nothing.
    #[track_caller]
    pub fn set_faults(&self, plan: &Value) {
        self.told("/admin/faults", plan);
    }

    /// How many faults of this name there have been.
    #[track_caller]
    pub fn faults_done(&self, name: &str) -> u64 {
        self.told("/admin/faults", &Value::Null)["done"][name].as_u64().unwrap_or(0)
    }

    /// Puts the cloud's time ahead.
    #[track_caller]
    pub fn advance_ms(&self, ms: u64) {
        self.told("/admin/clock", &json!({ "advance-ms": ms }));
    }

    /// What every read is answered with: 403, 500, or what is asked.
    #[track_caller]
    pub fn fail_reads(&self, status: Option<u16>) {
        self.told("/admin/reads", &json!({ "status": status }));
    }

    /// All live objects.
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        self.told("/admin/objects", &Value::Null).as_array().expect("a list").clone()
    }

    /// All records so far; `tests/fakecloud/README.md` says what stands in one.
    #[track_caller]
    pub fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.ledger).expect("the ledger");
        // Behind the last end of a line something may just be written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    /// The records of one event on objects of this name.
    #[track_caller]
    pub fn events(&self, event: &str, name: &str) -> Vec<Value> {
        self.ledger().into_iter().filter(|it| it["event"] == event && it["name"] == name).collect()
    }

    /// A connection to it, and for each of the four types the type and a recipe.
    pub fn platform(&self) -> String {
        let connection = format!(
            r#"apiVersion: vend/v1
kind: Connection
name: cloud
type: http
endpoint: http://127.0.0.1:{}/v1
allow:
  networks: ["127.0.0.0/8"]
  reads: [{{ path: "/**" }}]
  writes: [{{ path: "/**" }}]
"#,
            self.port
        );
        TYPES.iter().fold(connection, |documents, (name, _)| documents + "---\n" + &type_and_recipe(name))
    }
}

/// An order of one resource of each of these types, named as its collection is; `more` stands among the params of each.
pub fn order(name: &str, types: &[(&str, &str)], more: impl Fn(&str) -> String) -> String {
    let resources: Vec<String> = types
        .iter()
        .map(|(kind, collection)| format!("{collection}: {{ type: {kind}, params: {{ {} }} }}", more(collection)))
        .collect();
    format!("{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ {} }} }}\n", resources.join(", "))
}

fn type_and_recipe(name: &str) -> String {
    let accept = if name == "cloud-blind" { "accept-unsafe: true\n" } else { "" };
    format!(
        r#"apiVersion: vend/v1
kind: ResourceType
name: {name}
params:
  type: object
  required: [size]
  additionalProperties: false
  properties:
    size: {{ type: integer, minimum: 0 }}
    parts: {{ type: integer, minimum: 0, maximum: 10 }}
    posts: {{ type: integer, minimum: 0, maximum: 10 }}
    provision-ms: {{ type: integer, minimum: 0 }}
    name: {{ type: string }}
outputs:
  type: object
  required: [id, size, password]
  properties:
    id: {{ type: string }}
    size: {{ type: integer }}
    password: {{ type: string, x-vend-secret: true }}
---
apiVersion: vend/v1
kind: Recipe
name: {name}
type: {name}
driver: fakecloud@^0.1
connections: {{ cloud: cloud }}
{accept}"#
    )
}

/// As its first line says.
#[track_caller]
fn port(out: &Path) -> u16 {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = std::fs::read_to_string(out).unwrap_or_default();
        if let Some(line) = said.strip_suffix('\n') {
            let port = line.strip_prefix("listening on http://127.0.0.1:").and_then(|it| it.parse().ok());
            return port.unwrap_or_else(|| panic!("the cloud does not start: {said}"));
        }
        assert!(Instant::now() < deadline, "the cloud does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}
