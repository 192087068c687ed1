//! A RabbitMQ broker of its own, from the programs of this machine: the management API, and AMQP.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::call::{Answer, try_call};
use super::keeper::{Keeper, free_ports};

/// An administrator beside the broker's own `guest`. Full of what encodings change.
pub const ADMIN: &str = "vend";
pub const PASSWORD: &str = r#"cAnary/6+"Rm\z% p?ss&="#;

/// Runs until it is dropped, or until this process ends.
pub struct Server {
    /// Of the management API.
    pub port: u16,
    pub amqp: u16,
    _keeper: Keeper,
}

impl Server {
    /// One for all tests of this process: a broker takes ten seconds to start.
    pub fn shared() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Server::start)
    }

    pub fn start() -> Server {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [port, amqp, between_nodes, names] = free_ports();
        let settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n\
             disk_free_limit.absolute = 1MB\n"
        );
        std::fs::write(dir.path().join("rabbitmq.conf"), settings).expect("written");
        std::fs::write(dir.path().join("plugins"), "[rabbitmq_management].").expect("written");
        let server = Server { port, amqp, _keeper: keep(dir, between_nodes, names) };
        let deadline = Instant::now() + Duration::from_secs(120);
        let path = "/api/health/checks/alarms";
        while !try_call(port, "GET", path, &header("guest", "guest"), "").is_ok_and(|it| it.status == 200) {
            assert!(Instant::now() < deadline, "the broker does not get ready");
            std::thread::sleep(Duration::from_millis(100));
        }
        let admin = json!({ "password": PASSWORD, "tags": "administrator" });
        assert_eq!(server.call("PUT", &format!("/users/{ADMIN}"), &admin).status, 201);
        server
    }

    /// `path`: below `/api`.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/api{path}");
        try_call(self.port, method, &path, &header("guest", "guest"), &body).expect("the broker answers")
    }

    /// Names of all vhosts, or of all users.
    #[track_caller]
    pub fn names(&self, of: &str) -> Vec<String> {
        let answer = self.call("GET", &format!("/{of}"), &Value::Null).json();
        let name = |it: &Value| it["name"].as_str().expect("a name").to_owned();
        answer.as_array().expect("a list").iter().map(name).collect()
    }
}

/// What a client of another make does with a URL: it logs in, makes a queue, publishes and gets `text`.
pub fn publish_and_get(url: &str, text: &str) -> Result<String, String> {
    let script = r#"
import sys, pika
url, text = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare('notes')
channel.confirm_delivery()
channel.basic_publish('', 'notes', text.encode())
_, _, got = channel.basic_get('notes', auto_ack=True)
connection.close()
print(got.decode())"#;
    let mut command = Command::new(python());
    let output = command.args(["-c", script, url, text]).env("PYTHONUTF8", "1").output().expect("python runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// One that has pika: the first on the path, or Debian's.
fn python() -> &'static str {
    let has_pika = |python: &&str| {
        let mut command = Command::new(python);
        command.args(["-c", "import pika"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_pika);
    found.expect("cannot find a client for AMQP: install python3-pika")
}

fn header(user: &str, password: &str) -> String {
    let credential = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {credential}")
}

/// The port mapper is started beside the broker: one that starts its own leaves it behind.
fn keep(dir: TempDir, between_nodes: u16, names: u16) -> Keeper {
    let path = dir.path().to_owned();
    let script = r#"
        epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 >/dev/null 2>&1 & names=$!
        tries=0
        until epmd -names >/dev/null 2>&1 || [ $tries = 100 ]; do tries=$((tries + 1)); sleep 0.1; done
        setsid "$@" >"$dir/out" 2>&1 & broker=$!
        cat >/dev/null
        kill -s KILL -- "-$broker" || kill -s KILL "$broker"
        kill "$names""#;
    let mut broker = Command::new(binary());
    broker
        .env("HOME", &path)
        .env("RABBITMQ_NODENAME", format!("vend-{between_nodes}@localhost"))
        .env("RABBITMQ_CONFIG_FILE", path.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", path.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", path.join("log"))
        .env("RABBITMQ_DIST_PORT", between_nodes.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", names.to_string());
    Keeper::start(dir, script, &broker)
}

/// The broker's own program: what Debian puts on the path changes the user first.
fn binary() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    let mut places = debian.map(|entry| entry.path().join("sbin/rabbitmq-server"));
    places.find(|file| file.is_file()).expect("cannot find `rabbitmq-server`: install rabbitmq-server")
}
