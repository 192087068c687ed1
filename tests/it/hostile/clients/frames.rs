//! Bytes that are no protocol, and frames that break it.

use super::Bench;
use super::wire::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, Wire, frame,
};

const STATUS: &str = "/vend.v1.SystemService/GetStatus";

/// What a connection comes to on which `bytes` are sent, and then nothing more.
async fn sent(core: &crate::support::program::Program, bytes: Vec<u8>) -> String {
    let mut wire = Wire::bare(core).await;
    // The core may have had enough before all of it is sent.
    let _ = wire.raw(&bytes).await;
    wire.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage() {
    let mut bench = Bench::start("garbage").await;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    };
    let cases = [
        ("64 KiB of noise", noise(64 << 10)),
        ("16 MiB of noise", noise(16 << 20)),
        ("noise behind the preface", [PREFACE.to_vec(), noise(64 << 10)].concat()),
        ("a preface with one byte wrong", PREFACE.to_ascii_lowercase()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("16 MiB of an HTTP/1.1 header", [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 16 << 20]].concat()),
        ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(40)),
        ("zeroes", vec![0; 1 << 20]),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n".repeat(2)),
    ];
    for (case, bytes) in cases {
        let core = bench.core.clone();
        bench.case(&format!("bytes: {case}"), 16, async move { sent(&core, bytes).await }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames() {
    let mut bench = Bench::start("frames").await;
    let core = bench.core.clone();
    let call = wire::call(STATUS, &core.token());
    let begin = || frame(HEADERS, END_HEADERS, 1, &call);
    let whole = || frame(HEADERS, END_HEADERS | END_STREAM, 1, &call);
    let setting = |id: u16, value: u32| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let long = [&[0xff, 0xff, 0xff][..], &frame(DATA, 0, 1, &[])[3..], &[0; 64 << 10]].concat();
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("DATA on no stream", vec![frame(DATA, 0, 0, b"x")]),
        ("DATA on a stream that never was", vec![frame(DATA, 0, 7, b"x")]),
        ("HEADERS on no stream", vec![frame(HEADERS, END_HEADERS, 0, &call)]),
        ("HEADERS on a stream of ours", vec![frame(HEADERS, END_HEADERS, 2, &call)]),
        (
            "HEADERS on an older stream",
            vec![frame(HEADERS, END_HEADERS, 9, &call), frame(HEADERS, END_HEADERS, 3, &call)],
        ),
        ("more padding than there is", vec![frame(HEADERS, END_HEADERS | 8, 1, &[200, 0])]),
        ("CONTINUATION of nothing", vec![frame(CONTINUATION, END_HEADERS, 1, &call)]),
        ("something between HEADERS and CONTINUATION", vec![frame(HEADERS, 0, 1, &call), frame(PING, 0, 0, &[0; 8])]),
        ("SETTINGS of 5 bytes", vec![frame(SETTINGS, 0, 0, &[0; 5])]),
        ("SETTINGS on a stream", vec![frame(SETTINGS, 0, 1, &[])]),
        ("SETTINGS that say yes to more", vec![frame(SETTINGS, ACK, 0, &setting(1, 1))]),
        ("a window of 2^32 - 1", vec![frame(SETTINGS, 0, 0, &setting(4, u32::MAX))]),
        ("frames of 1 byte", vec![frame(SETTINGS, 0, 0, &setting(5, 1))]),
        ("push, twice", vec![frame(SETTINGS, 0, 0, &setting(2, 2))]),
        ("PING of 7 bytes", vec![frame(PING, 0, 0, &[0; 7])]),
        ("PING on a stream", vec![frame(PING, 0, 1, &[0; 8])]),
        ("PUSH_PROMISE from a client", vec![begin(), frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 4])]),
        ("RST_STREAM of a stream that never was", vec![frame(RST_STREAM, 0, 1, &[0; 4])]),
        ("RST_STREAM of 3 bytes", vec![begin(), frame(RST_STREAM, 0, 1, &[0; 3])]),
        ("WINDOW_UPDATE by nothing", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])]),
        ("WINDOW_UPDATE beyond 2^31 - 1", vec![frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]); 2]),
        ("a frame of 16 MiB", vec![begin(), long]),
        ("a frame of 20 KiB", vec![begin(), frame(DATA, 0, 1, &[0; 20 << 10])]),
    ];
    for (case, frames) in cases {
        let core = core.clone();
        let refused = async move {
            let bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frames.concat()].concat();
            let ended = sent(&core, bytes).await;
            assert!(ended.starts_with("GOAWAY "), "{case}: {ended}");
            ended
        };
        bench.case(&format!("frame: {case}"), 16, refused).await;
    }

    // What concerns a stream ends the stream, and what is not known is left alone: the connection goes on.
    let harmless: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("of an unknown kind", vec![frame(0xbe, 0xff, 0, &[7; 100]), frame(0xbe, 0, 5, &[])]),
        ("an unknown setting", vec![frame(SETTINGS, 0, 0, &setting(0x9999, 7))]),
        ("PRIORITY of a stream to come", vec![frame(PRIORITY, 0, 99, &[0, 0, 0, 3, 7])]),
        ("GOAWAY from a client", vec![frame(GOAWAY, 0, 0, &[0; 8])]),
        ("a PING", vec![frame(PING, 0, 0, b"vendvend")]),
    ];
    for (case, frames) in harmless {
        let (core, whole) = (core.clone(), whole());
        let answered = async move {
            let mut wire = Wire::open(&core).await;
            wire.raw(&[frames.concat(), whole].concat()).await.expect("sent");
            wire.until(|it| it.kind == HEADERS && it.stream == 1).await.expect("an answer");
            "the call behind it is answered".to_owned()
        };
        bench.case(&format!("frame: {case}"), 16, answered).await;
    }
}
