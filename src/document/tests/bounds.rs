//! Hostile and huge files: bounded, and told why.

use std::fmt::Write;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::super::json_schema::Compiled;
use super::super::refusal::Scope;
use super::super::{File, MAX_BYTES, parse};
use super::{document, problems, read};

#[test]
fn an_order_of_ten_thousand_resources_passes() {
    let mut text = document("Order", "name: large\nresources:\n");
    for i in 0..10_000 {
        let _ = write!(
            text,
            "  db-{i}:\n    type: postgres-database\n    class: small\n    params: {{ name: orders-{i}, size: {i}, tags: [a, b] }}\n"
        );
    }
    let started = Instant::now();
    let parsed = read(&text).expect("a large order");
    assert!(started.elapsed().as_secs() < 20, "took {:?}", started.elapsed());
    assert_eq!(parsed[0].positions.value("/resources/db-9999/params/size").line, 4 + 40_000);
}

#[test]
fn size_depth_and_count_are_bounded() {
    let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    let deeper = "[".repeat(1_000_000);
    let block = (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    let many = format!("a: [{}]", "1,".repeat(1_000_001));
    let mappings = format!("a: [{}]", "{a: 1},".repeat(100_001));
    let large = format!("a: \"{}\"", "x".repeat(MAX_BYTES));
    for (text, expected) in [
        (deep, "this nests deeper than 64 levels"),
        (deeper, "this nests deeper than 64 levels"),
        (block, "this nests deeper than 64 levels"),
        (many, "more than 1000000 keys and values"),
        (mappings, "each mapping counted as 8"),
        (large, "more than the 16777216 that are read: split it into several"),
        (format!("a: \"{}\"", "\\0".repeat(2 << 20)), "more than 8388608 bytes as JSON"),
    ] {
        let started = Instant::now();
        let found = problems(&text);
        assert!(found.contains(expected), "{}", &found[..found.len().min(300)]);
        assert!(started.elapsed().as_secs() < 20, "{expected} took {:?}", started.elapsed());
    }
}

#[test]
fn other_encodings_are_named() {
    for (content, expected) in [
        (&b"\xff\xfea\0"[..], "f.yaml:1:1: this file is in UTF-16: save it as UTF-8"),
        (b"a: b\nc: \xe9\n", "f.yaml:2:4: this file is not UTF-8: save it as UTF-8"),
    ] {
        let errors = parse(&File { name: "f.yaml", content }).expect_err(expected);
        assert_eq!(errors.to_string(), expected);
    }
}

#[test]
fn a_flood_of_problems_is_counted() {
    let flood = (0..300).map(|_| "---\n- x\n").collect::<String>();
    let errors = read(&flood).expect_err("a flood");
    assert_eq!((errors.problems.len(), errors.left_out), (200, 100));
    assert!(errors.to_string().ends_with("\nand 100 more"));
}

#[test]
fn schemas_that_would_take_for_ever_are_refused() {
    let mut doubling = String::from("{ $ref: '#/$defs/d0', $defs: { ");
    for i in 0..40 {
        let _ =
            write!(doubling, "d{i}: {{ allOf: [{{ $ref: '#/$defs/d{0}' }}, {{ $ref: '#/$defs/d{0}' }}] }}, ", i + 1);
    }
    doubling.push_str("d40: {} } }");
    let mut chain = String::from("{ $defs: { ");
    for i in 0..3000 {
        let _ = write!(chain, "d{i}: {{ $ref: '#/$defs/d{}' }}, ", i + 1);
    }
    chain.push_str("d3000: {} } }");
    let nested = format!("{}{{}}{}", "{ properties: { a: ".repeat(20), " } }".repeat(20));
    let large = format!("{{ description: {} }}", "x".repeat(300_000));
    for (schema, expected) in [
        (doubling, "a schema has at most 100000 parts"),
        (chain, "a schema nests at most 96 levels"),
        (nested, "a schema nests at most 32 levels"),
        (large, "a schema has at most 262144 bytes"),
    ] {
        let found = problems(&document("ResourceType", &format!("name: t\noutputs: {{}}\nparams: {schema}\n")));
        assert!(found.contains(expected), "{}\nnot\n{expected}", &found[..found.len().min(500)]);
    }
}

#[test]
fn a_damaged_file_is_refused_or_read_but_never_a_panic() {
    let whole = include_str!("../../../docs/documents.md");
    let whole: Vec<&str> = whole.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let seed = whole.join("---\n").into_bytes();
    let odd = b"\t\n \"'[]{}:,-?&*!|>%@`#\\\x00\xff\xc3~<=0";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap_or_default()
    };
    for _ in 0..2_000 {
        let mut content = seed.clone();
        for _ in 0..=next(4) {
            let (at, with) = (next(content.len()), odd[next(odd.len())]);
            match next(3) {
                0 => content[at] = with,
                1 => content.insert(at, with),
                _ => content.truncate(content.len() - next(content.len() / 2)),
            }
        }
        if let Err(errors) = parse(&File { name: "f.yaml", content: &content }) {
            assert!(
                errors.problems.iter().all(|it| it.line > 0 && it.column > 0 && !it.message.is_empty()),
                "{errors}"
            );
        }
    }
}

