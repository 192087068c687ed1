//! A PowerDNS authoritative server of its own, from the programs of this machine: its HTTP API, and DNS.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::call::{Answer, try_call};
use super::keeper::{Keeper, free_port};

/// Full of what encodings change, so that a search for each has something to find.
pub const KEY: &str = r#"cAnary/9+"Kw\z% k?y&="#;

/// Runs until it is dropped, or until this process ends.
pub struct Server {
    /// Of the HTTP API.
    pub port: u16,
    /// Of DNS, UDP and TCP.
    pub dns: u16,
    database: PathBuf,
    _keeper: Keeper,
}

impl Server {
    pub fn start() -> Server {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let schema = std::fs::read_to_string(schema()).expect("the schema of its database");
        sqlite(&dir.path().join("zones.db"), &schema);
        let (dns, port) = (free_dns_port(), free_port());
        let database = dir.path().join("zones.db");
        let server = Server { port, dns, database, _keeper: keep(dir, dns, port) };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !try_call(port, "GET", "/api/v1/servers/localhost", &header(KEY), "").is_ok_and(|it| it.status == 200) {
            assert!(Instant::now() < deadline, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// `path`: below `/servers/localhost`.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/api/v1/servers/localhost{path}");
        try_call(self.port, method, &path, &header(KEY), &body).expect("the server answers")
    }

    /// In its database, past the server.
    #[track_caller]
    pub fn sql(&self, statement: &str) {
        sqlite(&self.database, statement);
    }

    /// What a resolver is told: the contents of the records, sorted.
    #[track_caller]
    pub fn dig(&self, name: &str, kind: &str) -> Vec<String> {
        self.answers(name, kind).into_iter().map(|(_, content)| content).collect()
    }

    /// With the TTL before each.
    #[track_caller]
    pub fn dig_ttl(&self, name: &str, kind: &str) -> Vec<String> {
        self.answers(name, kind).into_iter().map(|(ttl, content)| format!("{ttl} {content}")).collect()
    }

    #[track_caller]
    fn answers(&self, name: &str, kind: &str) -> Vec<(String, String)> {
        let mut dig = Command::new("dig");
        dig.args(["@127.0.0.1", "-p", &self.dns.to_string(), "+time=5", "+tries=3", "+norecurse"]);
        let output = dig.args(["+noall", "+comments", "+answer", "+nosplit", name, kind]).output().expect("dig runs");
        let text = String::from_utf8_lossy(&output.stdout);
        // Refused is what is asked of a zone that it does not have.
        let answered = ["NOERROR", "NXDOMAIN", "REFUSED"].iter().any(|it| text.contains(&format!("status: {it},")));
        assert!(output.status.success() && answered, "{text}");
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            found.push((words[1].to_owned(), words[4..].join(" ")));
        }
        found.sort();
        found
    }
}

#[track_caller]
fn sqlite(database: &Path, statements: &str) {
    let output = Command::new("sqlite3").arg(database).arg(statements).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn header(key: &str) -> String {
    format!("X-API-Key: {key}")
}

fn keep(dir: TempDir, dns: u16, port: u16) -> Keeper {
    let path = dir.path().to_owned();
    let mut server = Command::new(binary("pdns_server"));
    for setting in [
        format!("config-dir={}", path.display()),
        format!("socket-dir={}", path.display()),
        format!("gsqlite3-database={}", path.join("zones.db").display()),
        "daemon=no".to_owned(),
        "guardian=no".to_owned(),
        "disable-syslog=yes".to_owned(),
        "launch=gsqlite3".to_owned(),
        "local-address=127.0.0.1".to_owned(),
        format!("local-port={dns}"),
        // An answer of a moment ago is not asked for here.
        "cache-ttl=0".to_owned(),
        "query-cache-ttl=0".to_owned(),
        "negquery-cache-ttl=0".to_owned(),
        "zone-cache-refresh-interval=0".to_owned(),
        "security-poll-suffix=".to_owned(),
        "api=yes".to_owned(),
        format!("api-key={KEY}"),
        "webserver=yes".to_owned(),
        "webserver-address=127.0.0.1".to_owned(),
        format!("webserver-port={port}"),
        "webserver-allow-from=127.0.0.0/8".to_owned(),
    ] {
        server.arg(format!("--{setting}"));
    }
    Keeper::start(dir, r#""$@" >"$dir/log" 2>&1 & server=$!; cat >/dev/null; kill "$server""#, &server)
}

/// What the package of the backend brings.
fn schema() -> &'static Path {
    let places = [
        "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
        "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql",
    ];
    let found = places.into_iter().map(Path::new).find(|path| path.is_file());
    found.expect("cannot find the schema of its database: install pdns-backend-sqlite3")
}

/// On the path, or where Debian keeps it, which is on no user's path.
fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).map(|place| place.join(name));
    places.find(|file| file.is_file()).unwrap_or_else(|| panic!("cannot find `{name}`: install pdns-server"))
}

/// Free for UDP and for TCP.
fn free_dns_port() -> u16 {
    for _ in 0..100 {
        let port = free_port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free for both UDP and TCP");
}
