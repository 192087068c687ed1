//! Backends behind TLS: who they are, who we are, and what happens on the way to knowing it.

mod pki;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;
use vend::capability::tls::Identity;
use vend::domain::secret::Plain;

use super::*;
use crate::support::web::{Wrap, raw};
use pki::{Leaf, Pki};

type Version = &'static rustls::SupportedProtocolVersion;

/// A server that shows `leaf`, and wants to see a certificate of `clients` if there are any.
async fn secure(leaf: &Leaf, clients: Option<&Leaf>, versions: &[Version]) -> Web {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), provider).build();
            builder.with_client_cert_verifier(verifier.expect("an authority"))
        }
    };
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(leaf.chain(), leaf.private()).expect("a pair")));
    let wrap: Wrap<tokio_rustls::server::TlsStream<tokio::net::TcpStream>> = Arc::new(move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move {
            match acceptor.accept(stream).into_fallible().await {
                Ok(stream) => Some(stream),
                Err((_, mut stream)) => {
                    // What it said last is to arrive: the connection is not reset.
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    None
                }
            }
        })
    });
    Web::wrapped(wrap, |_| answer("200 OK", &[], "fine")).await
}

/// What a read and a write through a connection that trusts `ca` come to.
async fn asks(port: u16, ca: &Leaf, identity: Option<&Leaf>) -> (Result<u16, String>, Result<u16, String>, String) {
    asks_for(60_000, port, ca, identity).await
}

async fn asks_for(
    patience_ms: u32,
    port: u16,
    ca: &Leaf,
    identity: Option<&Leaf>,
) -> (Result<u16, String>, Result<u16, String>, String) {
    let mut terms = terms(&format!("https://127.0.0.1:{port}"));
    terms.settings.timeout_ms = patience_ms.into();
    terms.settings.tls_ca = Some(ca.certificate.clone());
    terms.settings.tls_identity =
        identity.map(|it| Identity { certificate: it.certificate.clone(), key: Plain::new(it.key.clone()) });
    let backend = terms.backend();
    let found = terms.attempt(&backend).fetch(get("/a")).await;
    let mut world = terms.attempt(&backend);
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    (status(&found), status(&sent), world.last_write())
}

