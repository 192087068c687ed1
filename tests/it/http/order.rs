//! What may be sent at all: slot, path, rules, headers, standing; and that what may be is sent as it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpStream;
use vend::capability::reach::{Network, System};
use vend::capability::settings::{ClientCredentials, Credential};
use vend::capability::standing::Standing;
use vend::domain::description::Access;
use vend::domain::secret::Plain;
use vend::wit::vend::driver::http_types::Request;
use vend::wit::vend::driver::types::Semantics;

use super::world::{Terms, get, header, request, rules};
use crate::support::web::{Web, answer};

async fn echo() -> Web {
    Web::start(|request| {
        answer("200 OK", &["content-type: text/plain"], format!("{} {}", request.method, request.target))
    })
    .await
}

#[tokio::test]
async fn a_request_arrives_as_it_was_asked() {
    let web = echo().await;
    let mut world = Terms::open(&format!("{}/base/", web.url())).world();
    let asked =
        Request { headers: vec![header("X-Mine", "a b")], body: b"text".to_vec(), ..request("PUT", "/a/%7Eb?c=d") };
    let response = world.send(asked, Semantics::Idempotent).await.expect("an answer");
    assert_eq!((response.status, response.body.as_slice()), (200, b"PUT /base/a/~b?c=d".as_slice()));
    let seen = &web.seen()[0];
    assert_eq!(seen.header("host"), Some(format!("127.0.0.1:{}", web.port).as_str()));
    assert_eq!((seen.header("x-mine"), seen.header("content-length")), (Some("a b"), Some("4")));
    assert_eq!((seen.header("accept-encoding"), seen.text().as_str()), (Some("identity"), "text"));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("vend/")));
    // One connection serves both.
    world.fetch(get(&format!("{}/base/next", web.url()))).await.expect("an absolute URL below the base");
    assert_eq!((web.accepted(), web.count()), (1, 2));
}

