//! What a driver may ask, and what becomes of it when its secrets are put in.

use std::sync::Arc;

use super::*;
use crate::capability::book::Part;
use crate::capability::testing::Counter;

fn book() -> Book {
    Book::new("res_x".into(), [7; 32], Vec::new(), Arc::new(Counter::new(1)))
}

/// A secret whose value a driver chose.
fn chosen(book: &mut Book, value: &str) -> String {
    book.compose(&[Part::Text(value.into())]).expect("composed").0.to_string()
}

struct World {
    base: Base,
    rules: Rules,
    asked: Vec<RequestRule>,
}

fn world() -> World {
    let rules = |json: &str| serde_json::from_str(json).expect("rules");
    World {
        base: Base::parse("https://api.example.com/v1").expect("a base"),
        rules: Rules {
            reads: rules(r#"[{"path":"/zones/**"},{"methods":["POST"],"path":"/","form":{"Action":"Get*"}}]"#),
            writes: rules(r#"[{"path":"/**"}]"#),
            deny: rules(r#"[{"path":"/","form":{"Action":"Delete*"}},{"path":"/**","query":{"force":"*"}}]"#),
        },
        asked: Vec::new(),
    }
}

impl World {
    fn terms(&self) -> Terms<'_> {
        Terms { base: &self.base, rules: &self.rules, asked: &self.asked, credentials: vec!["x-api-key"] }
    }

    fn draft(&self, kind: Kind, asked: Asked) -> Result<Draft, String> {
        Draft::new(asked, kind, &self.terms()).map_err(|error| error.code)
    }
}

fn asked(method: &str, path: &str) -> Asked {
    Asked {
        method: method.into(),
        path_and_query: path.into(),
        headers: Vec::new(),
        body: Vec::new(),
        uses: Vec::new(),
    }
}

fn used(handle: &str, encoding: &str) -> Use {
    Use { handle: handle.into(), encoding: encoding.into() }
}

#[test]
fn what_is_asked_is_vetted() {
    let world = world();
    for (kind, method, path, expected) in [
        (Kind::Read, "GET", "/zones", Ok(Kind::Read)),
        (Kind::Write, "GET", "/zones", Ok(Kind::Read)),
        (Kind::Write, "DELETE", "/zones/a", Ok(Kind::Write)),
        (Kind::Read, "DELETE", "/zones/a", Err("REQUEST_NOT_A_READ")),
        (Kind::Read, "GET", "/users", Err("REQUEST_NOT_ALLOWED")),
        (Kind::Write, "POST", "/users?force=1", Err("REQUEST_DENIED")),
        (Kind::Read, "GET", "/zones/..", Err("PATH_INVALID")),
        (Kind::Read, "GET", "https://evil/v1/zones", Err("URL_OUTSIDE")),
        (Kind::Read, "CONNECT", "/zones", Err("METHOD_FORBIDDEN")),
        (Kind::Read, "TRACE", "/zones", Err("METHOD_FORBIDDEN")),
        (Kind::Read, "get", "/zones", Err("METHOD_INVALID")),
        (Kind::Read, "GET /x", "/zones", Err("METHOD_INVALID")),
        (Kind::Read, "", "/zones", Err("METHOD_INVALID")),
    ] {
        let found = world.draft(kind, asked(method, path)).map(|draft| draft.kind);
        assert_eq!(found, expected.map_err(str::to_owned), "{method} {path}");
    }
    let narrow =
        World { asked: serde_json::from_str(r#"[{"methods":["GET"],"path":"/zones"}]"#).expect("asked"), ..world };
    assert!(narrow.draft(Kind::Read, asked("GET", "/zones")).is_ok());
    assert_eq!(narrow.draft(Kind::Read, asked("GET", "/zones/a")).err().as_deref(), Some("REQUEST_NOT_ASKED"));
}

#[test]
fn secrets_stand_in_query_headers_and_body() {
    let (world, mut book) = (world(), book());
    let handle = chosen(&mut book, "p&ss \"w\"");
    let request = Asked {
        headers: vec![("X-Token".into(), format!("t {handle}"))],
        body: format!("a={handle}").into_bytes(),
        uses: vec![used(&handle, "percent")],
        ..asked("POST", &format!("/users?key={handle}"))
    };
    let draft = world.draft(Kind::Write, request.clone()).expect("allowed");
    let filled = draft.fill(&book, &world.terms()).expect("filled");
    assert_eq!(filled.target.text(), "/users?key=p%26ss%20%22w%22");
    assert_eq!(filled.headers, [("x-token".to_owned(), "t p%26ss%20%22w%22".to_owned())]);
    assert_eq!(filled.body, b"a=p%26ss%20%22w%22");

    let fill = |request: Asked| {
        let draft = world.draft(Kind::Write, request)?;
        draft.fill(&book, &world.terms()).map(drop).map_err(|error| error.code)
    };
    let twin = request.clone();
    assert_eq!(fill(Asked { uses: Vec::new(), ..twin }), Err("SECRET_NOT_LISTED".into()));
    let unused = Asked { uses: vec![used(&handle, "plain")], ..asked("POST", "/users") };
    assert_eq!(fill(unused), Err("SECRET_NOT_FOUND".into()));
    let in_path = Asked { uses: vec![used(&handle, "percent")], ..asked("POST", &format!("/users/{handle}")) };
    assert_eq!(fill(in_path), Err("SECRET_IN_PATH".into()));
    let foreign = format!("{}{}", Handle::PREFIX, "0".repeat(52));
    let other =
        Asked { uses: vec![used(&foreign, "plain")], body: foreign.clone().into_bytes(), ..asked("POST", "/users") };
    assert_eq!(fill(other), Err("HANDLE_NOT_GRANTED".into()));
    let binary = Asked { body: [b"\xff".as_slice(), handle.as_bytes()].concat(), ..asked("POST", "/users") };
    assert_eq!(fill(binary), Err("SECRET_NOT_LISTED".into()));
}

#[test]
fn a_value_makes_no_other_request() {
    let (world, mut book) = (world(), book());
    let line = chosen(&mut book, "a\r\nHost: other");
    let more = chosen(&mut book, "x&force=1");
    let (escape, blank) = (chosen(&mut book, "a%41"), chosen(&mut book, "a b"));
    let page = chosen(&mut book, "x&page=1");
    let word = chosen(&mut book, "DeleteUser");
    let fill = |request: Asked| {
        let draft = world.draft(Kind::Write, request)?;
        draft.fill(&book, &world.terms()).map(drop).map_err(|error| error.code)
    };
    let header = |encoding| Asked {
        headers: vec![("X-Token".into(), line.clone())],
        uses: vec![used(&line, encoding)],
        ..asked("POST", "/users")
    };
    assert_eq!(fill(header("plain")), Err("SECRET_UNSENDABLE".into()));
    assert_eq!(fill(header("base64")), Ok(()));
    let query = |encoding| Asked { uses: vec![used(&more, encoding)], ..asked("POST", &format!("/users?key={more}")) };
    assert_eq!(fill(query("plain")), Err("SECRET_CHANGES_REQUEST".into()));
    assert_eq!(fill(query("percent")), Ok(()));
    // What is no text of a query, or would be another one when it is normal.
    for odd in [&escape, &blank] {
        let asked = |encoding| Asked { uses: vec![used(odd, encoding)], ..asked("POST", &format!("/users?key={odd}")) };
        assert_eq!((fill(asked("plain")), fill(asked("percent"))), (Err("SECRET_UNSENDABLE".into()), Ok(())));
    }
    let form = |name: &str| Asked {
        body: format!("{name}={word}").into_bytes(),
        uses: vec![used(&word, "form")],
        ..asked("POST", "/")
    };
    assert_eq!(fill(form("Action")), Err("SECRET_CHANGES_REQUEST".into()));
    assert_eq!(fill(form("Password")), Ok(()));
    let read = |value: &str| Asked {
        body: format!("Action=Get&x={value}").into_bytes(),
        uses: vec![used(value, "plain")],
        ..asked("POST", "/")
    };
    assert_eq!(fill(read(&page)), Ok(()), "a field more changes nothing that a rule looks at");
    assert_eq!(fill(read(&more)), Err("SECRET_CHANGES_REQUEST".into()), "some servers take it for one of the query");
}
