//! More of what is allowed than anybody needs: streams, resets, and frames that cost the other end an answer.

use super::Bench;
use super::wire::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Wire, frame,
};
use crate::support::program::Program;

const STATUS: &str = "/vend.v1.SystemService/GetStatus";
const APPLY: &str = "/vend.v1.OrderService/ApplyOrder";
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// Sends what `frames` makes of each number, as fast as it is taken, until the core has had enough or all is sent.
async fn flood(core: &Program, begin: Vec<u8>, count: u32, frames: impl Fn(u32) -> Vec<u8>) -> String {
    let mut wire = Wire::open(core).await;
    wire.raw(&begin).await.expect("sent");
    let (mut to, from) = wire.into_halves();
    let reading = tokio::spawn(wire::last(from));
    let mut sent = 0;
    while sent < count {
        let batch: Vec<u8> = (sent..(sent + 100).min(count)).flat_map(&frames).collect();
        sent += 100;
        match tokio::time::timeout(super::HANGING, tokio::io::AsyncWriteExt::write_all(&mut to, &batch)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break,
            Err(_) => panic!("neither taken nor refused"),
        }
    }
    drop(to);
    let ended = tokio::time::timeout(super::HANGING, reading).await.expect("it ends").expect("no panic");
    if sent >= count { format!("all taken, {ended}") } else { format!("{ended} after {sent}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods() {
    let mut bench = Bench::start("floods").await;
    let core = bench.core.clone();
    let token = core.token();
    let (status, apply) = (wire::call(STATUS, &token), wire::call(APPLY, &token));
    let stranger = wire::call(STATUS, "nobody");
    let open = frame(HEADERS, END_HEADERS, 1, &apply);
    let id = |i: u32| 2 * i + 1;

    macro_rules! flooded {
        ($case:expr, $ended:expr, $begin:expr, $count:expr, $frames:expr) => {{
            let (core, begin) = (core.clone(), $begin);
            let ended = async {
                let ended = flood(&core, begin, $count, $frames).await;
                // All of it may be written before the core's word arrives.
                assert!(ended.contains($ended), "{}: {ended}", $case);
                ended
            };
            bench.case($case, 32, ended).await;
        }};
    }
    let (calm, taken) = ("GOAWAY ENHANCE_YOUR_CALM", "all taken");
    let none = Vec::new;
    flooded!("reset: 100,000 calls, each reset at once", calm, none(), 100_000, |i| {
        [frame(HEADERS, END_HEADERS, id(i), &status), frame(RST_STREAM, 0, id(i), &CANCEL)].concat()
    });
    flooded!("reset: 100,000 changes, each reset at once", calm, none(), 100_000, |i| {
        [frame(HEADERS, END_HEADERS, id(i), &apply), frame(RST_STREAM, 0, id(i), &CANCEL)].concat()
    });
    flooded!("reset: 100,000 calls of a stranger", calm, none(), 100_000, |i| {
        [frame(HEADERS, END_HEADERS, id(i), &stranger), frame(RST_STREAM, 0, id(i), &CANCEL)].concat()
    });
    flooded!("reset: 100,000 streams that make us reset them", "GOAWAY", none(), 100_000, |i| {
        [frame(HEADERS, END_HEADERS, id(i), &apply), frame(WINDOW_UPDATE, 0, id(i), &[0; 4])].concat()
    });
    flooded!("streams: 5,000 changes that never come", calm, none(), 5_000, |i| {
        frame(HEADERS, END_HEADERS, id(i), &apply)
    });
    flooded!("streams: 20,000 calls of a stranger", calm, none(), 20_000, |i| {
        frame(HEADERS, END_HEADERS | END_STREAM, id(i), &stranger)
    });
    flooded!("frames: 1 million PINGs", taken, none(), 1_000_000, |_| frame(PING, 0, 0, b"flooding"));
    flooded!("frames: 1 million SETTINGS", taken, none(), 1_000_000, |_| frame(SETTINGS, 0, 0, &[]));
    flooded!("frames: 1 million settings of a window", taken, none(), 1_000_000, |i| {
        let window = (i % 60_000).to_be_bytes();
        frame(SETTINGS, 0, 0, &[&[0, 4][..], &window].concat())
    });
    flooded!("frames: 1 million DATA of nothing", calm, open.clone(), 1_000_000, |_| frame(DATA, 0, 1, &[]));
    flooded!("frames: 1 million DATA of padding", calm, open.clone(), 1_000_000, |_| frame(DATA, 8, 1, &[1, 0]));
    flooded!("frames: 1 million WINDOW_UPDATEs", taken, open.clone(), 1_000_000, |_| {
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])
    });
    flooded!("frames: 1 million PRIORITYs", taken, none(), 1_000_000, |i| frame(PRIORITY, 0, id(i), &[0, 0, 0, 0, 1]));
    flooded!("frames: 1 million CONTINUATIONs of nothing", calm, frame(HEADERS, 0, 1, &status), 1_000_000, |_| {
        frame(CONTINUATION, 0, 1, &[])
    });
    flooded!("frames: 1 million of an unknown kind", taken, none(), 1_000_000, |_| frame(0xee, 0, 0, b"?"));
}

/// As many streams as a connection may have at once, and a call beside them.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_streams() {
    let mut bench = Bench::start("streams").await;
    let core = bench.core.clone();
    let watch = wire::call("/vend.v1.WatchService/Watch", &core.token());
    let request = wire::message(b"\x0a\x07default");
    let open = |count: u32| {
        let (core, watch, request) = (core.clone(), watch.clone(), request.clone());
        async move {
            let mut wire = Wire::open(&core).await;
            let mut answered = 0;
            for i in 0..count {
                let frames =
                    [frame(HEADERS, END_HEADERS, 2 * i + 1, &watch), frame(DATA, END_STREAM, 2 * i + 1, &request)];
                wire.raw(&frames.concat()).await.expect("sent");
            }
            while answered < count {
                let found = wire.until(|it| matches!(it.kind, HEADERS | RST_STREAM) || it.kind == GOAWAY).await;
                let found = found.expect("an answer");
                if found.kind != HEADERS {
                    let code = if found.kind == GOAWAY { &found.payload[4..8] } else { &found.payload };
                    return (answered, wire::error(code));
                }
                answered += 1;
            }
            (answered, "passes".to_owned())
        }
    };
    let within = async {
        let (answered, how) = open(1_000).await;
        assert_eq!(answered, 1_000, "{how}");
        how
    };
    bench.case("streams: 1,000 watches on one connection", 64, within).await;
    let beyond = async {
        let (answered, how) = open(1_100).await;
        assert!(answered < 1_100);
        format!("{how} of the stream beyond 1,024")
    };
    bench.case("streams: 1,100 watches on one connection", 64, beyond).await;
}
