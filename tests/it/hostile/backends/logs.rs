//! What is logged at the most talkative level while secrets are sent: none of them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use vend::capability::settings::{ClientCredentials, Credential, Login, Signature};
use vend::domain::secret::Plain;

use super::*;
use crate::http::world::{header, used};
use crate::support::web::raw;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const SECRETS: [&str; 4] = ["cr3dential-value", "s3ssion-value", "t0ken-value", "r3source-value"];

#[tokio::test]
async fn no_level_of_logging_tells_a_secret() {
    let mut report = Report::new("backend: logs");
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let issuer = Web::start(|_| answer("200 OK", &[], r#"{"access_token":"t0ken-value","token_type":"bearer"}"#)).await;
    let secret = || Plain::new("cr3dential-value");
    let signature = |service: &str| {
        Credential::Signature(Signature {
            region: "eu".into(),
            service: service.into(),
            access_key_id: "AKID".into(),
            secret_access_key: secret(),
            session_token: Some(Plain::new("s3ssion-value")),
        })
    };
    let credentials = [
        Credential::Login(Login { username: "vend".into(), password: secret() }),
        Credential::Bearer(secret()),
        Credential::Header { name: "x-api-key".into(), value: secret(), secret: secret() },
        signature("s3"),
        signature("ec2"),
        Credential::ClientCredentials(ClientCredentials {
            token_endpoint: issuer.url(),
            client_id: "vend".into(),
            client_secret: secret(),
            scope: None,
            audience: None,
        }),
    ];
    let echo = |request: &crate::support::web::Request| match request.target.split('?').next() {
        Some("/closed") => vec![Act::Close],
        Some("/broken") => vec![raw(format!("HTTP/1.1 200 OK\r\n{request:?}\r\n\r\n")), Act::Close],
        _ => answer("200 OK", &[&format!("x-echo: {}", request.target)], format!("{request:?}")),
    };
    let web = Web::start(echo).await;
    for credential in credentials {
        let terms = terms(&web.url()).credential(credential);
        assert!(!SECRETS.iter().any(|secret| format!("{:?}", terms.settings).contains(secret)), "{:?}", terms.settings);
        let backend = terms.backend();
        for path in ["/a", "/closed", "/broken"] {
            let mut world = terms.attempt(&backend);
            let handle = world.secret("r3source-value").await;
            let asked = Request {
                headers: vec![header("x-mine", &handle)],
                secrets: vec![used(&handle, "plain")],
                ..with_body("POST", &format!("{path}?q={handle}"), handle.as_str())
            };
            let _ = world.send(asked.clone(), Semantics::Unsafe).await;
            let _ = terms.attempt(&backend).fetch(get(path)).await;
            assert!(web.seen().iter().any(|seen| seen.target == format!("{path}?q=r3source-value")), "it was sent");
        }
    }
    tracing::trace!("the last line");
    let told = String::from_utf8_lossy(&lines.0.lock().expect("not poisoned")).into_owned();
    assert!(told.contains("the last line") && told.contains("is not known"), "it is written down: {told}");
    for secret in SECRETS {
        let found: Vec<&str> = told.lines().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{secret}: {found:?}");
    }
    let cost = format!("{} lines at level trace", told.lines().count());
    report.row("everything is logged while secrets are sent, echoed and garbled", "none of them is in it", cost);
}
