//! Rules over requests, as JSON: `{"rules": {"reads": [...], "writes": [...], "deny": [...]}, "method": …, "path": …, "query": …,
//! "headers": {…}, "body": …}`. Nothing is allowed that no rule allows, deny wins, and saying a thing twice opens nothing.

use serde_json::Value;
use vend::capability::http::rule::{Facts, Kind, Rules};
use vend::domain::connection::RequestRule;

pub fn target(bytes: &[u8]) {
    let Ok(given) = serde_json::from_slice::<Value>(bytes) else { return };
    let Some(request) = Request::read(&given) else { return };
    let rules = rules(&given["rules"]);
    let asked = request.facts();
    let found = rules.classify(&asked);
    assert!(Rules::default().classify(&asked).is_err(), "nothing allows it");

    // The order of rules says nothing.
    let reversed = |rules: &[RequestRule]| rules.iter().rev().cloned().collect();
    let other = Rules { reads: reversed(&rules.reads), writes: reversed(&rules.writes), deny: reversed(&rules.deny) };
    assert_eq!(other.classify(&asked), found);

    match &found {
        Ok(kind) => {
            let allowing = if *kind == Kind::Read { &rules.reads } else { &rules.writes };
            let alone = |rule: &RequestRule| one(rule, *kind).classify(&asked) == Ok(*kind);
            let by = allowing.iter().find(|rule| alone(rule)).expect("one rule by itself allows it");
            // What allows it would forbid it as well.
            let mut strict = rules.clone();
            strict.deny.push(by.clone());
            assert_eq!(strict.classify(&asked).map_err(|error| error.code), Err("REQUEST_DENIED".to_owned()));
        }
        Err(error) if error.code == "REQUEST_DENIED" => {
            // Saying everything once more leaves it denied.
            for (query, body) in [(true, false), (false, true), (true, true)] {
                let twice = request.said_twice(query, body);
                let again = rules.classify(&twice.facts()).map_err(|error| error.code);
                assert!(again.is_err(), "{given} said twice is allowed");
            }
        }
        Err(error) => assert_eq!(error.code, "REQUEST_NOT_ALLOWED"),
    }
    let mut closed = rules.clone();
    closed.deny.push(RequestRule { path: "/**".to_owned(), ..RequestRule::default() });
    if asked.path.starts_with('/') {
        assert!(closed.classify(&asked).is_err());
    }
}

struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(given: &Value) -> Option<Self> {
        let text = |name: &str| given[name].as_str().map(str::to_owned);
        let headers = given["headers"].as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())));
        let body = match &given["body"] {
            Value::String(text) => text.clone().into_bytes(),
            Value::Null => Vec::new(),
            other => other.to_string().into_bytes(),
        };
        Some(Self {
            method: text("method")?,
            path: text("path")?,
            query: text("query"),
            headers: headers.collect(),
            body,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            body: &self.body,
        }
    }

    /// With the query, or a body that is a form, and the headers said once more.
    fn said_twice(&self, query: bool, body: bool) -> Self {
        let twice = |text: &str| format!("{text}&{text}");
        let mut headers = self.headers.clone();
        headers.extend(self.headers.iter().cloned());
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.as_deref().map(|text| if query { twice(text) } else { text.to_owned() }),
            headers,
            body: match std::str::from_utf8(&self.body) {
                Ok(text) if body => twice(text).into_bytes(),
                _ => self.body.clone(),
            },
        }
    }
}

fn one(rule: &RequestRule, kind: Kind) -> Rules {
    let only = vec![rule.clone()];
    match kind {
        Kind::Read => Rules { reads: only, ..Rules::default() },
        Kind::Write => Rules { writes: only, ..Rules::default() },
    }
}

pub fn rules(given: &Value) -> Rules {
    let list = |name: &str| {
        let all = given[name].as_array().into_iter().flatten().take(8);
        all.filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect()
    };
    Rules { reads: list("reads"), writes: list("writes"), deny: list("deny") }
}
