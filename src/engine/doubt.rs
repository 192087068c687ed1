//! Settling doubt: what became of a write whose answer was lost. Asked of the backend, or looked for; while nobody knows, nothing more is sent.
//!
//! create → `find`, update → `plan`, delete → `read`; a transaction is asked for by its number.

use crate::capability::backend::Backend;
use crate::capability::sql::Fate;
use crate::domain::contract::{Answer, Call, Claim, Finding, Input, Object, Observation};
use crate::domain::effect::{Doubt, Effect, Entry, Outcome, Proof};
use crate::domain::operation::{Operation, Stage};
use crate::domain::reason::Reason;
use crate::domain::resource::Resource;
use crate::domain::time::Timestamp;
use crate::driver::Failure;
use crate::stock::Offer;
use crate::telemetry::metrics::metrics;

use super::asked::Asked;
use super::conclude::Ended;
use super::journal::{History, Look, Payload, Place, row};
use super::retry::{Verdict, judge};
use super::settle::End;
use super::step::is_blind;
use super::{Engine, Error};

/// How often an open transaction is asked after.
const OPEN_TRANSACTION_MS: u64 = 1_000;

/// What became of a doubt.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It was not applied: what was applied before it is replayed, and the rest is done again.
    NotApplied,
    /// It was applied: the same, behind it.
    Applied,
    /// An object is there: the driver completes it, in a step that begins afresh.
    Object(Claim),
    /// The backend was looked at, and what is to be done follows from what is there.
    Afresh,
    /// The object is as it should be.
    Converged(Object),
    /// What was to be deleted is not there.
    Gone,
}

/// What a look came to, and how it was made.
struct Looked {
    how: &'static str,
    found: Result<Settled, Verdict>,
    /// The answer that the write would have had.
    answer: Option<Outcome>,
    words: String,
}

impl Engine {
    /// One look. True if the operation goes on at once.
    pub(super) async fn settle_doubt(
        &self,
        resource: Resource,
        operation: Operation,
        doubt: Doubt,
        history: &History,
        offer: &Offer,
    ) -> Result<bool, Error> {
        let call = match &history.call {
            Some(call) => call.clone(),
            None => self.call(&resource, &operation, operation.stage)?,
        };
        // What a look shows holds for everything that is in doubt.
        let doubt = Doubt { last_time: history.past.last_sent(), ..doubt };
        let looked = self.look(&resource, &operation, &doubt, &call, history, offer).await?;
        let now = self.clock.now();
        let place = Place { operation: &operation, attempt: history.attempts + 1, position: 0 };
        let applied = match &looked.found {
            Ok(Settled::NotApplied) => Some(false),
            Ok(_) => Some(true),
            Err(_) => None,
        };
        let proved = match applied {
            Some(true) => "applied",
            Some(false) => "not-applied",
            None => "nothing",
        };
        metrics().look(looked.how, proved);
        let look = Look {
            how: looked.how.into(),
            seq: doubt.seq,
            from: looked.answer.as_ref().map_or(history.replayed(), |_| doubt.seq + 1),
            time: now,
            applied,
            message: looked.words,
        };
        // An answer that was found out stands as if it had come then.
        let answer = looked.answer.map(|outcome| Entry::Outcome { seq: doubt.seq, time: now, outcome });
        let payloads: Vec<_> = answer.map(Payload::Entry).into_iter().chain([Payload::Look(look)]).collect();
        let writes = vec![row(&self.keyring, &*self.entropy, place, now, &payloads)];
        let (ended, effect) = match looked.found {
            Ok(settled) => {
                let effect = match settled {
                    Settled::NotApplied => history.before.max(crate::capability::replay::known(&history.past.history)),
                    // The plan will tell.
                    Settled::Afresh => Effect::Unknown,
                    _ => Effect::Applied,
                };
                (Ended::Settled(settled), effect)
            }
            Err(verdict) => (Ended::Failed(verdict), Effect::Unknown),
        };
        self.settle(resource, operation, End::new(ended, &call, Some(effect), offer), writes).await
    }

