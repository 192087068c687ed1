//! Answers that keep a secret from being captured: nothing of the body is shown then, nor the header it should have stood in.

use vend::wit::vend::driver::http_types::{Capture, Place};

use super::*;
use crate::http::world::capture;

const VALUE: &str = "v4lue-of-the-backend";

fn json() -> Vec<Capture> {
    vec![capture(Place::Json("/key".into()))]
}

fn xml() -> Vec<Capture> {
    vec![capture(Place::Xml("R/Key".into()))]
}

fn in_header() -> Vec<Capture> {
    vec![capture(Place::Header("x-key".into()))]
}

fn whole(encoding: &str) -> Vec<Capture> {
    vec![Capture { encoding: encoding.into(), ..capture(Place::Body) }]
}

struct Taken {
    what: &'static str,
    captures: Vec<Capture>,
    answer: Vec<Act>,
    /// Whether it is found.
    found: bool,
}

fn body(what: &'static str, captures: Vec<Capture>, found: bool, text: impl AsRef<[u8]>) -> Taken {
    Taken { what, captures, answer: answer("201 Created", &[], text), found }
}

fn headers(what: &'static str, found: bool, headers: &[&str]) -> Taken {
    Taken { what, captures: in_header(), answer: answer("201 Created", headers, "fine"), found }
}

