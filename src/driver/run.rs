//! One attempt: a fresh instance, one call, a report.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::capability::abort::Abort;
use crate::capability::book::Book;
use crate::capability::convert::{error_from_wit, line, shorten};
use crate::capability::host::Host;
use crate::capability::journal::Batch;
use crate::capability::log::Log;
use crate::capability::scrub::mask_handles;
use crate::capability::tape::{Phase, Tape};
use crate::capability::watch::Watch;
use crate::domain::contract::{Answer, Call};
use crate::domain::effect::Effect;
use crate::domain::limits::{Limit, Limits};

use super::answer::{self, Raw};
use super::attempt::{Attempt, Failure, Report, Usage};
use super::component::Inner;
use super::engine::{HANDLES, STACK_BYTES};
use super::fit;
use super::state::{Limiter, State};
use super::wasi::Wasi;

/// Of what the engine says of a crash.
const LONGEST_CAUSE: usize = 1 << 10;

/// What a guest may compute before it has to take turns with others like it.
const A_WHILE: Duration = Duration::from_millis(10);

/// How long a commit in hand may take once time is up.
const GRACE: Duration = Duration::from_secs(30);

pub async fn run(driver: &Inner, attempt: Attempt) -> Report {
    let shared = &driver.runtime.0;
    let _turn = shared.turns.acquire().await.expect("nobody closes the semaphore");
    let limits = within(attempt.limits, &shared.max_limits);
    let phase = Phase::default();
    let tape = match Tape::new(&attempt.past, attempt.journal, attempt.clock, &limits, phase.clone()) {
        Ok(tape) => tape,
        Err(abort) => return not_started(attempt.past.effect(), abort),
    };
    let input = attempt.call.input();
    let host = Host {
        tape,
        book: Book::new(
            input.map(|input| input.resource_id.clone()).unwrap_or_default(),
            attempt.handle_key,
            attempt.secrets,
            attempt.entropy,
        ),
        grants: attempt.grants,
        log: Log::new(limits.log_bytes),
        watch: Watch::default(),
        status: None,
        denied: 0,
        trace: attempt.trace,
        scope: input.map(|input| format!("{}/{}", input.incarnation, input.context["generation"])).unwrap_or_default(),
    };
    let state = State { host, wasi: Wasi::new(attempt.seed), limiter: Limiter::new(&limits) };
    let mut store = Store::new(&shared.engine, state);
    hold(&mut store, &limits, shared.computing.clone());

    let ticking = shared.ticker.tick();
    let watch = store.data().host.watch.clone();
    let profiles = &driver.profiles;
    let ended = timed(limits.time_ms, &phase, async {
        watch.start();
        if let Call::Discover { input, page_token } = &attempt.call {
            let Some(pre) = profiles.discover() else { return Ok(Err(answer::no_discovery())) };
            let instance = pre.instantiate_async(&mut store).await.map_err(|error| (error, false))?;
            let page = answer::discover(&instance, &mut store, input, page_token.as_deref()).await;
            return page.map_err(|error| (error, true));
        }
        let pre = profiles.of(attempt.call.verb().profile());
        let instance = pre.instantiate_async(&mut store).await.map_err(|error| (error, false))?;
        answer::call(&instance, &mut store, &attempt.call).await.map_err(|error| (error, true))
    })
    .await;
    watch.stop();
    drop(ticking);

    let mut state = store.into_data();
    state.wasi.flush(&mut state.host.log);
    let result = match ended {
        None => Err(match phase.in_doubt() {
            Some(doubt) => Failure::InDoubt(Box::new(doubt)),
            None => Failure::Limit { limit: Limit::Time, max: limits.time_ms },
        }),
        Some(Err((error, running))) => Err(failure(&error, running, &state, &limits)),
        Some(Ok(answered)) => judge(driver, &attempt.call, answered, &state, &limits),
    };
    let host = &mut state.host;
    Report {
        result,
        effect: host.tape.effect(),
        replayed: host.tape.kept(),
        usage: Usage {
            cpu_ms: u64::try_from(host.watch.spent().as_millis()).unwrap_or(u64::MAX),
            memory_bytes: state.limiter.memory_bytes(),
            reads: host.tape.meter().reads(),
            writes: host.tape.meter().writes(),
            denied: host.denied,
        },
        logs: host.log.take().into_iter().map(|(level, line)| (level, mask_handles(line))).collect(),
        status: host.status.take().map(mask_handles),
        rest: host.tape.take_rest(),
    }
}

/// `asked`, and of nothing more than `max`.
fn within(asked: Limits, max: &Limits) -> Limits {
    Limits {
        memory_bytes: asked.memory_bytes.min(max.memory_bytes),
        cpu_ms: asked.cpu_ms.min(max.cpu_ms),
        time_ms: asked.time_ms.min(max.time_ms),
        reads: asked.reads.min(max.reads),
        writes: asked.writes.min(max.writes),
        body_bytes: asked.body_bytes.min(max.body_bytes),
        journal_bytes: asked.journal_bytes.min(max.journal_bytes),
        output_bytes: asked.output_bytes.min(max.output_bytes),
        log_bytes: asked.log_bytes.min(max.log_bytes),
        table_elements: asked.table_elements.min(max.table_elements),
    }
}

fn not_started(effect: Effect, abort: Abort) -> Report {
    Report {
        result: Err(abort.into()),
        rest: Batch::default(),
        effect,
        replayed: 0,
        usage: Usage::default(),
        logs: Vec::new(),
        status: None,
    }
}

