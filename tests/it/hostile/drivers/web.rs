//! Requests over HTTP that mean something else than they say, or more than they may. Of those that are refused nothing arrives at the
//! server; of each twin, which differs in that one thing, exactly one request does.

use serde_json::{Value, json};

use vend::capability::backend::Backend;
use vend::capability::settings::{Credential, Requests, Settings};
use vend::domain::connection::RequestRule;
use vend::domain::contract::Call;
use vend::domain::description::Access;
use vend::domain::secret::Plain;
use vend::driver::Driver;

use super::cases::Cases;
use super::rig::{Rig, Step, input};
use crate::support::drivers::component;
use crate::support::web::{Act, Web, answer};

const KEY: &str = "the-key-of-the-connection";

struct Place {
    rig: Rig,
    web: Web,
    /// Where nothing ever arrives.
    other: Web,
    probe: Driver,
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_allowed_is_sent_and_to_nobody_else() {
    let rig = Rig::new();
    let probe = rig.load_component(component("probe")).await.expect("a driver");
    let other = Web::start(|_| answer("200 OK", &[], "other")).await;
    let elsewhere = format!("location: {}/stolen", other.url());
    let web = Web::start(move |request| match request.target.as_str() {
        "/api/zones/moved" => answer("302 Found", &[&elsewhere], ""),
        "/api/zones/vast" => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 100 << 20);
            vec![Act::Send(head.into_bytes()), Act::Repeat(vec![b'x'; 1 << 20], 100)]
        }
        "/api/zones/endless" => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            vec![
                Act::Send(head),
                Act::Repeat([b"10000\r\n".to_vec(), vec![b'x'; 65_536], b"\r\n".to_vec()].concat(), 10_000),
            ]
        }
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let place = Place { rig, web, other, probe };
    let mut cases = Cases::new("http");
    paths(&place, &mut cases).await;
    headers(&place, &mut cases).await;
    methods(&place, &mut cases).await;
    rules(&place, &mut cases).await;
    grants(&place, &mut cases).await;
    answers(&place, &mut cases).await;
    cases.check("all of it", place.other.accepted() == 0, "nobody else was spoken to");
    let credentials = place.web.seen().iter().all(|request| request.header("x-api-key") == Some(KEY));
    cases.check("all of it", credentials, "each request carried the connection's own credential");
    cases.end();
}

fn rule(methods: &[&str], path: &str) -> RequestRule {
    let methods = methods.iter().map(|it| (*it).to_owned()).collect();
    RequestRule { methods, path: path.into(), ..RequestRule::default() }
}

impl Place {
    fn settings(&self) -> Settings {
        let describe =
            RequestRule { form: [("Action".to_owned(), "Describe*".to_owned())].into(), ..rule(&["POST"], "/actions") };
        Settings {
            name: "web".into(),
            kind: "http".into(),
            endpoint: format!("{}/api", self.web.url()),
            credential: Some(Credential::Header {
                name: "X-API-Key".into(),
                value: Plain::new(KEY),
                secret: Plain::new(KEY),
            }),
            networks: vec!["127.0.0.0/8".into()],
            requests: Requests {
                reads: vec![rule(&["GET", "HEAD"], "/zones/**"), describe],
                writes: vec![rule(&["POST", "PUT", "DELETE"], "/zones/**"), rule(&["POST"], "/actions")],
                deny: vec![rule(&[], "/zones/private/**")],
                check: None,
            },
            concurrency: 4,
            timeout_ms: 20_000,
            ..Settings::default()
        }
    }

    fn step(&self, settings: Settings) -> Step {
        let mut step = self.rig.step();
        step.slots.clear();
        step.granted("server", Backend::open(settings).expect("a connection"), Access::ReadWrite)
    }

    fn usual(&self) -> Step {
        self.step(self.settings())
    }

    /// `when` the probe does it: `on-create`, `on-plan`, ….
    fn call(&self, when: &str, act: &Value) -> Call {
        let mut input = input(json!({ "name": "p", "bare": true, when: [act] }));
        input.resource_type = "probe".into();
        match when {
            "on-plan" => Call::Plan(input),
            "on-validate" => Call::Validate(input),
            _ => Call::Create(input),
        }
    }

