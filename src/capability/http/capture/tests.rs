//! Values become handles wherever they may stand, and a miss leaves nothing to see.

use std::sync::Arc;

use super::*;
use crate::capability::testing::Counter;
use crate::domain::secret::Handle;

fn book() -> Book {
    Book::new("res_x".into(), [7; 32], Vec::new(), Arc::new(Counter::new(1)))
}

fn capture(place: Place, encoding: &str) -> Capture {
    Capture { name: "key".into(), place, encoding: encoding.into() }
}

/// What a driver sees of `body`, and the value kept.
fn taken(place: Place, encoding: &str, body: &str) -> (String, Option<String>) {
    let headers = vec![("x-key".to_owned(), "s3cr3t-value".to_owned()), ("content-length".to_owned(), "9".to_owned())];
    let mut answer = Answer { status: 201, headers, body: body.as_bytes().to_vec() };
    let fresh = take(&[capture(place, encoding)], &mut answer, &mut book());
    let withheld = answer.headers.iter().any(|(name, _)| name == WITHHELD);
    assert_eq!(withheld, fresh.is_empty(), "{answer:?}");
    let seen = format!("{} {}", answer.headers[0].1, String::from_utf8(answer.body).expect("text"));
    let seen = fresh.first().map_or(seen.clone(), |fresh| seen.replace(fresh.handle.as_str(), "HANDLE"));
    (seen, fresh.first().map(|fresh| fresh.value.reveal().to_owned()))
}

