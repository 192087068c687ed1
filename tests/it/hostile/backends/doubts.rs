//! What a write that failed came to: for certain nothing, or nobody knows. Each reaches the backend once.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::support::web::raw;

/// When to come again is the driver's to read, and nobody waits for it here.
#[tokio::test]
async fn a_backend_that_wants_to_be_left_alone() {
    let mut report = Report::new("backend: throttles");
    for wait in [
        None,
        Some("3"),
        Some("0"),
        Some("-5"),
        Some("99999999999999999999"),
        Some("1e9"),
        Some("soon"),
        Some(""),
        Some("Wed, 21 Oct 2099 07:28:00 GMT"),
        Some("Wed, 21 Oct 1999 07:28:00 GMT"),
    ] {
        for (status, write, journal) in
            [("429 Too Many Requests", Ok(429), "declined"), ("503 Service Unavailable", IN_DOUBT, "open")]
        {
            let header = wait.map(|wait| format!("retry-after: {wait}"));
            let web = Web::start(move |request| match request.target.as_str() {
                "/bad" => answer(status, &header.iter().map(String::as_str).collect::<Vec<_>>(), ""),
                _ => answer("200 OK", &[], "fine"),
            })
            .await;
            let terms = terms(&web.url());
            let backend = terms.backend();
            let found = terms.attempt(&backend).fetch(get("/bad")).await.expect(status);
            let shown = found.headers.iter().find(|it| it.name == "retry-after").map(|it| it.value.as_str());
            assert_eq!((found.status.to_string().as_str(), shown), (&status[..3], wait));
            let mut world = terms.attempt(&backend);
            let sent = world.send(request("POST", "/bad"), Semantics::Unsafe).await;
            assert_eq!((super::status(&sent), world.last_write().as_str()), (came(write), journal), "{wait:?}");
            assert_eq!(reached(&web), 2, "{wait:?}: each once");
            let good = terms.attempt(&backend).send(request("POST", "/good"), Semantics::Unsafe).await;
            assert_eq!(super::status(&good), Ok(200), "it is served at once");
            let what = format!("{status}, Retry-After: {}", wait.unwrap_or("none"));
            report.row(
                what,
                format!("read: {}; write: {}", shown_as(&found), super::shown(&sent)),
                "2 requests, no waiting",
            );
        }
    }
}

fn shown_as(response: &Response) -> String {
    format!("{}, header as it is", response.status)
}

#[tokio::test]
async fn a_backend_that_fails_and_recovers() {
    let mut report = Report::new("backend: fails once");
    for status in [
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
        "408 Request Timeout",
    ] {
        let count = AtomicUsize::new(0);
        let web = Web::start(move |_| match count.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => answer(status, &[], "it was me"),
            _ => answer("200 OK", &[], "fine"),
        })
        .await;
        let terms = terms(&web.url());
        let backend = terms.backend();
        let mut world = terms.attempt(&backend);
        let first = world.fetch(get("/a")).await.map(|it| it.status.to_string());
        assert_eq!((first.as_deref(), world.fetch(get("/a")).await.map(|it| it.status)), (Ok(&status[..3]), Ok(200)));
        let sent = world.send(request("POST", "/a"), Semantics::Idempotent).await;
        assert_eq!((super::status(&sent), world.last_write().as_str()), (came(IN_DOUBT), "open"), "{status}");
        assert_eq!(web.count(), 3, "{status}: not sent again by itself");
        let sent = terms.attempt(&backend).send(request("POST", "/a"), Semantics::Idempotent).await;
        assert_eq!((super::status(&sent), web.count()), (Ok(200), 4), "{status}");
        report.row(
            format!("{status}, then fine"),
            format!("read: {}; write: IN_DOUBT; then 200", &status[..3]),
            "each sent once",
        );
    }
}

#[tokio::test]
async fn a_connection_that_ends_between_requests() {
    let mut report = Report::new("backend: hangs up");
    let then = |act: Act| {
        let mut acts = answer("200 OK", &[], "fine");
        acts.push(act);
        acts
    };
    for (what, acts) in [
        ("hangs up behind each answer", then(Act::Close)),
        (
            "says so, and hangs up",
            vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine"), Act::Close],
        ),
        ("says so, and stays", vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine")]),
        ("speaks HTTP/1.0", vec![raw("HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfine")]),
        ("stays", then(Act::Wait(Duration::ZERO))),
    ] {
        let web = Web::start(move |_| acts.clone()).await;
        let terms = terms(&web.url());
        let backend = terms.backend();
        for n in 1..=6 {
            let mut world = terms.attempt(&backend);
            let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
            assert_eq!(
                (super::status(&sent), world.last_write().as_str(), web.count()),
                (Ok(200), "applied", n),
                "{what}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        report.row(what, "6 writes, each applied once", format!("{} connections", web.accepted()));
    }
    // It takes the request, and hangs up: whether it did something nobody knows, and it is not asked again.
    let web = Web::start(|request| match request.target.as_str() {
        "/bad" => vec![Act::Close],
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let terms = terms(&web.url());
    let backend = terms.backend();
    for first in [false, true] {
        if first {
            terms.attempt(&backend).fetch(get("/good")).await.expect("a connection to use again");
        }
        let mut world = terms.attempt(&backend);
        let sent = world.send(request("POST", "/bad"), Semantics::Idempotent).await;
        assert_eq!((super::status(&sent), world.last_write().as_str()), (came(IN_DOUBT), "open"));
        assert_eq!(reached(&web), 1 + usize::from(first), "once");
    }
    report.row("hangs up behind a request", "IN_DOUBT, on a new and on a used connection", "each sent once");
}

/// An answer to half a request is one, and the connection on which the other half is stuck serves nobody.
#[tokio::test]
async fn an_answer_before_the_request_is_read() {
    let mut report = Report::new("backend: answers early");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 512];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let large = head[..read].windows(4).any(|it| it == b"/bad");
            let said: &[u8] = match large {
                true => b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n",
                false => b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine",
            };
            let _ = stream.write_all(said).await;
            held.push(stream);
        }
    });
    let mut terms = terms(&format!("http://127.0.0.1:{port}"));
    terms.limits.body_bytes = 8 << 20;
    terms.settings.timeout_ms = 10_000;
    let backend = terms.backend();
    let mut world = terms.attempt(&backend);
    let sent = world.send(with_body("POST", "/bad", vec![b'x'; 6_000_000]), Semantics::Unsafe).await;
    assert_eq!((super::status(&sent), world.last_write().as_str()), (Ok(413), "declined"));
    let mut world = terms.attempt(&backend);
    let sent = world.send(request("POST", "/good"), Semantics::Unsafe).await;
    assert_eq!((super::status(&sent), world.last_write().as_str()), (Ok(200), "applied"));
    report.row("413 before 6 MB are read", "declined; the next request over another connection", "2 connections");
}
