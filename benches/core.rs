//! The released program at work: started, asked what it takes, killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::customer::Customer;
use crate::ground::{DRIVER, Ground, driver};
use crate::shelf::Shelf;

/// Killed when dropped.
pub struct Core {
    folder: TempDir,
    process: Option<Child>,
    flags: Vec<String>,
}

impl Core {
    /// With a data directory of its own, not yet started.
    pub fn idle(ground: &Ground) -> Self {
        let folder = tempfile::Builder::new().prefix("core-").tempdir_in(ground.folder()).expect("a folder");
        Self { folder, process: None, flags: Vec::new() }
    }

    /// Serves the driver over this shelf.
    pub fn stocked(ground: &Ground, shelf: &Shelf) -> (Self, Customer) {
        Self::stocked_with(ground, shelf, &std::env::var("CONFIG").unwrap_or_default())
    }

    /// The same with a configuration file of this text.
    pub fn stocked_with(ground: &Ground, shelf: &Shelf, config: &str) -> (Self, Customer) {
        let mut core = Self::idle(ground);
        core.configure(config);
        core.start();
        let customer = ground.runtime.block_on(async {
            let customer = core.customer().await;
            let store = customer.status().await.store;
            assert!(store.contains("synchronous=full"), "the store is durable: {store}");
            customer.install(&driver()).await;
            customer.apply(&shelf.platform(DRIVER)).await.expect("applied");
            customer
        });
        (core, customer)
    }

    fn configure(&mut self, config: &str) {
        if config.is_empty() {
            return;
        }
        let path = self.folder.path().join("config.yaml");
        std::fs::write(&path, config).expect("written");
        self.flags.extend(["--config".to_owned(), path.display().to_string()]);
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Until it says that it serves; how long that took.
    pub fn start(&mut self) -> Duration {
        let file = |name: &str| File::create(self.folder.path().join(name)).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VEND_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data()).args(&self.flags);
        command.env("VEND_CONFIG_DIR", self.folder.path().join("config")).env("VEND_LOG", "warn");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let begun = Instant::now();
        let mut process = command.spawn().expect("the program starts");
        loop {
            if self.said("stdout").contains("vend ready at") {
                break;
            }
            assert!(process.try_wait().expect("asked").is_none(), "it does not start: {}", self.said("stderr"));
            assert!(begun.elapsed() < Duration::from_secs(120), "not ready within two minutes");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.process = Some(process);
        begun.elapsed()
    }

    pub fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    pub async fn customer(&self) -> Customer {
        let said = self.said("stdout");
        let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL");
        let token = std::fs::read_to_string(self.data().join("admin.token")).expect("a token");
        Customer::at(url, token.trim()).await
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = (process.kill(), process.wait());
        }
    }

    fn proc(&self, file: &str) -> String {
        let id = self.process.as_ref().expect("it runs").id();
        std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join(file)).expect("proc(5)")
    }

    /// Resident, bytes.
    pub fn memory(&self) -> f64 {
        field(&self.proc("status"), "VmRSS:") * 1024.0
    }

    /// Written to the disk since it started, bytes.
    pub fn written(&self) -> f64 {
        field(&self.proc("io"), "write_bytes:")
    }

    /// Spent on its processors since it started.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let behind = stat.rsplit_once(')').expect("a name in parentheses").1;
        let ticks: u64 = behind.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().expect("ticks")).sum();
        // USER_HZ, which Linux fixes at 100 (times(2)).
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.kill();
    }
}

fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field is there");
    line.split_whitespace().next().and_then(|it| it.parse().ok()).expect("a number")
}