const BOTH: [Version; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn a_backend_is_who_its_certificate_says() {
    let mut report = Report::new("backend: certificates");
    let pki = Pki::new();
    let (ca, other) = (pki.authority("ca"), pki.authority("other"));
    let good = pki.leaf("good", &ca, "IP:127.0.0.1,DNS:localhost", 2, "serverAuth");
    let itself = pki.authority_with("itself", "IP:127.0.0.1");
    for (what, leaf, trusted, fits) in [
        ("the right certificate", good.clone(), &ca, true),
        ("another name", pki.leaf("name", &ca, "DNS:other.example.com,IP:127.0.0.2", 2, "serverAuth"), &ca, false),
        ("no name but a common one", pki.leaf("cn", &ca, "", 2, "serverAuth"), &ca, false),
        ("expired", pki.leaf("old", &ca, "IP:127.0.0.1", -1, "serverAuth"), &ca, false),
        ("one of a client", pki.leaf("client", &ca, "IP:127.0.0.1", 2, "clientAuth"), &ca, false),
        ("signed by itself", itself, &ca, false),
        ("of another authority", pki.leaf("foreign", &other, "IP:127.0.0.1", 2, "serverAuth"), &ca, false),
        ("right, where another authority is trusted", good.clone(), &other, false),
        (
            "made by a certificate that is no authority",
            pki.leaf("below", &good, "IP:127.0.0.1", 2, "serverAuth"),
            &ca,
            false,
        ),
    ] {
        let web = secure(&leaf, None, &BOTH).await;
        let (found, sent, journal) = asks(web.port, trusted, None).await;
        let refused = || Err("TLS_REFUSED".to_owned());
        match fits {
            true => {
                assert_eq!((found, sent, journal.as_str(), web.count()), (Ok(200), Ok(200), "applied", 2), "{what}")
            }
            false => {
                let expected = (refused(), refused(), "TLS_REFUSED", 0);
                assert_eq!((found, sent, journal.as_str(), web.count()), expected, "{what}");
            }
        }
        let outcome = if fits { "200" } else { "TLS_REFUSED, for certain not applied" };
        report.row(what, outcome, format!("{} requests arrived", web.count()));
    }
    // The system's authorities do not know it either.
    let web = secure(&good, None, &BOTH).await;
    let found = terms(&format!("https://127.0.0.1:{}", web.port)).world().fetch(get("/a")).await;
    assert_eq!((status(&found), web.count()), (Err("TLS_REFUSED".to_owned()), 0));
    // And a name that its certificate has, at the same address.
    let mut named = terms(&format!("https://localhost:{}", web.port));
    named.settings.tls_ca = Some(ca.certificate.clone());
    assert_eq!(status(&named.world().fetch(get("/a")).await), Ok(200));
}

/// In TLS 1.3 a server looks at our certificate when the request is on its way already.
#[tokio::test]
async fn vend_is_who_its_certificate_says() {
    let mut report = Report::new("backend: client certificates");
    let pki = Pki::new();
    let (ca, other) = (pki.authority("ca"), pki.authority("other"));
    let server = pki.leaf("server", &ca, "IP:127.0.0.1", 2, "serverAuth");
    let right = pki.leaf("right", &ca, "DNS:vend", 2, "clientAuth");
    let old = pki.leaf("old", &ca, "DNS:vend", -1, "clientAuth");
    let foreign = pki.leaf("foreign", &other, "DNS:vend", 2, "clientAuth");
    for (version, name) in [(BOTH[0], "TLS 1.2"), (BOTH[1], "TLS 1.3")] {
        for (what, identity, fits) in [
            ("the right certificate", Some(&right), true),
            ("none", None, false),
            ("an expired one", Some(&old), false),
            ("one of another authority", Some(&foreign), false),
        ] {
            let web = secure(&server, Some(&ca), &[version]).await;
            let (found, sent, journal) = asks(web.port, &ca, identity).await;
            let expected = match fits {
                true => (Ok(200), Ok(200), "applied", 2),
                false => (Err("TLS_REFUSED".to_owned()), Err("TLS_REFUSED".to_owned()), "TLS_REFUSED", 0),
            };
            assert_eq!((found, sent, journal.as_str(), web.count()), expected, "{what}, {name}");
            let outcome = if fits { "200" } else { "TLS_REFUSED, for certain not applied" };
            report.row(
                format!("{what}, asked by the backend, {name}"),
                outcome,
                format!("{} requests arrived", web.count()),
            );
        }
    }
    // A server that does not ask for it serves all the same.
    let web = secure(&server, None, &BOTH).await;
    assert_eq!(asks(web.port, &ca, Some(&right)).await.0, Ok(200));
}

#[tokio::test]
async fn what_is_no_tls_or_too_old() {
    let mut report = Report::new("backend: no TLS");
    let pki = Pki::new();
    let ca = pki.authority("ca");
    let server = pki.leaf("server", &ca, "IP:127.0.0.1", 2, "serverAuth");
    let wrap: Wrap<tokio::net::TcpStream> = Arc::new(|mut stream| {
        Box::pin(async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            None
        })
    });
    let plain = Web::wrapped(wrap, |_| answer("200 OK", &[], "fine")).await;
    let deaf = Web::deaf().await;
    let secured = secure(&server, None, &BOTH).await;
    let old = OldServer::start(&pki, "-tls1_1").await;
    let older = OldServer::start(&pki, "-tls1").await;
    for (what, port, code) in [
        ("plain HTTP on that port", plain.port, "TLS_REFUSED"),
        ("a handshake that never ends", deaf.port, "BACKEND_UNAVAILABLE"),
        ("nothing newer than TLS 1.1", old.port, "TLS_REFUSED"),
        ("nothing newer than TLS 1.0", older.port, "TLS_REFUSED"),
    ] {
        let begun = Instant::now();
        let patience_ms = if port == deaf.port { PATIENCE_MS } else { 60_000 };
        let (found, sent, journal) = asks_for(patience_ms, port, &ca, None).await;
        assert_eq!((found, sent, journal.as_str()), (Err(code.to_owned()), Err(code.to_owned()), code), "{what}");
        report.row(what, format!("{code}, for certain not applied"), format!("{} ms", begun.elapsed().as_millis()));
    }
    assert_eq!(plain.count(), 0, "a handshake is no request");
    // Plain HTTP to a port of TLS: what comes back is none.
    let mut world = terms(&format!("http://127.0.0.1:{}", secured.port)).world();
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    assert_eq!((status(&sent), secured.count()), (came(IN_DOUBT), 0));
    report.row(
        "plain HTTP to a port of TLS",
        "read: BACKEND_UNAVAILABLE; write: IN_DOUBT, as it was sent",
        "0 requests arrived",
    );
    assert_eq!(asks(secured.port, &ca, None).await.0, Ok(200));
    // A body that ends without a word of TLS may have been cut by anybody.
    for (what, acts, expected) in [
        ("hangs up in the middle", vec![raw("HTTP/1.1 200 OK\r\n\r\nhalf"), Act::Close], Ok(200)),
        ("says how long it is", answer("200 OK", &[], "fine"), Ok(200)),
    ] {
        let wrap = secured_wrap(&server);
        let web = Web::wrapped(wrap, move |_| acts.clone()).await;
        assert_eq!(asks(web.port, &ca, None).await.0, expected, "{what}");
    }
}

