//! Issuers of tokens that are broken or hostile: the request that needed the token is refused for certain, and never sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use vend::capability::settings::{ClientCredentials, Credential};
use vend::domain::secret::Plain;

use super::*;
use crate::support::web::raw;

const CLIENT: &str = "s3cr3t-of-the-client";

fn client(endpoint: impl Into<String>) -> Credential {
    Credential::ClientCredentials(ClientCredentials {
        token_endpoint: endpoint.into(),
        client_id: "vend".into(),
        client_secret: Plain::new(CLIENT),
        scope: None,
        audience: None,
    })
}

fn grant(token: &str, rest: &str) -> Vec<Act> {
    answer("200 OK", &[], format!(r#"{{"access_token":{},"token_type":"Bearer"{rest}}}"#, serde_json::json!(token)))
}

#[tokio::test]
async fn an_issuer_that_grants_nothing_of_use() {
    let mut report = Report::new("backend: issuers");
    let text = |text: &str| answer("200 OK", &[], text);
    let (invalid, unavailable, rejected) = ("TOKEN_ANSWER_INVALID", "BACKEND_UNAVAILABLE", "CREDENTIALS_REJECTED");
    let told = format!(r#"{{"error":"invalid_client","error_description":"{CLIENT} is wrong"}}"#);
    let cases: Vec<(&str, Vec<Act>, &str)> = vec![
        ("never answers", vec![Act::Hold], unavailable),
        ("hangs up", vec![Act::Close], unavailable),
        ("half an answer", vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), Act::Close], invalid),
        ("a body that never comes", vec![raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), Act::Hold], invalid),
        (
            "a body without end",
            vec![raw("HTTP/1.1 200 OK\r\n\r\n"), Act::Repeat(vec![b' '; 8192], usize::MAX)],
            invalid,
        ),
        (
            "headers without end",
            vec![raw("HTTP/1.1 200 OK\r\n"), Act::Repeat(b"a: b\r\n".repeat(1000), usize::MAX)],
            unavailable,
        ),
        ("a token of 60 kB", grant(&"x".repeat(60_000), ""), invalid),
        ("a token with a line break", grant("a\r\nx-admin: 1", ""), invalid),
        ("a token with a zero", grant("a\0b", ""), invalid),
        ("a token that is no ASCII", grant("t\u{f6}ken", ""), invalid),
        ("an empty token", grant("", ""), invalid),
        ("two tokens", grant("first-token", r#","access_token":"second-token""#), invalid),
        ("no token", text(r#"{"token_type":"bearer"}"#), invalid),
        ("a token that is a number", text(r#"{"access_token":7,"token_type":"bearer"}"#), invalid),
        ("no type", text(r#"{"access_token":"some-token"}"#), invalid),
        ("another type", text(r#"{"access_token":"some-token","token_type":"mac"}"#), invalid),
        ("a life below zero", grant("some-token", r#","expires_in":-1"#), invalid),
        ("a page", text("<html>please sign in</html>"), invalid),
        ("a list", text("[]"), invalid),
        ("100,000 deep", text(&"[".repeat(60_000)), invalid),
        ("packed", answer("200 OK", &["content-encoding: gzip"], "x"), invalid),
        ("nothing", answer("204 No Content", &[], ""), invalid),
        ("it knows us not, and says our secret", answer("401 Unauthorized", &[], &told), rejected),
        ("it refuses, and says our secret", answer("400 Bad Request", &[], &told), rejected),
        ("it fails, and says our secret", answer("500 Internal Server Error", &[], &told), unavailable),
    ];
    let judged = join_all(cases.into_iter().map(async |(what, acts, code)| {
        let waits = acts.iter().any(|act| matches!(act, Act::Hold));
        let issuer = Web::start(move |_| acts.clone()).await;
        let web = Web::start(|_| answer("200 OK", &[], "fine")).await;
        let mut terms = terms(&web.url()).credential(client(issuer.url()));
        terms.settings.timeout_ms = if waits { PATIENCE_MS.into() } else { 60_000 };
        let backend = terms.backend();
        let mut world = terms.attempt(&backend);
        let begun = Instant::now();
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
        assert_eq!((status(&sent), world.last_write().as_str()), (Err(code.to_owned()), code), "{what}");
        let mut reading = terms.attempt(&backend);
        assert_eq!(status(&reading.fetch(get("/a")).await), Err(code.to_owned()), "{what}");
        assert!(!format!("{} {}", world.kept(), reading.kept()).contains(CLIENT), "{what}");
        assert_eq!((issuer.count(), web.count()), (2, 0), "{what}: nothing is sent without a token");
        [
            what.to_owned(),
            format!("{code}, for certain not applied"),
            format!("0 requests to the backend, {} ms", begun.elapsed().as_millis()),
        ]
    }))
    .await;
    for [case, outcome, cost] in judged {
        report.row(format!("issuer: {case}"), outcome, cost);
    }
}

#[tokio::test]
async fn odd_tokens_that_are_used() {
    let mut report = Report::new("backend: odd tokens");
    for (what, token, rest, fetched) in [
        ("a life of nothing", "some-token", r#","expires_in":0"#, 3),
        ("a life without end", "some-token", r#","expires_in":18446744073709551615"#, 1),
        ("no life", "some-token", "", 1),
        ("null for a life", "some-token", r#","expires_in":null"#, 1),
        ("members that nobody knows", "some-token", r#","x":[{}],"refresh_token":"other""#, 1),
        ("a token of odd letters", "a b!\"#$%&'()*+,/:;<=>?@[]^_`{|}~", "", 1),
        ("a token of 8 kB", &"x".repeat(8_000), "", 1),
    ] {
        let granted = grant(token, rest);
        let issuer = Web::start(move |_| granted.clone()).await;
        let web = Web::start(|it| answer("200 OK", &[], it.header("authorization").unwrap_or_default())).await;
        // What is behind the last slash is part of the endpoint, and nothing if nothing is.
        let terms = terms(&web.url()).credential(client(format!("{}/token/", issuer.url())));
        let backend = terms.backend();
        for _ in 0..3 {
            let response = terms.attempt(&backend).fetch(get("/a")).await.expect(what);
            assert!(!self::told(&response).contains(token), "{what}: the token is not shown");
        }
        assert_eq!(web.seen()[2].header("authorization"), Some(format!("Bearer {token}").as_str()), "{what}");
        assert_eq!((issuer.count(), issuer.seen()[0].target.as_str()), (fetched, "/token/"), "{what}");
        report.row(
            format!("issuer: {what}"),
            "used; not shown to the driver",
            format!("fetched {fetched} times for 3 requests"),
        );
    }
}

/// However many need one, one is fetched; and a backend that takes none makes vend fetch one for each request and no more.
#[tokio::test]
async fn an_issuer_is_not_asked_more_than_needed() {
    let mut report = Report::new("backend: many tokens");
    static ISSUED: AtomicUsize = AtomicUsize::new(0);
    let issuer = Web::start(|_| {
        let mut acts = vec![Act::Wait(Duration::from_millis(50))];
        acts.extend(grant(&format!("token-number-{}", ISSUED.fetch_add(1, Ordering::SeqCst)), ""));
        acts
    })
    .await;
    let web = Web::start(|it| match it.target.as_str() {
        "/refused" => answer("401 Unauthorized", &[], ""),
        "/slow" => [vec![Act::Wait(Duration::from_millis(200))], answer("401 Unauthorized", &[], "")].concat(),
        _ => answer("200 OK", &[], ""),
    })
    .await;
    let mut terms = terms(&web.url()).credential(client(issuer.url()));
    (terms.settings.concurrency, terms.settings.timeout_ms) = (8, 20_000);
    let backend = terms.backend();
    let all = (0..8).map(|_| {
        let mut world = terms.attempt(&backend);
        async move { status(&world.fetch(get("/a")).await) }
    });
    assert!(join_all(all).await.iter().all(|came| *came == Ok(200)));
    assert_eq!(issuer.count(), 1);
    report.row("8 requests need a token at once", "200", "1 token fetched");
    for n in 1..=3 {
        assert_eq!(status(&terms.attempt(&backend).fetch(get("/refused")).await), Ok(401));
        assert_eq!(issuer.count(), n, "the one that was not taken is replaced when it is needed");
    }
    report.row("a backend takes no token, 3 requests", "401, as it is", "3 tokens fetched");
    // A request that is not taken late says nothing of the token that was fetched meanwhile.
    let mut slow = terms.attempt(&backend);
    let waiting = tokio::spawn(async move { status(&slow.fetch(get("/slow")).await) });
    until("it is under way", || web.seen().iter().any(|it| it.target == "/slow")).await;
    assert_eq!(status(&terms.attempt(&backend).fetch(get("/refused")).await), Ok(401));
    assert_eq!(status(&terms.attempt(&backend).fetch(get("/a")).await), Ok(200));
    let fetched = issuer.count();
    assert_eq!(waiting.await.expect("it ends"), Ok(401));
    assert_eq!(status(&terms.attempt(&backend).fetch(get("/a")).await), Ok(200));
    assert_eq!(issuer.count(), fetched);
}
