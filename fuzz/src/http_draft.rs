//! A whole request with secrets, lines as in `secrets`: the uses, the values, then method and path, then headers up to an empty
//! line, then the body. What is sent is what the rules allowed, with no handle left and nothing broken out of its place.

use serde_json::json;
use vend::capability::http::draft::{Asked, Draft, Terms};
use vend::capability::http::path::Base;
use vend::capability::http::rule::{Kind, Rules};
use vend::domain::secret::Handle;

use super::http_path::holds;
use super::http_rule::rules;
use super::input::{line, text};
use super::secrets::{book, parse_use, put_handles};

/// Reads below `/r`, writes below `/w`; never with `Action=Delete…`, wherever that stands.
fn terms() -> Rules {
    rules(&json!({
        "reads": [{ "path": "/r/**" }, { "methods": ["POST"], "path": "/q", "form": { "Action": "Get*" } }],
        "writes": [{ "path": "/w/**" }, { "methods": ["POST"], "path": "/q" }],
        "deny": [
            { "path": "/**", "query": { "Action": "Delete*" } },
            { "path": "/**", "form": { "Action": "Delete*" } },
            { "path": "/**", "json": { "/Action": "Delete*" } },
            { "path": "/**", "headers": { "x-target": "Delete*" } },
        ],
    }))
}

pub fn target(bytes: &[u8]) {
    let (uses, rest) = line(bytes);
    let (values, rest) = line(rest);
    let (first, mut rest) = line(rest);
    let (method, path) = first.split_once(' ').unwrap_or((&first, "/"));
    let mut headers = Vec::new();
    loop {
        let (head, after) = line(rest);
        rest = after;
        match head.split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), put_handles(value))),
            None => break,
        }
    }
    let body = match std::str::from_utf8(rest) {
        Ok(_) => put_handles(&text(rest)).into_bytes(),
        Err(_) => rest.to_vec(),
    };
    let asked = Asked {
        method: method.to_owned(),
        path_and_query: put_handles(path),
        headers,
        body,
        uses: uses.split(' ').filter_map(parse_use).take(16).collect(),
    };
    let base = Base::parse("https://api.example.com/v1").expect("a base");
    let rules = terms();
    let terms = Terms { base: &base, rules: &rules, asked: &[], credentials: vec!["X-Key"] };
    let book = book(&values);
    for kind in [Kind::Read, Kind::Write] {
        let Ok(draft) = Draft::new(asked.clone(), kind, &terms) else { continue };
        assert!(!(kind == Kind::Read && draft.kind == Kind::Write), "a write passes as a read: {asked:?}");
        holds(&draft.target, &draft.target.text());
        assert!(Handle::scan(&draft.target.path).is_empty(), "a secret in the path: {asked:?}");
        let Ok(filled) = draft.fill(&book, &terms) else { continue };
        assert_eq!((&filled.method, &filled.target.path, filled.kind), (&draft.method, &draft.target.path, draft.kind));
        holds(&filled.target, &filled.target.text());
        assert_eq!(filled.headers.len(), draft.headers.len());
        for ((name, value), (before, _)) in filled.headers.iter().zip(&draft.headers) {
            assert_eq!(name, before);
            assert!(http::HeaderValue::from_str(value).is_ok() && !value.contains(['\r', '\n']), "{value:?}");
        }
        if values.contains(Handle::PREFIX) || Handle::scan(&first).len() + Handle::scan(&text(rest)).len() > 0 {
            continue;
        }
        let query = filled.target.query.clone().unwrap_or_default();
        let places = filled.headers.iter().map(|(_, value)| value.clone()).chain([query, text(&filled.body)]);
        for place in places {
            let left = Handle::scan(&place).into_iter().find(|(_, it)| book.knows(it));
            assert!(left.is_none(), "{left:?} is left in {place:?}");
        }
        // What went in is judged as it would be without handles: the same rules, the same answer.
        let plain = Asked {
            method: filled.method.clone(),
            path_and_query: filled.target.text(),
            headers: filled.headers.clone(),
            body: filled.body.clone(),
            uses: Vec::new(),
        };
        if filled.headers.iter().all(|(_, value)| value.is_ascii()) {
            let again = Draft::new(plain, kind, &terms).unwrap_or_else(|error| panic!("{error}: {asked:?}"));
            assert_eq!(again.kind, filled.kind, "{asked:?}");
        }
    }
}
