//! What a backend says when it refuses, fit to be shown to whoever ordered: one short line, and no address in it.

use serde_json::Value;

const LONGEST: usize = 300;

/// Members that hold the words, the most telling first: RabbitMQ, PowerDNS, RFC 9457, and what is common.
const MEMBERS: [&str; 7] = ["reason", "detail", "message", "error_description", "error", "title", "errors"];

/// The words of a JSON answer, or of one line of plain text. Markup is the work of some proxy, and says nothing of the matter.
pub(super) fn said(content_type: &str, body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let words = match serde_json::from_str::<Value>(text) {
        Ok(answer) if kind.ends_with("json") || kind.is_empty() => words(&answer, 4)?,
        _ if kind == "text/plain" && !text.contains('\n') => text.to_owned(),
        _ => return None,
    };
    let shown: Vec<String> = words.split_whitespace().map(shown).collect();
    let line: String = shown.join(" ").chars().filter(|it| !it.is_control()).take(LONGEST).collect();
    (!line.is_empty()).then_some(line)
}

/// The first text that a refusal has at one of the usual places.
fn words(answer: &Value, deep: u32) -> Option<String> {
    let deeper = deep.checked_sub(1)?;
    match answer {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => list.iter().find_map(|it| words(it, deeper)),
        Value::Object(members) => MEMBERS.iter().find_map(|name| words(members.get(*name)?, deeper)),
        _ => None,
    }
}

/// Where the backend is, is not for everybody: neither as a URL nor as a host with its port.
fn shown(word: &str) -> String {
    let bare = word.trim_matches(|it: char| !it.is_alphanumeric() && !"[]".contains(it));
    let port = bare.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>().is_ok()));
    let is_address = match port {
        Some((host, true)) => {
            bare.starts_with('[') || (host.contains('.') && !host.contains(':')) || host == "localhost"
        }
        _ => false,
    };
    if is_address || word.contains("://") { "…".to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::said;

    fn of_json(body: &str) -> Option<String> {
        said("application/json", body.as_bytes())
    }

    #[test]
    fn the_telling_part_is_found() {
        let check = |body: &str, expected: &str| assert_eq!(of_json(body).as_deref(), Some(expected), "{body}");
        check(
            r#"{"error":"RRset www.other.example. IN A: Name is out of zone"}"#,
            "RRset www.other.example. IN A: Name is out of zone",
        );
        check(r#"{"error":"bad_request","reason":"vhost_or_user_not_found"}"#, "vhost_or_user_not_found");
        check(r#"{"error":"bad_request","reason":["invalid_regexp",[94,40],[[1],3]]}"#, "invalid_regexp");
        check(r#"{"error":{"code":403,"message":"no such project"}}"#, "no such project");
        check(r#"{"errors":[{"code":1},{"message":"one\n  two"}]}"#, "one two");
        assert_eq!(
            said("application/problem+json; charset=utf-8", br#"{"title":"T","detail":"D"}"#).as_deref(),
            Some("D")
        );
        assert_eq!(said("text/plain; charset=utf-8", b"Conflict\n").as_deref(), Some("Conflict"));
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        for body in ["", "{}", "[]", "7", r#"{"error":""}"#, r#"{"error":{"error":{"error":{"error":"deep"}}}}"#, "{"] {
            assert_eq!(of_json(body), None, "{body}");
        }
        assert_eq!(said("text/html", b"<h1>502</h1>"), None);
        assert_eq!(said("text/plain", b"one\ntwo"), None);
        assert_eq!(said("text/plain", &[0xff]), None);
        assert_eq!(of_json(&format!(r#"{{"error":"{}"}}"#, "x".repeat(9_000))).map(|it| it.len()), Some(300));
    }

    #[test]
    fn addresses_are_left_out() {
        let check = |text: &str, expected: &str| {
            assert_eq!(said("text/plain", text.as_bytes()).as_deref(), Some(expected), "{text}");
        };
        check("cannot reach http://10.0.0.5:8081/api now", "cannot reach … now");
        check("connect to 10.0.0.5:8081: refused", "connect to … refused");
        check("node db-1.internal:5432, or localhost:80, or [::1]:80", "node … or … or …");
        check(
            "Record a./AAAA '::ffff:1.2.3.4': Invalid IPv6 address",
            "Record a./AAAA '::ffff:1.2.3.4': Invalid IPv6 address",
        );
        check("Record a./A '192.0.2.1' of 10:30", "Record a./A '192.0.2.1' of 10:30");
    }
}