/// A connection over which nothing goes any more is gone with its last request, though TLS has no way to end it in peace.
#[tokio::test]
async fn a_backend_that_shakes_hands_and_never_reads() {
    let mut report = Report::new("backend: never reads in TLS");
    let pki = Pki::new();
    let ca = pki.authority("ca");
    let shake = secured_wrap(&pki.leaf("server", &ca, "IP:127.0.0.1", 2, "serverAuth"));
    let wrap: Wrap<tokio_rustls::server::TlsStream<tokio::net::TcpStream>> = Arc::new(move |stream| {
        let shaken = shake(stream);
        Box::pin(async move {
            let _held = shaken.await;
            std::future::pending().await
        })
    });
    let web = Web::wrapped(wrap, |_| answer("200 OK", &[], "fine")).await;
    let mut terms = terms(&format!("https://127.0.0.1:{}", web.port));
    terms.settings.tls_ca = Some(ca.certificate.clone());
    (terms.settings.timeout_ms, terms.limits.body_bytes) = (PATIENCE_MS.into(), 8 << 20);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut world = terms.world();
    let sent = world.send(with_body("POST", "/bad", vec![b'x'; 6_000_000]), Semantics::Unsafe).await;
    assert_eq!((status(&sent), world.last_write().as_str(), web.accepted()), (came(IN_DOUBT), "open", 1));
    drop(world);
    until("what was given up is gone", || tasks() <= before + web.accepted()).await;
    report.row("a request of 6 MB, never read", "write: IN_DOUBT", "1 connection, none left");
}

fn secured_wrap(leaf: &Leaf) -> Wrap<tokio_rustls::server::TlsStream<tokio::net::TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&BOTH).expect("versions");
    let config = builder.with_no_client_auth().with_single_cert(leaf.chain(), leaf.private()).expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Arc::new(move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move { acceptor.accept(stream).await.ok() })
    })
}

/// `openssl s_server`, which still speaks what rustls does not.
struct OldServer {
    port: u16,
    process: Child,
}

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl OldServer {
    async fn start(pki: &Pki, version: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", &address, "-cert", "server.pem", "-key", "server.key", version, "-www"]);
        command.args(["-cipher", "ALL:@SECLEVEL=0"]).current_dir(pki.dir());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { port, process: command.spawn().expect("openssl") };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "openssl s_server does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }
}
