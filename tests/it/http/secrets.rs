//! Secrets of a resource: values go out, handles come in, and neither the driver nor the journal sees a value.

use vend::wit::vend::driver::http_types::{Place, Request};
use vend::wit::vend::driver::types::Semantics;

use super::world::{Terms, capture, get, header, request, used};
use crate::support::web::{Web, answer};

#[tokio::test]
async fn values_are_put_in_and_taken_out() {
    let web =
        Web::start(|request| answer("201 Created", &["x-token: p%26ss-w0rd"], format!("you said {}", request.text())))
            .await;
    let mut world = Terms::open(&web.url()).world();
    let handle = world.secret("p&ss-w0rd").await;
    let asked = |path: &str| Request {
        headers: vec![header("X-Token", &handle)],
        body: format!("password={handle}").into_bytes(),
        secrets: vec![used(&handle, "form")],
        ..request("POST", path)
    };
    let response = world.send(asked(&format!("/users?token={handle}")), Semantics::Unsafe).await.expect("an answer");
    let seen = &web.seen()[0];
    assert_eq!((seen.target.as_str(), seen.text().as_str()), ("/users?token=p%26ss-w0rd", "password=p%26ss-w0rd"));
    assert_eq!(seen.header("x-token"), Some("p%26ss-w0rd"));
    let told = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body));
    assert!(told.contains("you said password=[secret]") && !told.contains("ss-w0rd"), "{told}");
    let kept = world.kept();
    assert!(kept.contains(&handle) && !kept.contains("ss-w0rd"), "{kept}");

    let unlisted = Request { secrets: Vec::new(), ..asked("/users") };
    assert_eq!(world.send(unlisted, Semantics::Unsafe).await.map(|it| it.status), Err("SECRET_NOT_LISTED".into()));
    let absent = Request { secrets: vec![used(&handle, "form")], ..request("POST", "/users") };
    assert_eq!(world.send(absent, Semantics::Unsafe).await.map(|it| it.status), Err("SECRET_NOT_FOUND".into()));
    let in_path = Request { secrets: vec![used(&handle, "form")], ..request("POST", &format!("/users/{handle}")) };
    assert_eq!(world.send(in_path, Semantics::Unsafe).await.map(|it| it.status), Err("SECRET_IN_PATH".into()));
    assert_eq!(web.count(), 1);
}

#[tokio::test]
async fn what_a_backend_gives_is_captured_before_a_driver_sees_it() {
    let web = Web::start(|request| match request.target.as_str() {
        "/miss" => answer("201 Created", &[], r#"{"other":"fresh-value"}"#),
        "/refused" => answer("409 Conflict", &[], r#"{"key":"fresh-value"}"#),
        _ => answer("201 Created", &["x-again: fresh-value"], r#"{"id":7,"key":"fresh-value","again":"fresh-value"}"#),
    })
    .await;
    let mut world = Terms::open(&web.url()).world();
    let asked = |path: &str| Request { capture: vec![capture(Place::Json("/key".into()))], ..request("POST", path) };
    let response = world.send(asked("/keys"), Semantics::Unsafe).await.expect("an answer");
    let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    let handle = body["key"].as_str().expect("a handle").to_owned();
    assert!(handle.starts_with("vsec_") && body["again"] == "[secret]", "{body}");
    assert!(!format!("{:?}", response.headers).contains("fresh-value"));
    // The value shares a commit with the answer that brought it, and is good from then on.
    assert_eq!(world.journal.record().secrets.len(), 1);
    assert_eq!(world.journal.record().secrets[0].value.reveal(), "fresh-value");
    let use_it =
        Request { body: handle.clone().into_bytes(), secrets: vec![used(&handle, "plain")], ..request("POST", "/use") };
    world.send(use_it, Semantics::Unsafe).await.expect("an answer");
    assert_eq!(web.seen()[1].text(), "fresh-value");

    let response = world.send(asked("/miss"), Semantics::Unsafe).await.expect("it was applied");
    assert!(response.body.is_empty());
    assert!(response.headers.iter().any(|header| header.name == "vend-withheld"), "{response:?}");
    // Nothing is captured from what did not succeed; a value that is known is scrubbed all the same.
    let response = world.send(asked("/refused"), Semantics::Unsafe).await.expect("an answer");
    assert_eq!((response.status, response.body.as_slice()), (409, br#"{"key":"[secret]"}"#.as_slice()));
    let bad = Request { capture: vec![capture(Place::Json("key".into()))], ..get("/keys") };
    assert_eq!(world.fetch(bad).await.map(|it| it.status), Err("CAPTURE_INVALID".into()));
    assert!(!world.kept().contains("fresh-value"));
}
