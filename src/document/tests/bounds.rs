//! Hostile and huge files: bounded, and told why.

use std::fmt::Write;
use std::time::Instant;

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
    let large = format!("a: \"{}\"", "x".repeat(MAX_BYTES));
    for (text, expected) in [
        (deep, "this nests deeper than 64 levels"),
        (deeper, "this nests deeper than 64 levels"),
        (block, "this nests deeper than 64 levels"),
        (many, "more than 1000000 keys and values"),
        (large, "more than the 16777216 that are read: split it into several"),
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
