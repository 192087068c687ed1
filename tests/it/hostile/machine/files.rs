//! Too few file descriptors: said at the start; while it runs, callers wait and life goes on.

use std::net::TcpStream;
use std::time::Duration;

use vend::pb;

use super::disk::limited;
use super::ledger::{Ledger, place, runtime};
use super::says;
use crate::proof::core::Core;
use crate::support::core::caller;
use crate::support::report::Report;

#[test]
fn too_few_files_to_start() {
    let mut report = Report::new("machine few files at first");
    let mut core = Core::idle();
    let mut started_with = None;
    // From too few for anything to enough: each refusal has to be a clear one, and the data good afterwards.
    for files in (8..64).step_by(4) {
        core.through = limited(&format!("ulimit -n {files}"));
        match core.try_restart() {
            Ok(()) => {
                core.kill();
                started_with.get_or_insert(files);
            }
            Err(ran) => {
                let told = says(&ran, 1, &["Too many open files (os error 24)"]);
                report.row(format!("{files} files at the start"), told, "exit status 1");
            }
        }
    }
    let enough = started_with.expect("64 files are enough to start");
    core.through.clear();
    core.restart();
    report.row("files enough to start", format!("{enough} files"), "");
}

/// Connections take all files there are. Who is connected goes on; who comes later gets in when there is room again.
#[test]
fn too_few_files_to_go_on() {
    let mut report = Report::new("machine few files");
    let mut core = Core::idle();
    core.through = limited("ulimit -n 96");
    core.restart();
    let ledger = Ledger::stock(&core);
    let (url, token) = (core.url(), core.token());
    let address = url.strip_prefix("http://").expect("an address").to_owned();
    let runtime = runtime();
    let early = runtime.block_on(caller(&url, &token)).expect("connected");
    let get_status = |caller: &crate::support::core::Caller| {
        let mut system = caller.system();
        let call = system.get_status(pb::GetStatusRequest {});
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), call).await })
    };
    get_status(&early).expect("in time").expect("answered");

    let crowd: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&address).expect("queued")).collect();
    crate::proof::core::until("the core is short of files", || {
        core.last_said("stderr").contains("cannot take in a connection: Too many open files (os error 24)")
    });
    get_status(&early).expect("in time").expect("who is connected is served");
    // Its plan needs a file of the backend. Callers without a token make room, one at a time: either there is a file by then, or the
    // order is refused in clear words, and nothing is kept of it.
    let ordered = runtime.block_on(place(&early, "in-the-crowd"));
    let accepted = ordered.is_ok();
    if let Err(refused) = ordered {
        assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
        assert!(refused.message().contains("too many open files"), "{refused:?}");
        report.row("an order while all files are taken", refused.message(), "status UNAVAILABLE");
    }
    let said = core.last_said("stderr").matches("cannot take in a connection").count();
    assert_eq!(said, 1, "said once");

    drop(crowd);
    crate::proof::core::until("there is room again", || {
        let late = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), caller(&url, &token)).await });
        late.is_ok_and(|late| late.is_ok_and(|late| get_status(&late).is_ok_and(|answer| answer.is_ok())))
    });
    if !accepted {
        runtime.block_on(place(&early, "in-the-crowd")).expect("accepted");
    }
    core.ready("in-the-crowd");
    ledger.made_once("in-the-crowd");
    report.row(
        "all files are taken by connections",
        "connected callers go on, later ones wait",
        "said once in the log",
    );
}