/// The same request through a slot that differs in one thing, and whether it went.
#[tokio::test]
async fn what_is_refused_does_not_arrive() {
    let web = echo().await;
    let open = || Terms::open(&web.url());
    type Change = fn(&mut Terms, &mut Request);
    let cases: [(&str, bool, Change, &str); 15] = [
        ("another slot", false, |_, asked| asked.connection = "other".into(), "SLOT_NOT_GRANTED"),
        ("a slot for reading", true, |terms, _| terms.access = Access::Read, "SLOT_READ_ONLY"),
        (
            "no rule at all",
            false,
            |terms, _| {
                terms.settings.requests.reads.clear();
                terms.settings.requests.writes.clear();
            },
            "REQUEST_NOT_ALLOWED",
        ),
        (
            "a rule that denies",
            false,
            |terms, _| terms.settings.requests.deny = rules(r#"[{"path":"/a"}]"#),
            "REQUEST_DENIED",
        ),
        (
            "a rule that denies",
            true,
            |terms, _| terms.settings.requests.deny = rules(r#"[{"path":"/a"}]"#),
            "REQUEST_DENIED",
        ),
        ("not asked", false, |terms, _| terms.asked = rules(r#"[{"path":"/b"}]"#), "REQUEST_NOT_ASKED"),
        ("a write as a read", false, |_, asked| asked.method = "POST".into(), "REQUEST_NOT_A_READ"),
        ("CONNECT", true, |_, asked| asked.method = "CONNECT".into(), "METHOD_FORBIDDEN"),
        ("dots", false, |_, asked| asked.path_and_query = "/b/../a".into(), "PATH_INVALID"),
        ("another host", false, |_, asked| asked.path_and_query = "//127.0.0.2/a".into(), "PATH_INVALID"),
        ("a URL elsewhere", false, |_, asked| asked.path_and_query = "http://127.0.0.2/a".into(), "URL_OUTSIDE"),
        ("Host", false, |_, asked| asked.headers.push(header("Host", "other")), "HEADER_FORBIDDEN"),
        ("Authorization", true, |_, asked| asked.headers.push(header("Authorization", "x")), "HEADER_FORBIDDEN"),
        (
            "two requests in a header",
            false,
            |_, asked| asked.headers.push(header("A", "x\r\n\r\nGET /b HTTP/1.1")),
            "HEADER_INVALID",
        ),
        ("an address not allowed", false, |terms, _| terms.settings.networks.clear(), "ADDRESS_FORBIDDEN"),
    ];
    for (what, write, change, code) in cases {
        let before = web.count();
        let (mut terms, mut asked) = (open(), request(if write { "POST" } else { "GET" }, "/a"));
        change(&mut terms, &mut asked);
        let mut world = terms.world();
        let refused = match write {
            true => world.send(asked, Semantics::Unsafe).await,
            false => world.fetch(asked).await,
        };
        assert_eq!(refused.map(|response| response.status), Err(code.to_owned()), "{what}");
        assert_eq!(web.count(), before, "{what}");
        assert!(world.kept().contains(code), "{what}: it is in the journal");
        // The twin.
        let mut world = open().world();
        let went = match write {
            true => world.send(request("POST", "/a"), Semantics::Unsafe).await,
            false => world.fetch(get("/a")).await,
        };
        assert_eq!((went.map(|response| response.status), web.count()), (Ok(200), before + 1), "{what}");
    }
}

#[tokio::test]
async fn a_changed_connection_sends_nothing_more() {
    let web = echo().await;
    let mut world = Terms::open(&web.url()).world();
    world.fetch(get("/a")).await.expect("it stands");
    world.standing.revoke();
    assert_eq!(world.fetch(get("/a")).await.map(|it| it.status), Err("CONNECTION_CHANGED".to_owned()));
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    assert_eq!(sent.map(|it| it.status), Err("CONNECTION_CHANGED".to_owned()));
    assert_eq!(web.count(), 1);
}

/// The system's network, where the connection is changed just when somebody connects.
#[derive(Default)]
struct Meddling(Mutex<Option<Standing>>);

#[async_trait::async_trait]
impl Network for Meddling {
    async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        System.resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        if let Some(standing) = self.0.lock().expect("not poisoned").take() {
            standing.revoke();
        }
        System.connect(address).await
    }
}

/// It is looked at once more when the connection is there, and before a secret goes to an issuer of tokens.
#[tokio::test]
async fn a_connection_that_changes_on_the_way_is_sent_nothing() {
    let changed = || Err("CONNECTION_CHANGED".to_owned());
    let web = echo().await;
    for write in [false, true] {
        let network = Arc::new(Meddling::default());
        let mut terms = Terms::open(&web.url());
        terms.network = Some(network.clone());
        let mut world = terms.world();
        *network.0.lock().expect("not poisoned") = Some(world.standing.clone());
        let came = match write {
            true => world.send(request("POST", "/a"), Semantics::Unsafe).await,
            false => world.fetch(get("/a")).await,
        };
        assert_eq!((came.map(|it| it.status), web.count()), (changed(), 0));
    }
    assert_eq!(web.accepted(), 2, "it was connected to");
    let issuer = Web::start(|_| answer("200 OK", &[], r#"{"access_token":"t0ken","token_type":"bearer"}"#)).await;
    let client = ClientCredentials {
        token_endpoint: issuer.url(),
        client_id: "vend".into(),
        client_secret: Plain::new("s3cr3t"),
        scope: None,
        audience: None,
    };
    let terms = Terms::open(&web.url()).credential(Credential::ClientCredentials(client));
    let backend = terms.backend();
    let mut world = terms.attempt(&backend);
    world.standing.revoke();
    assert_eq!((world.fetch(get("/a")).await.map(|it| it.status), issuer.count()), (changed(), 0));
    assert_eq!(terms.attempt(&backend).fetch(get("/a")).await.map(|it| it.status), Ok(200), "another attempt's stands");
}

#[tokio::test]
async fn rules_that_fit_nothing_are_no_connection() {
    let web = echo().await;
    let mut terms = Terms::open(&web.url());
    terms.settings.requests.deny = rules(r#"[{"path":"/b"}]"#);
    assert!(terms.http().is_ok());
    terms.settings.requests.deny = rules(r#"[{"path":"/%62"}]"#);
    let error = terms.http().err().expect("it would deny nothing");
    assert!(error.code == "CONNECTION_INVALID" && error.message.contains("write `/b`"), "{error}");
}

/// A backend that hangs up just as a write is on its way leaves a doubt: a write takes no connection that was idle for long.
#[tokio::test]
async fn a_write_takes_no_old_connection() {
    let web = echo().await;
    let mut world = Terms::open(&web.url()).world();
    for (method, connections, idle_ms) in [("GET", 1, 0), ("GET", 1, 2_200), ("POST", 2, 0), ("GET", 2, 0)] {
        let came = match method {
            "GET" => world.fetch(get("/a")).await,
            _ => world.send(request(method, "/a"), Semantics::Unsafe).await,
        };
        assert_eq!((came.map(|it| it.status), web.accepted()), (Ok(200), connections), "{method}");
        tokio::time::sleep(Duration::from_millis(idle_ms)).await;
    }
}

#[tokio::test]
async fn an_intent_is_durable_before_a_byte_leaves() {
    let journal = std::sync::Arc::new(std::sync::OnceLock::new());
    let seen = journal.clone();
    let web = Web::start(move |_| {
        let record: Option<&std::sync::Arc<vend::capability::journal::memory::MemoryJournal>> = seen.get();
        answer("200 OK", &[], record.map_or_else(|| "?".to_owned(), |it| it.record().commits.to_string()))
    })
    .await;
    let mut world = Terms::open(&web.url()).world();
    journal.set(world.journal.clone()).expect("it is set once");
    let response = world.send(request("POST", "/a"), Semantics::Unsafe).await.expect("an answer");
    assert_eq!((response.body.as_slice(), world.journal.record().commits), (b"1".as_slice(), 2));
}

#[tokio::test]
async fn a_connection_is_used_as_often_as_it_may() {
    let web = echo().await;
    let mut terms = Terms::open(&web.url());
    (terms.settings.rate_per_second, terms.settings.timeout_ms) = (Some(2), 300);
    let mut world = terms.world();
    for _ in 0..2 {
        world.fetch(get("/a")).await.expect("within the rate");
    }
    let third = world.fetch(get("/a")).await.map(|it| it.status);
    assert_eq!((third, web.count()), (Err("RATE_LIMITED".to_owned()), 2));
}