#[test]
fn json() {
    let at = |pointer: &str, body: &str| taken(Place::Json(pointer.into()), "plain", body);
    let (seen, value) = at("/key/0", r#"{"id":1,"key":["s3cr3t-value"]}"#);
    assert_eq!((seen.as_str(), value.as_deref()), (r#"s3cr3t-value {"id":1,"key":["HANDLE"]}"#, Some("s3cr3t-value")));
    assert_eq!(at("/pin", r#"{"pin":123456}"#).1.as_deref(), Some("123456"));
    assert_eq!(at("", "\"whole\"").1.as_deref(), Some("whole"));
    for body in
        [r#"{"other":"s3cr3t-value"}"#, r#"{"key":{}}"#, r#"{"key":""}"#, r#"{"key":"a","key":"b"}"#, "s3cr3t", ""]
    {
        assert_eq!(at("/key", body), ("s3cr3t-value ".to_owned(), None), "{body}");
    }
}

#[test]
fn xml() {
    let at = |body: &str| taken(Place::Xml("R/Key/Secret".into()), "plain", body);
    for (body, seen, value) in [
        (
            "<R><Key><Id>1</Id><Secret>abc</Secret></Key></R>",
            "<R><Key><Id>1</Id><Secret>HANDLE</Secret></Key></R>",
            "abc",
        ),
        ("<?xml version=\"1.0\"?><a:R xmlns:a=\"u\"><a:Key><a:Secret>a&amp;b</a:Secret></a:Key></a:R>", "", "a&b"),
        (
            "<R><Key><Secret><![CDATA[a<b]]></Secret></Key><Other/></R>",
            "<R><Key><Secret>HANDLE</Secret></Key><Other/></R>",
            "a<b",
        ),
        ("<R><Key><Secret>a&#x62;c</Secret></Key></R>", "<R><Key><Secret>HANDLE</Secret></Key></R>", "abc"),
        // Found by fuzzing: positions were counted without the mark, so the value stayed and its tag went.
        ("\u{feff}<R><Key><Secret>abc</Secret></Key></R>", "\u{feff}<R><Key><Secret>HANDLE</Secret></Key></R>", "abc"),
    ] {
        let (found, kept) = at(body);
        assert_eq!(kept.as_deref(), Some(value), "{body}");
        assert!(seen.is_empty() || found.ends_with(seen), "{found}");
    }
    for body in [
        "",
        "<R><Key><Secret/></Key></R>",
        "<R><Key><Secret></Secret></Key></R>",
        "<R><Secret>abc</Secret></R>",
        "<R><Key><Secret>a<b/>c</Secret></Key></R>",
        "<R><Key><Secret>a</Secret><Secret>b</Secret></Key></R>",
        "<R><Key><Secret>a</Secret></Key>",
        "<R><Key><Secret>&unknown;</Secret></Key></R>",
        "<!DOCTYPE R [<!ENTITY x \"abc\">]><R><Key><Secret>&x;</Secret></Key></R>",
        "not xml",
    ] {
        assert_eq!(at(body), ("s3cr3t-value ".to_owned(), None), "{body}");
    }
    assert_eq!(at(&("<a>".repeat(10_000))).1, None);
}

#[test]
fn headers_and_bodies() {
    let (seen, value) = taken(Place::Header("X-Key".into()), "plain", "rest");
    assert_eq!((seen.as_str(), value.as_deref()), ("HANDLE rest", Some("s3cr3t-value")));
    assert_eq!(taken(Place::Header("X-Other".into()), "plain", "rest").1, None);
    assert_eq!(taken(Place::Body, "base64", "czNjcjN0\n").1.as_deref(), Some("s3cr3t"));
    assert_eq!(taken(Place::Body, "base64", "not base64").1, None);
    assert_eq!(taken(Place::Body, "plain", "").1, None);
}

/// Which of two it is nobody knows: neither is shown.
#[test]
fn what_is_not_captured_is_not_shown_either() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("x-key", "first-value"), header("x-other", "kept"), header("x-key", "second-value")];
    let mut answer = Answer { status: 201, headers, body: b"text".to_vec() };
    assert!(take(&[capture(Place::Header("X-Key".into()), "plain")], &mut answer, &mut book()).is_empty());
    assert_eq!(answer.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x-other", WITHHELD]);
    // What cannot be kept, as there are too many secrets already, is not shown; what was kept before is.
    let mut book = book();
    for n in 0..99 {
        book.capture("key", Plain::new(format!("value-{n}"))).expect("room");
    }
    let captures = [
        capture(Place::Header("x-first".into()), "plain"),
        capture(Place::Json("/key".into()), "plain"),
        capture(Place::Header("x-last".into()), "plain"),
    ];
    let headers = vec![header("x-first", "first-value"), header("x-last", "last-value")];
    let mut answer = Answer { status: 201, headers, body: br#"{"key":"json-value"}"#.to_vec() };
    let fresh = take(&captures, &mut answer, &mut book);
    assert_eq!((fresh.len(), fresh[0].value.reveal(), answer.body.len()), (1, "first-value", 0));
    assert!(answer.headers[0].1.starts_with("vsec_") && !format!("{answer:?}").contains("value"), "{answer:?}");
}

#[test]
fn the_same_value_is_the_same_secret() {
    let mut book = book();
    let mut handle = |name: &str, value: &str| {
        let mut answer = Answer { status: 200, headers: Vec::new(), body: value.as_bytes().to_vec() };
        let captures = [Capture { name: name.into(), ..capture(Place::Body, "plain") }];
        let fresh = take(&captures, &mut answer, &mut book);
        (Handle::parse(&String::from_utf8(answer.body).expect("text")).expect("a handle"), fresh.len())
    };
    let (first, new) = handle("key", "value-1");
    assert_eq!((handle("key", "value-1"), new), ((first.clone(), 0), 1));
    assert_ne!(handle("key", "value-2").0, first);
    assert_ne!(handle("other", "value-1").0, first);
}

#[test]
fn what_cannot_be_captured_is_said_before() {
    for (bad, why) in [
        (capture(Place::Json("key".into()), "plain"), "Pointer"),
        (capture(Place::Xml("a//b".into()), "plain"), "element"),
        (capture(Place::Header("a b".into()), "plain"), "header"),
        (capture(Place::Body, "rot13"), "rot13"),
        (Capture { name: String::new(), ..capture(Place::Body, "plain") }, "name"),
    ] {
        let error = check(std::slice::from_ref(&bad)).expect_err(why);
        assert!(error.message.contains(why), "{error}");
    }
    let good = capture(Place::Body, "plain");
    assert!(check(&vec![good.clone(); MOST]).is_ok());
    assert!(check(&vec![good; MOST + 1]).is_err());
}
