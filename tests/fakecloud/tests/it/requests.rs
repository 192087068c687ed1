//! Requests that cannot be served, and what they are told.

use serde_json::json;

use crate::client::{Cloud, object};

#[test]
fn what_is_wrong_is_said() {
    let cloud = Cloud::start(&[]);
    let check = |method: &str, path: &str, body: &str, status: u16, expected: &str| {
        let answer = cloud.try_call(method, path, &[], body).expect("an answer");
        let said = answer.json()["error"]["message"].as_str().expect("words").to_owned();
        assert!(answer.status == status && said.contains(expected), "{method} {path}: {answer:?}");
    };
    check("GET", "/", "", 404, "nothing at /");
    check("GET", "/v1/strange/a", "", 404, "nothing at /v1/strange/a");
    check("GET", "/v1/named/a/b", "", 404, "nothing at");
    check("POST", "/admin/strange", "", 404, "nothing at");
    check("PATCH", "/v1/named/a", "", 405, "takes GET, PUT, DELETE, and not PATCH");
    check("POST", "/v1/named", "", 404, "nothing at");
    check("GET", "/v1/keyed", "", 405, "takes POST");
    check("DELETE", "/admin/objects", "", 405, "takes GET");
    check("PUT", "/v1/named/a%20b", "{}", 400, "an id has 1 to 200");
    check("GET", "/v1/named/a?size=1", "", 400, "no query");
    check("GET", "/v1/labelled", "", 400, "1 to 50 labels");
    check("GET", "/v1/labelled?name=x", "", 400, "label=KEY%3DVALUE");
    check("GET", "/v1/labelled?label=x", "", 400, "KEY%3DVALUE");
    check("PUT", "/v1/named/a", "", 400, "not what is expected here");
    check("PUT", "/v1/named/a", r#"{"name":"x","size":1,"colour":"red"}"#, 400, "unknown field `colour`");
    check("PUT", "/v1/named/a", r#"{"name":"x","size":-1}"#, 400, "invalid value: integer `-1`");
    check("PUT", "/v1/named/a/parts/0", r#"{"name":"x"}"#, 404, "there is no `a`");
    check("POST", "/admin/clock", r#"{"advance-ms":-1}"#, 400, "invalid value");
    check("POST", "/admin/reads", r#"{"status":404}"#, 400, "403, 500 or null");
    check("POST", "/admin/faults", r#"{"rules":[{"fault":"flood"}]}"#, 400, "unknown variant `flood`");
    check("PUT", "/v1/named/a", &" ".repeat(70_000), 413, "65536 bytes");
}

#[test]
fn a_connection_serves_many_requests() {
    use std::io::{Read as _, Write as _};
    let cloud = Cloud::start(&[]);
    let body = object("x", 1).to_string();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", cloud.port())).expect("connected");
    for last in [false, false, true] {
        let close = if last { "connection: close\r\n" } else { "" };
        let length = body.len();
        write!(stream, "POST /v1/blind HTTP/1.1\r\nhost: c\r\n{close}content-length: {length}\r\n\r\n{body}")
            .expect("sent");
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("read");
    assert_eq!(answers.matches("HTTP/1.1 201").count(), 3);
    assert_eq!(cloud.get("/admin/objects").json().as_array().map(Vec::len), Some(3));
    assert_eq!(cloud.ledger()[2]["path"], json!("/v1/blind"));
}
