//! Answers that end somewhere else than they say, more answers than questions, and what is no HTTP at all.

use super::*;
use crate::support::web::raw;

/// An answer to a question that nobody asked yet.
const SMUGGLED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nSMUGGLED";

fn ok(headers: &str, body: &str) -> Act {
    raw(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"))
}

#[tokio::test]
async fn lengths_that_lie() {
    let mut report = Report::new("backend: lengths");
    let after = |act: Act| vec![act, raw(SMUGGLED)];
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
    judge(&mut report, cases).await;
}

/// What stands behind an answer never answers the next request: neither at once, nor when it comes while the connection is idle.
#[tokio::test]
async fn an_answer_to_no_question() {
    let mut report = Report::new("backend: smuggling");
    let with = |status: &'static str, method: &'static str, acts: Vec<Act>| {
        let came = Ok(status[..3].parse().expect("a status"));
        let mut acts = acts;
        acts.push(raw(SMUGGLED));
        Case { what: status, acts, read: came, write: came, journal: "applied", method: Some(method) }
    };
    let named = |what: &'static str, case: Case| Case { what, ..case };
    let head = |status: &str, rest: &str| vec![raw(format!("HTTP/1.1 {status}\r\n{rest}\r\n\r\n"))];
    let cases = vec![
        fine("two answers at once", vec![ok("content-length: 4", "fine"), raw(SMUGGLED)]),
        fine(
            "a second answer a moment later",
            vec![ok("content-length: 4", "fine"), Act::Wait(Duration::from_millis(1)), raw(SMUGGLED)],
        ),
        fine("half an answer behind it", vec![ok("content-length: 4", "fine"), raw("HTTP/1.1 200")]),
        fine("a line end behind it", vec![ok("content-length: 4", "fine"), raw("\r\n")]),
        named("204 with a body", with("204 No Content", "POST", head("204 No Content", "content-length: 8"))),
        named("204 in chunks", with("204 No Content", "POST", head("204 No Content", "transfer-encoding: chunked"))),
        named("304 with a body", with("304 Not Modified", "POST", head("304 Not Modified", "content-length: 8"))),
        named("HEAD with a body", with("200 OK", "HEAD", head("200 OK", "content-length: 100"))),
        named("HEAD in chunks", with("200 OK", "HEAD", head("200 OK", "transfer-encoding: chunked"))),
    ];
    // What these methods are sent as does not matter here.
    let judged = join_all(cases.into_iter().map(judge_smuggling)).await;
    for [case, outcome, cost] in judged {
        report.row(case, outcome, cost);
    }
}

async fn judge_smuggling(case: Case) -> [String; 3] {
    let Case { what, acts, write, method, .. } = case;
    let web = Web::start(move |request| match request.target.as_str() {
        "/bad" => acts.clone(),
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let terms = terms(&web.url());
    let backend = terms.backend();
    for round in 0..4 {
        let sent = terms.attempt(&backend).send(request(method.unwrap_or("POST"), "/bad"), Semantics::Unsafe).await;
        assert_eq!(status(&sent), came(write), "{what}");
        assert!(!told(&sent.expect("an answer")).contains("SMUGGLED"), "{what}");
        if round % 2 == 1 {
            // It comes in while nothing is asked.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let next = terms.attempt(&backend).fetch(get("/good")).await.expect(what);
        assert_eq!(next.body, b"fine", "{what}");
    }
    assert_eq!((reached(&web), web.count()), (4, 8), "{what}: each once");
    let cost = format!("{} connections for 8 requests", web.accepted());
    [what.to_owned(), "never taken for the next answer".to_owned(), cost]
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
        none("bytes by chance", vec![raw((0..2000u32).map(|n| (n * 7919 >> 3) as u8).collect::<Vec<_>>()), Act::Close]),
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
    judge(&mut report, cases).await;
}