    async fn look(
        &self,
        resource: &Resource,
        operation: &Operation,
        doubt: &Doubt,
        call: &Call,
        history: &History,
        offer: &Offer,
    ) -> Result<Looked, Error> {
        let Some(input) = call.input() else {
            return Ok(Looked::verdict("read", park(operation, told(doubt))));
        };
        if let Some((then, now)) = self.moved(resource, doubt, history, offer).await {
            let words = format!("{}: it went to {then}, and the connection leads to {now} now", told(doubt));
            return Ok(Looked::verdict("backend", park(operation, words)));
        }
        if let Some(proof) = &doubt.proof {
            let judged = |failure| judge(&failure, operation, self.clock.now(), &*self.entropy);
            match self.fate(resource, doubt, proof, offer).await {
                Ok(Fate::Committed) => {
                    return Ok(Looked {
                        how: "transaction",
                        found: Ok(Settled::Applied),
                        answer: Some(Outcome::Applied(proof.answer.clone())),
                        words: "committed".into(),
                    });
                }
                Ok(Fate::Aborted) => return Ok(Looked::settled("transaction", Settled::NotApplied, "not committed")),
                Ok(Fate::Open) => {
                    let message = format!("{}: the backend says that it is still open", told(doubt));
                    let wait = Verdict::Wait { reason: reason(operation), message, wait_ms: OPEN_TRANSACTION_MS };
                    return Ok(Looked::verdict("transaction", wait));
                }
                // It keeps no record of it any more: what it left can still be looked for.
                Ok(Fate::Unknown) => {}
                Err(failure) => return Ok(Looked::verdict("transaction", hard(operation, doubt, judged(failure)))),
            }
        }
        match operation.stage {
            Stage::Create => self.look_for_created(resource, operation, doubt, input, offer).await,
            Stage::Delete | Stage::DeleteFormer => {
                Ok(self.look_at_deleted(resource, operation, doubt, input, offer).await)
            }
            _ => Ok(match until_shown(operation, doubt, offer, self.clock.now()) {
                Some(wait) => Looked::verdict("plan", wait),
                None => Looked::settled("plan", Settled::Afresh, "what is to be done is planned from what is there"),
            }),
        }
    }

    async fn look_for_created(
        &self,
        resource: &Resource,
        operation: &Operation,
        doubt: &Doubt,
        input: &Input,
        offer: &Offer,
    ) -> Result<Looked, Error> {
        const HOW: &str = "find";
        if is_blind(offer) {
            let words = format!("{}, and objects of this type cannot be looked for", told(doubt));
            return Ok(Looked::verdict(HOW, park(operation, words)));
        }
        // With what is known of the object by now.
        let prior = match resource.object.as_ref().filter(|object| object.claimed) {
            Some(object) => Some(self.prior(resource, object)?),
            None => input.prior.clone(),
        };
        let find = Input { prior, continuation: None, ..input.clone() };
        let begun = self.clock.now();
        Ok(match self.observe_for(operation, resource, Call::Find(find), offer).await {
            Ok(Answer::Found(Finding::None)) => match until_shown(operation, doubt, offer, begun) {
                Some(wait) => Looked::verdict(HOW, wait),
                None => Looked::settled(HOW, Settled::NotApplied, "none"),
            },
            Ok(Answer::Found(Finding::One(claim))) => {
                let words = format!("one: {}", claim.external_id.as_deref().unwrap_or("without an id yet"));
                Looked::settled(HOW, Settled::Object(claim), &words)
            }
            Ok(Answer::Found(Finding::Many(candidates))) => {
                let message = format!("{}, and several objects may be it: {}", told(doubt), candidates.join(", "));
                Looked::verdict(HOW, Verdict::Park { reason: Reason::MultipleCandidates, message })
            }
            Ok(other) => self.failed_look(HOW, operation, doubt, Failure::Unfit(format!("{other:?} to find"))),
            Err(failure) => self.failed_look(HOW, operation, doubt, failure),
        })
    }

    async fn look_at_deleted(
        &self,
        resource: &Resource,
        operation: &Operation,
        doubt: &Doubt,
        input: &Input,
        offer: &Offer,
    ) -> Looked {
        const HOW: &str = "read";
        let read = Call::Read(Input { continuation: None, ..input.clone() });
        let begun = self.clock.now();
        match self.observe_for(operation, resource, read, offer).await {
            Ok(Answer::Observed(Observation::Absent)) => Looked::settled(HOW, Settled::Gone, "absent"),
            Ok(Answer::Observed(_)) => match until_shown(operation, doubt, offer, begun) {
                Some(wait) => Looked::verdict(HOW, wait),
                None => Looked::settled(HOW, Settled::NotApplied, "still there"),
            },
            Ok(other) => self.failed_look(HOW, operation, doubt, Failure::Unfit(format!("{other:?} to read"))),
            Err(failure) => self.failed_look(HOW, operation, doubt, failure),
        }
    }

    fn failed_look(&self, how: &'static str, operation: &Operation, doubt: &Doubt, failure: Failure) -> Looked {
        let verdict = judge(&failure, operation, self.clock.now(), &*self.entropy);
        Looked::verdict(how, hard(operation, doubt, verdict))
    }

