//! What the core shows, and where it listens.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use vend::pb;
use vend::pb::system_service_client::SystemServiceClient;

use super::{Place, text};
use crate::support::certificates::Pair;
use crate::support::core::reason;
use crate::support::program::Program;

#[tokio::test]
async fn beyond_loopback_every_call_comes_over_tls_and_needs_a_token() {
    let place = Place::new();
    let chain = Pair { certificate: place.chain(), key: place.pair.key.clone() };
    let core = super::serve(&chain, &["--listen", "0.0.0.0:0"]);
    assert_eq!(core.url, format!("https://localhost:{}", core.port));

    let known = core.run(&["whoami"]);
    assert!(
        known.status == 0 && known.stdout.contains("token:admin"),
        "the context `local` has all it takes: {known:?}"
    );
    let context = std::fs::read_to_string(core.config().join("contexts.yaml")).expect("contexts");
    assert!(context.contains(&format!("ca-file: {}", text(&chain.certificate))), "{context}");

    let channel = place.connect(&core).await.expect("connected");
    let status = SystemServiceClient::new(channel.clone()).get_status(pb::GetStatusRequest {}).await;
    assert_eq!(reason(&status.expect_err("no token")), "UNAUTHENTICATED");
    let health = HealthClient::new(channel).check(HealthCheckRequest { service: String::new() }).await;
    assert_eq!(health.expect("open to all").into_inner().status, 1);
}

#[test]
fn on_loopback_tls_comes_from_the_configuration_too() {
    let place = Place::new();
    let config = place.path("vend.yaml");
    let (certificate, key) = (text(&place.pair.certificate), text(&place.pair.key));
    std::fs::write(&config, format!("tls: {{ certificate: {certificate}, key: {key} }}\n")).expect("written");
    let core = Program::start(&["--config", &text(&config)]);
    assert_eq!(core.url, format!("https://127.0.0.1:{}", core.port), "the address that is listened on, if it fits");
    let context = std::fs::read_to_string(core.config().join("contexts.yaml")).expect("contexts");
    assert!(!context.contains("ca-file"), "whom to trust does not stand in the file: {context}");
    let known = core.run(&["whoami", "--ca-file", &place.ca()]);
    assert!(known.status == 0, "{known:?}");
}

#[test]
fn the_address_that_is_told_is_one_that_the_certificate_is_for() {
    let place = Place::new();
    let pair = place.authority.sign("named", "subjectAltName=DNS:*.example.org,DNS:vend.example.org");
    let core = super::serve(&pair, &["--listen", "0.0.0.0:0"]);
    assert_eq!(core.url, format!("https://vend.example.org:{}", core.port));
    let pair = place.authority.sign("local", "subjectAltName=DNS:localhost");
    let core = super::serve(&pair, &[]);
    assert_eq!(core.url, format!("https://localhost:{}", core.port));
}

/// The version that both ends agree on, and the protocol.
async fn shake(
    place: &Place,
    core: &Program,
    version: &'static SupportedProtocolVersion,
) -> (ProtocolVersion, Vec<u8>) {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(place.authority.certificate()).expect("PEM");
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).expect("a version");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", core.port)).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("shaken");
    let session = stream.get_ref().1;
    (session.protocol_version().expect("agreed"), session.alpn_protocol().expect("agreed").to_vec())
}

#[tokio::test]
async fn tls_is_1_2_or_newer_and_speaks_h2() {
    let place = Place::new();
    let core = place.serve(&[]);
    let h2 = b"h2".to_vec();
    assert_eq!(shake(&place, &core, &rustls::version::TLS12).await, (ProtocolVersion::TLSv1_2, h2.clone()));
    assert_eq!(shake(&place, &core, &rustls::version::TLS13).await, (ProtocolVersion::TLSv1_3, h2));
    let old = |version: &str| {
        let address = format!("127.0.0.1:{}", core.port);
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address, version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("openssl").success()
    };
    assert!(old("-tls1_2"), "the client of this test works");
    assert!(!old("-tls1_1") && !old("-tls1"));
}

