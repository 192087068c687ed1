//! Credentials are put in by the host, each in its own way, and a driver sees none.

use std::sync::atomic::{AtomicUsize, Ordering};

use vend::capability::settings::{ClientCredentials, Credential, Login, ReadCredential, Signature};
use vend::domain::secret::Plain;
use vend::wit::vend::driver::types::Semantics;

use super::world::{Terms, get, header, request};
use crate::support::web::{Web, answer};

const SECRET: &str = "s3cr3t-of-the-connection";

/// A backend that tells everything it was sent.
async fn parrot() -> Web {
    Web::start(|request| answer("200 OK", &["x-echo: s3cr3t-of-the-connection"], format!("{request:?}"))).await
}

fn login() -> Credential {
    Credential::Login(Login { username: "vend".into(), password: Plain::new(SECRET) })
}

fn api_key() -> Credential {
    let value = Plain::new(format!("Key {SECRET}"));
    Credential::Header { name: "X-API-Key".into(), value, secret: Plain::new(SECRET) }
}

#[tokio::test]
async fn fixed_credentials() {
    for (credential, name, value) in [
        (login(), "authorization", "Basic dmVuZDpzM2NyM3Qtb2YtdGhlLWNvbm5lY3Rpb24="),
        (Credential::Bearer(Plain::new(SECRET)), "authorization", "Bearer s3cr3t-of-the-connection"),
        (api_key(), "x-api-key", "Key s3cr3t-of-the-connection"),
    ] {
        let web = parrot().await;
        let mut world = Terms::open(&web.url()).credential(credential).world();
        let response = world.fetch(get("/a")).await.expect("an answer");
        assert_eq!(web.seen()[0].header(name), Some(value));
        // What the backend tells of it is taken out on the way back.
        let told = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body));
        assert!(!told.contains(SECRET) && !told.contains("dmVuZDpzM2"), "{told}");
        assert!(told.contains("[secret]"), "{told}");
        let kept = world.kept();
        assert!(!kept.contains(SECRET) && !kept.contains("dmVuZDpzM2"), "{kept}");
        // Nobody else sets that header.
        let mut asked = get("/a");
        asked.headers.push(header(name, "mine"));
        assert_eq!(world.fetch(asked).await.map(|it| it.status), Err("HEADER_FORBIDDEN".to_owned()));
    }
}

#[tokio::test]
async fn reads_and_writes_may_be_different_people() {
    let web = parrot().await;
    let mut terms = Terms::open(&web.url()).credential(Credential::Bearer(Plain::new("writer-token")));
    terms.settings.read_credential = ReadCredential::Own(Credential::Bearer(Plain::new("reader-token")));
    let mut world = terms.world();
    world.fetch(get("/a")).await.expect("read");
    world.send(request("POST", "/a"), Semantics::Unsafe).await.expect("written");
    let sent: Vec<_> = web.seen().iter().map(|it| it.header("authorization").unwrap_or_default().to_owned()).collect();
    assert_eq!(sent, ["Bearer reader-token", "Bearer writer-token"]);

    // A driver sets neither's header, whichever is used.
    let mut terms = Terms::open(&web.url()).credential(api_key());
    let read_key = Credential::Header { name: "X-Read-Key".into(), value: Plain::new("r"), secret: Plain::new("r") };
    terms.settings.read_credential = ReadCredential::Own(read_key);
    let mut world = terms.world();
    for name in ["x-api-key", "X-Read-Key", "x_read_key"] {
        let mut asked = request("POST", "/a");
        asked.headers.push(header(name, "mine"));
        let sent = world.send(asked.clone(), Semantics::Unsafe).await.map(|it| it.status);
        assert_eq!((sent, web.count()), (Err("HEADER_FORBIDDEN".to_owned()), 2), "{name}");
        let found = world.fetch(vend::wit::vend::driver::http_types::Request { method: "GET".into(), ..asked }).await;
        assert_eq!((found.map(|it| it.status), web.count()), (Err("HEADER_FORBIDDEN".to_owned()), 2), "{name}");
    }

    let mut terms = Terms::open(&web.url());
    terms.settings.read_credential = ReadCredential::Own(Credential::Bearer(Plain::new("reader-token")));
    let mut world = terms.world();
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    assert_eq!((sent.map(|it| it.status), web.count()), (Err("CREDENTIAL_MISSING".to_owned()), 2));
}

