//! Backends that never stop.

use super::*;
use crate::support::web::raw;

const ENDLESS: usize = usize::MAX;
const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn endless(bytes: impl AsRef<[u8]>) -> Act {
    Act::Repeat(bytes.as_ref().repeat((8192 / bytes.as_ref().len()).max(1)), ENDLESS)
}

#[tokio::test]
async fn what_never_ends_is_cut_off() {
    let mut report = Report::new("backend: floods");
    let large = "x".repeat(64_001);
    let cases = vec![
        none("endless headers", vec![raw(OK), endless("a: b\r\n")]),
        none("one header without end", vec![raw(OK), raw("a: "), endless("b")]),
        none("one header name without end", vec![raw(OK), endless("b")]),
        none("a status line without end", vec![raw("HTTP/1.1 200 "), endless("O")]),
        none("blanks without end", vec![endless("\r\n")]),
        none("zeros without end", vec![endless([0])]),
        none("101 headers", vec![raw(OK), Act::Repeat(b"a: b\r\n".to_vec(), 101), raw("content-length: 0\r\n\r\n")]),
        none(
            "a head of 200 kB",
            vec![raw(OK), raw(format!("content-length: 0\r\na: {}\r\n\r\n", "x".repeat(200_000)))],
        ),
        none("endless interim answers", vec![endless("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")]),
        none("endless continues", vec![endless("HTTP/1.1 100 Continue\r\n\r\n")]),
        cut("a body without end or length", vec![raw("HTTP/1.1 200 OK\r\n\r\n"), endless("x")], "ANSWER_TOO_LARGE"),
        cut(
            "a body without end, in chunks",
            vec![raw(CHUNKED), endless(format!("400\r\n{}\r\n", "x".repeat(1024)))],
            "ANSWER_TOO_LARGE",
        ),
        cut("chunks of one byte without end", vec![raw(CHUNKED), endless("1\r\nx\r\n")], "ANSWER_TOO_LARGE"),
        cut("a chunk of 2^63 bytes", vec![raw(CHUNKED), raw("7fffffffffffffff\r\n"), endless("x")], "ANSWER_TOO_LARGE"),
        cut("a chunk of 2^68 bytes", vec![raw(CHUNKED), raw("100000000000000000\r\n"), endless("x")], "ANSWER_BROKEN"),
        cut("a chunk size without end", vec![raw(CHUNKED), endless("0")], "ANSWER_TOO_LARGE"),
        cut("a chunk extension without end", vec![raw(CHUNKED), raw("5;a="), endless("b")], "ANSWER_BROKEN"),
        cut(
            "chunk extensions without end",
            vec![raw(CHUNKED), endless("1;abcdefgh=ijklmnop\r\nx\r\n")],
            "ANSWER_BROKEN",
        ),
        cut("trailers without end", vec![raw(CHUNKED), raw("0\r\n"), endless("a: b\r\n")], "ANSWER_BROKEN"),
        cut("one trailer without end", vec![raw(CHUNKED), raw("0\r\na: "), endless("b")], "ANSWER_BROKEN"),
        cut(
            "a length of 10^18",
            vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000000000\r\n\r\n"), endless("x")],
            "ANSWER_TOO_LARGE",
        ),
        cut("one byte too many", answer("200 OK", &[], &large), "ANSWER_TOO_LARGE"),
        // As the journal keeps it each of these takes six.
        cut("a body of control characters", answer("200 OK", &[], [1; 30_000]), "ANSWER_TOO_LARGE"),
        fine("as large as may be", answer("200 OK", &[], "x".repeat(63_000))),
        fine("99 headers", vec![raw(OK), Act::Repeat(b"a: b\r\n".to_vec(), 99), raw("content-length: 0\r\n\r\n")]),
        fine("a head of 60 kB", {
            vec![raw(OK), raw(format!("content-length: 0\r\na: {}\r\n\r\n", "x".repeat(60_000)))]
        }),
        fine("100 interim answers", {
            let mut acts = vec![raw("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100))];
            acts.extend(answer("200 OK", &[], ""));
            acts
        }),
    ];
    judge(&mut report, 2, cases).await;
}
