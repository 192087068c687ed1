//! `vend serve` as a process of its own, and its command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{binary, drivers};

/// With folders of its own. Killed when dropped.
pub struct Core {
    folder: TempDir,
    process: Option<Child>,
    starts: u32,
    /// What the core tells: a list as for `VEND_LOG`.
    pub level: &'static str,
    /// A program with arguments that starts the core in circumstances of its own.
    pub through: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// More of `vend serve`.
    pub flags: Vec<String>,
    /// Where the data is, if not in its own folder.
    pub place: Option<PathBuf>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Core {
    /// Serves, and has these drivers.
    pub fn start(drivers: &[&str]) -> Core {
        let mut core = Core::idle();
        core.restart();
        core.install(drivers);
        core
    }

    /// Has its folders, and does not serve yet.
    pub fn idle() -> Core {
        Core {
            folder: tempfile::tempdir().expect("a folder"),
            process: None,
            starts: 0,
            level: "info",
            through: Vec::new(),
            environment: Vec::new(),
            flags: Vec::new(),
            place: None,
        }
    }

    pub fn install(&self, drivers: &[&str]) {
        for driver in drivers {
            self.run(&["driver", "install", &drivers::path(driver).display().to_string()]);
        }
    }

    /// The same data, served by a new process.
    #[track_caller]
    pub fn restart(&mut self) {
        if let Err(ran) = self.try_restart() {
            panic!("it does not start: {ran:?}");
        }
    }

    /// As [`Core::restart`]; how it ended if it did before it was ready.
    #[track_caller]
    pub fn try_restart(&mut self) -> Result<(), Ran> {
        assert!(self.process.is_none(), "it runs already");
        self.starts += 1;
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        let file = |name: &str| std::fs::File::create(self.said_last(name)).expect("a file for what it says");
        std::fs::create_dir_all(self.said()).expect("a folder for what it says");
        command.env("VEND_LOG", self.level).arg(self.data()).args(&self.flags).stdin(Stdio::null());
        command.stdout(file("stdout")).stderr(file("stderr"));
        let mut process = command.spawn().expect("the program starts");
        let (mut ready, mut ended) = (false, false);
        until("the core is ready, or ends", || {
            ended = process.try_wait().expect("it can be asked").is_some();
            ready = self.last_said("stdout").contains("vend ready at");
            ready || ended
        });
        self.process = Some(process);
        if ready { Ok(()) } else { Err(self.ended()) }
    }

    /// How it ended by itself.
    #[track_caller]
    pub fn ended(&mut self) -> Ran {
        let mut process = self.process.take().expect("it runs");
        let mut status = None;
        until("the core ends by itself", || {
            status = process.try_wait().expect("it can be asked");
            status.is_some()
        });
        let status = status.and_then(|status| status.code()).unwrap_or(-1);
        Ran { status, stdout: self.last_said("stdout"), stderr: self.last_said("stderr") }
    }

    /// False once it has ended; then it can be started again.
    pub fn is_running(&mut self) -> bool {
        let Some(process) = &mut self.process else { return false };
        if process.try_wait().expect("it can be asked").is_some() {
            self.process = None;
        }
        self.process.is_some()
    }

    fn said_last(&self, what: &str) -> PathBuf {
        self.said().join(format!("{}.{what}", self.starts))
    }

    /// What the latest process has said so far.
    pub fn last_said(&self, what: &str) -> String {
        std::fs::read_to_string(self.said_last(what)).expect("what it said")
    }

    /// Where the latest process listens.
    pub fn url(&self) -> String {
        let said = self.last_said("stdout");
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        url.unwrap_or_else(|| panic!("it does not say where: {said}")).to_owned()
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.data().join("admin.token")).expect("a token").trim().to_owned()
    }

