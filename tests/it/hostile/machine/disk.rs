//! Disks that take no more, or say that they failed: the process ends, and goes on where it was.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use vend::store::sqlite::EXIT_STATUS;

use super::ledger::{Ledger, is_sound};
use super::mount::Mount;
use super::says;
use crate::proof::core::{Core, until};
use crate::support::report::Report;

const NO_SPACE: &str = "No space left on device (os error 28)";

/// A way to break a disk and to mend it.
struct Fault<'a> {
    case: &'a str,
    /// What the system calls it.
    cause: &'a str,
    /// What the core advises where it cannot even start.
    advice: &'a str,
}

/// The whole story: orders until the disk fails, a start on the broken disk, a start on the mended one.
fn survives(
    report: &mut Report,
    fault: &Fault<'_>,
    core: &mut Core,
    fail: impl FnOnce(),
    stay_broken: impl Fn(&mut Core),
    mend: impl FnOnce(&mut Core),
) {
    let begun = Instant::now();
    let mut ledger = Ledger::stock(core);
    ledger.fill(core, fail);
    let store = core.data().join("store.db");
    let place = format!("cannot write to the store `{}`: {}", store.display(), fault.cause);
    let ran = core.ended();
    let told = says(&ran, EXIT_STATUS, &[&place, "vend ends here with status 74"]);
    assert_eq!(ran.stderr.matches("vend ends here").count(), 1, "said once: {}", ran.stderr);
    let failed = ran.stderr.matches("attempt failed").count();
    assert!(failed < 100, "it goes on trying without a store: {failed} attempts");
    let refusal = ledger.refusals_say(fault.cause);
    assert!(ledger.accepted() > 0, "it failed too early to prove anything");
    report.row(fault.case, told.split("ERROR").last().unwrap_or(&told), format!("{} accepted", ledger.accepted()));
    report.row(format!("{}: what callers are told", fault.case), refusal, "status UNAVAILABLE");

    // What a commit that failed half-way left behind the log's end is room for a small one.
    let mut refused = None;
    for _ in 0..10 {
        stay_broken(core);
        refused = core.try_restart().err();
        if refused.is_some() {
            break;
        }
        ledger.fill(core, || {});
        says(&core.ended(), EXIT_STATUS, &[&place]);
    }
    let ran = refused.expect("a start on the broken disk is refused");
    let told = says(&ran, 1, &[&*core.data().to_string_lossy(), fault.cause, fault.advice]);
    report.row(format!("{}: started on it", fault.case), told, "exit status 1");

    mend(core);
    core.restart();
    ledger.holds(core);
    core.kill();
    is_sound(&core.data());
    let outcome = format!("{} orders, none lost, none made twice", ledger.accepted());
    report.row(
        format!("{}: started after it was mended", fault.case),
        outcome,
        format!("{} s", begun.elapsed().as_secs()),
    );
}

#[test]
fn a_full_disk_on_a_mounted_file_system() {
    let mut report = Report::new("machine disk full");
    let mut core = Core::idle();
    std::fs::create_dir(core.data()).expect("a directory");
    let disk = Mount::new(&core.data(), "12m");
    core.restart();
    let fault = Fault { case: "disk full", cause: NO_SPACE, advice: "hint: make room on the file system" };
    let filler = core.data().join("filler");
    let mend = |_: &mut Core| {
        std::fs::remove_file(&filler).expect("removed");
        disk.change("size=256m");
    };
    survives(&mut report, &fault, &mut core, || {}, |_| fill(&filler), mend);
}

/// What is left of the room goes into a file.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).expect("a file");
    let error = loop {
        if let Err(error) = file.write_all(&[0; 4096]) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
}

/// The first start of all, where there is no room for a store.
#[test]
fn a_first_start_on_a_full_mounted_file_system() {
    let mut report = Report::new("machine disk full at first");
    let mut core = Core::idle();
    std::fs::create_dir(core.data()).expect("a directory");
    let disk = Mount::new(&core.data(), "64k");
    let ran = core.try_restart().expect_err("there is no room");
    let told = says(&ran, 1, &[&*core.data().to_string_lossy(), NO_SPACE, "hint: make room on the file system"]);
    report.row("disk full at the first start", told, "exit status 1");
    disk.change("size=64m");
    core.restart();
    core.kill();
    is_sound(&core.data());
    report.row("disk full at the first start: room was made", "starts, integrity check ok", "");
}

/// What is said goes to a full disk, while the data has one of its own.
#[test]
fn words_that_nobody_keeps() {
    use crate::support::core::caller;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a disk that is always full");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(&data).env("VEND_LOG", "debug");
    command.env("VEND_CONFIG_DIR", folder.path().join("config")).stdout(full()).stderr(full());
    let mut process = command.spawn().expect("the program starts");
    let runtime = super::ledger::runtime();
    until("it serves all the same", || {
        assert!(process.try_wait().expect("asked").is_none(), "it has ended");
        let Ok(token) = std::fs::read_to_string(data.join("admin.token")) else { return false };
        runtime.block_on(async {
            let Ok(caller) = caller(&format!("http://127.0.0.1:{port}"), token.trim()).await else { return false };
            caller.system().get_status(vend::pb::GetStatusRequest {}).await.is_ok()
        })
    });
    process.kill().expect("killed");
    process.wait().expect("it ends");
    Report::new("machine full log").row("stdout and stderr on a full disk", "serves all the same", "");
}

/// A limit on the size of files: writes fail in the middle of the log.
#[test]
fn a_log_that_may_not_grow() {
    let mut report = Report::new("machine file too large");
    let mut core = Core::idle();
    core.through = limited("ulimit -f 6144");
    core.restart();
    let fault = Fault {
        case: "write fails in the middle of the log (EFBIG)",
        cause: "File too large (os error 27), while writing",
        advice: "hint: lift the limit on the size of files",
    };
    // What the log holds by then is more than this.
    let stay_broken = |core: &mut Core| core.through = limited("ulimit -f 2048");
    survives(&mut report, &fault, &mut core, || {}, stay_broken, |core| core.through.clear());
}

/// A shell that sets limits, and then is the core. Without the signal a write beyond the limit itself fails.
pub fn limited(limits: &str) -> Vec<String> {
    let script = format!("trap '' XFSZ; {limits}; exec \"$@\"");
    ["bash", "-c", &script, "bash"].map(str::to_owned).to_vec()
}

/// A disk that does not keep what it was given: after a failed fsync nothing is to be trusted.
#[test]
fn a_disk_that_does_not_sync() {
    let mut report = Report::new("machine fsync fails");
    let mut core = Core::idle();
    let broken = core.folder().join("broken");
    core.environment.push(("LD_PRELOAD", library().display().to_string()));
    core.environment.push(("VEND_TEST_BROKEN", broken.display().to_string()));
    core.restart();
    let fault = Fault {
        case: "fsync fails (EIO)",
        cause: "Input/output error (os error 5), while syncing",
        advice: "error: cannot serve",
    };
    let fail = || std::fs::write(&broken, "").expect("a file");
    let mend = |_: &mut Core| std::fs::remove_file(&broken).expect("removed");
    survives(&mut report, &fault, &mut core, fail, |_| {}, mend);
}

/// Makes fsync fail while a file is there.
fn library() -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/hostile/machine/broken_sync.c");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken_sync-{}.so", std::process::id()));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&made).args([source, "-ldl"]);
    assert!(compiler.status().expect("a C compiler, as Rust needs one too").success());
    made
}
