//! Why a call never reached a core, told so that one knows what to change: the address, the trust, or the core.

use std::error::Error;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use tonic::Status;

use super::error::Failure;
use super::exit::Exit;
use super::probe::{self, Answer};
use super::settings::Settings;

/// The call never reached a core, or the connection broke.
pub fn is_transport(status: &Status) -> bool {
    causes(status).iter().any(|error| error.is::<tonic::transport::Error>() || error.is::<hyper::Error>())
}

/// Trying again changes nothing: the two ends do not come to terms.
pub fn is_for_good(status: &Status) -> bool {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    matches!(
        tls_error(&causes(status)),
        Some(AlertReceived(_) | InvalidCertificate(_) | InvalidMessage(_) | PeerIncompatible(_))
    )
}

/// Trying again changes nothing: TLS is spoken there, and the address says not to.
pub fn is_asked_in_the_clear(status: &Status, settings: &Settings) -> bool {
    is_transport(status) && is_somebody_there(&causes(status)) && matches!(probe::answer(settings), Some(Answer::Tls))
}

fn is_somebody_there(causes: &[&(dyn Error + 'static)]) -> bool {
    let mut kinds = causes.iter().filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    !kinds.any(|kind| kind == io::ErrorKind::ConnectionRefused)
}

pub fn explain(status: &Status, settings: Option<&Settings>) -> Failure {
    let causes = causes(status);
    let cause = causes.last().map_or_else(|| status.message().to_owned(), |error| error.to_string());
    let Some(settings) = settings else {
        return Failure::new(Exit::Failed, format!("cannot reach the core: {cause}"));
    };
    if let Some(error) = tls_error(&causes) {
        return tls(error, settings);
    }
    let place = format!("{} (from {})", settings.server, settings.origin);
    if is_somebody_there(&causes) {
        // Somebody is there: what becomes of a greeting says more than a connection that broke off.
        match probe::answer(settings) {
            Some(Answer::Tls) => {
                return Failure::new(Exit::Failed, format!("the core at {place} speaks TLS, and was not asked to"))
                    .with_hint(
                        "use https://, with --ca-file if the system does not trust its certificate's authority",
                    );
            }
            Some(Answer::Refused(error)) => return tls(&error, settings),
            None => {}
        }
    }
    Failure::new(Exit::Failed, format!("cannot reach the core at {place}: {cause}"))
        .with_hint("start one with `vend serve`, or name another with --server or `vend context use`")
}

/// What went wrong between the two ends before they understood each other.
fn tls(error: &rustls::Error, settings: &Settings) -> Failure {
    let place = format!("the core at {} (from {})", settings.server, settings.origin);
    let told = |message: String, hint: &str| Failure::new(Exit::Failed, message).with_hint(hint);
    match error {
        rustls::Error::InvalidCertificate(error) => certificate(error, settings, &place),
        rustls::Error::InvalidMessage(_) => told(
            format!("{place} does not speak TLS"),
            "use http:// if it runs on this machine; elsewhere it has to be given a certificate",
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => told(
            format!("{place} asks for a client certificate"),
            "pass --client-cert and --client-key, or put them into the context",
        ),
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        ) if settings.client_cert.is_some() => told(
            format!("{place} does not accept the client certificate: {error}"),
            "get one from the authority that it trusts",
        ),
        other => told(
            format!("cannot come to terms with {place}: {other}"),
            "the log of `vend serve` says more, with VEND_LOG=vend=debug",
        ),
    }
}

fn certificate(error: &CertificateError, settings: &Settings, place: &str) -> Failure {
    let told = |message: String, hint: &str| Failure::new(Exit::Failed, message).with_hint(hint);
    match error {
        CertificateError::UnknownIssuer => {
            let trusted = match &settings.ca_file {
                Some(path) => format!("in `{}`", path.display()),
                None => "that this system trusts".to_owned(),
            };
            told(
                format!("{place} has a certificate that no authority {trusted} has signed"),
                "name the authority's certificate with --ca-file, or `vend context set NAME --ca-file FILE`",
            )
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            told(
                format!("{place} has a certificate for {names}, not for {}", expected.to_str()),
                "use the name that is in the certificate",
            )
        }
        CertificateError::ExpiredContext { not_after, .. } => told(
            format!("{place} has a certificate that has expired on {}", date(not_after)),
            "it has to be renewed there; if the date is not past, look at this machine's clock",
        ),
        CertificateError::NotValidYetContext { not_before, .. } => told(
            format!("{place} has a certificate that is not valid before {}", date(not_before)),
            "look at the clocks of both machines",
        ),
        other => {
            told(format!("{place} has a certificate that is not accepted: {other}"), "it has to be replaced there")
        }
    }
}

/// `DnsName("core")` and `IpAddress(10.0.0.1)`, as people write them.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn date(time: &UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds}"), |stamp| stamp.to_string())
}

/// What caused it, from the outermost to the innermost; also what an I/O error wraps.
fn causes(status: &Status) -> Vec<&(dyn Error + 'static)> {
    let mut found: Vec<&(dyn Error + 'static)> = Vec::new();
    let mut next = status.source();
    while let Some(error) = next {
        found.push(error);
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    found
}

fn tls_error<'a>(causes: &[&'a (dyn Error + 'static)]) -> Option<&'a rustls::Error> {
    causes.iter().find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::super::connect::Session;
    use super::super::error::{from_status, render};
    use super::super::paint::Paint;
    use super::super::terminal::Terminal;
    use super::*;

    #[tokio::test]
    async fn where_nobody_listens() {
        // Port 1 is never listened on here.
        let (server, origin) = ("http://127.0.0.1:1".to_owned(), "the context `local`".to_owned());
        let settings = Settings { server, origin, ..Settings::default() };
        let session = Session::new(settings.clone(), Terminal::of_tests()).expect("a session");
        let status = session.system().get_status(crate::pb::GetStatusRequest {}).await.expect_err("nobody is there");
        assert!(!is_for_good(&status), "one may be started");
        let text = render(&from_status(&status, Some(&settings)), &Paint::plain());
        assert!(
            text.starts_with(
                "error: cannot reach the core at http://127.0.0.1:1 (from the context `local`): Connection refused"
            ),
            "{text}"
        );
        assert!(text.contains("`vend serve`"), "{text}");
    }

    #[test]
    fn names_of_a_certificate_as_people_write_them() {
        assert_eq!(bare("DnsName(\"core\")"), "core");
        assert_eq!(bare("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(bare("core"), "core");
    }
}
