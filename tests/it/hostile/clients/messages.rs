//! Messages: too large, too many parts, no messages at all, compressed.

use prost::Message;
use tokio::task::JoinSet;
use tonic::Code::{InvalidArgument, Unimplemented};
use tonic::codec::CompressionEncoding;
use vend::pb;
use vend::server::MESSAGE_BYTES;

use super::Bench;
use super::wire::{DATA, HEADERS, Wire, message};
use crate::support::core::{reason, source};

const APPLY: &str = "/vend.v1.DocumentService/ApplyDocuments";
const GET: &str = "/vend.v1.OrderService/GetOrder";
const SHOP: &str = "apiVersion: vend/v1\nkind: Project\nname: shop\n";

/// A message of so many bytes, with a document that is mostly comment, to be looked at only.
fn of_size(bytes: usize) -> Vec<u8> {
    let mut content = format!("{SHOP}#");
    let request = |content: &str| pb::ApplyDocumentsRequest {
        sources: vec![source("a", content)],
        validate_only: true,
        ..Default::default()
    };
    // The lengths of lengths settle once most of it is there.
    for spare in [16, 0] {
        let missing = bytes - request(&content).encoded_len() - spare;
        content.push_str(&"x".repeat(missing));
    }
    let encoded = request(&content).encode_to_vec();
    assert_eq!(encoded.len(), bytes);
    encoded
}

