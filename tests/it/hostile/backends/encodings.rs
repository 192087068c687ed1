//! Answers that are packed, in another character set, or full of headers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::support::web::raw;

/// Ten million zeros as gzip packs them.
fn bomb() -> Vec<u8> {
    let mut gzip =
        Command::new("gzip").args(["-9", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip");
    let mut into = gzip.stdin.take().expect("its input");
    let writing = std::thread::spawn(move || into.write_all(&vec![0; 10_000_000]));
    let output = gzip.wait_with_output().expect("gzip ends");
    writing.join().expect("written").expect("written");
    assert!((1_000..60_000).contains(&output.stdout.len()), "{}", output.stdout.len());
    output.stdout
}

#[tokio::test]
async fn what_is_packed_is_not_unpacked() {
    let mut report = Report::new("backend: packed");
    let bomb = tokio::task::spawn_blocking(bomb).await.expect("packed");
    let packed = |header: &str| answer("200 OK", &[header], &bomb);
    let chunk = format!("{:x}\r\n", bomb.len());
    let chunked = |coding: &str| {
        let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n");
        vec![raw([head.as_bytes(), chunk.as_bytes(), &bomb, b"\r\n0\r\n\r\n"].concat())]
    };
    let plain = |header: &str| answer("200 OK", &[header], "fine");
    let cases = vec![
        cut("gzip: 10 MB in 10 kB", packed("content-encoding: gzip"), "ANSWER_ENCODED"),
        cut("x-gzip", packed("content-encoding: x-gzip"), "ANSWER_ENCODED"),
        cut("GZIP", packed("Content-Encoding: GZIP"), "ANSWER_ENCODED"),
        cut("deflate", packed("content-encoding: deflate"), "ANSWER_ENCODED"),
        cut("br", packed("content-encoding: br"), "ANSWER_ENCODED"),
        cut("zstd", packed("content-encoding: zstd"), "ANSWER_ENCODED"),
        cut("gzip twice", packed("content-encoding: gzip, gzip"), "ANSWER_ENCODED"),
        cut("gzip beside identity", packed("content-encoding: identity\r\ncontent-encoding: gzip"), "ANSWER_ENCODED"),
        cut("an encoding that nobody knows", packed("content-encoding: x-own"), "ANSWER_ENCODED"),
        cut("gzip in transfer", chunked("gzip, chunked"), "ANSWER_ENCODED"),
        cut("gzip in transfer, in two headers", chunked("gzip\r\ntransfer-encoding: chunked"), "ANSWER_ENCODED"),
        fine("packed, and nothing says so", answer("200 OK", &["content-type: application/gzip"], &bomb)),
        fine("identity", plain("content-encoding: identity")),
        fine("Identity", plain("content-encoding: Identity")),
        fine("an empty encoding", plain("content-encoding:")),
    ];
    judge(&mut report, 20, cases).await;
}

/// Bytes arrive as they are; what is no text in a header is shown as such.
#[tokio::test]
async fn bytes_that_are_no_text() {
    let mut report = Report::new("backend: no text");
    for (what, header, body, shown) in [
        ("a body in Latin 1", b"x-a: b".as_slice(), b"caf\xe9".as_slice(), "b"),
        ("a body in UTF-16", b"x-a: b", b"\xff\xfef\x00i\x00n\x00e\x00", "b"),
        ("a body of zeros", b"x-a: b", &[0; 100], "b"),
        ("a lone surrogate", b"x-a: b", b"\xed\xa0\x80", "b"),
        ("a header in Latin 1", b"x-a: caf\xe9", b"fine", "caf\u{fffd}"),
        ("a header in UTF-8", "x-a: café".as_bytes(), b"fine", "café"),
        ("an empty header", b"x-a:", b"fine", ""),
        ("a header of blanks", b"x-a:  \t ", b"fine", ""),
    ] {
        let (head, tail) = (header.to_vec(), body.to_vec());
        let web = Web::start(move |_| {
            let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", tail.len());
            vec![raw([length.as_bytes(), &head, b"\r\n\r\n", &tail].concat())]
        })
        .await;
        let terms = terms(&web.url());
        let backend = terms.backend();
        let found = terms.attempt(&backend).fetch(get("/a")).await.expect(what);
        let mut world = terms.attempt(&backend);
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await.expect(what);
        for response in [found, sent] {
            let value = response.headers.iter().find(|it| it.name == "x-a").map(|it| it.value.as_str());
            assert_eq!((response.body.as_slice(), value), (body, Some(shown)), "{what}");
        }
        assert_eq!(world.last_write(), "applied", "{what}");
        report.row(what, "200; bytes as they are, in a header U+FFFD for what is no UTF-8", "2 requests");
    }
}

/// What would sign somebody in as us, and what only we say, is not shown.
#[tokio::test]
async fn headers_that_no_driver_sees() {
    let mut report = Report::new("backend: headers withheld");
    for header in [
        "Set-Cookie: session=abc; HttpOnly",
        "set-cookie2: session=abc",
        "Proxy-Authenticate: Basic realm=\"abc\"",
        "Connection: x-seen, abc",
        "Keep-Alive: abc",
        "Upgrade: abc",
        "Vend-Withheld: abc",
    ] {
        let web = Web::start(move |_| answer("200 OK", &[header, "x-seen: it"], "fine")).await;
        let response = terms(&web.url()).world().fetch(get("/a")).await.expect(header);
        let seen = told(&response);
        assert!(seen.contains("x-seen: it") && seen.contains("fine") && !seen.contains("abc"), "{header}: {seen}");
        let trailing = Web::start(move |_| {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-seen\r\n\r\n4\r\nfine\r\n0\r\n";
            vec![raw(format!("{head}{header}\r\nx-seen: it\r\n\r\n"))]
        })
        .await;
        let seen = match terms(&trailing.url()).world().fetch(get("/a")).await {
            Ok(response) => told(&response),
            Err(code) => code,
        };
        assert!(!seen.contains("abc"), "{header}: {seen}");
        let name = header.split(':').next().unwrap_or_default();
        report.row(format!("{name} in headers and trailers"), "not shown; the rest is", "2 requests");
    }
}
