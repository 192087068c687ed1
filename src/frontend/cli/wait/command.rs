//! `vend wait KIND/NAME --for …`.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tonic::Code;

use super::{Exit, duration, operation, pause};
use crate::frontend::cli::connect::{Session, is_transient};
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::kind::{Kind, parse_reference};
use crate::frontend::cli::progress::Progress;
use crate::frontend::cli::wakes::{Scope, Wakes};
use crate::frontend::cli::{columns, names, output, records};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// order/NAME, resource/ORDER/NAME, operation/OP; ids stand for themselves
    #[arg(value_name = "KIND/NAME", value_parser = parse_reference)]
    what: (Kind, String),
    /// What is to come true [default: done for an operation, else ready]
    #[arg(long = "for", value_enum, value_name = "STATE")]
    goal: Option<Goal>,
    /// How long to wait at most, e.g. 90s, 15m, 1h
    #[arg(long, default_value = "15m", value_parser = duration, value_name = "TIME")]
    timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Goal {
    /// All of it is made and works
    Ready,
    /// It is gone
    Deleted,
    /// The operation has ended, or nothing is at work on the order any more
    Done,
    /// The resource is not as it was applied any more
    Drifted,
    /// The resource is not at its backend any more
    Missing,
}

impl Goal {
    /// The condition that has to hold.
    fn condition(self) -> Option<&'static str> {
        match self {
            Goal::Drifted => Some("Drifted"),
            Goal::Missing => Some("Missing"),
            Goal::Ready | Goal::Deleted | Goal::Done => None,
        }
    }
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let (kind, name) = &args.what;
    match (kind, args.goal) {
        (Kind::Operation, None | Some(Goal::Done)) => {
            let request = pb::GetOperationRequest { id: name.clone() };
            let answer = session.operations().get_operation(request).await?.into_inner();
            let known = answer.operation.ok_or_else(|| anyhow::anyhow!("the core's answer holds no operation"))?;
            let ended = operation(session, &known, args.timeout).await?;
            if Exit::of_operation(&ended.operation).is_some() {
                let state = crate::frontend::cli::view::state_word(ended.operation.state());
                output::print(&format!("operation/{} {state}\n", known.id))?;
            }
            Ok(ended.exit)
        }
        (Kind::Operation, Some(_)) => Err(Failure::usage("operations are waited for with `--for done`").into()),
        (Kind::Order, Some(Goal::Drifted | Goal::Missing)) => {
            Err(Failure::usage("drift is waited for of one resource: `vend wait resource/ORDER/RESOURCE`").into())
        }
        (Kind::Order | Kind::Resource, goal) => record(session, args, *kind, name, goal.unwrap_or(Goal::Ready)).await,
        (_, Some(Goal::Deleted)) => record(session, args, *kind, name, Goal::Deleted).await,
        _ => Err(Failure::usage(format!("a {} can only be waited for with `--for deleted`", kind.word())).into()),
    }
}

async fn record(session: &Session, args: &Args, kind: Kind, name: &str, goal: Goal) -> anyhow::Result<Exit> {
    let reference = format!("{}/{name}", kind.word());
    let mut progress = Progress::new(&session.terminal, &reference);
    let exit = tokio::select! {
        exit = until(session, args, kind, name, goal, &mut progress) => exit?,
        signal = tokio::signal::ctrl_c() => {
            signal?;
            Exit::Interrupted
        }
    };
    progress.finish();
    match exit {
        Exit::Done => {
            let word = match goal {
                Goal::Ready => "ready",
                Goal::Deleted => "deleted",
                Goal::Done => "done",
                Goal::Drifted => "drifted",
                Goal::Missing => "missing",
            };
            output::print(&format!("{reference} {word}\n"))?;
        }
        Exit::TimedOut => eprintln!("the time to wait is up; work on {reference} goes on"),
        Exit::Interrupted => eprintln!("interrupted; work on {reference} goes on"),
        _ => session.terminal.say(&format!("`vend describe {} {name}` tells more", kind.word())),
    }
    Ok(exit)
}

