//! The way into a core that dies and comes back: who asks waits until it is open, and asks again until he is answered.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Code, Status};

use crate::support::core::Caller;

/// Longer than anything may take that is only out of order for a while.
const PATIENCE: Duration = Duration::from_secs(90);
/// A call that is not answered by then is lost.
const CALL: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub struct Door(watch::Sender<Option<Caller>>);

impl Door {
    pub fn shut() -> Self {
        Self(watch::channel(None).0)
    }

    pub fn set(&self, caller: Option<Caller>) {
        self.0.send_replace(caller);
    }

    pub async fn caller(&self) -> Caller {
        let mut door = self.0.subscribe();
        let open = door.wait_for(Option::is_some).await.expect("whoever holds it holds its other side too");
        open.clone().expect("it is open")
    }

    /// Asks until there is an answer; some are no answers: `refused` tells which mean what they say.
    pub async fn ask_or<T, F>(
        &self,
        what: &str,
        call: impl Fn(Caller) -> F,
        refused: impl Fn(&Status) -> bool,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
        T: Debug,
    {
        let begun = Instant::now();
        loop {
            let asked = tokio::time::timeout(CALL, call(self.caller().await)).await;
            let status = match asked {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if refused(&status) => return Err(status),
                Ok(Err(status)) => status,
                Err(_) => Status::new(Code::Unavailable, "no answer"),
            };
            assert!(begun.elapsed() < PATIENCE, "{what}: still refused: {status:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub async fn ask<T, F>(&self, what: &str, call: impl Fn(Caller) -> F) -> T
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
        T: Debug,
    {
        let answer = self.ask_or(what, call, |_| false).await;
        answer.unwrap_or_else(|status| unreachable!("{what}: {status:?}"))
    }
}
