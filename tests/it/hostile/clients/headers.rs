//! What stands around a message: metadata, deadlines, names.

use tonic::Code::{InvalidArgument, NotFound, Unauthenticated};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use vend::pb;

use super::wire::{self, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, Wire};
use super::{Bench, caller};
use crate::support::core::{Caller, reason, source};

async fn status_with(caller: &Caller, metadata: Vec<(String, String)>) -> Result<(), Status> {
    let mut request = Request::new(pb::GetStatusRequest {});
    for (name, value) in metadata {
        let name: tonic::metadata::AsciiMetadataKey = name.parse().expect("a name");
        request.metadata_mut().append(name, value.parse().expect("a value"));
    }
    caller.system().get_status(request).await.map(drop)
}

fn many(count: usize, bytes: usize) -> Vec<(String, String)> {
    (0..count).map(|i| (format!("x-{i:05}"), "v".repeat(bytes))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    let mut bench = Bench::start("metadata").await;
    let admin = bench.admin.clone();
    // A header counts with its name, its value and 32 bytes (RFC 9113, 6.5.2): 32 KiB are taken.
    bench.passes("metadata: one header of 30 KiB", 16, status_with(&admin, many(1, 30 << 10))).await;
    bench.passes("metadata: 700 headers", 16, status_with(&admin, many(700, 1))).await;
    for (case, metadata) in [
        ("one header of 40 KiB", many(1, 40 << 10)),
        ("900 headers", many(900, 1)),
        ("one header of 4 MiB", many(1, 4 << 20)),
    ] {
        let admin = caller(&bench.core, Some(bench.core.token())).await;
        let refused = async {
            let status = status_with(&admin, metadata).await.expect_err(case);
            format!("{:?} without a reason: {}", status.code(), status.message())
        };
        bench.case(&format!("metadata: {case}"), 16, refused).await;
    }

    let stranger = caller(&bench.core, None).await;
    let tokens = [
        ("30 KiB of token", format!("Bearer vend_{}", "A".repeat(30 << 10))),
        ("a token of no bytes", "Bearer ".to_owned()),
        ("another scheme", "Basic dmVuZDp2ZW5k".to_owned()),
        ("no scheme", bench.core.token()),
    ];
    for (case, token) in tokens {
        let call = status_with(&stranger, vec![("authorization".into(), token)]);
        let invalid = (Unauthenticated, "TOKEN_INVALID");
        bench.refused(&format!("token: {case}"), 16, invalid, &[], call).await;
    }
    let twice = vec![("authorization".into(), format!("Bearer {}", bench.core.token())); 2];
    bench.passes("token: the same one twice", 16, status_with(&stranger, twice)).await;
    let odd = vec![
        ("traceparent".to_owned(), "00-zz-zz-zz".to_owned()),
        ("grpc-encoding".to_owned(), "identity".to_owned()),
        ("grpc-timeout".to_owned(), "never".to_owned()),
        ("host".to_owned(), "elsewhere".to_owned()),
    ];
    bench.passes("metadata: that means nothing", 16, status_with(&admin, odd)).await;
    let mut request = Request::new(pb::GetStatusRequest {});
    request.metadata_mut().insert_bin("x-bin", MetadataValue::from_bytes(&[0xff; 10_000]));
    bench
        .passes("metadata: 10,000 bytes that are no text", 16, async { admin.system().get_status(request).await })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines() {
    let mut bench = Bench::start("deadlines").await;
    let admin = bench.admin.clone();
    for timeout in ["0n", "0H", "1n"] {
        let call = status_with(&admin, vec![("grpc-timeout".into(), timeout.into())]);
        // Whoever is first wins: the answer, the core's clock or the client's own.
        let ended = async {
            let Err(status) = call.await else { return "answered in no time".to_owned() };
            assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
            format!("{:?}", status.code())
        };
        bench.case(&format!("deadline: {timeout}"), 16, ended).await;
    }
    for timeout in ["99999999H", "99999999S", "-1S", "999999999S", "1é", ""] {
        let mut request = Request::new(pb::GetStatusRequest {});
        let Ok(value) = MetadataValue::try_from(timeout.as_bytes()) else { continue };
        request.metadata_mut().insert("grpc-timeout", value);
        let call = async { admin.system().get_status(request).await };
        bench.passes(&format!("deadline: `{timeout}`"), 16, call).await;
    }
    let id = "op_01arz3ndektsv4rrffq69g5fav".to_owned();
    for (case, seconds, nanos, expected) in [
        ("of 292 thousand million years", i64::MAX, 0, (NotFound, "NOT_FOUND")),
        ("before the beginning", i64::MIN, i32::MIN, (InvalidArgument, "REQUEST_INVALID")),
        ("of no duration", 1, -1, (InvalidArgument, "REQUEST_INVALID")),
    ] {
        let timeout = Some(prost_types::Duration { seconds, nanos });
        let request = pb::WaitOperationRequest { id: id.clone(), timeout };
        let call = async { admin.operations().wait_operation(request).await };
        bench.refused(&format!("wait: {case}"), 16, expected, &[], call).await;
    }
}

/// Names that look like another, or that mean something to a terminal, a path or a database.
#[tokio::test(flavor = "multi_thread")]
async fn names() {
    let mut bench = Bench::start("names").await;
    let admin = bench.admin.clone();
    let apply = |name: &str| {
        let text = format!("apiVersion: vend/v1\nkind: Project\nname: {}\n", serde_json::Value::from(name));
        let admin = admin.clone();
        async move { admin.apply(&text).await }
    };
    let get = |name: &str| {
        let name = format!("projects/{name}/environments/dev/orders/x");
        let admin = admin.clone();
        async move { admin.orders().get_order(pb::GetOrderRequest { name }).await }
    };
    bench.passes("name: shop", 16, apply("shop")).await;
    let long = "s".repeat(64);
    for (case, name) in [
        ("with a long s", "ſhop"),
        ("in another script", "ѕһор"),
        ("in full width", "ｓｈｏｐ"),
        ("with a space of no width", "sh\u{200b}op"),
        ("turned around", "\u{202e}pohs"),
        ("with a soft hyphen", "sh\u{ad}op"),
        ("with a combining mark", "sho\u{301}p"),
        ("with a zero byte", "sh\u{0}op"),
        ("on two lines", "sh\nop"),
        ("with a colour", "\u{1b}[31mshop"),
        ("of dots", ".."),
        ("percent-encoded", "%73hop"),
        ("in capitals", "SHOP"),
        ("with a slash", "sh/op"),
        ("with a quote", "sh'op"),
        ("a smile", "😀"),
        ("too long", &long),
        ("empty", ""),
    ] {
        let invalid = (InvalidArgument, "DOCUMENT_INVALID");
        bench.refused(&format!("name: {case}"), 16, invalid, &[], apply(name)).await;
        let invalid = (InvalidArgument, "REQUEST_INVALID");
        bench.refused(&format!("name of a call: {case}"), 16, invalid, &[], get(name)).await;
    }

    let file = "a\u{1b}[2J\u{202e}b\n\u{2066}c.yaml".repeat(1_000);
    let request = pb::ApplyDocumentsRequest { sources: vec![source(&file, "x")], ..Default::default() };
    let told = async {
        let status = admin.documents().apply_documents(request).await.expect_err("no document");
        assert_eq!(reason(&status), "DOCUMENT_INVALID");
        let said = status.message();
        assert!(said.len() < 1_000 && !said.contains(['\u{1b}', '\n', '\u{202e}', '\u{2066}']), "{said:?}");
        "DOCUMENT_INVALID, without what moves a cursor".to_owned()
    };
    bench.case("name of a file: 20,000 characters that move the cursor", 16, told).await;
}

/// Headers as no library sends them.
#[tokio::test(flavor = "multi_thread")]
async fn header_blocks() {
    let mut bench = Bench::start("header blocks").await;
    let core = bench.core.clone();
    let token = core.token();
    let call = wire::call("/vend.v1.SystemService/GetStatus", &token);
    let without = |name: &str| {
        let mut block = Vec::new();
        for (key, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "a")] {
            if key != name {
                block.extend(wire::header(key, value));
            }
        }
        block
    };
    // An entry of the table with 4,000 bytes, and then as many references to it as fit: 64 MiB if it were written out.
    let mut bomb = call.clone();
    bomb.push(0x40);
    bomb.extend(&wire::header("x-bomb", &"b".repeat(4_000))[1..]);
    bomb.extend(vec![0xbe; 16_000 - bomb.len()]);
    let cases: [(&str, Vec<u8>); 12] = [
        ("an index beyond the table", vec![0xff, 0xff, 0x7f]),
        ("index 0", vec![0x80]),
        ("a length beyond its end", vec![0x00, 0x7f, 0xff, 0xff, 0x7f]),
        ("a number without an end", vec![0xff; 200]),
        ("a table of 1 GiB", vec![0x3f, 0xe1, 0xff, 0xff, 0xff, 0x03]),
        ("Huffman code that is none", [&[0x00, 0x84][..], &[0xff; 4], &[0x84], &[0xff; 4]].concat()),
        ("a bomb of references", bomb),
        ("without a path", without(":path")),
        ("without a method", without(":method")),
        ("an upper case name", [call.clone(), wire::header("X-Upper", "x")].concat()),
        ("a line end in a value", [call.clone(), wire::header("x-line", "a\r\nb: c")].concat()),
        ("a pseudo header behind others", [call.clone(), wire::header(":path", "/y")].concat()),
    ];
    for (case, block) in cases {
        let core = core.clone();
        let refused = async move {
            let mut wire = Wire::open(&core).await;
            wire.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block).await.expect("sent");
            let answer = wire.until(|it| it.stream == 1 || (it.kind == GOAWAY && it.payload[7] != 0)).await;
            match answer {
                Some(it) if it.kind == GOAWAY => format!("GOAWAY {}", wire::error(&it.payload[4..8])),
                Some(it) if it.kind == RST_STREAM => format!("RST_STREAM {}", wire::error(&it.payload)),
                Some(it) if it.kind == HEADERS => "an answer that refuses it".to_owned(),
                Some(it) => panic!("{case}: a frame of kind {}", it.kind),
                None => "closed".to_owned(),
            }
        };
        bench.case(&format!("headers: {case}"), 16, refused).await;
    }

    // In pieces: a few are fine, those without an end are not.
    let pieces = |count: usize| {
        let (core, call) = (core.clone(), call.clone());
        async move {
            let mut wire = Wire::open(&core).await;
            let mut sent = wire.frame(HEADERS, END_STREAM, 1, &call).await;
            for _ in 0..count {
                sent = sent.and(wire.frame(CONTINUATION, 0, 1, &wire::header("x", "y")).await);
            }
            sent = sent.and(wire.frame(CONTINUATION, END_HEADERS, 1, &[]).await);
            (wire, sent.is_ok())
        }
    };
    let few = async {
        let (mut wire, _) = pieces(5).await;
        wire.until(|it| it.stream == 1 && it.kind == HEADERS).await.expect("an answer");
        "passes".to_owned()
    };
    bench.case("headers: in 7 pieces", 16, few).await;
    let flood = async {
        let (wire, _) = pieces(100_000).await;
        wire.end().await
    };
    bench.case("headers: in 100,000 pieces", 16, flood).await;
}