async fn until(
    session: &Session,
    args: &Args,
    kind: Kind,
    name: &str,
    goal: Goal,
    progress: &mut Progress,
) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + args.timeout;
    let mut watched = scope(session, &names::full(session, kind, name)?);
    let mut wakes = Wakes::new(session, watched.clone());
    // Whoever asks a core that is not there is told at once; one that goes away later is waited for.
    let mut reached = false;
    loop {
        match records::one(session, kind, name).await {
            Ok(record) => {
                reached = true;
                // What is shared lies in the order of another entry, and may come to be in one more.
                if let (Kind::Resource, Some(full)) = (kind, record["full-name"].as_str()) {
                    let lies = scope(session, full);
                    if lies != watched {
                        watched = lies;
                        wakes = Wakes::new(session, watched.clone());
                    }
                }
                let state = state(kind, &record);
                progress.note(name, &describe(&state, &record));
                let holds = |kind: &str| columns::has_condition(&record["conditions"], kind);
                if goal.condition().is_some_and(holds) {
                    return Ok(Exit::Done);
                }
                if let Some(exit) = verdict(goal, &state) {
                    return Ok(exit);
                }
            }
            Err(error) => match error.downcast_ref::<tonic::Status>() {
                Some(status) if status.code() == Code::NotFound && goal == Goal::Deleted => return Ok(Exit::Done),
                Some(status) if reached && is_transient(status) => progress.lost(status.message()),
                _ => return Err(error),
            },
        }
        if !pause(&mut wakes, deadline).await {
            return Ok(Exit::TimedOut);
        }
    }
}

/// Where to watch: where the name lies, or all of the project for a bare id.
fn scope(session: &Session, name: &str) -> Scope {
    let (project, environment, order) = names::scope(name);
    if project.is_empty() {
        return Scope { project: session.settings.project.clone(), ..Scope::default() };
    }
    Scope { project, environment, order }
}

fn state(kind: Kind, record: &Value) -> String {
    let pointer = if kind == Kind::Order { "/status/state" } else { "/state" };
    record.pointer(pointer).map(columns::text).unwrap_or_default()
}

fn describe(state: &str, record: &Value) -> String {
    let text = |key: &str| record.get(key).map(columns::text).unwrap_or_default();
    let ready = record.pointer("/status/resources-ready").map(columns::text);
    let of = record.pointer("/status/resources").map(columns::text);
    let words = match (ready, of) {
        (Some(ready), Some(of)) => format!("{state} {ready}/{of}"),
        _ => format!("{state} {} {}", text("reason"), text("message")),
    };
    words.trim_end().to_owned()
}

/// Whether waiting is over: the goal is reached, or will not be by itself.
fn verdict(goal: Goal, state: &str) -> Option<Exit> {
    match (goal, state) {
        (Goal::Ready | Goal::Done, "ready") => Some(Exit::Done),
        (Goal::Done, "failed") | (Goal::Ready, "failed" | "deleting") => Some(Exit::Failed),
        // What has to be seen to may be seen all the same.
        (Goal::Drifted | Goal::Missing, _) => None,
        (_, "attention-required") => Some(Exit::NeedsPerson),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (goal, state, expected) in [
            (Goal::Ready, "ready", Some(0)),
            (Goal::Ready, "working", None),
            (Goal::Ready, "pending", None),
            (Goal::Ready, "failed", Some(1)),
            (Goal::Ready, "deleting", Some(1)),
            (Goal::Ready, "attention-required", Some(4)),
            (Goal::Deleted, "ready", None),
            (Goal::Deleted, "deleting", None),
            (Goal::Deleted, "failed", None),
            (Goal::Done, "working", None),
            (Goal::Drifted, "ready", None),
            (Goal::Missing, "attention-required", None),
        ] {
            assert_eq!(verdict(goal, state).map(Exit::code), expected, "{goal:?} {state}");
        }
    }
}
