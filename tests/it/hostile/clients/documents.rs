//! Documents that are bombs, page tokens from elsewhere, watchers that never read.

use std::fmt::Write as _;

use tonic::Code::InvalidArgument;
use vend::pb;

use super::Bench;
use crate::support::core::Caller;

const INVALID: (tonic::Code, &str) = (InvalidArgument, "DOCUMENT_INVALID");

fn type_with(params: &str) -> String {
    format!("apiVersion: vend/v1\nkind: ResourceType\nname: bomb\noutputs: {{}}\nparams: {params}\n")
}

fn doubling(levels: usize) -> String {
    let mut defs = String::new();
    for i in 0..levels {
        let _ = write!(defs, "d{i}: {{ allOf: [{{ $ref: '#/$defs/d{0}' }}, {{ $ref: '#/$defs/d{0}' }}] }}, ", i + 1);
    }
    format!("{{ $ref: '#/$defs/d0', $defs: {{ {defs} d{levels}: {{}} }} }}")
}

fn nested(levels: usize) -> String {
    format!("{}{{}}{}", "{ properties: { a: ".repeat(levels), " } }".repeat(levels))
}

fn order_nested(levels: usize) -> String {
    let value = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    format!(
        "apiVersion: vend/v1\nkind: Order\nname: deep\nresources: {{ a: {{ type: t, params: {{ a: {value} }} }} }}\n"
    )
}

fn laughs() -> String {
    let mut text = "a0: &a0 [lol, lol]\n".to_owned();
    for i in 1..30 {
        let _ = writeln!(text, "a{i}: &a{i} [*a{0}, *a{0}]", i - 1);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs() {
    let mut bench = Bench::start("documents").await;
    let admin = bench.admin.clone();
    let apply = |text: String| {
        let admin = admin.clone();
        async move { admin.apply(&text).await }
    };
    for (case, text, words) in [
        ("aliases of aliases, 2^30", laughs(), "alias"),
        ("a million lists in one another", "[".repeat(1_000_000), "nests deeper than 64 levels"),
        ("a million values", format!("a: [{}]", "1,".repeat(1_000_001)), "more than 1000000 keys and values"),
        ("params 100 deep", order_nested(100), "nests deeper than 64 levels"),
        ("a key twice", "apiVersion: vend/v1\nkind: Project\nname: a\nname: b\n".to_owned(), "name"),
        ("10,000 documents that are none", "---\n- x\n".repeat(10_000), "and 9"),
        ("references that double, 40 times", type_with(&doubling(40)), "at most 100000 parts"),
        ("a schema 20 deep", type_with(&nested(20)), "nests at most 32 levels"),
        ("a schema that is its own part", type_with("{ properties: { a: { $ref: '#' } } }"), "may not refer to itself"),
        ("a schema of another server", type_with("{ $ref: 'http://127.0.0.1:1/s' }"), "leads outside"),
        (
            "a pattern that backtracks",
            type_with("{ properties: { a: { pattern: '(a*)*\\1' } } }"),
            "pattern cannot be used",
        ),
        (
            "a pattern that is huge",
            type_with("{ properties: { a: { pattern: '(a{1000}){1000}' } } }"),
            "pattern cannot be used",
        ),
        (
            "a schema of 300 kB",
            type_with(&format!("{{ description: {} }}", "x".repeat(300_000))),
            "at most 262144 bytes",
        ),
    ] {
        bench.refused(&format!("document: {case}"), 256, INVALID, &[words], apply(text)).await;
    }
    for (case, text) in [
        ("a schema 10 deep", type_with(&nested(10))),
        ("references that double, 8 times", type_with(&doubling(8))),
        ("a pattern", type_with("{ properties: { a: { pattern: '^a+$' } } }")),
    ] {
        bench.passes(&format!("document: {case}"), 256, apply(text)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_tokens() {
    let mut bench = Bench::start("page tokens").await;
    let elsewhere = Bench::start("another core").await;
    let project = |name: &str| format!("apiVersion: vend/v1\nkind: Project\nname: {name}\n");
    for admin in [&bench.admin, &elsewhere.admin] {
        admin.apply(&[project("one"), project("two")].join("---\n")).await.expect("applied");
    }
    async fn list(admin: &Caller, kind: &str, token: &str) -> Result<String, tonic::Status> {
        let request = pb::ListDocumentsRequest {
            kind: kind.into(),
            page_size: 1,
            page_token: token.into(),
            ..Default::default()
        };
        Ok(admin.documents().list_documents(request).await?.into_inner().next_page_token)
    }
    let admin = bench.admin.clone();
    let own = list(&admin, "Project", "").await.expect("listed");
    let foreign = list(&elsewhere.admin, "Project", "").await.expect("listed");
    let half = own[..own.len() / 2].to_owned();
    let mut flipped = own.clone().into_bytes();
    flipped[5] = if flipped[5] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).expect("text");
    let refused = (InvalidArgument, "REQUEST_INVALID");
    for (case, kind, token) in [
        ("of another list", "Recipe", own.clone()),
        ("of another core", "Project", foreign),
        ("cut in half", "Project", half),
        ("with one letter changed", "Project", flipped),
        ("of a megabyte", "Project", "A".repeat(1 << 20)),
        ("of odd letters", "Project", "\u{202e}\u{0}💥".to_owned()),
    ] {
        bench.refused(&format!("page token: {case}"), 32, refused, &[], list(&admin, kind, &token)).await;
    }
    bench.passes("page token: its own", 32, list(&admin, "Project", &own)).await;
}

/// A hundred watchers never read; one more sees every change.
#[tokio::test(flavor = "multi_thread")]
async fn stalled_watchers() {
    const CHANGES: usize = 300;
    let mut bench = Bench::start("watchers").await;
    let (admin, core) = (bench.admin.clone(), bench.core.clone());
    let watching = async || {
        let caller = super::caller(&core, Some(core.token())).await;
        let request = pb::WatchRequest { project: "default".into(), ..Default::default() };
        caller.watches().watch(request).await.expect("watching").into_inner()
    };
    let case = "watch: 100 watchers that never read, 300 changes";
    bench
        .case(case, 192, async {
            let mut reader = watching().await;
            let mut stalled = Vec::new();
            for _ in 0..100 {
                stalled.push(watching().await);
            }
            let description = "d".repeat(9_000);
            for n in 0..CHANGES {
                let text = format!(
                    "apiVersion: vend/v1\nkind: Environment\nname: busy\nproject: default\ntype: development\ndescription: {n} {description}\n"
                );
                admin.apply(&text).await.expect("applied");
            }
            let mut seen = 0;
            while seen < CHANGES {
                let change = reader.message().await.expect("it goes on").expect("a watch has no end");
                seen += usize::from(change.name == "projects/default/environments/busy");
            }
            format!("{} watchers stalled, the one that reads saw {seen} changes", stalled.len())
        })
        .await;
}