    /// Asks the driver something that changes nothing and is not kept.
    pub(super) async fn observe(&self, resource: &Resource, call: Call, offer: &Offer) -> Result<Answer, Failure> {
        let host = |error: &dyn std::fmt::Display| Failure::Host(error.to_string());
        let grants =
            self.stock.grants(&resource.pin, offer.driver.description()).await.map_err(|error| host(&error))?;
        let (order, key, id) = (&resource.name.order, &resource.name.key, &resource.id);
        let class = resource.class.as_ref();
        let asked = Asked { order, key, class, offer, id, existing: Some(resource), apart: false };
        let attempt = self.looking(call, grants, &[], &asked).await.map_err(|error| host(&error))?;
        offer.driver.run(attempt).await.result
    }

    /// The same for an operation, whose connections are seen to work or not.
    pub(super) async fn observe_for(
        &self,
        operation: &Operation,
        resource: &Resource,
        call: Call,
        offer: &Offer,
    ) -> Result<Answer, Failure> {
        let answer = self.observe(resource, call, offer).await;
        self.saw(&resource.pin, &operation.id, answer.as_ref().err()).await;
        answer
    }

    async fn fate(&self, resource: &Resource, doubt: &Doubt, proof: &Proof, offer: &Offer) -> Result<Fate, Failure> {
        let host = |error: &dyn std::fmt::Display| Failure::Host(error.to_string());
        let grants =
            self.stock.grants(&resource.pin, offer.driver.description()).await.map_err(|error| host(&error))?;
        match grants.slots.get(&doubt.slot).map(|grant| &grant.backend) {
            // A number means nothing at another backend.
            Some(Backend::Sql(sql)) if sql.identity().await.map_err(Failure::Driver)? == proof.system => {
                sql.fate(&proof.transaction).await.map_err(Failure::Driver)
            }
            _ => Ok(Fate::Unknown),
        }
    }

    /// The backend that the write went to, and the one that its connection leads to now, if they differ for certain.
    async fn moved(
        &self,
        resource: &Resource,
        doubt: &Doubt,
        history: &History,
        offer: &Offer,
    ) -> Option<(String, String)> {
        let then = history.grants.iter().flatten().find(|it| it.slot == doubt.slot && !it.backend.is_empty())?;
        let grants = self.stock.grants(&resource.pin, offer.driver.description()).await.ok()?;
        let now = grants.slots.get(&doubt.slot)?.backend.identity().await.ok()?;
        (now != then.backend).then(|| (then.backend.clone(), now))
    }
}

impl Looked {
    fn settled(how: &'static str, settled: Settled, words: &str) -> Self {
        Self { how, found: Ok(settled), answer: None, words: words.to_owned() }
    }

    fn verdict(how: &'static str, verdict: Verdict) -> Self {
        let words = verdict.words().to_owned();
        Self { how, found: Err(verdict), answer: None, words }
    }
}

/// The wait until a look shows what was done, if one that began at `begun` did not have to yet: the type's settle time had not passed.
fn until_shown(operation: &Operation, doubt: &Doubt, offer: &Offer, begun: Timestamp) -> Option<Verdict> {
    let wait_ms = doubt.last_time.plus_ms(offer.settle_ms()).since_ms(begun);
    let message = format!("{}: looked at again when its backend must show it", told(doubt));
    (wait_ms > 0).then(|| Verdict::Wait { reason: reason(operation), message, wait_ms })
}

fn told(doubt: &Doubt) -> String {
    format!("effect {} ({}) was sent and its answer is not known", doubt.seq, doubt.function)
}

/// Why an operation in doubt waits.
pub(super) fn reason(operation: &Operation) -> Reason {
    match operation.stage {
        Stage::Create => Reason::CreateOutcomeUnknown,
        _ => Reason::OutcomeUnknown,
    }
}

fn park(operation: &Operation, message: String) -> Verdict {
    Verdict::Park { reason: reason(operation), message }
}

/// A look that failed is made again; one that will fail for ever, or has too often, leaves it to a person.
fn hard(operation: &Operation, doubt: &Doubt, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Fail { message, .. } | Verdict::Park { message, .. } => {
            park(operation, format!("{}, and looking does not help: {message}", told(doubt)))
        }
        Verdict::Retry { reason, message, wait_ms } => {
            Verdict::Retry { reason, message: format!("{}, and looking failed: {message}", told(doubt)), wait_ms }
        }
        other => other,
    }
}
