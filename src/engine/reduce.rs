//! A journal reduced to digests: what was called, when, and how it ended stay; what was said does not.

use serde_json::{Value, json};

use crate::capability::digest::sha256_hex;
use crate::domain::contract::{Call, Input};
use crate::domain::effect::{Entry, Outcome};
use crate::domain::json::canonical;

use super::journal::Payload;

const DIGEST: &str = "sha256";
const GONE: &str = "(no longer kept)";

/// The same row without its contents. Reducing it again changes nothing.
pub fn reduced(payload: Payload) -> Payload {
    match payload {
        Payload::Header(mut header) => {
            header.call = call(header.call);
            Payload::Header(header)
        }
        Payload::Entry(mut entry) => {
            match &mut entry {
                Entry::Intent { request, proof, .. } => {
                    request.arguments = digest(request.arguments.take());
                    if let Some(proof) = proof {
                        proof.answer = digest(proof.answer.take());
                    }
                }
                Entry::Outcome { outcome: Outcome::Applied(value) | Outcome::Declined(value), .. } => {
                    *value = digest(value.take());
                }
                Entry::Outcome { .. } | Entry::Begun { .. } => {}
            }
            Payload::Entry(entry)
        }
        Payload::Log { level, .. } => Payload::Log { level, message: GONE.into() },
        other => other,
    }
}

fn call(call: Call) -> Call {
    match call {
        Call::Validate(it) => Call::Validate(input(it)),
        Call::Plan(it) => Call::Plan(input(it)),
        Call::Create(it) => Call::Create(input(it)),
        Call::Read(it) => Call::Read(input(it)),
        Call::Find(it) => Call::Find(input(it)),
        Call::Update(it) => Call::Update(input(it)),
        Call::Delete(it) => Call::Delete(input(it)),
        other => other,
    }
}

fn input(mut it: Input) -> Input {
    it.config = digest(it.config);
    it.params = digest(it.params);
    it.continuation = it.continuation.map(digest);
    if let Some(prior) = &mut it.prior {
        for part in [&mut prior.claim.state, &mut prior.params, &mut prior.config, &mut prior.outputs] {
            *part = digest(part.take());
        }
    }
    it
}

fn digest(value: Value) -> Value {
    let is_digest = value.as_object().is_some_and(|map| {
        map.len() == 1 && map.get(DIGEST).and_then(Value::as_str).is_some_and(|hex| hex.len() == 64)
    });
    match value.is_null() || is_digest {
        true => value,
        false => json!({ DIGEST: sha256_hex(canonical(&value).as_bytes()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_was_said_goes_and_what_was_done_stays() {
        let time = Timestamp::from_ms(7);
        let intent = json!({ "entry": { "intent": {
            "seq": 1, "time": 7, "request_hash": "h",
            "request": { "function": "sql-write.execute", "class": "unsafe", "arguments": { "x": "very private" } },
            "proof": { "system": "s", "transaction": "1", "answer": ["very private"] },
        } } });
        let rows = [
            serde_json::from_value(intent).expect("a row"),
            Payload::Entry(Entry::Outcome { seq: 1, time, outcome: Outcome::Applied(json!(["very private"])) }),
            Payload::Log { level: "info".into(), message: "very private".into() },
            Payload::End { outcome: "done".into(), message: String::new() },
        ];
        for row in rows {
            let once = reduced(row);
            let text = serde_json::to_string(&once).expect("JSON");
            assert!(!text.contains("private"), "{text}");
            assert_eq!(reduced(once.clone()), once, "again changes nothing");
            if let Payload::Entry(Entry::Intent { request, request_hash, .. }) = once {
                assert_eq!((request.function.as_str(), request_hash.as_str()), ("sql-write.execute", "h"));
                assert!(request.arguments[DIGEST].is_string());
            }
        }
    }
}
