//! Answers that point elsewhere: shown to the driver, followed by nobody.

use vend::capability::settings::{ClientCredentials, Credential};
use vend::domain::secret::Plain;

use super::*;

const STATUSES: [&str; 6] = [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
    "300 Multiple Choices",
];

#[tokio::test]
async fn no_redirect_is_followed() {
    let mut report = Report::new("backend: redirects");
    let elsewhere = Web::start(|_| answer("200 OK", &[], "elsewhere")).await;
    let port = elsewhere.port;
    let places: Vec<(&str, String)> = vec![
        ("another port", format!("http://127.0.0.1:{port}/hit")),
        ("another port, by name", format!("http://localhost:{port}/hit")),
        ("another port, no scheme", format!("//127.0.0.1:{port}/hit")),
        ("another port, as a user", format!("http://api@127.0.0.1:{port}/hit")),
        ("its own port, another path", "/hit".to_owned()),
        ("metadata", "http://169.254.169.254/latest/meta-data/".to_owned()),
        ("metadata over IPv6", "http://[fd00:ec2::254]/latest/meta-data/".to_owned()),
        ("a file", "file:///etc/passwd".to_owned()),
        ("itself", "/bad".to_owned()),
        ("no URL", "http://[".to_owned()),
    ];
    for (what, place) in places {
        let location = place.clone();
        let statuses = STATUSES.map(|status| status.to_owned());
        let web = Web::start(move |request| {
            let status = request.target.strip_prefix("/bad/").and_then(|n| statuses.get(n.parse::<usize>().ok()?));
            let location = format!("location: {location}");
            let refresh = location.replacen("location: ", "refresh: 0; url=", 1);
            let also = location.replacen("location: ", "content-location: ", 1);
            match status {
                Some(status) => answer(status, &[&location, &refresh, &also, "alt-svc: h2=\"127.0.0.1:1\""], ""),
                None => answer("200 OK", &[], "fine"),
            }
        })
        .await;
        let terms = terms(&web.url()).credential(Credential::Bearer(Plain::new("s3cr3t-of-the-connection")));
        let backend = terms.backend();
        for (n, status) in STATUSES.iter().enumerate() {
            let path = format!("/bad/{n}");
            let found = terms.attempt(&backend).fetch(get(&path)).await.expect("an answer");
            let sent =
                terms.attempt(&backend).send(request("POST", &path), Semantics::Unsafe).await.expect("an answer");
            for response in [found, sent] {
                assert_eq!(response.status.to_string(), status[..3], "{what}");
                assert!(told(&response).contains(&format!("location: {place}")), "{what}: {response:?}");
            }
        }
        assert_eq!((web.count(), elsewhere.count()), (2 * STATUSES.len(), 0), "{what}: each was asked once");
        report.row(
            format!("redirected to {what}"),
            "the driver sees status and location; not followed (300 to 308, read and write)",
            format!("{} requests, {} elsewhere", web.count(), elsewhere.count()),
        );
        // A driver may ask for what it was told, through the same rules.
        let asked = terms.attempt(&backend).fetch(get(&format!("{}/next", web.url()))).await;
        assert_eq!(asked.map(|it| it.status), Ok(200));
        let asked = terms.attempt(&backend).fetch(get(&format!("http://127.0.0.1:{port}/hit"))).await;
        assert_eq!((asked.map(|it| it.status), elsewhere.count()), (Err("URL_OUTSIDE".to_owned()), 0));
    }
}

/// The request for a token carries a secret: it goes where the document says.
#[tokio::test]
async fn no_redirect_of_an_issuer_is_followed() {
    let mut report = Report::new("backend: redirects of issuers");
    let elsewhere =
        Web::start(|_| answer("200 OK", &[], r#"{"access_token":"t0ken-t0ken","token_type":"bearer"}"#)).await;
    for status in STATUSES {
        let location = format!("location: {}/token", elsewhere.url());
        let issuer = Web::start(move |_| answer(status, &[&location], "")).await;
        let web = Web::start(|_| answer("200 OK", &[], "fine")).await;
        let client = |endpoint: String| {
            Credential::ClientCredentials(ClientCredentials {
                token_endpoint: endpoint,
                client_id: "vend".into(),
                client_secret: Plain::new("s3cr3t-of-the-client"),
                scope: None,
                audience: None,
            })
        };
        let found = terms(&web.url()).credential(client(issuer.url())).world().fetch(get("/a")).await;
        assert_eq!(found.map(|it| it.status), Err("BACKEND_UNAVAILABLE".to_owned()), "{status}");
        assert_eq!((issuer.count(), elsewhere.count(), web.count()), (1, 0, 0), "{status}");
        report.row(format!("a token is at another place: {status}"), "BACKEND_UNAVAILABLE", "1 request, 0 elsewhere");
    }
    let web = Web::start(|_| answer("200 OK", &[], "fine")).await;
    let named = Credential::ClientCredentials(ClientCredentials {
        token_endpoint: format!("{}/token", elsewhere.url()),
        client_id: "vend".into(),
        client_secret: Plain::new("s3cr3t-of-the-client"),
        scope: None,
        audience: None,
    });
    assert_eq!(terms(&web.url()).credential(named).world().fetch(get("/a")).await.map(|it| it.status), Ok(200));
    assert_eq!(elsewhere.count(), 1);
}
