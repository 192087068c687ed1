//! A power cut: what was not synced is gone. What was acknowledged is not.
//!
//! The data directory lies on a file system of its own, in a file. That file holds what the file system has handed to its disk: what was
//! synced, and of the rest whatever it chose to write by then, or nothing. A copy of it, taken while the core stands still, is the disk as
//! the cut leaves it; mounting the copy is the start after it. What cannot be seen this way is a disk that tells it has written what it
//! has not, and a sector that is torn. Needs root, for mounting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vend::pb;

use super::number;
use crate::hostile::machine::ledger::is_sound;
use crate::proof::core::Core;
use crate::support::chance::Chance;
use crate::support::core::{Caller, caller, source};
use crate::support::fakecloud::Cloud;

const CUTS: u64 = 4;
const CUSTOMERS: u64 = 6;
const SIZE: &str = "96M";

/// A file with a file system in it, mounted. Unmounted when dropped, and when this process ends.
struct Disk {
    at: PathBuf,
    keeper: Child,
}

impl Disk {
    fn mount(image: &Path, at: &Path) -> Self {
        const SCRIPT: &str = r#"trap '' INT TERM; mount -o loop "$1" "$2" || exit 1
            echo mounted; read -r _; umount -l "$2""#;
        std::fs::create_dir_all(at).expect("a directory");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", SCRIPT, "sh"]).arg(image).arg(at).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().expect("a shell");
        let mut said = String::new();
        let out = keeper.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut said).expect("it says");
        assert_eq!(said.trim(), "mounted", "{}: this test has to be root", image.display());
        Self { at: at.to_owned(), keeper }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Order → operation, as acknowledged.
type Acknowledged = Arc<Mutex<BTreeMap<String, String>>>;

async fn place(caller: &Caller, name: &str) -> Result<String, tonic::Status> {
    let text = format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ it: {{ type: cloud-named, \
         params: {{ name: {name}, size: 1, parts: 1 }} }} }} }}"
    );
    let request = pb::ApplyOrderRequest {
        source: Some(source("order.yaml", &text)),
        project: "default".into(),
        environment: "dev".into(),
        request_id: name.into(),
        ..Default::default()
    };
    Ok(caller.orders().apply_order(request).await?.into_inner().operation.expect("there is work to do").id)
}

#[test]
fn a_power_cut_loses_nothing_acknowledged_loop_mounted() {
    let chance = Chance::new(number("SEED", 1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let image = folder.path().join("disk");
    let made = Command::new("truncate").args(["-s", SIZE]).arg(&image).status().expect("truncate");
    // Nothing is written by itself for as long as the test runs: only what is synced arrives.
    let formatted = Command::new("mkfs.ext4").args(["-q", "-E", "lazy_itable_init=0"]).arg(&image).status();
    assert!(made.success() && formatted.expect("mkfs.ext4").success());
    let disk = Disk::mount(&image, &folder.path().join("mounted"));
    let cloud = Cloud::start(&[]);
    let mut core = Core::idle();
    core.level = "warn";
    core.place = Some(disk.at.join("data"));
    core.restart();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    let acknowledged = Acknowledged::default();
    let url_and_token = (core.url(), core.token());
    for customer in 0..CUSTOMERS {
        let (told, (url, token)) = (acknowledged.clone(), url_and_token.clone());
        runtime.spawn(async move {
            let caller = caller(&url, &token).await.expect("connected");
            for number in 0u64.. {
                let name = format!("order-{customer}-{number}");
                let Ok(operation) = place(&caller, &name).await else { return };
                told.lock().expect("no panic holds it").insert(name, operation);
            }
        });
    }
    let mut seen = 0;
    for cut in 0..CUTS {
        std::thread::sleep(Duration::from_millis(300 + chance.number() % 900));
        core.signal("STOP");
        // Whoever was answered before this was told the truth by then.
        let told = acknowledged.lock().expect("no panic holds it").clone();
        let copy = folder.path().join(format!("cut-{cut}"));
        std::fs::copy(&image, &copy).expect("copied");
        core.signal("CONT");
        seen = told.len();
        holds(&runtime, &copy, &told, cut);
    }
    assert!(seen > 20, "{seen} orders are no load");
    core.kill();
}

/// The disk as the cut has left it: the store opens, and all that was acknowledged is there.
fn holds(runtime: &tokio::runtime::Runtime, image: &Path, told: &BTreeMap<String, String>, cut: u64) {
    let disk = Disk::mount(image, &image.with_extension("mounted"));
    let mut core = Core::idle();
    core.level = "warn";
    core.place = Some(disk.at.join("data"));
    core.restart();
    let admin = runtime.block_on(caller(&core.url(), &core.token())).expect("connected");
    let lost: Vec<&String> = told
        .iter()
        .filter(|(_, id)| {
            let request = pb::GetOperationRequest { id: (*id).clone() };
            runtime.block_on(admin.operations().get_operation(request)).is_err()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(lost.is_empty(), "cut {cut}: {} of {} acknowledged orders are lost: {lost:?}", lost.len(), told.len());
    println!("cut {cut}: all of {} acknowledged orders are there", told.len());
    core.kill();
    is_sound(&core.data());
}
