//! What an answer proves, and what it may not do.

use std::time::Duration;

use vend::domain::limits::Limits;
use vend::wit::vend::driver::types::Semantics;

use super::world::{Terms, get, request};
use crate::support::web::{Act, Web, answer, raw};

#[tokio::test]
async fn a_status_says_what_became_of_a_write() {
    for (status, seen, journal) in [
        ("200 OK", Ok(200), "applied"),
        ("204 No Content", Ok(204), "applied"),
        ("303 See Other", Ok(303), "applied"),
        ("400 Bad Request", Ok(400), "declined"),
        ("404 Not Found", Ok(404), "declined"),
        ("409 Conflict", Ok(409), "declined"),
        ("429 Too Many Requests", Ok(429), "declined"),
        ("408 Request Timeout", Err("IN_DOUBT"), "open"),
        ("500 Internal Server Error", Err("IN_DOUBT"), "open"),
        ("503 Service Unavailable", Err("IN_DOUBT"), "open"),
        ("504 Gateway Timeout", Err("IN_DOUBT"), "open"),
    ] {
        let web = Web::start(move |_| answer(status, &["location: /elsewhere", "retry-after: 3"], "")).await;
        let mut world = Terms::open(&web.url()).world();
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await.map(|it| it.status);
        assert_eq!(sent, seen.map_err(str::to_owned), "{status}");
        assert_eq!((world.last_write().as_str(), web.count()), (journal, 1), "{status}");
        // A read is shown as it is, whatever it is.
        let read = Terms::open(&web.url()).world().fetch(get("/a")).await.map(|it| it.status.to_string());
        assert_eq!(read.as_deref(), Ok(&status[..3]));
        assert_eq!(web.count(), 2, "no redirect is followed, nothing is sent again");
    }
}

#[tokio::test]
async fn what_comes_too_late_too_large_or_in_part() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
    type Case = (&'static str, Vec<Act>, Result<u16, &'static str>, Result<u16, &'static str>, &'static str);
    let cases: Vec<Case> = vec![
        ("closed at once", vec![Act::Close], Err("BACKEND_UNAVAILABLE"), Err("IN_DOUBT"), "open"),
        ("no answer", vec![Act::Hold], Err("BACKEND_UNAVAILABLE"), Err("IN_DOUBT"), "open"),
        ("half a head", vec![raw("HTTP/1.1 200 O"), Act::Close], Err("BACKEND_UNAVAILABLE"), Err("IN_DOUBT"), "open"),
        (
            "no HTTP",
            vec![raw("220 smtp.example.com\r\n\r\n"), Act::Close],
            Err("BACKEND_UNAVAILABLE"),
            Err("IN_DOUBT"),
            "open",
        ),
        ("half a body", vec![raw(head), raw("12345"), Act::Close], Err("ANSWER_BROKEN"), Err("IN_DOUBT"), "open"),
        ("a slow body", vec![raw(head), raw("12345"), Act::Hold], Err("ANSWER_TOO_SLOW"), Err("IN_DOUBT"), "open"),
        (
            "a large body",
            vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n"), Act::Repeat(vec![b'x'; 7000], 10)],
            Err("ANSWER_TOO_LARGE"),
            Ok(200),
            "applied",
        ),
        (
            "a large body in chunks",
            vec![
                raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
                Act::Repeat(b"400\r\n".iter().chain([b'x'; 1024].iter()).chain(b"\r\n").copied().collect(), 1000),
            ],
            Err("ANSWER_TOO_LARGE"),
            Ok(200),
            "applied",
        ),
        (
            "a compressed body",
            answer("200 OK", &["content-encoding: gzip"], "\u{1f}"),
            Err("ANSWER_ENCODED"),
            Ok(200),
            "applied",
        ),
        (
            "endless headers",
            vec![raw("HTTP/1.1 200 OK\r\n"), Act::Repeat(b"a: b\r\n".to_vec(), 1_000_000)],
            Err("BACKEND_UNAVAILABLE"),
            Err("IN_DOUBT"),
            "open",
        ),
    ];
    for (what, acts, read, write, journal) in cases {
        let web = Web::start(move |_| acts.clone()).await;
        let terms = || {
            let mut terms = Terms::open(&web.url());
            terms.settings.timeout_ms = 700;
            terms.limits = Limits { body_bytes: 65_000, ..Limits::default() };
            terms
        };
        let read = read.map_err(str::to_owned);
        assert_eq!(terms().world().fetch(get("/a")).await.map(|it| it.status), read, "{what}");
        let mut world = terms().world();
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
        assert_eq!(
            sent.as_ref().map(|it| it.status),
            write.as_ref().map(|it| *it).map_err(|it| (*it).to_owned()).as_ref().map(|it| *it),
            "{what}"
        );
        assert_eq!((world.last_write().as_str(), web.count()), (journal, 2), "{what}");
        if let Ok(response) = sent {
            assert!(
                response.body.is_empty() && response.headers.iter().any(|it| it.name == "vend-withheld"),
                "{what}: {response:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_backend_that_is_not_there_has_done_nothing() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it").port();
    let mut world = Terms::open(&format!("http://127.0.0.1:{port}")).world();
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await.map(|it| it.status);
    assert_eq!((sent, world.last_write().as_str()), (Err("BACKEND_UNAVAILABLE".to_owned()), "BACKEND_UNAVAILABLE"));
}

/// A backend hangs up on an idle connection: the next request goes over another one, and arrives once.
#[tokio::test]
async fn a_backend_that_serves_nobody_is_told_from_one_that_refuses() {
    for (status, unserved) in [("502 x", true), ("503 x", true), ("504 x", true), ("500 x", false), ("404 x", false)] {
        let web = Web::start(move |_| answer(status, &[], "")).await;
        let mut world = Terms::open(&web.url()).world();
        world.fetch(get("/a")).await.expect("an answer");
        assert_eq!(world.standing.unserved(), unserved, "{status}");
        assert!(world.standing.reachable().is_some_and(|it| it.holds), "{status}");
    }
}

#[tokio::test]
async fn an_idle_connection_may_be_closed() {
    let web = Web::start(|_| {
        let mut acts = answer("200 OK", &[], "x");
        acts.push(Act::Close);
        acts
    })
    .await;
    let mut world = Terms::open(&web.url()).world();
    for n in 1..=3 {
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await.map(|it| it.status);
        assert_eq!((sent, web.count()), (Ok(200), n));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(web.accepted(), 3);
}

/// What would sign somebody in as us is not shown to a driver.
#[tokio::test]
async fn cookies_stay_with_the_host() {
    let web = Web::start(|_| answer("200 OK", &["set-cookie: session=abc", "etag: \"1\""], "")).await;
    let response = Terms::open(&web.url()).world().fetch(get("/a")).await.expect("an answer");
    let names: Vec<_> = response.headers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["content-length", "etag"]);
}
