//! Watching: nothing missed, nothing twice, resumable.

use std::time::Duration;

use tokio_stream::StreamExt;
use tonic::{Code, Status, Streaming};
use vend::pb;
use vend::pb::watch_response::Kind;

use crate::support::core::{Caller, Core, reason};

async fn watch(caller: &Caller, resume_token: &str) -> Result<Streaming<pb::WatchResponse>, Status> {
    let request =
        pb::WatchRequest { project: "default".into(), resume_token: resume_token.into(), ..Default::default() };
    Ok(caller.watches().watch(request).await?.into_inner())
}

async fn next(stream: &mut Streaming<pb::WatchResponse>) -> pb::WatchResponse {
    let next = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("something is told in time");
    next.expect("a watch has no end").expect("good")
}

async fn environment(caller: &Caller, name: &str) {
    let text = format!("apiVersion: vend/v1\nkind: Environment\nname: {name}\nproject: default\ntype: development\n");
    caller.apply(&text).await.expect("applied");
}

#[tokio::test]
async fn first_what_is_there_then_a_bookmark_then_changes() {
    let core = Core::start().await;
    let admin = core.admin();
    let mut stream = watch(&admin, "").await.expect("watching");
    let bookmark = next(&mut stream).await;
    assert_eq!(bookmark.kind(), Kind::Bookmark);
    assert!(!bookmark.resume_token.is_empty());
    environment(&admin, "one").await;
    let change = next(&mut stream).await;
    assert_eq!((change.kind(), change.subject.as_str()), (Kind::Created, "document"));
    assert_eq!(change.name, "projects/default/environments/one");
    assert_ne!(change.resume_token, bookmark.resume_token);
    core.stop().await;
}

#[tokio::test]
async fn a_watcher_that_loses_its_stream_again_and_again_sees_every_change_once() {
    const CHANGES: usize = 120;
    let core = Core::start().await;
    let admin = core.admin();
    let mut stream = watch(&admin, "").await.expect("watching");
    let mut token = next(&mut stream).await.resume_token;
    let writer = {
        let admin = admin.clone();
        tokio::spawn(async move {
            for i in 0..CHANGES {
                environment(&admin, &format!("e{i:03}")).await;
            }
        })
    };
    let mut seen = Vec::new();
    while seen.len() < CHANGES {
        stream = watch(&admin, &token).await.expect("resumed");
        for _ in 0..7.min(CHANGES - seen.len()) {
            let response = next(&mut stream).await;
            token = response.resume_token.clone();
            if response.kind() != Kind::Bookmark {
                seen.push(response.name);
            }
        }
    }
    writer.await.expect("written");
    let expected: Vec<_> = (0..CHANGES).map(|i| format!("projects/default/environments/e{i:03}")).collect();
    assert_eq!(seen, expected);
    core.stop().await;
}

#[tokio::test]
async fn tokens_that_do_not_fit_are_refused() {
    let core = Core::start().await;
    let admin = core.admin();
    let mut stream = watch(&admin, "").await.expect("watching");
    let token = next(&mut stream).await.resume_token;
    for bad in ["x", "AAAA", &token[1..]] {
        assert_eq!(reason(&watch(&admin, bad).await.expect_err(bad)), "REQUEST_INVALID");
    }
    admin.apply("apiVersion: vend/v1\nkind: Project\nname: shop\n").await.expect("applied");
    let request = pb::WatchRequest { project: "shop".into(), resume_token: token, ..Default::default() };
    let status = admin.watches().watch(request).await.expect_err("of another project");
    assert_eq!(reason(&status), "REQUEST_INVALID");
    let request = pb::WatchRequest { project: "nonesuch".into(), ..Default::default() };
    assert_eq!(reason(&admin.watches().watch(request).await.expect_err("no project")), "NOT_FOUND");

    // Of a revision that never was, as after a store was put back: nobody knows what came since.
    use base64::Engine;
    let ahead = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{}/default", u64::MAX));
    let status = watch(&admin, &ahead).await.expect_err("not kept");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "WATCH_EXPIRED"));
    core.stop().await;
}

#[tokio::test]
async fn a_narrowed_watch_tells_only_its_part_and_still_moves_on() {
    let core = Core::start().await;
    let admin = core.admin();
    let request = pb::WatchRequest { project: "default".into(), environment: "dev".into(), ..Default::default() };
    let mut stream = admin.watches().watch(request).await.expect("watching").into_inner();
    assert_eq!(next(&mut stream).await.kind(), Kind::Bookmark);
    environment(&admin, "other").await;
    let nothing = tokio::time::timeout(Duration::from_millis(500), stream.next()).await;
    assert!(nothing.is_err(), "a document belongs to no order: {nothing:?}");
    core.stop().await;
}

#[tokio::test]
async fn a_stop_ends_watches_with_a_reason() {
    let core = Core::start().await;
    let mut stream = watch(&core.admin(), "").await.expect("watching");
    next(&mut stream).await;
    let stopping = tokio::spawn(core.stop());
    let status = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(status)) => break status,
            None => panic!("an end without a word"),
        }
    };
    assert_eq!(status.code(), Code::Unavailable);
    drop(stream);
    stopping.await.expect("stopped");
}
