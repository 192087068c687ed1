//! Answers that end somewhere else than they say, more answers than questions, and what is no HTTP at all.

use std::io::{Read as _, Write as _};

use super::*;
use crate::support::web::raw;

/// An answer to a question that nobody asked yet.
const SMUGGLED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nSMUGGLED";

/// What was sent on loopback has arrived after that time, also on a machine that has other things to do.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

fn ok(headers: &str, body: &str) -> Act {
    raw(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"))
}

/// The same, and `more` in one piece with it.
fn behind(act: Act, more: &str) -> Act {
    let Act::Send(bytes) = act else { panic!("bytes") };
    raw([bytes.as_slice(), more.as_bytes()].concat())
}

#[tokio::test]
async fn lengths_that_lie() {
    let mut report = Report::new("backend: lengths");
    let after = |act: Act| vec![behind(act, SMUGGLED)];
    let cases = vec![
        fine("a length too small", vec![ok("content-length: 2", "fine")]),
        fine("a length too small, and an answer behind it", after(ok("content-length: 2", "fi"))),
        cut("a length too large, then hangs up", vec![ok("content-length: 9", "fine"), Act::Close], "ANSWER_BROKEN"),
        cut("a length too large, then nothing", vec![ok("content-length: 9", "fine"), Act::Hold], "ANSWER_TOO_SLOW"),
        none("two lengths", after(ok("content-length: 4\r\ncontent-length: 5", "fine"))),
        none("two lengths in one", after(ok("content-length: 4, 5", "fine"))),
        fine("the same length twice", vec![ok("content-length: 4\r\ncontent-length: 4", "fine")]),
        none("a negative length", after(ok("content-length: -4", "fine"))),
        none("a length with a sign", after(ok("content-length: +4", "fine"))),
        none("a length in hex", after(ok("content-length: 0x4", "fine"))),
        none("a length of 2^64", after(ok("content-length: 18446744073709551616", "fine"))),
        none("a length that is none", after(ok("content-length: four", "fine"))),
        fine(
            "chunks and a length",
            after(ok("content-length: 40\r\ntransfer-encoding: chunked", "4\r\nfine\r\n0\r\n\r\n")),
        ),
        fine(
            "chunks twice",
            after(ok("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "4\r\nfine\r\n0\r\n\r\n")),
        ),
        cut(
            "chunks of an unknown coding",
            after(ok("transfer-encoding: x-own, chunked", "4\r\nfine\r\n0\r\n\r\n")),
            "ANSWER_ENCODED",
        ),
        cut("a coding that does not end", after(ok("transfer-encoding: x-own", "fine")), "ANSWER_ENCODED"),
        cut(
            "a chunk size that is none",
            after(ok("transfer-encoding: chunked", "zz\r\nfine\r\n0\r\n\r\n")),
            "ANSWER_BROKEN",
        ),
        cut(
            "a chunk longer than it says",
            after(ok("transfer-encoding: chunked", "2\r\nfine\r\n0\r\n\r\n")),
            "ANSWER_BROKEN",
        ),
        none("HTTP/1.0 in chunks", vec![raw("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")]),
        fine("HTTP/1.0 until it hangs up", vec![raw("HTTP/1.0 200 OK\r\n\r\nfine"), Act::Close]),
    ];
    judge(&mut report, 20, cases).await;
}

/// With two opinions on where an answer ends, what follows may be part of it: that connection is not used again.
#[tokio::test]
async fn who_is_not_clear_about_the_end_is_not_asked_again() {
    let mut report = Report::new("backend: two ends");
    for (what, headers, connections) in [
        ("a length", "content-length: 4", 1),
        ("a length and chunks", "content-length: 4\r\ntransfer-encoding: chunked", 3),
        ("chunks and another length", "transfer-encoding: chunked\r\ncontent-length: 400", 3),
    ] {
        let body = if headers.contains("chunked") { "4\r\nfine\r\n0\r\n\r\n" } else { "fine" };
        let web = Web::start(move |_| vec![ok(headers, body)]).await;
        let mut world = terms(&web.url()).world();
        for _ in 0..3 {
            assert_eq!(world.fetch(get("/a")).await.expect(what).body, b"fine", "{what}");
        }
        assert_eq!(web.accepted(), connections, "{what}");
        report.row(format!("{what}, 3 requests"), "200", format!("{connections} connections"));
    }
}

/// What stands behind an answer never answers the next request: neither at once, nor when it comes while the connection is idle.
#[tokio::test]
async fn an_answer_to_no_question() {
    let mut report = Report::new("backend: smuggling");
    let with = |what: &'static str, method: &'static str, status: &str, header: &str| {
        let came = Ok(status[..3].parse().expect("a status"));
        let acts = vec![behind(raw(format!("HTTP/1.1 {status}\r\n{header}\r\n\r\n")), SMUGGLED)];
        Case { what, acts, read: came, write: came, journal: "applied", method: Some(method) }
    };
    let later =
        |pause_ms| vec![ok("content-length: 4", "fine"), Act::Wait(Duration::from_millis(pause_ms)), raw(SMUGGLED)];
    let cases = vec![
        fine("two answers at once", vec![behind(ok("content-length: 4", "fine"), SMUGGLED)]),
        fine("three answers at once", vec![behind(ok("content-length: 4", "fine"), &SMUGGLED.repeat(2))]),
        fine("half an answer behind it", vec![behind(ok("content-length: 4", "fine"), &SMUGGLED[..12])]),
        fine("a line end behind it", vec![behind(ok("content-length: 4", "fine"), "\r\n")]),
        fine(
            "an answer behind chunks",
            vec![behind(ok("transfer-encoding: chunked", "4\r\nfine\r\n0\r\n\r\n"), SMUGGLED)],
        ),
        fine("a second answer a moment later", later(1)),
        fine("a second answer somewhat later", later(20)),
        with("204 with a body", "POST", "204 No Content", "content-length: 37"),
        with("204 in chunks", "POST", "204 No Content", "transfer-encoding: chunked"),
        with("304 with a body", "POST", "304 Not Modified", "content-length: 37"),
        with("HEAD with a body", "HEAD", "200 OK", "content-length: 37"),
        with("HEAD in chunks", "HEAD", "200 OK", "transfer-encoding: chunked"),
    ];
    // What these methods are sent as does not matter here.
    let judged = join_all(cases.into_iter().map(judge_smuggling)).await;
    for [case, outcome, cost] in judged {
        report.row(case, outcome, cost);
    }
}

async fn judge_smuggling(case: Case) -> [String; 3] {
    let Case { what, acts, write, method, .. } = case;
    let is_late = acts.len() > 1;
    let bytes = |acts: &[Act]| -> u64 {
        acts.iter().map(|act| if let Act::Send(bytes) = act { bytes.len() as u64 } else { 0 }).sum()
    };
    let (bad, good) = (bytes(&acts), bytes(&answer("200 OK", &[], "fine")));
    let web = Web::start(move |request| match request.target.as_str() {
        "/bad" => acts.clone(),
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let terms = terms(&web.url());
    let backend = terms.backend();
    for round in 0..4u64 {
        let sent = terms.attempt(&backend).send(request(method.unwrap_or("POST"), "/bad"), Semantics::Unsafe).await;
        assert_eq!(status(&sent), came(write), "{what}");
        assert!(!told(&sent.expect("an answer")).contains("SMUGGLED"), "{what}");
        if is_late {
            // It comes in while nothing is asked: what comes later nobody could tell from an answer.
            until(what, || web.sent() >= (round + 1) * bad + round * good).await;
            tokio::time::sleep(ON_ITS_WAY).await;
        }
        let next = terms.attempt(&backend).fetch(get("/good")).await.expect(what);
        assert_eq!(next.body, b"fine", "{what}");
    }
    assert_eq!((reached(&web), web.count()), (4, 8), "{what}: each once");
    let cost = format!("{} connections for 8 requests", web.accepted());
    [what.to_owned(), "never taken for the next answer".to_owned(), cost]
}

/// What came in is looked for in the network, whether or not anything here has got to read it.
#[tokio::test]
async fn what_comes_in_while_nobody_looks() {
    let mut report = Report::new("backend: unread");
    for (what, more) in [("an answer to no question", Some(SMUGGLED)), ("the end of the connection", None)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (done, is_done) = std::sync::mpsc::sync_channel(1);
        let server = std::thread::spawn(move || {
            let mut held = Vec::new();
            for more in [more, Some("")] {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut bytes = [0; 1024];
                assert!(stream.read(&mut bytes).expect("a request") > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").expect("written");
                std::thread::sleep(ON_ITS_WAY);
                match more {
                    Some(more) => {
                        stream.write_all(more.as_bytes()).expect("written");
                        held.push(stream);
                    }
                    None => drop(stream),
                }
                std::thread::sleep(ON_ITS_WAY);
                done.send(()).expect("somebody waits");
            }
        });
        let terms = terms(&format!("http://127.0.0.1:{port}"));
        let backend = terms.backend();
        let first = terms.attempt(&backend).fetch(get("/a")).await.expect(what);
        // The thread waits, and with it everything that would read.
        is_done.recv().expect("it came in");
        let mut world = terms.attempt(&backend);
        let second = world.send(request("POST", "/a"), Semantics::Unsafe).await.expect(what);
        assert_eq!((first.body.as_slice(), second.body.as_slice()), (b"fine".as_slice(), b"fine".as_slice()), "{what}");
        assert_eq!(world.last_write(), "applied");
        is_done.recv().expect("it was asked over another connection");
        server.join().expect("it ends");
        report.row(format!("{what}, just before the next request"), "200, over another connection", "2 connections");
    }
}

#[tokio::test]
async fn what_is_no_http() {
    let mut report = Report::new("backend: no HTTP");
    let body = |head: &str| vec![raw(format!("{head}\r\ncontent-length: 0\r\n\r\n"))];
    let status = |line: &'static str, read: Came, write: Came, journal: &'static str| Case {
        what: line,
        acts: body(line),
        read,
        write,
        journal,
        method: None,
    };
    let cases = vec![
        none("HTTP/0.9", vec![raw("<html>fine</html>"), Act::Close]),
        none("a mail server", vec![raw("220 smtp.example.com ESMTP\r\n"), Act::Close]),
        none("an SSH server", vec![raw("SSH-2.0-OpenSSH_9.9\r\n"), Act::Close]),
        none("a TLS alert", vec![raw([0x15, 3, 1, 0, 2, 2, 70]), Act::Close]),
        none("HTTP/2 from the start", vec![raw([0, 0, 0, 4, 0, 0, 0, 0, 0]), Act::Hold]),
        none(
            "bytes by chance",
            vec![raw((0..2000u32).map(|n| ((n * 7919) >> 3) as u8).collect::<Vec<_>>()), Act::Close],
        ),
        none("HTTP/3.7", body("HTTP/3.7 200 OK")),
        none("HTTP/2.0", body("HTTP/2.0 200 OK")),
        none("a request", vec![raw("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), Act::Hold]),
        none("a blank before the colon", body("HTTP/1.1 200 OK\r\na : b")),
        none("a header over two lines", body("HTTP/1.1 200 OK\r\na: b\r\n c")),
        none("a header without a colon", body("HTTP/1.1 200 OK\r\nabc")),
        none("a zero in a header", body("HTTP/1.1 200 OK\r\na: b\0c")),
        none("a status of two digits", body("HTTP/1.1 20 OK")),
        none("a status that is none", body("HTTP/1.1 two OK")),
        none(
            "switching protocols",
            vec![raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")],
        ),
        none("switching protocols to HTTP/2", {
            vec![raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"), Act::Hold]
        }),
        status("HTTP/1.1 999 Odd", Ok(999), IN_DOUBT, "open"),
        status("HTTP/1.1 600 Odd", Ok(600), IN_DOUBT, "open"),
        none("a status of zero", body("HTTP/1.1 000 Odd")),
        fine("no reason", body("HTTP/1.1 200")),
        fine("bare line ends", vec![raw("HTTP/1.1 200 OK\ncontent-length: 4\n\nfine")]),
    ];
    judge(&mut report, 20, cases).await;
}
