//! Waiting for an operation. Survives a core that goes and comes back; whoever stops waiting is told how to go on.

pub mod command;

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;

use super::connect::{Session, is_transient, within};
use super::exit::Exit;
use super::names;
use super::paint::clean;
use super::progress::{Progress, words};
use super::wakes::{Scope, Wakes};
use crate::pb::{self, Operation, operation::State};

/// Longest time without a look while changes come in, and while none do.
const LOOK_LIVE: Duration = Duration::from_secs(10);
const LOOK_BLIND: Duration = Duration::from_secs(1);
/// Children are listed one by one up to so many; above, their counts must do.
const CHILDREN: i32 = 200;
const CALL_DEADLINE: Duration = Duration::from_secs(15);

/// Flags of commands that may wait.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// Wait for the end
    #[arg(short, long)]
    pub wait: bool,
    /// How long to wait at most, e.g. 90s, 15m, 1h
    #[arg(long, default_value = "15m", value_parser = duration, value_name = "TIME")]
    pub timeout: Duration,
}

/// How waiting ended, with the operation as last seen.
#[derive(Debug, Clone)]
pub struct Ended {
    pub exit: Exit,
    pub operation: Operation,
}

/// Waits until an operation is done or needs a person, and says on stderr how it went.
pub async fn operation(session: &Session, known: &Operation, timeout: Duration) -> anyhow::Result<Ended> {
    let mut progress = Progress::new(&session.terminal, &title(known));
    let mut last = known.clone();
    let ended = tokio::select! {
        ended = until_rest(session, &mut last, timeout, &mut progress) => ended,
        signal = tokio::signal::ctrl_c() => signal.map(|()| Exit::Interrupted).map_err(anyhow::Error::from),
    };
    progress.finish();
    let ended = Ended { exit: ended?, operation: last };
    epilogue(session, &ended).await;
    Ok(ended)
}

/// The same with nothing said, for whoever waits for several at once.
pub async fn quietly(session: &Session, known: &Operation, timeout: Duration) -> anyhow::Result<Ended> {
    let mut last = known.clone();
    let exit = until_rest(session, &mut last, timeout, &mut Progress::new(&session.terminal.silent(), "")).await?;
    Ok(Ended { exit, operation: last })
}

async fn until_rest(
    session: &Session,
    last: &mut Operation,
    timeout: Duration,
    progress: &mut Progress,
) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + timeout;
    let (project, environment, order) = names::scope(&last.order);
    let mut wakes = Wakes::new(session, Scope { project, environment, order });
    loop {
        match look(session, last).await {
            Ok(children) => {
                progress.show(last, &children);
                if let Some(exit) = Exit::of_operation(last) {
                    return Ok(exit);
                }
            }
            Err(status) if is_transient(&status) => progress.lost(status.message()),
            Err(status) => return Err(status.into()),
        }
        if !pause(&mut wakes, deadline).await {
            return Ok(Exit::TimedOut);
        }
    }
}

/// Until there is reason to look again; false if the time is up.
async fn pause(wakes: &mut Wakes, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    let look = if wakes.is_live() { LOOK_LIVE } else { LOOK_BLIND };
    wakes.wait(look.min(left)).await;
    true
}

/// Brings `last` up to date and gives its children, if they are few.
async fn look(session: &Session, last: &mut Operation) -> Result<Vec<Operation>, Status> {
    let request = pb::GetOperationRequest { id: last.id.clone() };
    let answer = session.operations().get_operation(within(request, CALL_DEADLINE)).await?.into_inner();
    *last = answer.operation.ok_or_else(|| Status::not_found(format!("there is no operation `{}`", last.id)))?;
    let count: i32 = last.children.values().sum();
    if count == 0 || count > CHILDREN {
        return Ok(Vec::new());
    }
    children(session, last).await
}

async fn children(session: &Session, operation: &Operation) -> Result<Vec<Operation>, Status> {
    let (project, environment, order) = names::scope(&operation.order);
    let request = pb::ListOperationsRequest {
        project,
        environment,
        order,
        parent: operation.id.clone(),
        page_size: 1_000,
        ..pb::ListOperationsRequest::default()
    };
    let answer = session.operations().list_operations(within(request, CALL_DEADLINE)).await?.into_inner();
    let mut children = answer.operations;
    children.retain(|child| child.id != operation.id);
    children.sort_by(|a, b| a.resource_key.cmp(&b.resource_key));
    Ok(children)
}