/// Memory, tables and time in the guest. A guest that runs gives way to others at every tick; one that has computed for a while goes on in
/// turns, of which there are fewer than processors, so that whoever has little to do need not wait for those who have much.
fn hold(store: &mut Store<State>, limits: &Limits, turns: Arc<Semaphore>) {
    store.limiter(|state| &mut state.limiter);
    // Bytes that one call may hand over: a request with its parts, or an answer.
    let handed = limits.body_bytes.max(limits.output_bytes).saturating_mul(2).saturating_add(1 << 20);
    store.set_hostcall_fuel(usize::try_from(handed).unwrap_or(usize::MAX));
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    let (watch, max_ms) = (store.data().host.watch.clone(), limits.cpu_ms);
    store.epoch_deadline_callback(move |_| {
        if watch.spent() > Duration::from_millis(max_ms) {
            return Err(Abort::Limit { limit: Limit::Cpu, max: max_ms }.into());
        }
        let (watch, turns) = (watch.clone(), turns.clone());
        let others = async move {
            watch.stop();
            tokio::task::yield_now().await;
            let turn = match watch.spent() > A_WHILE {
                true => turns.acquire_owned().await.ok(),
                false => None,
            };
            watch.start_with(turn);
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(others)))
    });
}

/// `None` when time is up. A journal that is just being written is waited for: what it holds is progress, or a doubt avoided.
async fn timed<F: Future>(max_ms: u64, phase: &Phase, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    if let Ok(done) = timeout(Duration::from_millis(max_ms), &mut work).await {
        return Some(done);
    }
    phase.expire(max_ms);
    let mut grace = pin!(sleep(GRACE));
    while phase.is_committing() && !grace.is_elapsed() {
        tokio::select! {
            done = &mut work => return Some(done),
            () = &mut grace => {}
            () = sleep(Duration::from_millis(5)) => {}
        }
    }
    None
}

fn judge(
    driver: &Inner,
    call: &Call,
    answered: Result<Raw, crate::wit::vend::driver::types::Error>,
    state: &State,
    limits: &Limits,
) -> Result<Answer, Failure> {
    state.host.tape.ended()?;
    let raw = answered.map_err(|error| Failure::Driver(told(error, state)))?;
    // Before anything is made of it: a megabyte of `[]` is many megabytes once it is parsed.
    if answer::size(&raw) > limits.output_bytes {
        return Err(Failure::Limit { limit: Limit::Output, max: limits.output_bytes });
    }
    let answer = answer::read(raw).map_err(Failure::Unfit)?;
    let schemas = call.input().and_then(|input| driver.schemas.get(&input.resource_type));
    let described = call.input().and_then(|input| driver.description.types.get(&input.resource_type));
    fit::check(&answer, call, described.zip(schemas), &state.host.book).map_err(Failure::Unfit)?;
    Ok(answer)
}

/// A driver's own error as people may read it.
fn told(error: crate::wit::vend::driver::types::Error, state: &State) -> crate::domain::contract::Error {
    let mut error = error_from_wit(error);
    let scrubber = state.host.book.scrubber();
    let clean = |text: &mut String| *text = mask_handles(scrubber.text(text).into_owned());
    clean(&mut error.code);
    clean(&mut error.message);
    for violation in &mut error.violations {
        clean(&mut violation.pointer);
        clean(&mut violation.message);
    }
    error
}

/// What a trap means. `running`: the call had begun.
fn failure(error: &wasmtime::Error, running: bool, state: &State, limits: &Limits) -> Failure {
    if let Some(abort) = error.downcast_ref::<Abort>() {
        return abort.clone().into();
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return Failure::Limit { limit: Limit::Stack, max: STACK_BYTES as u64 };
    }
    if let Some((limit, max)) = state.limiter.hit() {
        return Failure::Limit { limit, max };
    }
    let cause = line(error.root_cause().to_string(), LONGEST_CAUSE);
    // The engine's errors for these have no public types.
    if cause.contains("allocated for hostcalls") {
        // With the guest still on the stack it is a call of the guest's, without it is what a verb returned.
        return match error.downcast_ref::<WasmBacktrace>() {
            Some(_) => Failure::Limit { limit: Limit::Body, max: limits.body_bytes },
            None => Failure::Limit { limit: Limit::Output, max: limits.output_bytes },
        };
    }
    if cause.contains("store handle limit exceeded") {
        return Failure::Limit { limit: Limit::Handles, max: HANDLES as u64 };
    }
    let is_guests =
        running || error.downcast_ref::<Trap>().is_some() || error.downcast_ref::<WasmBacktrace>().is_some();
    if !is_guests && !cause.contains("resource limit exceeded") {
        return Failure::Host(cause);
    }
    match mask_handles(state.host.log.tail()) {
        said if said.is_empty() => Failure::Trapped(cause),
        said => Failure::Trapped(format!("{cause}; it last said: {}", shorten(said, 500))),
    }
}

impl From<Abort> for Failure {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::InDoubt(doubt) => Self::InDoubt(doubt),
            Abort::Diverged { seq, recorded, asked } => Self::Diverged { seq, recorded, asked },
            Abort::Limit { limit, max } => Self::Limit { limit, max },
            Abort::Journal(error) => Self::Journal(error),
            Abort::Denied(error) => Self::Driver(error),
        }
    }
}
