//! Carrying plans out, some at once: after one that did not end well no other is begun.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::Value;

use super::{Step, told};
use crate::frontend::cli::connect::{LONG_DEADLINE, Session, repeat, request_id, within};
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::progress::{Progress, words};
use crate::frontend::cli::{error, names, wait};
use crate::pb;

pub struct Rollout<'a> {
    pub to: &'a str,
    pub parallel: usize,
    /// How long is waited for each order.
    pub timeout: Duration,
}

pub struct Done {
    pub exit: Exit,
    pub told: Vec<Value>,
    /// Resources of orders that were not begun.
    pub waiting: usize,
}

struct Ended {
    step: Step,
    exit: Exit,
    operation: Option<pb::Operation>,
    words: String,
}

impl Rollout<'_> {
    pub async fn run(&self, session: &Session, steps: Vec<Step>) -> anyhow::Result<Done> {
        let mut progress = Progress::new(&session.terminal, "upgrade");
        let mut waiting = steps.into_iter();
        let mut done = Done { exit: Exit::Done, told: Vec::new(), waiting: 0 };
        let mut running: FuturesUnordered<_> =
            waiting.by_ref().take(self.parallel).map(|it| self.one(session, it)).collect();
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut failures = Vec::new();
        loop {
            let ended = tokio::select! {
                ended = running.next() => ended,
                signal = &mut interrupted => {
                    signal?;
                    done.exit = done.exit.and(Exit::Interrupted);
                    progress.note("upgrade", "interrupted: what has begun goes on, nothing else is begun");
                    break;
                }
            };
            let Some(ended) = ended else { break };
            let ended = ended?;
            let order = names::short(&ended.step.order).to_owned();
            progress.note(&format!("order/{order}"), &ended.words);
            match &ended.operation {
                _ if ended.exit == Exit::Done => {}
                Some(operation) => failures.push(wait::Ended { exit: ended.exit, operation: operation.clone() }),
                None => eprintln!("{} order/{order}: {}", session.terminal.stderr_paint().red("error:"), ended.words),
            }
            done.exit = done.exit.and(ended.exit);
            done.told.push(told(&ended.step, ended.operation.as_ref()));
            if done.exit == Exit::Done {
                running.extend(waiting.next().map(|it| self.one(session, it)));
            }
        }
        progress.finish();
        for failure in &failures {
            wait::epilogue(session, failure).await;
        }
        done.waiting = waiting.map(|step| step.moving().count()).sum();
        Ok(done)
    }

    async fn one(&self, session: &Session, step: Step) -> anyhow::Result<Ended> {
        let request = pb::UpgradeOrderRequest {
            name: step.order.clone(),
            resources: step.keys.clone(),
            to: self.to.to_owned(),
            plan_digest: step.plan.digest.clone(),
            request_id: request_id()?,
            ..pb::UpgradeOrderRequest::default()
        };
        let answer = repeat(session, || {
            let (mut orders, request) = (session.orders(), request.clone());
            async move { Ok(orders.upgrade_order(within(request, LONG_DEADLINE)).await?.into_inner()) }
        });
        let operation = match answer.await {
            Ok(answer) => answer.operation,
            Err(status) if error::reason(&status).is_empty() => return Err(status.into()),
            Err(status) => {
                let failure = error::from_status(&status, Some(&session.settings));
                let words = format!("{} ({})", failure.message, failure.reason);
                return Ok(Ended { step, exit: failure.exit, operation: None, words });
            }
        };
        let Some(operation) = operation else {
            return Ok(Ended { step, exit: Exit::Done, operation: None, words: "nothing to do any more".into() });
        };
        let ended = wait::quietly(session, &operation, self.timeout).await?;
        let count = step.moving().count();
        let told = match ended.exit {
            Exit::Done => format!("upgraded ({count} resource{})", if count == 1 { "" } else { "s" }),
            _ => words(&ended.operation),
        };
        Ok(Ended { step, exit: ended.exit, operation: Some(ended.operation), words: told })
    }
}
