//! Data directories that cannot be used: what is said, and that nothing is made.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use vend::store::sqlite::EXIT_STATUS;

use super::ledger::{Ledger, is_sound};
use super::mount::Mount;
use super::says;
use crate::proof::core::Core;
use crate::support::report::Report;

/// Everything below a directory, with what tells whether it was touched.
fn inventory(folder: &Path) -> Vec<(PathBuf, u32, u64)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).expect("there");
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).expect("read").map(|entry| entry.expect("an entry").path()));
        }
        found.push((path, meta.mode(), meta.size()));
    }
    found.sort();
    found
}

/// A start that is refused in these words, and leaves everything below `folder` as it was.
#[track_caller]
fn refused(report: &mut Report, case: &str, core: &mut Core, folder: &Path, words: &[&str]) {
    let before = inventory(folder);
    let ran = core.try_restart().expect_err("it must not start");
    let told = says(&ran, 1, words);
    assert_eq!(inventory(folder), before, "{case}: something was made or changed");
    report.row(case, told, "exit status 1, nothing made");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

/// Root may do everything; without these two capabilities it is held to modes as anybody else.
fn like_anybody(core: &mut Core) {
    if fs::metadata("/proc/self").expect("proc").uid() == 0 {
        let arguments = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", "--"];
        core.through = arguments.map(str::to_owned).to_vec();
    }
}

#[test]
fn a_data_directory_that_cannot_be_used() {
    let mut report = Report::new("machine data directory");
    let mut core = Core::idle();
    let folder = core.folder().join("outside");
    fs::create_dir(&folder).expect("a directory");

    let file = folder.join("file");
    fs::write(&file, "a note").expect("a file");
    core.place = Some(file.clone());
    let words = [&*format!("data directory `{}` is no directory", file.display()), "hint: move the file away"];
    refused(&mut report, "a file where the data directory should be", &mut core, &folder, &words);
    core.place = Some(file.join("data"));
    let words = [
        &*format!("cannot create `{}/data`: Not a directory (os error 20)", file.display()),
        "hint: a file stands where a directory should be",
    ];
    refused(&mut report, "a file where a parent should be", &mut core, &folder, &words);

    like_anybody(&mut core);
    let shut = folder.join("shut");
    fs::create_dir(&shut).expect("a directory");
    mode(&shut, 0o500);
    core.place = Some(shut.join("deep/data"));
    let words = [
        &*format!("cannot create `{}/deep/data`: Permission denied (os error 13)", shut.display()),
        "hint: let the user that runs vend write to ",
    ];
    refused(&mut report, "missing parents, and no permission to make them", &mut core, &folder, &words);

    core.place = Some(shut.clone());
    let said = shut.display();
    let words = [
        &*format!("cannot open `{said}/lock`: Permission denied (os error 13)"),
        &format!("hint: let the user that runs vend write to `{said}`"),
    ];
    refused(&mut report, "no permission to write", &mut core, &folder, &words);
    mode(&shut, 0o000);
    let words = ["Permission denied (os error 13)", "hint: let the user that runs vend"];
    refused_blind(&mut report, "no permission at all", &mut core, &words);
    mode(&shut, 0o700);
    core.through.clear();

    core.restart();
    core.kill();
    mode(&shut.join("store.db"), 0o400);
    mode(&shut.join("sealing.key"), 0o000);
    like_anybody(&mut core);
    let words = [&*format!("cannot open `{said}/store.db`: Permission denied"), "hint: let the user that runs vend"];
    refused_blind(&mut report, "a store without permission to write", &mut core, &words);
    mode(&shut.join("store.db"), 0o600);
    let words =
        [&*format!("cannot read the sealing key `{said}/sealing.key`: Permission denied"), "hint: let the user"];
    refused_blind(&mut report, "a sealing key without permission to read", &mut core, &words);
    mode(&shut.join("sealing.key"), 0o600);
    core.restart();
}

/// As [`refused`], where what is there has been served before: a start that gets further may touch it.
#[track_caller]
fn refused_blind(report: &mut Report, case: &str, core: &mut Core, words: &[&str]) {
    let ran = core.try_restart().expect_err("it must not start");
    report.row(case, says(&ran, 1, words), "exit status 1");
}

#[test]
fn a_data_directory_of_somebody_else() {
    let mut report = Report::new("machine data directory of another");
    let mut core = Core::idle();
    let data = core.data();
    match fs::metadata("/proc/self").expect("proc").uid() {
        0 => {
            fs::create_dir(&data).expect("a directory");
            mode(&data, 0o700);
            chown(&data, Some(65_534), None).expect("root gives away");
        }
        _ => symlink("/usr", &data).expect("a link"),
    }
    let words = [&*format!("data directory `{}` belongs to user ", data.display()), "hint: run vend as user "];
    let before = fs::read_dir(&data).map(Iterator::count).ok();
    let ran = core.try_restart().expect_err("it must not start");
    report.row("a data directory of somebody else", says(&ran, 1, &words), "exit status 1, nothing made");
    assert_eq!(fs::read_dir(&data).map(Iterator::count).ok(), before);
}

#[test]
fn a_data_directory_on_a_mounted_file_system_that_is_read_only() {
    let mut report = Report::new("machine read-only");
    let mut core = Core::idle();
    let data = core.data();
    fs::create_dir(&data).expect("a directory");
    let disk = Mount::new(&data, "64m");
    let said = data.display().to_string();
    let words = [
        &*format!("cannot open `{said}/lock`: Read-only file system (os error 30)"),
        &format!("hint: make the file system of `{said}` writable"),
    ];
    disk.change("ro");
    refused(&mut report, "a read-only file system, empty", &mut core, &data, &words);
    disk.change("rw");
    core.restart();
    core.kill();
    disk.change("ro");
    refused(&mut report, "a read-only file system with a store", &mut core, &data, &words);
    disk.change("rw");
    core.restart();
    core.kill();
    is_sound(&data);
}

#[test]
fn a_data_directory_that_vanishes() {
    let mut report = Report::new("machine vanishing directory");
    let mut core = Core::start(&[]);
    let (data, elsewhere) = (core.data(), core.folder().join("elsewhere"));
    let mut ledger = Ledger::stock(&core);
    ledger.fill(&core, || fs::rename(&data, &elsewhere).expect("moved"));
    let store = data.join("store.db").display().to_string();
    let told = says(&core.ended(), EXIT_STATUS, &[&*format!("`{store}` is gone while it is in use"), "status 74"]);
    report.row("the data directory is moved away", told.split("ERROR").last().unwrap_or(&told), "exit status 74");
    ledger.refusals_say("is gone while it is in use");
    let accepted = ledger.accepted();
    assert!(accepted > 0);
    fs::rename(&elsewhere, &data).expect("moved back");
    core.restart();
    ledger.holds(&core);
    core.kill();
    is_sound(&data);
    report.row("the data directory is moved back", format!("{accepted} orders accepted, none lost"), "");
}

#[test]
fn a_data_directory_that_is_deleted() {
    let mut report = Report::new("machine deleted directory");
    let mut core = Core::start(&[]);
    let data = core.data();
    let mut ledger = Ledger::stock(&core);
    ledger.fill(&core, || fs::remove_dir_all(&data).expect("removed"));
    let told = says(&core.ended(), EXIT_STATUS, &["is gone while it is in use"]);
    ledger.refusals_say("is gone while it is in use");
    report.row("the data directory is deleted", told.split("ERROR").last().unwrap_or(&told), "exit status 74");
    core.restart();
    assert_eq!(core.json(&["get", "orders"]), serde_json::json!([]));
    report.row("the data directory is deleted: next start", "begins anew", "");
}
