//! `vend serve`: the only place where everything meets.
//!
//! Starts in the order in which one thing needs another, and stops in the reverse one.

mod clock;
mod first;
mod reach;
mod unserved;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Flags, Format, Settings};
use crate::domain::hold::Target;
use crate::domain::principal::Principal;
use crate::domain::time::{Clock, Entropy};
use crate::driver::{Runtime, RuntimeConfig};
use crate::engine::{Engine, Retention};
use crate::frontend::cli::context;
use crate::identity::{self, Identity};
use crate::secret::Keyring;
use crate::server::tls::{self, Tls};
use crate::server::{self, Core, Limits, Listeners, Pages};
use crate::stock::Stock;
use crate::store::Store;
use crate::store::sqlite::Sqlite;
use crate::telemetry;

use unserved::Unserved;

pub use clock::{SystemClock, SystemEntropy};
pub use unserved::hint;

const TOKEN_FILE: &str = "admin.token";
const KEY_FILE: &str = "sealing.key";
const CACHE: &str = "cache";

/// How long calls and steps that are under way may go on after the stop was asked for; the engine bounds its own to the
/// same, so there is a little for writing down what it leaves.
const GRACE: Duration = Duration::from_secs(12);

/// How long the store is waited for at the end, should somebody still hold it.
const CLOSING: Duration = Duration::from_secs(1);

/// Drivers also run for plans, beside the engine's steps.
const PLANS_AT_ONCE: u32 = 8;

/// Serves until SIGTERM or SIGINT; with TLS, SIGHUP has the certificate read again. Prints one line on stdout once it is
/// ready.
pub async fn run(flags: Flags) -> anyhow::Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    let settings = config::settle(flags, &env)?;
    small_pages();
    let filter = env(telemetry::FILTER);
    telemetry::begin(settings.log.format == Format::Json, settings.log.level.as_str(), filter.as_deref())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);

    if let Some(endpoint) = &settings.traces.endpoint {
        telemetry::trace::export_to(endpoint)?;
    }
    let mut renewal = Renewal::of(&settings)?;

    let running = start(settings).await?;
    let url = reach::url(running.address, running.tls.as_deref());
    if let Err(error) = write_context(&url, &running) {
        tracing::warn!("cannot write the context `local`, so name the server with --server: {error:#}");
    }
    let ready =
        format!("vend ready at {url} (data {}, token {})", running.data.display(), running.token_file.display());
    // Serving does not hang on being heard.
    if let Err(error) = writeln!(std::io::stdout(), "{ready}") {
        tracing::warn!("{ready}; standard output takes nothing: {error}");
    }

    loop {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("stopping: SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stopping: SIGINT"),
            () = running.ended.cancelled() => tracing::error!("stopping: a part of the core has ended by itself"),
            () = renewal.asked() => {
                renew(&running);
                continue;
            }
        }
        let stopped = running.stop().await;
        // It waits for the collector, on a thread of its own.
        let _ = tokio::task::spawn_blocking(telemetry::trace::flush).await;
        return stopped;
    }
}

/// Room that is reserved and hardly used (for messages, for instances) would be handed out in pieces of 2 MiB.
fn small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the kernel keeps its huge pages");
    }
}

/// SIGHUP, if there is a certificate to be read again; without one it ends the process, as it does by default.
struct Renewal(Option<Signal>);

