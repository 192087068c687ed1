//! `vend serve` as a process of its own, so that its memory, its log and its end can be looked at, and `vend` against it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Killed when dropped.
pub struct Program {
    /// As its first line says.
    pub url: String,
    pub port: u16,
    folder: TempDir,
    id: u32,
    process: Mutex<Child>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Bytes of a process that are in memory: now, and at most since [`Program::forget_peak`].
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub now: u64,
    pub most: u64,
}

impl Program {
    /// Serves on a free port of loopback, unless the arguments say otherwise.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(&[], arguments).unwrap_or_else(|said| panic!("the core does not start: {said}"))
    }

    /// As a child of another program, such as a shell that sets limits first; the error is what it said.
    pub fn try_start(before: &[&str], arguments: &[&str]) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = [before, &[env!("CARGO_BIN_EXE_vend"), "serve"], arguments].concat();
        let mut command = clean(Command::new(whole[0]));
        command.args(&whole[1..]).arg("--data").arg(folder.path().join("data"));
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let file = |name: &str| File::create(folder.path().join(name)).expect("a file for what it says");
        command.env("VEND_CONFIG_DIR", folder.path().join("config"));
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let mut process = command.spawn().expect("the program starts");
        let said = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let ready = said("stdout");
            if let Some(line) = ready.strip_suffix('\n') {
                let url = line.strip_prefix("vend ready at ").and_then(|rest| rest.split(' ').next()).expect("a URL");
                let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
                let (url, id) = (url.to_owned(), process.id());
                return Ok(Self { url, port, folder, id, process: Mutex::new(process) });
            }
            if process.try_wait().expect("asked").is_some() {
                return Err(said("stderr"));
            }
            assert!(Instant::now() < deadline, "not ready within two minutes: {}", said("stderr"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it said on stderr until now.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).expect("what it said")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("data/admin.token")
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.token_file()).expect("a token").trim().to_owned()
    }

    /// `vend` with the context that the core has written, and nothing else of this process.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(Command::new(env!("CARGO_BIN_EXE_vend")));
        command.args(arguments).env("VEND_CONFIG_DIR", self.config()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().expect("it ends"))
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id.to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub fn is_running(&self) -> bool {
        self.process.lock().expect("nobody panics with it").try_wait().expect("asked").is_none()
    }

    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).expect("it runs");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
        };
        Memory { now: bytes("VmRSS:"), most: bytes("VmHWM:") }
    }

    /// Lets the peak begin anew at what is in memory now (proc(5), clear_refs).
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.id), "5").expect("it is ours");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(process) = self.process.get_mut() {
            let _ = (process.kill(), process.wait());
        }
    }
}

/// Without what this process is told about cores and trust.
fn clean(mut command: Command) -> Command {
    let own = |name: &str| name.starts_with("VEND_") || name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR";
    for (name, _) in std::env::vars().filter(|(name, _)| own(name)) {
        command.env_remove(name);
    }
    command
}

pub fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}
