//! Patience as a weapon: peers that send a byte now and then, answer nothing, or take nothing.

use std::time::Duration;

use futures::future::join_all;
use prost::Message as _;
use tonic::{Code, Request};
use vend::pb;

use super::wire::{self, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, Wire, frame, message, trickle};
use super::{Bench, HANGING};
use crate::support::core::{Caller, reason, source};
use crate::support::program::Program;
use crate::support::raw::Raw;

const APPLY: &str = "/vend.v1.DocumentService/ApplyDocuments";
const SECOND: Duration = Duration::from_secs(1);

/// How many of each kind there are at once.
const MANY: usize = 50;

/// How many connections end on which so much is sent at once and the rest byte by byte; pings are not answered.
async fn ended(core: &Program, at_once: Vec<u8>, bytes: Vec<u8>) -> String {
    let one = || async {
        let mut wire = Wire::bare(core).await;
        wire.raw(&at_once).await.expect("sent");
        let (to, from) = wire.into_halves();
        let trickled = trickle(to, bytes.clone(), SECOND);
        let (_to, said) = futures::future::join(trickled, wire::last(from)).await;
        said
    };
    let said = tokio::time::timeout(HANGING, join_all((0..MANY).map(|_| one()))).await.expect("all are ended");
    said[0].clone()
}

/// One after the other would take minutes: all of them wait at the same time, and share one row of memory.
#[tokio::test(flavor = "multi_thread")]
async fn slow_loris() {
    let mut bench = Bench::start("slow").await;
    let token = bench.core.token();
    let call = wire::call(APPLY, &token);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let open = [PREFACE, &settings].concat();
    let never = vec![0; 10_000];
    let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("a preface byte by byte", Vec::new(), PREFACE.repeat(100)),
        ("nothing at all", Vec::new(), Vec::new()),
        ("settings byte by byte", PREFACE.to_vec(), [&frame(SETTINGS, 0, 0, &[0; 6_000])[..], &never].concat()),
        ("headers byte by byte", open.clone(), [&frame(HEADERS, END_HEADERS, 1, &call)[..], &never].concat()),
        ("headers that stop half way", [&open[..], &frame(HEADERS, END_HEADERS, 1, &call)[..40]].concat(), Vec::new()),
        ("no answer to a ping", open.clone(), Vec::new()),
        (
            "a frame of a message byte by byte",
            [&open[..], &frame(HEADERS, END_HEADERS, 1, &call), &frame(DATA, 0, 1, &[0; 9_000])[..20]].concat(),
            never.clone(),
        ),
    ];
    let core = bench.core.clone();
    let (told, outcomes) = tokio::sync::oneshot::channel();
    let all = async move {
        let all = cases.into_iter().map(|(case, at_once, bytes)| {
            let core = core.clone();
            async move { (case, ended(&core, at_once, bytes).await) }
        });
        let all = join_all(all).await;
        let summary = format!("{} connections are ended", all.len() * MANY);
        let _ = told.send(all);
        summary
    };
    bench.case("slow: all of the following at once", 64, all).await;
    for (case, outcome) in outcomes.await.expect("told") {
        bench.report.row(format!("slow: {case}, {MANY} times"), outcome, "as above");
    }
}