    /// SIGKILL: nothing is said, nothing is written.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("killed");
        process.wait().expect("it ends");
    }

    /// `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill").success());
    }

    pub fn data(&self) -> PathBuf {
        self.place.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Where stdout and stderr of every start are kept.
    pub fn said(&self) -> PathBuf {
        self.folder.path().join("said")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program; the core itself in the circumstances it is to have.
    fn command(&self, arguments: &[&str]) -> Command {
        let serves = arguments.first() == Some(&"serve");
        let mut command = match self.through.split_first().filter(|_| serves) {
            Some((program, before)) => {
                let mut command = Command::new(program);
                command.args(before).arg(binary::vend());
                command
            }
            None => Command::new(binary::vend()),
        };
        if serves {
            command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        }
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VEND_")) {
            command.env_remove(name);
        }
        command.env("VEND_CONFIG_DIR", self.folder.path().join("config"));
        // Tests apply one order from files of several names.
        command.env("VEND_SOURCE", "tests");
        command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    pub fn try_run(&self, arguments: &[&str]) -> Ran {
        self.with_input(arguments, "")
    }

    pub fn with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        ran(process.wait_with_output().expect("it ends"))
    }

    /// Has to succeed; its stdout.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let ran = self.try_run(arguments);
        assert_eq!(ran.status, 0, "vend {}: {}{}", arguments.join(" "), ran.stdout, ran.stderr);
        ran.stdout
    }

    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["-o", "json"]].concat();
        let stdout = self.run(&arguments);
        let value: Value = serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("vend {}: {error}: {stdout}", arguments.join(" ")));
        if arguments.first() == Some(&"plan") {
            assert_is_plan(&value);
        }
        value
    }

    #[track_caller]
    pub fn secret(&self, name: &str, value: &str) {
        let ran = self.with_input(&["secret", "set", name], value);
        assert_eq!(ran.status, 0, "{ran:?}");
    }

    /// A file with these documents.
    pub fn file(&self, name: &str, documents: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, documents).expect("written");
        path.display().to_string()
    }

    #[track_caller]
    pub fn apply(&self, documents: &str) {
        self.run(&["apply", "-f", &self.file("apply.yaml", documents)]);
    }

    /// The newest operation on the one resource of an order.
    #[track_caller]
    pub fn operation(&self, order: &str) -> Value {
        let listed = self.json(&["get", "operations", "--order", order]);
        let all = listed.as_array().expect("a list");
        let mut children: Vec<&Value> =
            all.iter().filter(|it| it["parent"].as_str().is_some_and(|it| !it.is_empty())).collect();
        children.sort_by_key(|it| it["id"].as_str());
        (*children.last().unwrap_or_else(|| panic!("no operation: {listed}"))).clone()
    }

    /// The operation once it is in that state.
    #[track_caller]
    pub fn until(&self, order: &str, state: &str) -> Value {
        let mut seen = Value::Null;
        until(&format!("{order} is {state}"), || {
            seen = self.operation(order);
            seen["state"] == state
        });
        seen
    }

    #[track_caller]
    pub fn journal(&self, operation: &Value) -> Vec<Value> {
        let story = self.json(&["journal", operation["id"].as_str().expect("an id")]);
        story.as_array().expect("a list").clone()
    }

    /// All changes from now on, in the background.
    pub fn watch(&self) -> Watch {
        let said = tempfile::NamedTempFile::new().expect("a file");
        let mut command = self.command(&["watch", "-A", "-o", "json"]);
        let (out, err) = (said.reopen().expect("a handle"), said.reopen().expect("a handle"));
        let process = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().expect("the program starts");
        Watch { process, said }
    }

    /// Waits for the order as one would.
    #[track_caller]
    pub fn ready(&self, order: &str) {
        self.run(&["wait", &format!("order/{order}"), "--for", "ready", "--timeout", "2m"]);
    }

    #[track_caller]
    pub fn delete(&self, order: &str) {
        self.run(&["delete", "order", order, "--allow-destroy", "--wait", "--timeout", "2m"]);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// A `vend watch`.
pub struct Watch {
    process: Child,
    said: tempfile::NamedTempFile,
}

impl Watch {
    /// Ends it; what it said.
    pub fn end(mut self) -> String {
        self.stop();
        std::fs::read_to_string(self.said.path()).expect("what it said")
    }

    fn stop(&mut self) {
        let _ = (self.process.kill(), self.process.wait());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// As `docs/plan.schema.json` promises.
#[track_caller]
fn assert_is_plan(value: &Value) {
    let text = include_str!("../../../docs/plan.schema.json");
    let schema = serde_json::from_str(text).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let faults: Vec<_> = validator.iter_errors(value).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:?}: {value}");
}

fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Within two minutes: the machine may be busy with other tests.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "not within two minutes: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What `examples/demo/platform.yaml` offers, with the recipe of one driver only.
pub fn demo_platform(driver: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/platform.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let wanted = format!("driver: {driver}@");
    let fits = |document: &&str| !document.contains("\ndriver: ") || document.contains(&wanted);
    example.split("\n---\n").filter(fits).collect::<Vec<_>>().join("\n---\n")
}
