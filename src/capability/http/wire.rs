//! Requests and answers as the journal keeps them: JSON, with bodies as text where they are text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::wit::vend::driver::http_types as wit;

use super::capture::Answer;

/// A request as the guest made it: what two attempts are compared by.
pub(super) fn request(request: &wit::Request) -> Value {
    let headers: Vec<Value> = request.headers.iter().map(|header| json!([header.name, header.value])).collect();
    let secrets: Vec<Value> = request.secrets.iter().map(|of| json!([of.handle, of.encoding])).collect();
    let captures: Vec<Value> = request
        .capture
        .iter()
        .map(|capture| {
            let (place, at) = match &capture.place {
                wit::Place::Json(pointer) => ("json", pointer.as_str()),
                wit::Place::Xml(path) => ("xml", path.as_str()),
                wit::Place::Header(name) => ("header", name.as_str()),
                wit::Place::Body => ("body", ""),
            };
            json!([capture.name, place, at, capture.encoding])
        })
        .collect();
    json!({
        "connection": request.connection, "method": request.method, "path": request.path_and_query, "headers": headers,
        "body": body(&request.body), "secrets": secrets, "capture": captures, "timeout-ms": request.timeout_ms,
    })
}

pub(super) fn answer(answer: &Answer) -> Value {
    let headers: Vec<Value> = answer.headers.iter().map(|(name, value)| json!([name, value])).collect();
    json!({ "status": answer.status, "headers": headers, "body": body(&answer.body) })
}

/// The answer to a request that was sent before, and lost its answer then.
pub(super) fn reissued(mut answer: Value) -> Value {
    answer["reissued"] = true.into();
    answer
}

/// Nothing if it is not what [`answer`] wrote.
pub(super) fn response(value: &Value) -> Option<wit::Response> {
    let header = |pair: &Value| {
        Some(wit::Header { name: pair.get(0)?.as_str()?.to_owned(), value: pair.get(1)?.as_str()?.to_owned() })
    };
    let body = match value.get("body")? {
        Value::String(text) => text.clone().into_bytes(),
        other => STANDARD.decode(other.get("base64")?.as_str()?).ok()?,
    };
    Some(wit::Response {
        status: u16::try_from(value.get("status")?.as_u64()?).ok()?,
        headers: value.get("headers")?.as_array()?.iter().map(header).collect::<Option<_>>()?,
        body,
        reissued: value.get("reissued").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn body(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        for body in [b"text \xc3\xa9".as_slice(), b"\xff\x00", b""] {
            let headers = vec![("a".to_owned(), "b".to_owned()), ("a".to_owned(), "c".to_owned())];
            let kept = answer(&Answer { status: 204, headers, body: body.to_vec() });
            let back = response(&kept).expect("an answer");
            assert_eq!((back.status, back.headers.len(), back.body.as_slice()), (204, 2, body));
        }
        for broken in [json!({}), json!({ "status": 70000, "headers": [], "body": "" }), json!([])] {
            assert!(response(&broken).is_none(), "{broken}");
        }
    }
}