#[tokio::test(flavor = "multi_thread")]
async fn messages() {
    let mut bench = Bench::start("messages").await;
    let admin = bench.admin.clone();

    bench.passes("message: exactly 16 MiB", 128, admin.raw(APPLY, of_size(MESSAGE_BYTES))).await;
    let call = admin.raw(APPLY, of_size(MESSAGE_BYTES + 1));
    bench.refused("message: a byte over 16 MiB", 64, (InvalidArgument, "REQUEST_INVALID"), &["too large"], call).await;
    let set = async |bytes: usize| {
        let request = pb::SetSecretRequest { name: "large".into(), value: "x".repeat(bytes) };
        admin.secrets().set_secret(request).await
    };
    let invalid = (InvalidArgument, "REQUEST_INVALID");
    bench.passes("secret: 64 KiB", 16, set(64 << 10)).await;
    bench.refused("secret: a byte over 64 KiB", 16, invalid, &["1 to 65536 bytes"], set((64 << 10) + 1)).await;
    bench.refused("message: 1 MiB to a call that brings no document", 16, invalid, &["too large"], set(1 << 20)).await;

    let projects = |count: usize| {
        let sources = (0..count).map(|i| source("a", &SHOP.replace("shop", &format!("p{i}")))).collect();
        let request = pb::ApplyDocumentsRequest { sources, validate_only: true, ..Default::default() };
        let admin = admin.clone();
        async move { admin.documents().apply_documents(request).await }
    };
    bench.passes("message: 1,000 files", 64, projects(1_000)).await;
    bench.refused("message: 1,001 files", 64, invalid, &["at most 1000 go into one call"], projects(1_001)).await;
    let empty = b"\x0a\x00".repeat(MESSAGE_BYTES / 2);
    bench.refused("message: 8 million empty files", 64, invalid, &["200000 fields"], admin.raw(APPLY, empty)).await;

    for (case, bytes) in [
        ("random bytes", b"\xff\xfe\xfd\x00\x9c\x17".repeat(100)),
        ("a number without an end", b"\xff".repeat(100)),
        ("a length beyond its end", b"\x0a\xff\xff\xff\xff\x0f".to_vec()),
        ("a length of 2^64 - 1", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()),
        ("a text that is no UTF-8", b"\x0a\x02\xff\xfe".to_vec()),
        ("a text where a number belongs", b"\x0d\x00\x00\x00\x00".to_vec()),
        ("field number 0", b"\x02\x00".to_vec()),
        ("100,000 groups in one another", b"\x0b".repeat(100_000)),
        ("a group that ends another", b"\x0b\x14".to_vec()),
    ] {
        let words = ["the message cannot be read"];
        bench.refused(&format!("message: {case}"), 16, invalid, &words, admin.raw(GET, bytes)).await;
    }
    // What is not known is left alone, so that newer clients can talk to older cores.
    let unknown = b"\xfa\x7f\x03abc\xd0\x7f\x01".repeat(1_000);
    let unknown = [unknown, pb::GetStatusRequest {}.encode_to_vec()].concat();
    bench.passes("message: 2,000 unknown fields", 16, admin.raw("/vend.v1.SystemService/GetStatus", unknown)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_messages() {
    let mut bench = Bench::start("compressed").await;
    let admin = bench.admin.clone();
    let request =
        |content: &str| pb::ApplyDocumentsRequest { sources: vec![source("a", content)], ..Default::default() };
    // 16 MiB in 16 KiB; the library that unpacks it is not even asked.
    let bomb = format!("{SHOP}#{}", "x".repeat(15 << 20));
    let mut zipping = admin.documents().send_compressed(CompressionEncoding::Gzip);
    let call = zipping.apply_documents(request(&bomb));
    let words = ["`gzip` which isn't supported"];
    bench.refused("gzip: 15 MiB in 15 KiB", 16, (Unimplemented, "VERB_UNSUPPORTED"), &words, call).await;
    let mut plain = admin.documents();
    bench.passes("gzip: the same, not compressed", 128, plain.apply_documents(request(&bomb))).await;

    let token = bench.core.token();
    let mut wire = Wire::open(&bench.core).await;
    let flagged = async {
        wire.call(1, GET, &token).await.expect("sent");
        let mut bytes = message(b"\x0a\x01x");
        bytes[0] = 1;
        wire.frame(DATA, 1, 1, &bytes).await.expect("sent");
        let answer = wire.until(|frame| frame.stream == 1).await.expect("an answer");
        assert_eq!(answer.kind, HEADERS);
        "refused".to_owned()
    };
    bench.case("gzip: said to be compressed, and not how", 16, flagged).await;
}

/// Bytes that are announced take nothing; those that are sent and worked on have a bound for all calls together.
#[tokio::test(flavor = "multi_thread")]
async fn many_messages_at_once() {
    let mut bench = Bench::start("many messages").await;
    let (core, token) = (bench.core.clone(), bench.core.token());
    let announced = async move {
        let mut wires = Vec::new();
        for _ in 0..4 {
            let mut wire = Wire::open(&core).await;
            for i in 0..100 {
                wire.call(2 * i + 1, APPLY, &token).await.expect("sent");
                // A message of 16 MiB begins, and does not come.
                wire.frame(DATA, 0, 2 * i + 1, &[0, 1, 0, 0, 0]).await.expect("sent");
            }
            wires.push(wire);
        }
        for wire in &mut wires {
            for _ in 0..100 {
                wire.until(|frame| frame.kind == HEADERS).await.expect("an answer");
            }
        }
        "each is ended".to_owned()
    };
    bench.case("messages: 400 of 16 MiB announced, none sent", 64, announced).await;

    let admin = bench.admin.clone();
    let at_once = |count: usize| {
        let admin = admin.clone();
        async move {
            let mut calls = JoinSet::new();
            for _ in 0..count {
                let (admin, message) = (admin.clone(), of_size(15 << 20));
                calls.spawn(async move { admin.raw(APPLY, message).await });
            }
            let answers = calls.join_all().await;
            let refused = answers.iter().filter_map(|it| it.as_ref().err());
            let refused = refused.inspect(|status| assert_eq!(reason(status), "RATE_LIMITED", "{status:?}")).count();
            (answers.len() - refused, refused)
        }
    };
    let call = async {
        assert_eq!(at_once(3).await, (3, 0));
        "pass".to_owned()
    };
    bench.case("messages: 3 of 15 MiB at once", 400, call).await;
    let call = async {
        let (passed, refused) = at_once(32).await;
        assert!(passed > 0 && refused > 0, "{passed} {refused}");
        format!("RATE_LIMITED {refused}, {passed} pass")
    };
    bench.case("messages: 32 of 15 MiB at once", 400, call).await;
}