/// RFC 6749, section 4.4: the token is fetched once, used, and fetched anew when it is not taken any more.
#[tokio::test]
async fn client_credentials() {
    static ISSUED: AtomicUsize = AtomicUsize::new(0);
    let issuer = Web::start(|_| {
        let n = ISSUED.fetch_add(1, Ordering::SeqCst) + 1;
        answer(
            "200 OK",
            &[],
            format!(r#"{{"access_token":"token-number-{n}","token_type":"Bearer","expires_in":3600}}"#),
        )
    })
    .await;
    let web = Web::start(|request| match request.header("authorization") {
        Some("Bearer token-number-1") if request.target == "/expired" => answer("401 Unauthorized", &[], ""),
        Some(_) => answer("200 OK", &[], format!("{request:?}")),
        None => answer("401 Unauthorized", &[], ""),
    })
    .await;
    let mut world = Terms::open(&web.url())
        .credential(Credential::ClientCredentials(ClientCredentials {
            token_endpoint: format!("{}/token", issuer.url()),
            client_id: "vend:1".into(),
            client_secret: Plain::new("p w&"),
            scope: Some("a b".into()),
            audience: None,
        }))
        .world();
    for _ in 0..2 {
        let response = world.fetch(get("/a")).await.expect("an answer");
        assert_eq!(response.status, 200);
        assert!(!String::from_utf8_lossy(&response.body).contains("token-number"), "the token is scrubbed");
    }
    let asked = &issuer.seen()[0];
    assert_eq!((issuer.count(), asked.method.as_str(), asked.target.as_str()), (1, "POST", "/token"));
    // vend%3A1:p%20w%26
    assert_eq!(asked.header("authorization"), Some("Basic dmVuZCUzQTE6cCUyMHclMjY="));
    assert_eq!(asked.text(), "grant_type=client_credentials&scope=a%20b");
    assert_eq!(world.fetch(get("/expired")).await.map(|it| it.status), Ok(401));
    assert_eq!(world.fetch(get("/expired")).await.map(|it| it.status), Ok(200));
    assert_eq!(issuer.count(), 2);
    assert!(!world.kept().contains("token-number"));
}

#[tokio::test]
async fn an_issuer_that_refuses_is_told_apart_from_one_that_fails() {
    for (status, body, code) in [
        ("401 Unauthorized", "{}", "CREDENTIALS_REJECTED"),
        ("400 Bad Request", r#"{"error":"invalid_client"}"#, "CREDENTIALS_REJECTED"),
        ("500 Internal Server Error", "", "BACKEND_UNAVAILABLE"),
        ("200 OK", "{}", "TOKEN_ANSWER_INVALID"),
        ("200 OK", r#"{"access_token":"a\nb","token_type":"bearer"}"#, "TOKEN_ANSWER_INVALID"),
        ("200 OK", r#"{"access_token":"a","token_type":"mac"}"#, "TOKEN_ANSWER_INVALID"),
        ("302 Found", "", "BACKEND_UNAVAILABLE"),
    ] {
        let issuer = Web::start(move |_| answer(status, &["location: /other"], body)).await;
        let web = parrot().await;
        let mut world = Terms::open(&web.url())
            .credential(Credential::ClientCredentials(ClientCredentials {
                token_endpoint: issuer.url(),
                client_id: "vend".into(),
                client_secret: Plain::new(SECRET),
                scope: None,
                audience: None,
            }))
            .world();
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
        assert_eq!((sent.map(|it| it.status), web.count()), (Err(code.to_owned()), 0), "{status} {body}");
    }
}

#[tokio::test]
async fn signatures_are_over_what_is_sent() {
    let web = Web::start(|_| answer("200 OK", &[], "")).await;
    let mut world = Terms::open(&web.url())
        .credential(Credential::Signature(Signature {
            region: "eu-central-1".into(),
            service: "s3".into(),
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Plain::new(SECRET),
            session_token: Some(Plain::new("session-token-of-the-connection")),
        }))
        .world();
    let handle = world.secret("value").await;
    let mut asked = request("PUT", "/bucket/key?x=y");
    asked.body = format!("<{handle}>").into_bytes();
    asked.secrets.push(super::world::used(&handle, "plain"));
    world.send(asked, Semantics::Idempotent).await.expect("an answer");
    let seen = &web.seen()[0];
    let authorization = seen.header("authorization").expect("signed");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(
        authorization.contains("/eu-central-1/s3/aws4_request") && !authorization.contains(SECRET),
        "{authorization}"
    );
    assert_eq!(seen.header("x-amz-security-token"), Some("session-token-of-the-connection"));
    // SHA-256 of `<value>`: the digest is of the body with its secret in place.
    assert_eq!(seen.text(), "<value>");
    let expected = vend::capability::digest::sha256_hex(b"<value>");
    assert_eq!(seen.header("x-amz-content-sha256"), Some(expected.as_str()));
}