    /// Both create, on a connection as it usually is.
    async fn row(&self, cases: &mut Cases, case: &str, code: &str, hostile: Value, twin: Value) {
        let (hostile, twin) = (self.call("on-create", &hostile), self.call("on-create", &twin));
        self.calls(cases, case, code, (self.usual(), hostile), (self.usual(), twin)).await;
    }

    async fn calls(&self, cases: &mut Cases, case: &str, code: &str, hostile: (Step, Call), twin: (Step, Call)) {
        let before = self.web.count();
        let first = async {
            let report = hostile.0.run(&self.probe, hostile.1).await;
            assert_eq!(self.web.count(), before, "{case}: nothing arrived");
            report
        };
        cases.attempt(case, &[code], first, twin.0.run(&self.probe, twin.1)).await;
        cases.check(case, self.web.count() == before + 1, format!("{} arrived", self.web.count() - before));
    }
}

fn fetch(path: &str) -> Value {
    json!({ "fetch": { "path": path } })
}

fn post(path: &str, body: &str) -> Value {
    json!({ "method": "POST", "path": path, "body": body })
}

async fn paths(place: &Place, cases: &mut Cases) {
    let (here, other) = (place.web.port, place.other.port);
    let invalid = "PATH_INVALID";
    let outside = "URL_OUTSIDE";
    let long = format!("/zones/{}", "a".repeat(20_000));
    for (case, code, path) in [
        ("another host behind two slashes", invalid, format!("//127.0.0.1:{other}/zones/a")),
        ("another host behind a backslash", invalid, format!("/\\127.0.0.1:{other}/zones/a")),
        ("two slashes within a path", invalid, "/zones//a".into()),
        ("dots", invalid, "/zones/../admin".into()),
        ("dots, encoded", invalid, "/zones/%2e%2e/admin".into()),
        ("dots, half encoded", invalid, "/zones/.%2E/admin".into()),
        ("dots, encoded twice", invalid, "/zones/%252e%252e/admin".into()),
        ("dots with a parameter", invalid, "/zones/..;x=1/admin".into()),
        ("dots at the end", invalid, "/zones/..".into()),
        ("an encoded slash", invalid, "/zones%2fa".into()),
        ("an encoded backslash", invalid, "/zones%5Ca".into()),
        ("a backslash", invalid, "/zones\\..\\admin".into()),
        ("a zero byte, encoded", invalid, "/zones/a%00".into()),
        ("a line end, encoded", invalid, "/zones/a%0d%0aHost:%20evil".into()),
        ("a line end", invalid, "/zones/a HTTP/1.1\r\nHost: evil\r\n\r\nGET /admin".into()),
        ("a control character", invalid, "/zones/\u{7}".into()),
        ("a fragment", invalid, "/zones/a#b".into()),
        ("a letter beyond ASCII", invalid, "/zones/ä".into()),
        ("half a percent sign", invalid, "/zones/%2".into()),
        ("no slash at the beginning", invalid, "zones/a".into()),
        ("a path of 20 kB", invalid, long),
        ("a URL elsewhere", outside, format!("http://127.0.0.1:{other}/zones/a")),
        (
            "the endpoint as a user of another host",
            outside,
            format!("http://127.0.0.1:{here}@127.0.0.1:{other}/api/zones/a"),
        ),
        ("a user at the endpoint", outside, format!("http://admin@127.0.0.1:{here}/api/zones/a")),
        ("the endpoint in another spelling", outside, format!("http://2130706433:{here}/api/zones/a")),
        ("the endpoint with another scheme", outside, format!("https://127.0.0.1:{here}/api/zones/a")),
        ("a file", outside, "file:///etc/passwd".into()),
        ("a URL beside the base", outside, format!("http://127.0.0.1:{here}/apiary/zones/a")),
        ("a URL above the base", outside, format!("http://127.0.0.1:{here}/admin")),
    ] {
        let twin = match code == outside && path.starts_with("http://127") {
            true => format!("http://127.0.0.1:{here}/api/zones/a"),
            false => "/zones/a".into(),
        };
        place.row(cases, &format!("path: {case}"), code, fetch(&path), fetch(&twin)).await;
    }
}