impl Renewal {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self(settings.tls.as_ref().map(|_| signal(SignalKind::hangup())).transpose()?))
    }

    async fn asked(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

fn renew(running: &Running) {
    let Some(tls) = &running.tls else { return };
    match tls.reload() {
        Ok(()) => tracing::info!("SIGHUP: new connections are shown the certificate as it is now"),
        Err(error) => {
            tracing::error!("SIGHUP: the former certificate stays: {:#}", anyhow::Error::new(error));
        }
    }
}

fn write_context(url: &str, running: &Running) -> anyhow::Result<()> {
    let folder = context::folder_of_process().context("there is no home to keep it in")?;
    let authority = running.tls.as_ref().and_then(|tls| tls.authority());
    context::write_local(&folder, url, &running.token_file, authority.as_deref())?;
    Ok(())
}

/// A core at work in this process. Dropping it stops nothing: call [`Running::stop`].
pub struct Running {
    pub address: SocketAddr,
    /// Where Prometheus asks.
    pub metrics_address: Option<SocketAddr>,
    pub data: PathBuf,
    pub token_file: PathBuf,
    pub store: Arc<dyn Store>,
    /// What callers are shown, if they come over TLS.
    pub tls: Option<Arc<Tls>>,
    shutdown: CancellationToken,
    pub engine: Arc<Engine>,
    /// Cancelled when the engine or the server has ended, well or not: neither does before it is told to.
    ended: CancellationToken,
    working: JoinHandle<anyhow::Result<()>>,
    server: JoinHandle<anyhow::Result<()>>,
}

/// Brings everything up. What fails leaves nothing running.
pub async fn start(settings: Settings) -> anyhow::Result<Running> {
    let opened = Sqlite::open(&settings.data, Arc::new(SystemClock), Arc::new(SystemEntropy));
    let store = opened.map_err(|error| Unserved::new(&settings.data, error))?;
    start_on(Arc::new(store), settings).await
}

/// The same on a store that is open already, in the data directory that the settings name.
pub async fn start_on(store: Arc<dyn Store>, settings: Settings) -> anyhow::Result<Running> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let data = settings.data;
    let tls = match settings.tls {
        Some(config::Tls { certificate, key, client_ca }) => {
            let files = tls::Files { certificate, key, client_ca };
            Some(Arc::new(Tls::open(files, Arc::clone(&clock))?))
        }
        None => None,
    };

    let keyring = Keyring::open_or_create(&data.join(KEY_FILE), entropy.as_ref());
    let keyring = Arc::new(keyring.map_err(|error| Unserved::new(&data, error))?);
    let runtime = Runtime::new(RuntimeConfig {
        cache_dir: Some(data.join(CACHE)),
        max_instances: settings.engine.concurrency + PLANS_AT_ONCE,
        max_limits: settings.limits.clone(),
        entropy: Arc::clone(&entropy),
    });
    let runtime = runtime.map_err(|error| Unserved::new(&data, error))?;
    let stock = Arc::new(Stock::new(
        Arc::clone(&store),
        Arc::clone(&keyring),
        Arc::new(runtime),
        Arc::clone(&clock),
        Arc::clone(&entropy),
        data.clone(),
        settings.limits,
    ));
    let drivers = stock.load().await?;
    first::documents(store.as_ref(), &stock).await?;
    let token_file = data.join(TOKEN_FILE);
    let admin = identity::ensure_admin(store.as_ref(), &token_file, clock.as_ref(), entropy.as_ref()).await;
    admin.map_err(|error| Unserved::new(&data, error))?;

    let engine = Engine::new(
        Arc::clone(&store),
        Arc::clone(&stock),
        Arc::clone(&keyring),
        Arc::clone(&clock),
        Arc::clone(&entropy),
        settings.engine.concurrency as usize,
    );
    let engine = Arc::new(engine.retaining(retention(settings.retention)));
    engine.load_holds().await?;
    if settings.paused {
        let serve = Principal { name: "system:serve".into(), roles: Vec::new() };
        engine.pause(Target::Core, "started with --paused", &serve).await?;
        tracing::info!("all work is paused until `vend resume core`");
    }
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
    };
    let api = bind(settings.listen).await?;
    let address = api.local_addr()?;
    let metrics = match settings.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let listeners = Listeners { api, metrics };

    let shutdown = CancellationToken::new();
    let core = Core {
        store: Arc::clone(&store),
        stock,
        engine: Arc::clone(&engine),
        pages: Pages::new(&keyring.derive(&["page-tokens"])),
        start_time: clock.now(),
        shutdown: shutdown.clone(),
        turns: Semaphore::new(server::TURNS),
    };
    let identity = Identity::new(Arc::clone(&store), clock);
    let config::Server { calls, waits, connections } = settings.server;
    let limits = Limits { calls: calls as usize, waits: waits as usize, connections: connections as usize };
    let (ended, stop) = (CancellationToken::new(), shutdown.clone());
    let guard = ended.clone().drop_guard();
    let shown = tls.clone();
    let server = tokio::spawn(async move {
        let _guard = guard;
        Ok(server::run(core, identity, limits, listeners, shown).await?)
    });
    let guard = ended.clone().drop_guard();
    let worker = Arc::clone(&engine);
    let working = tokio::spawn(async move {
        let _guard = guard;
        let (ran, (), ()) = tokio::join!(
            Arc::clone(&worker).run(stop.clone()),
            Arc::clone(&worker).observe_all(stop.clone()),
            worker.prune(stop)
        );
        Ok(ran?)
    });
    tracing::info!(%address, data = %data.display(), drivers, "ready");
    if let Some(address) = metrics_address {
        tracing::info!(%address, "metrics");
    }
    Ok(Running { address, metrics_address, data, token_file, store, tls, engine, shutdown, ended, working, server })
}

fn retention(it: config::Retention) -> Retention {
    let days = |days: u32| u64::from(days) * 24 * 60 * 60 * 1_000;
    Retention {
        succeeded_ms: days(it.succeeded_days),
        failed_ms: days(it.failed_days),
        journal_ms: days(it.journal_days),
        event_ms: days(it.event_days),
        events: it.events,
    }
}

impl Running {
    /// Health says NOT_SERVING, no call comes in, waits end, what works finishes within the grace period; what does not is
    /// in the store and goes on at the next start. Then the store is closed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let deadline = tokio::time::Instant::now() + GRACE;
        let engine = joined("engine", self.working, deadline).await;
        let server = joined("server", self.server, deadline).await;
        drop(self.engine);
        // Who was cut off may hold it for a moment longer, and the directory is the next one's only when it is closed.
        let closing = tokio::time::Instant::now() + CLOSING;
        while Arc::strong_count(&self.store) > 1 && tokio::time::Instant::now() < closing {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(self.store);
        tracing::info!("stopped");
        engine.and(server)
    }
}

/// The end of a task; after `deadline` it is cut off, which is no failure.
async fn joined(
    part: &str,
    mut task: JoinHandle<anyhow::Result<()>>,
    deadline: tokio::time::Instant,
) -> anyhow::Result<()> {
    match tokio::time::timeout_at(deadline, &mut task).await {
        Ok(ended) => {
            ended.with_context(|| format!("the {part} panicked"))?.with_context(|| format!("the {part} failed"))
        }
        Err(_) => {
            tracing::warn!("the {part} is not done after {} s and is cut off", GRACE.as_secs());
            task.abort();
            Ok(())
        }
    }
}