#[test]
fn a_client_without_a_certificate_of_the_authority_is_shut_out() {
    let place = Place::new();
    let clients = crate::support::certificates::Authority::new(place.folder.path(), "clients");
    let anna = clients.sign("anna", "extendedKeyUsage=clientAuth");
    let stranger = place.authority.sign("stranger", "extendedKeyUsage=clientAuth");
    let core = place.serve(&["--tls-client-ca", &text(&clients.certificate())]);
    let ask = |pair: Option<&Pair>| {
        let mut command = core.command(&["whoami", "--ca-file", &place.ca()]);
        if let Some(pair) = pair {
            command.arg("--client-cert").arg(&pair.certificate).arg("--client-key").arg(&pair.key);
        }
        crate::support::program::ran(command.output().expect("it ends"))
    };
    let known = ask(Some(&anna));
    assert!(known.status == 0, "{known:?}");
    let ran = ask(None);
    assert!(ran.status == 1 && ran.stderr.contains("asks for a client certificate"), "{ran:?}");
    let ran = ask(Some(&stranger));
    assert!(ran.status == 1 && ran.stderr.contains("does not accept the client certificate"), "{ran:?}");

    // A certificate opens the door, and says nothing about who may do what.
    let mut command = core.command(&["whoami", "--ca-file", &place.ca(), "--server"]);
    command.arg(format!("https://localhost:{}", core.port));
    command.env("VEND_CLIENT_CERT", &anna.certificate).env("VEND_CLIENT_KEY", &anna.key);
    let ran = crate::support::program::ran(command.output().expect("it ends"));
    assert!(ran.stderr.contains("UNAUTHENTICATED"), "{ran:?}");
}

#[test]
fn files_that_will_not_do_are_named_at_the_start() {
    let place = Place::new();
    let Pair { certificate, key } = place.pair.clone();
    let other = place.authority.sign("other", "subjectAltName=DNS:localhost");
    let client = place.authority.sign("client", "extendedKeyUsage=clientAuth");
    let authority = place.authority.pair();
    let missing = place.path("missing.pem");
    let exposed = place.path("exposed.key");
    std::fs::copy(&key, &exposed).expect("copied");
    std::fs::set_permissions(&exposed, std::fs::Permissions::from_mode(0o644)).expect("set");
    let encrypted = place.path("encrypted.key");
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-aes256", "-passout", "pass:x", "-in"]).arg(&key).arg("-out").arg(&encrypted);
    assert!(openssl.status().expect("openssl").success());
    let folder = place.folder.path();

    check(&missing, &key, None, &["cannot read the certificate", "missing.pem", "No such file"]);
    check(&certificate, &missing, None, &["cannot read the key", "missing.pem", "No such file"]);
    check(folder, &key, None, &["cannot read the certificate", "Is a directory"]);
    check(&certificate, &other.key, None, &["other.key` does not belong to the certificate", "core.pem"]);
    check(&key, &key, None, &["the certificate", "core.key` holds no certificate, but a private key", "mixed up"]);
    check(&certificate, &certificate, None, &["the key", "core.pem` holds no private key, but a certificate"]);
    check(&certificate, &exposed, None, &["exposed.key` can be read by others (mode 644)", "chmod 600"]);
    check(&certificate, &encrypted, None, &["encrypted.key", "encrypted one", "openssl pkey"]);
    check(&authority.certificate, &authority.key, None, &["authority.pem", "is an authority's own (CA:TRUE)"]);
    check(&client.certificate, &client.key, None, &["client.pem` is not for servers", "serverAuth"]);
    check(&certificate, &key, Some(&missing), &["cannot read the clients' authority", "missing.pem"]);
    check(&certificate, &key, Some(&key), &["the clients' authority", "core.key` holds no certificate"]);
}

/// It does not start, and says all these words.
#[track_caller]
fn check(certificate: &Path, key: &Path, client_ca: Option<&Path>, words: &[&str]) {
    let (certificate, key, client_ca) = (text(certificate), text(key), client_ca.map(text));
    let mut arguments = vec!["--tls-cert", &certificate, "--tls-key", &key];
    if let Some(path) = &client_ca {
        arguments.extend(["--tls-client-ca", path]);
    }
    let said = Program::try_start(&[], &arguments).err().expect("it does not start");
    for word in words {
        assert!(said.contains(word), "`{word}` in: {said}");
    }
}

#[test]
fn a_certificate_that_has_run_out_is_shown_and_warned_of() {
    let place = Place::new();
    let extensions = "subjectAltName=DNS:localhost";
    let old = place.authority.sign_between("old", extensions, "20200101000000Z", "20210203000000Z");
    let said = super::serve(&old, &[]).said();
    assert!(said.contains("old.pem`: it has expired on 2021-02-03"), "{said}");
    let early = place.authority.sign_between("early", extensions, "20650101000000Z", "20660101000000Z");
    let said = super::serve(&early, &[]).said();
    assert!(said.contains("early.pem`: it is not valid before 2065-01-01"), "{said}");
}