/// A caller that answers pings, and whose message comes a byte at a time, each in a frame of its own.
#[tokio::test(flavor = "multi_thread")]
async fn slow_messages() {
    let mut bench = Bench::start("slow messages").await;
    let admin = bench.admin.clone();
    let send = |caller: &Caller, messages: usize, pause: Duration| {
        let connection = caller.connection.clone();
        let small = pb::InstallDriverRequest { chunk: vec![0; 8], ..Default::default() }.encode_to_vec();
        async move {
            let mut grpc = tonic::client::Grpc::new(connection);
            grpc.ready().await.expect("connected");
            let path = "/vend.v1.DriverService/InstallDriver".parse().expect("a path");
            let stream = futures::stream::unfold(0, move |sent| {
                let small = small.clone();
                async move {
                    if sent == messages {
                        return None;
                    }
                    tokio::time::sleep(pause).await;
                    Some((bytes::Bytes::from(small), sent + 1))
                }
            });
            grpc.client_streaming(Request::new(stream), path, Raw).await.map(|_: tonic::Response<bytes::Bytes>| ())
        }
    };
    let invalid = (Code::InvalidArgument, "DRIVER_INVALID");
    bench
        .refused(
            "slow: a driver in 1,000 pieces, as fast as it goes",
            16,
            invalid,
            &[],
            send(&admin, 1_000, Duration::ZERO),
        )
        .await;
    let late = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    bench.refused("slow: a driver in pieces, one a second", 16, late, &["too slowly"], send(&admin, 600, SECOND)).await;

    // Every place for a call is taken by one whose message does not come. They are ended, and the places are free again.
    let connections = join_all((0..6).map(|_| super::caller(&bench.core, Some(bench.core.token())))).await;
    let all = async {
        let calls = (0..600).map(|i| send(&connections[i % 6], 600, SECOND));
        let answers = join_all(calls).await;
        let count = |word: &str| answers.iter().filter(|it| it.as_ref().is_err_and(|it| reason(it) == word)).count();
        let (late, crowded) = (count("DEADLINE_EXCEEDED"), count("RATE_LIMITED"));
        assert_eq!(late + crowded, 600, "{late} {crowded}");
        assert!(late > 0 && crowded > 0, "{late} {crowded}");
        format!("RATE_LIMITED {crowded}, DEADLINE_EXCEEDED {late}")
    };
    bench.case("slow: 600 drivers in pieces at once", 64, all).await;
    let text = "apiVersion: vend/v1\nkind: Project\nname: shop\n";
    let request = pb::ApplyDocumentsRequest { sources: vec![source("a", text)], ..Default::default() };
    bench.passes("slow: a change afterwards", 16, async { admin.documents().apply_documents(request).await }).await;
}

/// Answers that nobody takes are not kept for long, and not without a bound.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads() {
    let mut bench = Bench::start("nobody reads").await;
    let filler = "x".repeat(10_000);
    let documents: String = (0..400)
        .map(|i| format!("---\napiVersion: vend/v1\nkind: Project\nname: p{i}\ndescription: {filler}\n"))
        .collect();
    bench.admin.apply(&documents).await.expect("applied");
    let request = pb::ListDocumentsRequest { kind: "Project".into(), page_size: 1_000, ..Default::default() };
    let admin = bench.admin.clone();
    let list = request.clone();
    let taken = async {
        let listed = admin.documents().list_documents(list).await?.into_inner();
        assert!(listed.documents.len() > 100 && !listed.next_page_token.is_empty(), "a page is full by its bytes");
        Ok::<_, tonic::Status>(())
    };
    bench.passes("answers: one of 1 MiB", 64, taken).await;

    let call = wire::call("/vend.v1.DocumentService/ListDocuments", &bench.core.token());
    let message = message(&request.encode_to_vec());
    // A window of nothing: pings are answered, and no answer can leave.
    let shut = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let core = bench.core.clone();
    let lying = async move {
        let mut wires = Vec::new();
        for _ in 0..10 {
            let mut wire = Wire::open(&core).await;
            wire.raw(&shut).await.expect("sent");
            for i in 0..100 {
                let call =
                    [frame(HEADERS, END_HEADERS, 2 * i + 1, &call), frame(DATA, END_STREAM, 2 * i + 1, &message)];
                wire.raw(&call.concat()).await.expect("sent");
            }
            wires.push(wire);
        }
        // A refusal needs no window. Whoever has got an answer that it does not take is closed.
        let is_refused = async |mut wire: Wire| {
            let mut refused = 0;
            while wire.until(|it| it.kind == HEADERS && it.flags & END_STREAM != 0).await.is_some() {
                refused += 1;
                if refused == 100 {
                    return true;
                }
            }
            false
        };
        let all = join_all(wires.into_iter().map(is_refused)).await;
        let refused = all.iter().filter(|it| **it).count();
        assert!(refused < all.len());
        format!("{} connections are closed, on {refused} all is RATE_LIMITED", all.len() - refused)
    };
    bench.case("answers: 1,000 of 1 MiB, none taken", 400, lying).await;
}
