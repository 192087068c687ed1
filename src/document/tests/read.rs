//! What is accepted.

use serde_json::json;

use super::super::Position;
use super::{document, read};
use crate::domain::connection::{ReadCredential, Same};
use crate::domain::contract::Violation;
use crate::domain::document::Manifest;

#[test]
fn a_file_has_many_documents_and_empty_ones_do_not_count() {
    let text = format!(
        "# nothing\n---\n{}---\n---\n# still nothing\n...\n---\n{}",
        document("Project", "name: a\n"),
        document("Project", "name: b\n")
    );
    let parsed = read(&text).expect("two documents");
    let names: Vec<_> = parsed.iter().map(|it| (it.index, it.manifest.name().as_str())).collect();
    assert_eq!(names, [(0, "a"), (1, "b")]);
    for nothing in ["", "\n", "# c\n", "---\n", "---\n---\n", "\u{feff}", "~\n"] {
        assert_eq!(read(nothing), Ok(vec![]), "{nothing:?}");
    }
}

#[test]
fn json_is_yaml() {
    let text = "{\n\t\"apiVersion\": \"vend/v1\",\n\t\"kind\": \"Project\",\n\t\"name\": \"a\",\n\t\"title\": \"\\u00e9\"\n}\n";
    let parsed = read(text).expect("json with tabs");
    assert_eq!(parsed[0].manifest.meta().title, "é");
    let windows = document("Project", "name: a\n").replace('\n', "\r\n");
    assert_eq!(read(&windows).expect("crlf")[0].manifest.name().as_str(), "a");
    let marked = format!("\u{feff}{}", document("Project", "name: a\n"));
    assert_eq!(read(&marked).expect("a byte order mark")[0].positions.value("/name").column, 7);
}

#[test]
fn status_is_ignored() {
    let handle = format!("vsec_{}", "0".repeat(52));
    let text = document("Project", &format!("name: a\nstatus: {{ anything: [1, {handle}] }}\n"));
    assert_eq!(read(&text).expect("a status").len(), 1);
}

#[test]
fn texts_stay_texts() {
    let text = document(
        "Order",
        "name: a\nresources:\n  db: { type: t, params: { a: yes, b: '1', c: 1, d: 1.0, e: ~, f: \"x\\ty\", g: on, h: 2001-01-01 } }\n",
    );
    let parsed = read(&text).expect("an order");
    let Manifest::Order(order) = &parsed[0].manifest else { panic!("an order") };
    let params = order.resources.values().next().and_then(|it| it.params.clone()).expect("params");
    assert_eq!(
        params,
        json!({ "a": "yes", "b": "1", "c": 1, "d": 1.0, "e": null, "f": "x\ty", "g": "on", "h": "2001-01-01" })
    );
}

#[test]
fn positions_are_those_of_the_file() {
    let text = document("Order", "name: a\nresources:\n  é-ü: { type: t }\n").replace("é-ü", "db");
    let parsed = read(&text).expect("an order");
    let places = &parsed[0].positions;
    for (pointer, key, value) in [
        ("", (1, 1), (1, 1)),
        ("/name", (3, 1), (3, 7)),
        ("/resources/db", (5, 3), (5, 7)),
        ("/resources/db/type", (5, 9), (5, 15)),
        ("/resources/db/class", (5, 3), (5, 7)),
    ] {
        let of = |at: Position| (at.line, at.column);
        assert_eq!((of(places.key(pointer)), of(places.value(pointer))), (key, value), "{pointer}");
    }
    let violation = Violation { pointer: "/resources/db/type".into(), message: "no type `t`".into() };
    assert_eq!(parsed[0].problem("f.yaml", &violation).to_string(), "f.yaml:5:9: no type `t`");
}

#[test]
fn connections_are_read_by_their_type() {
    let text = document(
        "Connection",
        "name: c\ntype: postgres\nendpoint: postgres://[::1]:5432/\ncredential: { username: u, password: { secret: s } }\nread-credential: same\nallow: { databases: ['*'], networks: [127.0.0.0/8, 'fd00::/8'] }\nlimits: { timeout: 1m30s }\n",
    );
    let parsed = read(&text).expect("a connection");
    let Manifest::Connection(it) = &parsed[0].manifest else { panic!("a connection") };
    assert_eq!(it.read_credential, Some(ReadCredential::Same(Same::Same)));
    for endpoint in ["files", "/var/lib/files", "./a/b"] {
        assert!(
            read(&document("Connection", &format!("name: c\ntype: sqlite\nendpoint: {endpoint}\n"))).is_ok(),
            "{endpoint}"
        );
    }
    for endpoint in ["postgres://db", "postgres://db.example.com:6432", "postgres://10.0.0.1:5432"] {
        assert!(read(&text.replace("postgres://[::1]:5432/", endpoint)).is_ok(), "{endpoint}");
    }
}