/// What a person should know who has waited and did not get what was asked.
pub async fn epilogue(session: &Session, ended: &Ended) {
    let operation = &ended.operation;
    let paint = session.terminal.stderr_paint();
    match ended.exit {
        Exit::Done => {}
        Exit::TimedOut | Exit::Interrupted => {
            let why = if ended.exit == Exit::TimedOut { "the time to wait is up" } else { "interrupted" };
            eprintln!("{why}; the operation {} goes on", operation.id);
            eprintln!("{} follow it with `vend wait operation/{}`", paint.cyan("hint:"), operation.id);
            eprintln!("{} end it with `vend cancel {}`", paint.cyan("hint:"), operation.id);
        }
        _ => {
            eprintln!("{} {} {}", paint.red("error:"), title(operation), clean(&words(operation)));
            for child in children(session, operation).await.unwrap_or_default() {
                if !matches!(child.state(), State::Succeeded | State::Queued | State::Running) {
                    eprintln!("  {}: {}", child.resource_key, clean(&words(&child)));
                }
            }
            if operation.state() == State::Superseded {
                eprintln!("{} a newer apply took its place", paint.cyan("hint:"));
            } else {
                eprintln!("{} `vend journal {}` tells what was tried", paint.cyan("hint:"), operation.id);
            }
            if operation.state() == State::NeedsAttention {
                let hint = "once the cause is mended; `vend resolve` decides what nobody can find out";
                eprintln!("{} `vend retry {}` {hint}", paint.cyan("hint:"), operation.id);
            }
        }
    }
}

fn title(operation: &Operation) -> String {
    let order = names::short(&operation.order);
    match (order, operation.resource_key.as_str()) {
        ("", _) => format!("operation/{}", operation.id),
        (order, "") => format!("order/{order}"),
        (order, key) => format!("resource/{order}/{key}"),
    }
}

/// `90s`, `15m`, `1h`, `1h30m`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time: write 90s, 15m or 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(bad)?;
        let number: u32 = rest[..digits].parse().map_err(|_| bad())?;
        let unit = rest[digits..].find(|letter: char| letter.is_ascii_digit()).map_or(rest.len(), |it| it + digits);
        let one = match &rest[digits..unit] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            _ => return Err(bad()),
        };
        total = one.checked_mul(number).and_then(|span| total.checked_add(span)).ok_or_else(bad)?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(bad()) } else { Ok(total.min(Duration::from_secs(365 * 86_400))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::cli::fake::{self, Book, Core, session};

    #[tokio::test]
    async fn a_core_that_dies_while_waited_for_is_found_again() {
        let core = Core::new(Book { states: vec![State::Running], ..Book::default() });
        let running = core.listen("127.0.0.1:0");
        let address = running.address;
        let session = session(address);
        let waiting =
            tokio::spawn(
                async move { operation(&session, &fake::operation(State::Queued), Duration::from_secs(30)).await },
            );
        while core.read(|book| book.looks) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop(running);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let looks = core.read(|book| {
            book.states = vec![State::Succeeded];
            book.looks
        });
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(core.read(|book| book.looks), looks, "the core was not dead");
        let _revived = core.listen(&address.to_string());
        let ended = waiting.await.expect("waits").expect("ends");
        assert_eq!((ended.exit, ended.operation.state()), (Exit::Done, State::Succeeded));
    }

    #[tokio::test]
    async fn ends_of_waiting() {
        for (states, timeout, expected) in [
            (vec![State::Running, State::Failed], 30_000, Exit::Failed),
            (vec![State::NeedsAttention], 30_000, Exit::NeedsPerson),
            (vec![State::Waiting], 50, Exit::TimedOut),
        ] {
            let core = Core::new(Book { states, ..Book::default() });
            let running = core.listen("127.0.0.1:0");
            let known = fake::operation(State::Queued);
            let ended =
                operation(&session(running.address), &known, Duration::from_millis(timeout)).await.expect("ends");
            assert_eq!(ended.exit, expected);
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h30m", 5_400), ("0s", 0), ("7", 7), ("2d", 172_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "5x", "1h30", "-5s", "99999999999s", "5µ"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
