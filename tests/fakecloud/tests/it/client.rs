//! A running fakecloud and a client of a few lines.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Killed when dropped.
pub struct Cloud {
    dir: TempDir,
    flags: Vec<&'static str>,
    process: Option<Child>,
    port: u16,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In small letters.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Cloud {
    pub fn start(flags: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut cloud = Self { dir, flags: flags.to_vec(), process: None, port: 0 };
        cloud.restart();
        cloud
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fakecloud"));
        command.arg("--dir").arg(self.dir.path()).args(&self.flags).stdin(Stdio::null());
        command
    }

    pub fn restart(&mut self) {
        let mut process = self.command().stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("it says where");
        let port = line.trim().strip_prefix("listening on http://127.0.0.1:").and_then(|it| it.parse().ok());
        self.port = port.unwrap_or_else(|| panic!("not where it listens: {line}"));
        self.process = Some(process);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL while others still call; [`Cloud::kill`] has to follow.
    pub fn signal_kill(&self) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill").args(["-KILL", &process.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().expect("it ends");
        }
    }

    /// None: cut before there was a whole head. `headers`: whole lines.
    pub fn try_call(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: cloud\r\nconnection: close\r\ncontent-length: {length}\r\n{lines}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut bytes = Vec::new();
        // What came before a reset counts.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("text");
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        Some(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.try_call(method, path, &[], &body).expect("an answer")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null)
    }

    /// A POST with an idempotency key.
    #[track_caller]
    pub fn keyed(&self, key: &str, body: &Value) -> Answer {
        let header = format!("Idempotency-Key: {key}");
        self.try_call("POST", "/v1/keyed", &[&header], &body.to_string()).expect("an answer")
    }

    #[track_caller]
    pub fn fault(&self, rule: Value) {
        let answer = self.call("POST", "/admin/faults", &json!({ "rules": [rule] }));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    #[track_caller]
    pub fn advance(&self, ms: u64) {
        let answer = self.call("POST", "/admin/clock", &json!({ "advance-ms": ms }));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub fn ledger_path(&self) -> PathBuf {
        self.dir.path().join("ledger.jsonl")
    }

    #[track_caller]
    pub fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.ledger_path()).expect("the ledger");
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    /// Event and answer of each record.
    #[track_caller]
    pub fn story(&self) -> Vec<String> {
        let text = |record: &Value, member: &str| record[member].as_str().expect("text").to_owned();
        self.ledger().iter().map(|it| format!("{} {}", text(it, "event"), text(it, "answer"))).collect()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The body of a make.
pub fn object(name: &str, size: u64) -> Value {
    json!({ "name": name, "size": size, "labels": { "owner": "a b", "resource": name } })
}

#[track_caller]
pub fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().expect("an id").to_owned()
}
