//! What is shown can be applied again and says the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{render, yaml};
use super::read;
use super::schemas::full;
use crate::domain::document::{Kind, Manifest, OrderManifest, ResourceEntry};
use crate::domain::name::Name;

fn again(manifest: &Manifest, status: Option<Value>) {
    let text = yaml(&render(manifest, status));
    let parsed = read(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(parsed.len(), 1, "{text}");
    assert_eq!(&parsed[0].manifest, manifest, "{text}");
}

#[test]
fn every_kind_comes_back() {
    for kind in Kind::ALL {
        for manifest in [full(kind), super::schemas::least(kind)] {
            again(&manifest, None);
            again(&manifest, Some(json!({ "state": "ready", "params": [1, null] })));
        }
    }
}

/// Texts that YAML, or a careless writer of it, might take for something else.
const ODD: &[&str] = &[
    "",
    " ",
    "a",
    " a",
    "a ",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "true",
    "True",
    "null",
    "~",
    "Null",
    "NULL",
    "0",
    "-0",
    "007",
    "0o17",
    "0x1F",
    "0b1",
    "1_000",
    "1e3",
    "1.",
    ".5",
    "+1",
    "-1",
    "1:30",
    ".inf",
    "-.Inf",
    ".nan",
    "2001-01-01",
    "12e03",
    "-",
    "--",
    "---",
    "...",
    "- a",
    "-a",
    "? a",
    "?",
    ":",
    ": a",
    "a:",
    "a: b",
    "a:b",
    "#",
    "# c",
    "a #b",
    "a#b",
    "&a",
    "*a",
    "!a",
    "!!str",
    "|",
    ">",
    "|-",
    "%a",
    "@a",
    "`a",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    ",",
    "'",
    "''",
    "\"",
    "\\",
    "a'b",
    "a\"b",
    "a\\nb",
    "\n",
    "\n\n",
    "a\nb",
    "a\nb\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a\n b",
    "\ta",
    "a\t",
    "a\tb",
    "\t",
    "\r",
    "a\rb",
    "a\r\nb",
    "\u{0}",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "a\u{85}b",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{feff}a",
    "\u{fffe}",
    "é",
    "日本",
    "🦀",
    "<<",
    "=",
    "a, b",
    "key: |\n  x",
    "---\na",
    "a\n---\nb",
    "a\n...\nb",
    "# a\nb",
    "\n# a",
    "${resources.db.outputs.host}",
    "{{ x }}",
    "  a\n b\n",
    "a  \nb",
    "a\n\tb",
    "\\",
    "C:\\x",
    "\u{1b}[0m",
];

#[test]
fn odd_texts_come_back() {
    for text in ODD {
        let params = json!({ "value": text, *text: 1, "list": [text, { "deep": [text] }], "below": { *text: [] } });
        let mut order = Manifest::Order(order(params));
        again(&order, None);
        if let Manifest::Order(it) = &mut order {
            it.meta.description = (*text).to_owned();
        }
        again(&order, None);
    }
}

#[test]
fn numbers_come_back() {
    for number in [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1.0),
        json!(0.1),
        json!(1e300),
        json!(-2.5e-9),
        json!(1e21),
        json!(5e-324),
        json!(f64::MAX),
        json!(123456789.125),
    ] {
        again(&Manifest::Order(order(json!({ "n": number }))), None);
    }
}

#[test]
fn keys_are_shown_in_the_order_people_write_them() {
    let text = yaml(&render(&full(Kind::Order), Some(json!({ "state": "ready" }))));
    let keys: Vec<&str> =
        text.lines().filter(|line| !line.starts_with([' ', '-'])).filter_map(|line| line.split(':').next()).collect();
    assert_eq!(
        keys,
        [
            "apiVersion",
            "kind",
            "name",
            "project",
            "environment",
            "title",
            "description",
            "owners",
            "labels",
            "resources",
            "status"
        ]
    );
}

fn order(params: Value) -> OrderManifest {
    let Manifest::Order(mut order) = super::schemas::least(Kind::Order) else { panic!("an order") };
    let name = |text: &str| Name::new(text).expect("a name");
    let entry = ResourceEntry {
        resource_type: name("t"),
        class: None,
        id: None,
        params: Some(params),
        connections: BTreeMap::new(),
        protect: None,
        on_remove: None,
        observe_only: false,
        adopt: None,
        was: None,
    };
    order.resources = BTreeMap::from([(name("db"), entry)]);
    order
}