/// `levels` definitions, each made from a reference to the next by `level`.
fn nested(levels: usize, level: impl Fn(Value) -> Value) -> Value {
    let mut defs = Map::new();
    for i in 0..levels {
        defs.insert(format!("d{i}"), level(json!({ "$ref": format!("#/$defs/d{}", i + 1) })));
    }
    defs.insert(format!("d{levels}"), json!({ "properties": { "a": { "type": "integer" } } }));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

/// A keyword that looks at what its neighbours have seen evaluates them anew at every level.
#[test]
fn nested_unevaluated_keywords_are_refused_before_they_take_for_ever() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let schema =
            |levels| nested(levels, |next| json!({ keyword: [next], "unevaluatedProperties": { "type": "string" } }));
        assert!(Compiled::new(&schema(20)).is_err(), "{keyword}");
        let few = Compiled::new(&schema(6)).expect("a schema");
        assert!(few.accepts(&json!({ "a": 1, "b": "x" })));
    }
}

#[test]
fn what_is_nested_as_deeply_as_it_may_be_stays_cheap() {
    type Level = fn(Value) -> Value;
    let levels: [(&str, Level); 7] = [
        ("allOf", |next| json!({ "allOf": [next] })),
        ("anyOf", |next| json!({ "anyOf": [{ "type": "string" }, next] })),
        ("oneOf", |next| json!({ "oneOf": [next, { "type": "string" }] })),
        ("not", |next| json!({ "not": next })),
        ("if", |next| json!({ "if": next, "else": { "type": "string" } })),
        ("then", |next| json!({ "if": true, "then": next })),
        ("dependentSchemas", |next| json!({ "dependentSchemas": { "a": next } })),
    ];
    for (keyword, level) in levels {
        let compiled = Compiled::new(&nested(30, level)).expect("a schema");
        for value in [json!({ "a": 1 }), json!({ "a": "x" }), json!(1)] {
            let started = Instant::now();
            compiled.refusals(&value, &Scope::Value("params"));
            assert!(started.elapsed().as_secs() < 2, "{keyword} {value} took {:?}", started.elapsed());
        }
    }
}

/// Somebody writes a schema, and somebody a value for it: each may be as large as it is, and not both.
#[test]
fn what_a_value_costs_against_a_schema_is_bounded() {
    let text = |bytes: usize| json!({ "a": "x".repeat(bytes - 1) });
    let patterns = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| json!({ "pattern": format!("^[ab]*a[ab]{{{}}}$", 100 + n) })).collect();
        Compiled::new(&json!({ "properties": { "a": { "allOf": all } } })).expect("a schema")
    };
    for (count, bytes, fits) in
        [(1, 256 << 10, true), (1, (256 << 10) + 1, false), (200, 1_300, true), (200, 1_400, false)]
    {
        assert_eq!(patterns(count).too_much(&text(bytes)).is_none(), fits, "{count} patterns, {bytes} bytes");
    }
    let branches = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| json!({ "minimum": n })).collect();
        Compiled::new(&json!({ "items": { "allOf": all } })).expect("a schema")
    };
    let list = |length: usize| json!(vec![7; length]);
    assert!(branches(4_000).too_much(&list(20_000)).is_none());
    assert!(branches(4_000).too_much(&list(30_000)).is_some());
    let choice = Compiled::new(&json!({ "items": { "enum": (0..4_000).collect::<Vec<_>>() } })).expect("a schema");
    assert!(choice.too_much(&list(20_000)).is_none() && choice.too_much(&list(30_000)).is_some());
    let refusals = branches(4_000).refusals(&list(30_000), &Scope::Value("params"));
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].message, "`params`: 30001 values are too many for a schema of 4002 parts");
}