async fn headers(place: &Place, cases: &mut Cases) {
    let with = |headers: Value| json!({ "fetch": { "path": "/zones/a", "headers": headers } });
    let forbidden = "HEADER_FORBIDDEN";
    for (name, value) in [
        ("Host", "evil.test"),
        ("hOsT", "evil.test"),
        ("Authorization", "Bearer mine"),
        ("Cookie", "session=mine"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("Connection", "keep-alive, x-api-key"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("TE", "trailers"),
        ("X-API-Key", "another-key"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/admin"),
        ("X-Forwarded-For", "10.0.0.1"),
    ] {
        let twin = with(json!([["x-other", value]]));
        place.row(cases, &format!("header {name}"), forbidden, with(json!([[name, value]])), twin).await;
    }
    let good = || with(json!([["x-other", "fine"]]));
    for (case, name, value) in [
        ("a line end in a header's value", "x-other", "fine\r\nHost: evil.test"),
        ("a line feed in a header's value", "x-other", "fine\nx-api-key: mine"),
        ("a zero byte in a header's value", "x-other", "fi\0ne"),
        ("a line end in a header's name", "x-other\r\nHost: evil.test\r\nx", "fine"),
        ("a colon in a header's name", "host: evil.test\r\nx", "fine"),
        ("a blank before a header's name", " host", "evil.test"),
        ("a header without a name", "", "fine"),
    ] {
        place.row(cases, case, "HEADER_INVALID", with(json!([[name, value]])), good()).await;
    }
    let many: Vec<Value> = (0..65).map(|n| json!([format!("x-{n}"), "y"])).collect();
    let fewer: Vec<Value> = many[..60].to_vec();
    place.row(cases, "65 headers", "HEADERS_TOO_LARGE", with(json!(many)), with(json!(fewer))).await;
    let long = |bytes: usize| with(json!([["x-other", "y".repeat(bytes)]]));
    place.row(cases, "a header of 33 kB", "HEADERS_TOO_LARGE", long(33 << 10), long(30 << 10)).await;
}

async fn methods(place: &Place, cases: &mut Cases) {
    let by = |method: &str| json!({ "fetch": { "path": "/zones/a", "method": method } });
    for (case, code, method) in [
        ("method CONNECT", "METHOD_FORBIDDEN", "CONNECT"),
        ("method TRACE", "METHOD_FORBIDDEN", "TRACE"),
        ("a method in small letters", "METHOD_INVALID", "get"),
        ("a method with a request in it", "METHOD_INVALID", "GET /admin HTTP/1.1\r\nx: "),
        ("a method that is empty", "METHOD_INVALID", ""),
        ("a method of rubbish", "METHOD_INVALID", "{}"),
        ("a method that no rule knows", "REQUEST_NOT_ALLOWED", "PURGE"),
    ] {
        place.row(cases, case, code, by(method), by("GET")).await;
    }
}

async fn rules(place: &Place, cases: &mut Cases) {
    let read = |ask: Value| json!({ "fetch": ask });
    let write = |ask: Value| json!({ "send": ask });
    let case = "a write through the function that reads";
    place.row(cases, case, "REQUEST_NOT_A_READ", read(post("/zones/a", "x=1")), write(post("/zones/a", "x=1"))).await;
    let case = "a path that no rule allows";
    place.row(cases, case, "REQUEST_NOT_ALLOWED", fetch("/admin"), fetch("/zones/a")).await;
    place
        .row(cases, "a path that is denied", "REQUEST_DENIED", fetch("/zones/private/a"), fetch("/zones/public/a"))
        .await;
    let case = "a path that is denied, spelt otherwise";
    place.row(cases, case, "REQUEST_DENIED", fetch("/zones/%70rivate/a"), fetch("/zones/%70ublic/a")).await;
    let case = "a path that is denied, as a write";
    place.row(cases, case, "REQUEST_DENIED", write(post("/zones/private", "")), write(post("/zones/public", ""))).await;
    let listing = || read(post("/actions", "Action=DescribeZones"));
    for (case, body) in [
        ("a form that says two things", "Action=DescribeZones&Action=DeleteZones"),
        ("a form that says two things, one encoded", "Action=DescribeZones&%41ction=DeleteZones"),
        ("a form that says the other thing", "Action=DeleteZones"),
        ("a form with a semicolon", "Action=DescribeZones;Action=DeleteZones"),
        ("JSON where a form was allowed", r#"{"Action":"DescribeZones"}"#),
    ] {
        place.row(cases, case, "REQUEST_NOT_A_READ", read(post("/actions", body)), listing()).await;
    }
    // A server that merges the two would read another action than the one that was allowed.
    let both =
        json!({ "fetch": { "method": "POST", "path": "/actions?Action=DeleteZones", "body": "Action=DescribeZones" } });
    place.row(cases, "a query beside the form", "REQUEST_NOT_A_READ", both, listing()).await;
}

async fn grants(place: &Place, cases: &mut Cases) {
    let usual = || place.usual();
    let get = fetch("/zones/a");
    let put = json!({ "send": { "method": "PUT", "path": "/zones/a", "body": "{}" } });
    let create = |act: &Value| place.call("on-create", act);
    for (case, code, when, act) in [
        ("a write over HTTP in plan", "DENIED_IN_OBSERVE", "on-plan", &put),
        ("a write over HTTP in validate", "DENIED_IN_PURE", "on-validate", &put),
        ("a read over HTTP in validate", "DENIED_IN_PURE", "on-validate", &get),
    ] {
        place.calls(cases, case, code, (usual(), place.call(when, act)), (usual(), create(act))).await;
    }
    let backend = || Backend::open(place.settings()).expect("a connection");
    let read_only = usual().granted("server", backend(), Access::Read);
    let case = "a write over HTTP through a read-only slot";
    place.calls(cases, case, "SLOT_READ_ONLY", (read_only, create(&put)), (usual(), create(&put))).await;
    let mut nothing = usual();
    nothing.slots.clear();
    let case = "HTTP through a slot that was not granted";
    place.calls(cases, case, "SLOT_NOT_GRANTED", (nothing, create(&get)), (usual(), create(&get))).await;
    let files = usual().granted("server", place.rig.files(), Access::ReadWrite);
    let case = "HTTP through a connection to a database";
    place.calls(cases, case, "SLOT_OTHER_PROTOCOL", (files, create(&get)), (usual(), create(&get))).await;
    let query = json!({ "query": "SELECT 1" });
    let case = "SQL through a connection over HTTP";
    place.calls(cases, case, "SLOT_OTHER_PROTOCOL", (usual(), create(&query)), (usual(), create(&get))).await;
    let mut asking = usual();
    for grant in asking.slots.values_mut() {
        grant.asked = vec![rule(&["GET"], "/zones/mine/**")];
    }
    let case = "a request that the description does not ask for";
    let mine = create(&fetch("/zones/mine/a"));
    place.calls(cases, case, "REQUEST_NOT_ASKED", (asking.clone(), create(&get)), (asking, mine)).await;
    let nowhere = place.step(Settings { networks: Vec::new(), ..place.settings() });
    let case = "an address that the connection does not allow";
    place.calls(cases, case, "ADDRESS_FORBIDDEN", (nowhere, create(&get)), (usual(), create(&get))).await;
}

/// Servers are no friends either; these two would fill the host.
async fn answers(place: &Place, cases: &mut Cases) {
    for (case, path) in [("an answer of 100 MB", "/zones/vast"), ("an answer without end", "/zones/endless")] {
        let (hostile, twin) = (place.call("on-create", &fetch(path)), place.call("on-create", &fetch("/zones/a")));
        let (first, second) = (place.usual(), place.usual());
        cases
            .attempt(case, &["ANSWER_TOO_LARGE"], first.run(&place.probe, hostile), second.run(&place.probe, twin))
            .await;
    }
    let report = place.usual().run(&place.probe, place.call("on-create", &fetch("/zones/moved"))).await;
    let seen =
        matches!(&report.result, Ok(vend::domain::contract::Answer::Done(object)) if object.outputs["note"] == "302");
    let case = "a redirection to another server";
    cases.row(
        case,
        &["not followed"],
        seen && place.other.accepted() == 0,
        "the driver sees 302; it is not followed",
        "—",
    );
}
