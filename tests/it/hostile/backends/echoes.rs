//! Backends that tell what they were sent: in which forms secrets are taken out on the way back, and in which they are not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use vend::capability::settings::Credential;
use vend::domain::secret::Plain;

use super::*;
use crate::http::world::{header, used};
use crate::support::web::raw;

const CREDENTIAL: &str = "cr3d&ntial \"of\" the/connection";
const SECRET: &str = "s3cr&t \"of\" the/resource'";

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric();
    text.chars().map(|c| if kept(c) { c.to_string() } else { format!("%{:02X}", c as u32) }).collect()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&apos;")
}

/// A form, how it is made, and whether it is claimed that the value is taken out.
type Form = (&'static str, fn(&str) -> String, bool);

const FORMS: [Form; 17] = [
    ("as it is", |text| text.to_owned(), true),
    ("in a sentence", |text| format!("you said {text}, did you not"), true),
    ("twice, overlapping nothing", |text| format!("{text}{text}"), true),
    ("in JSON", |text| serde_json::json!({ "said": text }).to_string(), true),
    ("percent-encoded", percent, true),
    ("as in a form", |text| percent(text).replace("%20", "+"), true),
    ("in XML", |text| format!("<said>{}</said>", html(text)), true),
    ("in base 64", |text| STANDARD.encode(text), true),
    ("as an SQL literal", |text| format!("'{}'", text.replace('\'', "''")), true),
    ("in base 64, behind a byte", |text| STANDARD.encode(format!("x{text}")), false),
    ("in base 64, behind two bytes", |text| STANDARD.encode(format!("xx{text}")), false),
    ("in base 64 for URLs, inside a token", |text| URL_SAFE_NO_PAD.encode(format!("{{\"sub\":\"{text}\"}}")), false),
    ("in JSON, each letter escaped", |text| text.chars().map(|c| format!("\\u{:04x}", c as u32)).collect(), false),
    ("in hex", hex, false),
    ("in capitals", |text| text.to_uppercase(), false),
    ("backwards", |text| text.chars().rev().collect(), false),
    ("a letter a line", |text| text.chars().map(|c| format!("{c}\n")).collect(), false),
];

/// What is not claimed is said, and not held: a backend that wants to can always write a value in one more way.
#[tokio::test]
async fn values_are_taken_out_in_the_forms_that_are_claimed() {
    let mut report = Report::new("backend: echoes");
    for (form, make, claimed) in FORMS {
        let echo = move |request: &crate::support::web::Request| {
            let said = format!(
                "{} {}",
                make(request.header("x-api-key").unwrap_or_default().trim_start_matches("Key ")),
                make(&request.text())
            );
            let (status, name) = if request.target == "/refused" { ("409 Conflict", "a") } else { ("200 OK", "b") };
            let shown = said.replace('\n', " ");
            answer(status, &[&format!("x-{name}: {shown}"), &format!("location: /{shown}")], said)
        };
        let web = Web::start(echo).await;
        let value = Plain::new(format!("Key {CREDENTIAL}"));
        let credential = Credential::Header { name: "X-API-Key".into(), value, secret: Plain::new(CREDENTIAL) };
        let terms = Terms::open(&web.url()).credential(credential);
        let backend = terms.backend();
        let mut leaks = 0;
        for path in ["/a", "/refused"] {
            let mut world = terms.attempt(&backend);
            let handle = world.secret(SECRET).await;
            let asked = Request { secrets: vec![used(&handle, "plain")], ..with_body("POST", path, handle.as_str()) };
            let sent = world.send(asked.clone(), Semantics::Unsafe).await.expect(form);
            let found = world.fetch(Request { method: "GET".into(), ..asked }).await.expect(form);
            assert_eq!(web.seen().last().expect("a request").text(), SECRET);
            // Without what printing puts in.
            let bare = |text: &str| text.replace('\\', "");
            let seen = bare(&format!("{}\n{}\n{}", told(&sent), told(&found), world.kept()));
            leaks += [CREDENTIAL, SECRET].iter().filter(|value| seen.contains(&bare(&make(value)))).count();
        }
        assert!(!claimed || leaks == 0, "{form}: {leaks}");
        let outcome = match (claimed, leaks) {
            (true, _) => "taken out of body, headers and journal",
            (false, 0) => "not claimed; taken out",
            (false, _) => "not claimed; the driver sees it",
        };
        report.row(format!("a credential and a secret, {form}"), outcome, "4 answers");
    }
}

#[tokio::test]
async fn wherever_a_value_stands() {
    let mut report = Report::new("backend: places of echoes");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let pieces = |size: usize| {
        let mut acts = vec![raw(chunked)];
        for piece in format!("<{SECRET}>").as_bytes().chunks(size) {
            acts.push(raw([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()));
            acts.push(Act::Wait(Duration::from_millis(1)));
        }
        acts.push(raw("0\r\n\r\n"));
        acts
    };
    let text = "s3cret-of-the-resource";
    let plain = |head: String| vec![raw(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n"))];
    let cases: Vec<(&str, &str, Vec<Act>)> = vec![
        ("in chunks of one byte", SECRET, pieces(1)),
        ("in chunks of seven bytes", SECRET, pieces(7)),
        ("in bytes that are no text", SECRET, answer("200 OK", &[], [b"\xff", SECRET.as_bytes(), b"\xff"].concat())),
        ("in a trailer", SECRET, vec![raw(format!("{chunked}0\r\nx-a: {SECRET}\r\n\r\n"))]),
        ("in a header", SECRET, plain(format!("200 OK\r\nx-a: {SECRET}"))),
        ("in the name of a header", text, plain(format!("200 OK\r\nx-{text}-x: a"))),
        ("in the reason", SECRET, plain(format!("200 {SECRET}"))),
        ("in a cookie", SECRET, plain(format!("200 OK\r\nset-cookie: a={SECRET}"))),
        (
            "in an interim answer",
            SECRET,
            vec![raw(format!("HTTP/1.1 103 Early\r\nx-a: {SECRET}\r\n\r\n")), answer("200 OK", &[], "").remove(0)],
        ),
        ("in a chunk extension", SECRET, vec![raw(format!("{chunked}1;a=\"{text}\"\r\nx\r\n0\r\n\r\n"))]),
        ("packed", SECRET, answer("200 OK", &["content-encoding: x-plain"], SECRET)),
        ("in what is no HTTP", SECRET, vec![raw(format!("{SECRET}\r\n\r\n")), Act::Close]),
        ("in a header that is none", SECRET, vec![raw(format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n")), Act::Close]),
    ];
    for (what, value, acts) in cases {
        let web = Web::start(move |_| acts.clone()).await;
        let mut world = terms(&web.url()).world();
        let handle = world.secret(value).await;
        let asked =
            Request { headers: vec![header("x-a", &handle)], secrets: vec![used(&handle, "base64")], ..get("/a") };
        let found = world.fetch(asked).await;
        let seen = format!("{} {}", found.as_ref().map_or_else(String::clone, told), world.kept());
        assert!(!seen.replace('\\', "").contains(value) && web.count() == 1, "{what}: {seen}");
        report.row(what, format!("{}; not shown", shown(&found)), "1 request");
    }
    // The twin: what is no secret is shown wherever it may stand.
    let web = Web::start(move |_| vec![raw(format!("{chunked}4\r\nfine\r\n0\r\nx-b: trailer\r\n\r\n"))]).await;
    let seen = told(&terms(&web.url()).world().fetch(get("/a")).await.expect("an answer"));
    assert!(seen.contains("fine") && seen.contains("x-b: trailer"), "{seen}");
}