#[tokio::test]
async fn what_cannot_be_captured_is_withheld() {
    let mut report = Report::new("backend: captures");
    let cases = vec![
        body("JSON, where it should be", json(), true, format!(r#"{{"key":"{VALUE}","other":"{VALUE}"}}"#)),
        body("JSON, elsewhere", json(), false, format!(r#"{{"other":"{VALUE}"}}"#)),
        body("JSON, twice", json(), false, format!(r#"{{"key":"{VALUE}","key":"other"}}"#)),
        body("JSON, twice by an escape", json(), false, format!(r#"{{"key":"{VALUE}","\u006bey":"other"}}"#)),
        body("JSON, an object", json(), false, format!(r#"{{"key":{{"value":"{VALUE}"}}}}"#)),
        body("JSON, null", json(), false, format!(r#"{{"key":null,"value":"{VALUE}"}}"#)),
        body("JSON, empty", json(), false, format!(r#"{{"key":"","value":"{VALUE}"}}"#)),
        body("JSON, 100,000 deep", json(), false, format!("{}\"{VALUE}\"", r#"{"key":"#.repeat(100_000))),
        body(
            "JSON, a million lists",
            json(),
            false,
            format!(r#"{{"key":"{VALUE}","x":[{}0]}}"#, "[],".repeat(1_000_000)),
        ),
        body(
            "JSON, a million numbers",
            json(),
            false,
            format!(r#"{{"key":"{VALUE}","x":[{}0]}}"#, "0,".repeat(1_000_000)),
        ),
        body("JSON, 200,000 numbers", json(), true, format!(r#"{{"key":"{VALUE}","x":[{}0]}}"#, "0,".repeat(200_000))),
        body("JSON, 100,000 names", json(), true, {
            let names: String = (0..100_000).map(|n| format!("\"name-{n}\":0,")).collect();
            format!(r#"{{{names}"key":"{VALUE}"}}"#)
        }),
        body(
            "JSON, a number of 1,000,000 digits",
            json(),
            false,
            format!(r#"{{"key":"{VALUE}","x":{}}}"#, "9".repeat(1_000_000)),
        ),
        body("JSON, cut short", json(), false, format!(r#"{{"key":"{VALUE}","x":"#)),
        body("JSON and more", json(), false, format!(r#"{{"key":"{VALUE}"}} {{"key":"{VALUE}"}}"#)),
        body("JSON in UTF-16", json(), false, {
            let text = format!(r#"{{"key":"{VALUE}"}}"#);
            text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
        }),
        body("JSON behind a byte order mark", json(), false, format!("\u{feff}{{\"key\":\"{VALUE}\"}}")),
        body("no JSON", json(), false, VALUE),
        body("nothing", json(), false, ""),
        body("XML, where it should be", xml(), true, format!("<R><Key>{VALUE}</Key><Other>{VALUE}</Other></R>")),
        body("XML, elsewhere", xml(), false, format!("<R><Other>{VALUE}</Other></R>")),
        body("XML, twice", xml(), false, format!("<R><Key>{VALUE}</Key><Key>other</Key></R>")),
        body("XML, twice by a prefix", xml(), false, format!("<R><Key>{VALUE}</Key><a:Key>other</a:Key></R>")),
        body("XML, in an attribute", xml(), false, format!("<R><Key value=\"{VALUE}\"/></R>")),
        body("XML, in a comment", xml(), false, format!("<R><!--{VALUE}--></R>")),
        body("XML, 100,000 deep", xml(), false, format!("{}{VALUE}", "<R>".repeat(100_000))),
        body("XML, entities that multiply", xml(), false, {
            let mut dtd = "<!DOCTYPE R [<!ENTITY a0 \"aaaaaaaaaa\">".to_owned();
            for n in 1..10 {
                dtd.push_str(&format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10)));
            }
            format!("{dtd}]><R><Key>&a9;</Key><Other>{VALUE}</Other></R>")
        }),
        body("XML, a file", xml(), false, {
            format!(
                "<!DOCTYPE R [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><R><Key>&f;</Key><Other>{VALUE}</Other></R>"
            )
        }),
        body("XML, a URL", xml(), false, {
            format!("<!DOCTYPE R SYSTEM \"http://127.0.0.1:1/x.dtd\"><R><Key>{VALUE}</Key></R>")
        }),
        body("XML, an unknown entity", xml(), false, format!("<R><Key>&x;</Key><Other>{VALUE}</Other></R>")),
        body("XML, not closed", xml(), false, format!("<R><Key>{VALUE}</Key>")),
        body("XML, closed as another", xml(), false, format!("<R><Key>{VALUE}</Other></R>")),
        headers("a header", true, &["x-key: v4lue-of-the-backend"]),
        headers("a header twice", false, &["x-key: v4lue-of-the-backend", "X-Key: other-v4lue-of-the-backend"]),
        headers("an empty header", false, &["x-key:", "x-other: a"]),
        body("no header", in_header(), false, VALUE),
        body("the body", whole("plain"), true, VALUE),
        body("a body that is no text", whole("plain"), false, [b"\xff".as_slice(), VALUE.as_bytes()].concat()),
        body("a body in base 64", whole("base64"), true, "djRsdWUtb2YtdGhlLWJhY2tlbmQ=\n"),
        body("a body that is no base 64", whole("base64"), false, VALUE),
        body("base 64 of no text", whole("base64"), false, "/////w=="),
        Taken {
            what: "packed",
            captures: json(),
            answer: answer("201 Created", &["content-encoding: gzip"], VALUE),
            found: false,
        },
    ];
    for row in join_all(cases.into_iter().map(judge_taken)).await {
        let [case, outcome, cost] = row;
        report.row(case, outcome, cost);
    }
}

/// What was to be captured may be in the part that is missing: whether it can be had is for a look to find out.
#[tokio::test]
async fn what_is_cut_off_is_in_doubt() {
    let head = format!("HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{{\"key\":\"{VALUE}\"");
    let web = Web::start(move |_| vec![Act::Send(head.clone().into_bytes()), Act::Close]).await;
    let mut world = Terms::open(&web.url()).world();
    let asked = Request { capture: json(), ..request("POST", "/keys") };
    let ended = world.send(asked, Semantics::Unsafe).await.expect_err("half an answer");
    assert_eq!((ended.as_str(), web.count()), ("IN_DOUBT", 1));
    assert!(!world.kept().contains(VALUE), "a secret is in the journal");
}

async fn judge_taken(case: Taken) -> [String; 3] {
    let Taken { what, captures, answer, found } = case;
    let web = Web::start(move |_| answer.clone()).await;
    let mut terms = Terms::open(&web.url());
    terms.settings.timeout_ms = 20_000;
    let mut world = terms.world();
    let begun = Instant::now();
    let asked = Request { capture: captures, ..request("POST", "/keys") };
    let response = world.send(asked, Semantics::Unsafe).await.expect(what);
    let seen = told(&response);
    assert!(!seen.contains(VALUE) && !world.kept().contains(VALUE), "{what}: {seen}");
    assert_eq!((response.status, world.last_write().as_str(), web.count()), (201, "applied", 1), "{what}");
    let kept = world.journal.record().secrets.clone();
    assert_eq!(
        (kept.len(), withheld(&response).is_none(), seen.contains("vsec_")),
        (found.into(), found, found),
        "{what}"
    );
    if found {
        assert_eq!(kept[0].value.reveal(), VALUE, "{what}");
    } else {
        assert!(response.body.is_empty(), "{what}: {seen}");
    }
    let outcome = if found { "captured: the driver sees a handle" } else { "applied; body and place withheld" };
    [what.to_owned(), outcome.to_owned(), format!("{} bytes, {} ms", web.sent(), begun.elapsed().as_millis())]
}
