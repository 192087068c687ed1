//! The breakers of connections at work: what attempts show them, and how the store learns when one opens or closes.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use crate::domain::contract::ErrorKind;
use crate::domain::document::Kind;
use crate::domain::hold::{Cause, Hold, Target, key};
use crate::domain::id::OperationId;
use crate::domain::name::Name;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::resource::Pin;
use crate::domain::time::Timestamp;
use crate::driver::Failure;
use crate::store::{self, Commit, Site, Write};

use super::circuit::{Circuit, Sight, Turn};
use crate::engine::{Engine, Error};

impl Engine {
    /// The open breaker in the way of this operation; if there is none, it is counted as under way.
    pub(in crate::engine) fn tripped(&self, pin: &Pin, id: &OperationId, now: Timestamp) -> Option<Hold> {
        let mut circuits = self.circuits();
        for name in pin.shared() {
            if circuits.get(name).is_some_and(|circuit| !circuit.lets(id, now)) {
                return self.holds.get(&breaker(name));
            }
        }
        for name in pin.shared() {
            if let Some(circuit) = circuits.get_mut(name) {
                circuit.starts(id);
            }
        }
        None
    }

    /// An attempt over the connections of `pin` has ended.
    pub(in crate::engine) async fn saw(&self, pin: &Pin, id: &OperationId, failure: Option<&Failure>) {
        if failure.is_none() && self.circuits().is_empty() {
            return;
        }
        let mut names: Vec<&Name> = pin.shared().collect();
        names.sort();
        names.dedup();
        for name in &names {
            let sight = self.sight(name, failure).await;
            let answers = self.stock.connection_answers(name.as_str()).await;
            let now = self.clock.now();
            let turn = {
                let mut circuits = self.circuits();
                if !matches!(sight, Sight::Trouble { .. }) && !circuits.contains_key(*name) {
                    continue;
                }
                let circuit = circuits.entry((*name).clone()).or_default();
                let turn = circuit.ends(id, &sight, answers, now, &*self.entropy);
                if circuit.is_blank() {
                    circuits.remove(*name);
                }
                turn
            };
            let Some(turn) = turn else { continue };
            if let Err(error) = self.turned(name, turn).await {
                tracing::error!(connection = %name, "cannot write down what became of a connection's breaker: {error}");
            }
        }
    }

    /// What a driver says of a connection is believed only if the host has seen it too: it must not keep others from using it.
    async fn sight(&self, name: &Name, failure: Option<&Failure>) -> Sight {
        let error = match failure {
            None => return Sight::Fine,
            Some(Failure::Driver(error)) => error,
            Some(_) => return Sight::Unknown,
        };
        let (condition, reason) = match error.kind {
            ErrorKind::Unauthenticated => ("CredentialsAccepted", Reason::CredentialsRejected),
            ErrorKind::Unavailable => ("Reachable", Reason::BackendUnavailable),
            ErrorKind::Internal | ErrorKind::Other => return Sight::Unknown,
            // The backend has answered, if this was it.
            _ => return Sight::Fine,
        };
        let found = self.stock.connection_conditions(name.as_str()).await;
        let against = found.iter().any(|it| it.name == condition && !it.condition.holds);
        let unserved = error.kind == ErrorKind::Unavailable && self.stock.connection_unserved(name.as_str()).await;
        match against || unserved {
            true => Sight::Trouble { reason, message: error.words() },
            false => Sight::Unknown,
        }
    }

    async fn turned(&self, name: &Name, turn: Turn) -> Result<(), Error> {
        let _turn = self.holds.changing.lock().await;
        let key = breaker(name);
        let now = self.clock.now();
        let mut commit = Commit::new(Site::Hold);
        if self.holds.get(&key).is_some() {
            commit.writes.push(Write::LiftHold { key: key.clone(), time: now });
        }
        match turn {
            Turn::Closes => {
                if !commit.writes.is_empty() {
                    self.commit_hold(commit).await?;
                }
                tracing::info!(connection = %name, "works again: what waited for it goes on");
                self.circuits().remove(name);
                self.holds.take(&key);
                self.look_for_due();
            }
            Turn::Opens { reason, message } => {
                let hold = Hold {
                    cause: Cause::Breaker,
                    target: Target::Connection(name.clone()),
                    reason,
                    message,
                    principal: Principal::engine().name,
                    since: now,
                };
                commit.writes.push(Write::Hold(Box::new(hold.clone())));
                self.commit_hold(commit).await?;
                tracing::warn!(connection = %name, %reason, "does not work, and is tried only now and then: {}", hold.message);
                self.holds.put(hold);
                // Should it have been taken for a breaker that the store knows nothing of.
                self.circuits().entry(name.clone()).or_default().trip(reason, now);
            }
        }
        Ok(())
    }

    /// If somebody else was at it, the store knows better.
    async fn commit_hold(&self, commit: Commit) -> Result<(), Error> {
        match self.put(commit).await {
            Err(store::Error::Conflict { .. }) => self.reload().await,
            ended => Ok(ended?),
        }
    }

    /// Breakers are open where the store says so: those it has and this process does not know are tried at once.
    pub(in crate::engine) fn adjust_circuits(&self) {
        let now = self.clock.now();
        let mut circuits = self.circuits();
        circuits.retain(|name, circuit| !circuit.is_open() || self.holds.get(&breaker(name)).is_some());
        for hold in self.holds() {
            let (Cause::Breaker, Target::Connection(name)) = (hold.cause, hold.target) else { continue };
            let circuit = circuits.entry(name).or_default();
            if !circuit.is_open() {
                circuit.trip(hold.reason, now);
            }
        }
    }

    /// A connection or a secret has changed, or a check went well: all are tried at once, and those that are gone forgotten.
    pub(in crate::engine) async fn renew_circuits(&self, now: Timestamp) -> Result<(), Error> {
        let open: Vec<Name> = {
            let mut circuits = self.circuits();
            circuits.retain(|_, circuit| {
                circuit.renew(now);
                circuit.is_open()
            });
            circuits.keys().cloned().collect()
        };
        for name in open {
            if self.store.document(Kind::Connection, "", name.as_str()).await?.is_none() {
                self.turned(&name, Turn::Closes).await?;
            }
        }
        Ok(())
    }

    pub(in crate::engine) fn circuits_that_call(&self, now: Timestamp) -> Vec<Name> {
        let mut circuits = self.circuits();
        circuits.iter_mut().filter_map(|(name, circuit)| circuit.calls(now).then(|| name.clone())).collect()
    }

    /// Nobody works on this operation any more.
    pub(in crate::engine) fn leaves_circuits(&self, id: &OperationId) {
        for circuit in self.circuits().values_mut() {
            circuit.leaves(id);
        }
    }

    fn circuits(&self) -> MutexGuard<'_, HashMap<Name, Circuit>> {
        self.holds.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn breaker(connection: &Name) -> String {
    key(Cause::Breaker, &Target::Connection(connection.clone()))
}
