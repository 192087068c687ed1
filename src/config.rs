//! What an operator sets: a YAML file, the environment, flags; and what holds where nothing is said.
//!
//! Must never know what the settings are for. Flags win over the environment, the environment over the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::limits::Limits;

const LISTEN: &str = "127.0.0.1:7440";
const MOST_STEPS: u32 = 1_024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the configuration `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the configuration `{}` is wrong: {message}", path.display())]
    Invalid { path: PathBuf, message: String },
    #[error(
        "cannot listen on {0}: listening beyond loopback needs TLS: name a certificate and its key with --tls-cert and \
         --tls-key, or under `tls` in the configuration; docs/operations.md shows how to make them"
    )]
    NotLoopback(SocketAddr),
    #[error("TLS needs both a certificate and its key: {0} is missing (--{0}, or `tls` in the configuration)")]
    HalfTls(&'static str),
    #[error("there is no home to keep data in: pass --data, or set VEND_DATA")]
    NoHome,
    #[error("cannot make `{}` an absolute path", path.display())]
    Path { path: PathBuf, source: std::io::Error },
}

/// A configuration file. Everything in it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// `ADDRESS:PORT`, beyond loopback only with `tls`; port 0 takes any that is free.
    pub listen: Option<SocketAddr>,
    pub tls: Option<Tls>,
    pub log: Log,
    pub metrics: Metrics,
    pub traces: Traces,
    /// What no attempt of a driver gets more of.
    pub limits: Maxima,
    pub engine: Engine,
    pub server: Server,
    pub store: Store,
    pub retention: Retention,
}

/// Calls come over TLS if this is given. All are PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tls {
    /// The core's certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities; given, every client has to show a certificate of one of them.
    pub client_ca: Option<PathBuf>,
}

/// For Prometheus, at `/metrics` of an address of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Metrics {
    /// Beyond loopback only with `tls`, whose certificate it shows. Nowhere if left out.
    pub listen: Option<SocketAddr>,
}

/// For an OpenTelemetry collector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Traces {
    /// Where it takes OTLP/gRPC: `http://127.0.0.1:4317`. Nothing is sent if left out.
    pub endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    pub format: Format,
    pub level: Level,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[default]
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// The operator's maxima; what is left out stays at the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Maxima {
    pub memory_bytes: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub time_ms: Option<u64>,
    pub reads: Option<u32>,
    pub writes: Option<u32>,
    pub body_bytes: Option<u64>,
    pub journal_bytes: Option<u64>,
    pub output_bytes: Option<u64>,
    pub log_bytes: Option<u64>,
    pub table_elements: Option<u64>,
}

impl Maxima {
    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            memory_bytes: self.memory_bytes.unwrap_or(usual.memory_bytes),
            cpu_ms: self.cpu_ms.unwrap_or(usual.cpu_ms),
            time_ms: self.time_ms.unwrap_or(usual.time_ms),
            reads: self.reads.unwrap_or(usual.reads),
            writes: self.writes.unwrap_or(usual.writes),
            body_bytes: self.body_bytes.unwrap_or(usual.body_bytes),
            journal_bytes: self.journal_bytes.unwrap_or(usual.journal_bytes),
            output_bytes: self.output_bytes.unwrap_or(usual.output_bytes),
            log_bytes: self.log_bytes.unwrap_or(usual.log_bytes),
            table_elements: self.table_elements.unwrap_or(usual.table_elements),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Engine {
    /// Steps at once; 1 to 1,024.
    pub concurrency: u32,
}

impl Default for Engine {
    fn default() -> Self {
        Self { concurrency: 128 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Server {
    /// Calls at work at once; more are refused.
    pub calls: u32,
    /// Calls that watch or wait, at once.
    pub waits: u32,
    /// Connections open at once. Each takes a file of the process: keep it well below `ulimit -n`.
    pub connections: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self { calls: 512, waits: 4_096, connections: 512 }
    }
}

/// How long what is kept. Audit entries always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retention {
    /// Operations that succeeded, from their end on.
    pub succeeded_days: u32,
    /// Operations that ended otherwise.
    pub failed_days: u32,
    /// After so many the journals of what succeeded hold digests only.
    pub journal_days: u32,
    /// Events, for watchers that come back.
    pub event_days: u32,
    /// Events of one of the 256 shards of projects, whatever their age.
    pub events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { succeeded_days: 30, failed_days: 90, journal_days: 7, event_days: 7, events: 1_000_000 }
    }
}

/// Where records are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// In the data directory.
    #[default]
    Sqlite,
}

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_client_ca: Option<PathBuf>,
    pub metrics_listen: Option<SocketAddr>,
    pub paused: bool,
}

