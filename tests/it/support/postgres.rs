//! A PostgreSQL server of its own, from the binaries of this machine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::certificates::{Authority, LOCAL};
use super::keeper::{Keeper, free_port};

pub const SUPERUSER: &str = "postgres";
pub const PASSWORD: &str = "the-superusers-password";

/// Runs until it is dropped, or until this process ends.
pub struct Server {
    pub port: u16,
    /// PEM of the authority that signed the server's certificate, which is for `127.0.0.1` and `localhost`.
    pub authority: String,
    /// What the server says, and what it is asked if it logs statements.
    pub log: PathBuf,
    _keeper: Keeper,
}

impl Server {
    /// One for all tests of this process.
    pub fn shared() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Server::start)
    }

    pub fn start() -> Server {
        Self::start_with(&[])
    }

    /// With settings such as `log_statement=all`.
    pub fn start_with(settings: &[&str]) -> Server {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        std::fs::write(dir.path().join("password"), PASSWORD).expect("a password file");
        let authority = certificates(dir.path());
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres"]).arg(dir.path()));
        }
        let data = dir.path().join("data");
        run(as_postgres(&binary("initdb"))
            .args(["-A", "scram-sha-256", "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .arg("--pwfile")
            .arg(dir.path().join("password")));
        let port = free_port();
        let log = dir.path().join("log");
        let server = Server { port, authority, log, _keeper: keep(dir, port, settings) };
        server.await_ready();
        server
    }

    fn await_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut ready = Command::new(binary("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().expect("pg_isready").success() {
                return;
            }
            assert!(Instant::now() < deadline, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A session of the superuser, past everything that is under test.
    pub async fn admin(&self, database: &str) -> tokio_postgres::Client {
        self.session(SUPERUSER, PASSWORD, database).await
    }

    pub async fn session(&self, user: &str, password: &str, database: &str) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(user).password(password).dbname(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a login of the test");
        tokio::spawn(connection);
        client
    }
}

fn keep(dir: TempDir, port: u16, settings: &[&str]) -> Keeper {
    let path = dir.path().to_owned();
    let mut server = as_postgres(&binary("postgres"));
    server.arg("-D").arg(path.join("data"));
    for setting in [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", path.display()),
        "fsync=off".to_owned(),
        "max_connections=60".to_owned(),
        "max_prepared_transactions=2".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", path.join("server.pem").display()),
        format!("ssl_key_file={}", path.join("server.key").display()),
    ] {
        server.arg("-c").arg(setting);
    }
    for setting in settings {
        server.args(["-c", setting]);
    }
    let script = r#""$@" >"$dir/log" 2>&1 & cat >/dev/null; kill -INT "$(head -n 1 "$dir/data/postmaster.pid")""#;
    Keeper::start(dir, script, &server)
}

/// An authority and a certificate it signed; gives the authority's.
fn certificates(dir: &Path) -> String {
    let authority = Authority::new(dir, "ca");
    authority.sign("server", LOCAL);
    std::fs::read_to_string(authority.certificate()).expect("the authority's certificate")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("a program of this machine");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The server refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() { Command::new("runuser") } else { Command::new(program) };
    if is_root() {
        command.args(["-u", "postgres", "--"]).arg(program);
    }
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout.starts_with(b"0\n")
}

/// On the path, or where Debian keeps the server's programs.
pub fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut places = std::env::split_paths(&path).chain(debian).map(|place| place.join(name));
    places.find(|file| file.is_file()).unwrap_or_else(|| panic!("cannot find `{name}`: install PostgreSQL"))
}
