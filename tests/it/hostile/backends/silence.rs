//! Backends that say nothing, not enough, or not in time.

use super::*;
use crate::support::web::raw;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn drip(text: impl AsRef<[u8]>) -> Act {
    Act::Drip(text.as_ref().to_vec(), Duration::from_millis(40))
}

#[tokio::test]
async fn half_an_answer_is_none_and_half_a_body_is_not_shown() {
    let pause = || Act::Wait(Duration::from_millis(150));
    let mut report = Report::new("backend: silence");
    let cases = vec![
        none("never answers", vec![Act::Hold]),
        none("hangs up without an answer", vec![Act::Close]),
        none("half a status line, then nothing", vec![raw("HTTP/1.1 20"), Act::Hold]),
        none("half a status line, then hangs up", vec![raw("HTTP/1.1 20"), Act::Close]),
        none("half the headers, then nothing", vec![raw("HTTP/1.1 200 OK\r\na: b\r\nc"), Act::Hold]),
        none("half the headers, then hangs up", vec![raw("HTTP/1.1 200 OK\r\na: b\r\nc"), Act::Close]),
        none("a head that drips", vec![drip(HEAD)]),
        cut("half a body, then nothing", vec![raw(HEAD), raw("12345"), Act::Hold], "ANSWER_TOO_SLOW"),
        cut("half a body, then hangs up", vec![raw(HEAD), raw("12345"), Act::Close], "ANSWER_BROKEN"),
        cut(
            "a body that drips",
            vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n"), drip("x".repeat(60))],
            "ANSWER_TOO_SLOW",
        ),
        cut("half a chunk, then nothing", vec![raw(CHUNKED), raw("a\r\n12345"), Act::Hold], "ANSWER_TOO_SLOW"),
        cut("half a chunk, then hangs up", vec![raw(CHUNKED), raw("a\r\n12345"), Act::Close], "ANSWER_BROKEN"),
        cut("no last chunk, then nothing", vec![raw(CHUNKED), raw("5\r\n12345\r\n"), Act::Hold], "ANSWER_TOO_SLOW"),
        cut("no last chunk, then hangs up", vec![raw(CHUNKED), raw("5\r\n12345\r\n"), Act::Close], "ANSWER_BROKEN"),
        cut("half the trailers, then hangs up", vec![raw(CHUNKED), raw("0\r\na: b"), Act::Close], "ANSWER_BROKEN"),
        fine("slow, and in time", vec![pause(), raw(HEAD), pause(), raw("1234567890")]),
        fine(
            "everything in pieces",
            vec![raw("HTTP/1"), pause(), raw(&HEAD[6..]), raw("12345"), pause(), raw("67890")],
        ),
    ];
    judge(&mut report, 20, cases).await;
}

/// A large body that is never taken: the sending ends with the time it has, and with it the connection.
#[tokio::test]
async fn a_backend_that_never_reads() {
    let mut report = Report::new("backend: never reads");
    for (what, size) in [("a small request", 10), ("a request of 6 MB", 6_000_000)] {
        let deaf = Web::deaf().await;
        let mut terms = terms(&deaf.url());
        terms.limits.body_bytes = 8 << 20;
        terms.settings.timeout_ms = PATIENCE_MS.into();
        let begun = Instant::now();
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        let backend = terms.backend();
        let asked = || with_body("POST", "/bad", vec![b'x'; size]);
        let mut world = terms.attempt(&backend);
        let sent = world.send(asked(), Semantics::Unsafe).await;
        assert_eq!((status(&sent), world.last_write().as_str()), (came(IN_DOUBT), "open"), "{what}");
        let found = terms.attempt(&backend).fetch(Request { method: "GET".into(), ..asked() }).await;
        assert_eq!(status(&found), came(UNAVAILABLE), "{what}");
        assert_eq!(deaf.accepted(), 2, "{what}: one connection each");
        until("what was given up is gone", || tasks() <= before).await;
        let cost = format!("2 connections, none left, {} ms", begun.elapsed().as_millis());
        report.row(what, "read: BACKEND_UNAVAILABLE; write: IN_DOUBT", cost);
        // The twin reads.
        let web = Web::start(|request| answer("200 OK", &[], request.body.len().to_string())).await;
        terms.settings.endpoint = web.url();
        terms.settings.timeout_ms = 30_000;
        let sent = terms.world().send(asked(), Semantics::Unsafe).await.expect("an answer");
        assert_eq!(sent.body, size.to_string().as_bytes());
    }
}

#[tokio::test]
async fn a_backend_that_is_down() {
    let mut report = Report::new("backend: down");
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let terms = terms(&format!("http://127.0.0.1:{port}"));
    let backend = terms.backend();
    let mut world = terms.attempt(&backend);
    let sent = world.send(request("POST", "/bad"), Semantics::Unsafe).await;
    assert_eq!((status(&sent), world.last_write().as_str()), (came(UNAVAILABLE), "BACKEND_UNAVAILABLE"));
    let found = terms.attempt(&backend).fetch(get("/bad")).await;
    assert_eq!(status(&found), came(UNAVAILABLE));
    report.row("nobody listens", "read: BACKEND_UNAVAILABLE; write: the same, for certain not applied", "nothing sent");
    // It comes up, and is reached at once.
    let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", port)).await else { return };
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert!(stream.read(&mut [0; 512]).await.expect("a request") > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("written");
        std::future::pending::<()>().await;
    });
    assert_eq!(terms.attempt(&backend).fetch(get("/good")).await.map(|it| it.status), Ok(200));
}