/// What holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Absolute.
    pub data: PathBuf,
    /// On loopback, unless there is `tls`.
    pub listen: SocketAddr,
    /// With absolute paths.
    pub tls: Option<Tls>,
    /// As `listen`.
    pub metrics_listen: Option<SocketAddr>,
    pub traces: Traces,
    pub log: Log,
    pub limits: Limits,
    pub engine: Engine,
    pub server: Server,
    pub retention: Retention,
    /// All work is paused before any begins.
    pub paused: bool,
}

/// Everything together; `env` looks a variable up.
pub fn settle(flags: Flags, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Error> {
    let config = match &flags.config {
        Some(path) => read(path)?,
        None => Config::default(),
    };
    let var = |name: &str| env(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let listen = flags.listen.or(config.listen);
    let listen = listen.unwrap_or_else(|| LISTEN.parse().expect("the default address is one"));
    let tls = tls(config.tls, flags.tls_cert, flags.tls_key, flags.tls_client_ca)?;
    let metrics_listen = flags.metrics_listen.or(config.metrics.listen);
    if let (None, Some(exposed)) =
        (&tls, [Some(listen), metrics_listen].into_iter().flatten().find(|it| !it.ip().is_loopback()))
    {
        return Err(Error::NotLoopback(exposed));
    }
    let mut traces = config.traces;
    traces.endpoint = traces.endpoint.or_else(|| env("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|text| !text.is_empty()));
    let home = || var("XDG_DATA_HOME").or_else(|| Some(var("HOME")?.join(".local/share"))).map(|it| it.join("vend"));
    let data = flags.data.or_else(|| var("VEND_DATA")).or(config.data).or_else(home).ok_or(Error::NoHome)?;
    Ok(Settings {
        data: absolute(data)?,
        listen,
        tls,
        metrics_listen,
        traces,
        log: config.log,
        limits: config.limits.limits(),
        engine: config.engine,
        server: config.server,
        retention: config.retention,
        paused: flags.paused,
    })
}

/// The files of the configuration, or those of the flags in their place. A certificate is nothing without its key.
fn tls(
    file: Option<Tls>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
) -> Result<Option<Tls>, Error> {
    let (own_certificate, own_key, own_client_ca) = match file {
        Some(tls) => (Some(tls.certificate), Some(tls.key), tls.client_ca),
        None => (None, None, None),
    };
    let client_ca = client_ca.or(own_client_ca).map(absolute).transpose()?;
    match (certificate.or(own_certificate), key.or(own_key)) {
        (Some(certificate), Some(key)) => {
            Ok(Some(Tls { certificate: absolute(certificate)?, key: absolute(key)?, client_ca }))
        }
        (None, None) if client_ca.is_none() => Ok(None),
        (None, _) => Err(Error::HalfTls("tls-cert")),
        (Some(_), None) => Err(Error::HalfTls("tls-key")),
    }
}

fn absolute(path: PathBuf) -> Result<PathBuf, Error> {
    std::path::absolute(&path).map_err(|source| Error::Path { path, source })
}

fn read(path: &Path) -> Result<Config, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|message| Error::Invalid { path: path.to_owned(), message })
}

fn parse(text: &str) -> Result<Config, String> {
    // A file of nothing but comments is a null.
    let config: Option<Config> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let config = config.unwrap_or_default();
    let steps = config.engine.concurrency;
    if !(1..=MOST_STEPS).contains(&steps) {
        return Err(format!("engine.concurrency is {steps}: use 1 to {MOST_STEPS}"));
    }
    if config.server.calls == 0 || config.server.waits == 0 || config.server.connections == 0 {
        return Err("server.calls, server.waits and server.connections must be at least 1".to_owned());
    }
    let Retention { succeeded_days, failed_days, journal_days, event_days, events } = config.retention;
    if [succeeded_days, failed_days, journal_days, event_days].contains(&0) || events == 0 {
        return Err("what stands under retention must be at least 1".to_owned());
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn without_anything_said_it_listens_on_loopback_below_home() {
        let settings = settle(Flags::default(), &env(&[("HOME", "/home/anna")])).expect("the defaults");
        assert_eq!(settings.data, Path::new("/home/anna/.local/share/vend"));
        assert_eq!(settings.listen.to_string(), "127.0.0.1:7440");
        assert_eq!(settings.limits, Limits::default());
        assert!(matches!(settle(Flags::default(), &env(&[])), Err(Error::NoHome)));
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vend.yaml");
        std::fs::write(&path, "data: /file\nlisten: 127.0.0.1:1\nlimits: { reads: 7 }\n").expect("written");
        let flags = Flags { config: Some(path), ..Flags::default() };
        let settings = settle(flags.clone(), &env(&[])).expect("the file");
        assert_eq!((settings.data.as_path(), settings.listen.port()), (Path::new("/file"), 1));
        assert_eq!((settings.limits.reads, settings.limits.writes), (7, Limits::default().writes));
        let settings = settle(flags.clone(), &env(&[("VEND_DATA", "/env"), ("XDG_DATA_HOME", "/xdg")])).expect("env");
        assert_eq!(settings.data, Path::new("/env"));
        let flags = Flags { data: Some("/flag".into()), listen: "[::1]:0".parse().ok(), ..flags };
        let settings = settle(flags, &env(&[("VEND_DATA", "/env")])).expect("flags");
        assert_eq!((settings.data.as_path(), settings.listen.port()), (Path::new("/flag"), 0));
    }

    #[test]
    fn beyond_loopback_is_refused_without_tls_and_says_how_to_set_it_up() {
        for address in ["0.0.0.0:7440", "192.168.1.2:7440", "[::]:7440"] {
            let flags = Flags { listen: address.parse().ok(), data: Some("/d".into()), ..Flags::default() };
            let error = settle(flags.clone(), &env(&[])).expect_err(address).to_string();
            for word in [address, "needs TLS", "--tls-cert", "--tls-key", "docs/operations.md"] {
                assert!(error.contains(word), "{error}");
            }
            let secured = Flags { tls_cert: Some("/c".into()), tls_key: Some("/k".into()), ..flags };
            assert_eq!(settle(secured, &env(&[])).expect("with TLS").listen.to_string(), address);
        }
    }

    #[test]
    fn a_certificate_comes_with_its_key_from_flags_or_from_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vend.yaml");
        std::fs::write(&path, "tls: { certificate: /file/c, key: /file/k }\n").expect("written");
        let file = Flags { config: Some(path), data: Some("/d".into()), ..Flags::default() };
        let tls = |flags: Flags| settle(flags, &env(&[])).map(|it| it.tls);
        let expected = Tls { certificate: "/file/c".into(), key: "/file/k".into(), client_ca: None };
        assert_eq!(tls(file.clone()).expect("both"), Some(expected.clone()));
        let flags = Flags { tls_key: Some("/flag/k".into()), tls_client_ca: Some("/flag/ca".into()), ..file };
        let expected = Tls { key: "/flag/k".into(), client_ca: Some("/flag/ca".into()), ..expected };
        assert_eq!(tls(flags).expect("flags win"), Some(expected));

        let bare = || Flags { data: Some("/d".into()), ..Flags::default() };
        assert_eq!(tls(bare()).expect("plain"), None);
        for (flags, missing) in [
            (Flags { tls_cert: Some("/c".into()), ..bare() }, "--tls-key"),
            (Flags { tls_key: Some("/k".into()), ..bare() }, "--tls-cert"),
            (Flags { tls_client_ca: Some("/ca".into()), ..bare() }, "--tls-cert"),
        ] {
            let error = tls(flags).expect_err(missing).to_string();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[test]
    fn a_wrong_file_says_where_and_what() {
        let check = |text: &str, expected: &str| {
            let message = parse(text).expect_err(text);
            assert!(message.contains(expected), "{message}");
        };
        check("data: /x\nlisten: nowhere\n", "line 2");
        check("dta: /x\n", "unknown field `dta`");
        check("log:\n  format: xml\n", "unknown variant `xml`");
        check("engine: { concurrency: 0 }", "engine.concurrency is 0");
        check("server: { calls: 0 }", "at least 1");
        check("server: { connections: 0 }", "at least 1");
        check("retention: { failed-days: 0 }", "under retention must be at least 1");
        check("retention: { audit-days: 1 }", "unknown field `audit-days`");
        check("tls: { certificate: /c }", "missing field `key`");
        check("store: postgres", "unknown variant `postgres`");
        assert_eq!(parse("# nothing\n"), Ok(Config::default()));
        assert_eq!(parse("retention: { failed-days: 7 }").map(|it| it.retention.succeeded_days), Ok(30));
        assert_eq!(parse("log: { format: json, level: debug }").map(|it| it.log.level), Ok(Level::Debug));
    }
}
