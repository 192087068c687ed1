//! Replay on success: every step that ended well is run again from its journal, with nothing that a driver could reach, and has to come to
//! what its core has kept, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use vend::app::SystemEntropy;
use vend::capability::grants::Grants;
use vend::capability::journal::{Batch, Error, Journal};
use vend::domain::contract::{Answer, Call, Object, Prior};
use vend::domain::effect::{Class, Entry, Outcome};
use vend::domain::id::ResourceId;
use vend::domain::limits::Limits;
use vend::domain::operation::Operation;
use vend::domain::secret::{Handle, Plain};
use vend::driver::{Attempt, Past, Runtime, RuntimeConfig};
use vend::engine::journal::{Header, History, Payload, open};
use vend::secret::{Keyring, Sealer};
use vend::stock::Stock;
use vend::store::sqlite::Sqlite;
use vend::store::{Filter, Paging, Store};

use super::clock::Real;

/// What was run again, and how many of the answers could be held against a record.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    pub steps: usize,
    pub compared: usize,
    /// Ended with a request that was refused: behind the last one that was applied nothing is replayed.
    pub left_out: usize,
}

/// Nothing may be committed: nothing may happen.
struct Shut;

#[async_trait]
impl Journal for Shut {
    async fn commit(&self, batch: Batch) -> Result<(), Error> {
        Err(Error::Store(format!("a replay wants to write {:?}", batch.entries)))
    }
}

struct Theatre {
    store: Arc<dyn Store>,
    stock: Stock,
    keyring: Arc<Keyring>,
    replayed: Replayed,
}

/// All of a data directory that nobody serves. Panics at the first difference.
pub async fn everything(data: &Path) -> Replayed {
    let entropy = Arc::new(SystemEntropy);
    let clock = Arc::new(Real);
    let store = Sqlite::open(data, clock.clone(), entropy.clone()).unwrap_or_else(|error| panic!("{error}"));
    let store: Arc<dyn Store> = Arc::new(store);
    let keyring = Keyring::open_or_create(&data.join("sealing.key"), &*entropy).expect("its key");
    let keyring = Arc::new(keyring);
    let config = RuntimeConfig {
        cache_dir: Some(data.join("cache")),
        max_instances: 4,
        max_limits: Limits::default(),
        entropy: entropy.clone(),
    };
    let runtime = Arc::new(Runtime::new(config).unwrap_or_else(|error| panic!("{error}")));
    let (data, limits) = (data.to_owned(), Limits::default());
    let stock = Stock::new(store.clone(), keyring.clone(), runtime, clock, entropy, data, limits);
    stock.load().await.expect("the drivers load");
    let mut theatre = Theatre { store, stock, keyring, replayed: Replayed::default() };
    theatre.play().await;
    theatre.replayed
}

impl Theatre {
    async fn play(&mut self) {
        let filter = Filter::default();
        let all = self.store.operations(&filter, &Paging::all()).await.expect("listed").items;
        let mut by_resource: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for operation in all {
            if let Some(resource) = &operation.resource {
                by_resource.entry(resource.to_string()).or_default().push(operation);
            }
        }
        for (_, mut operations) in by_resource {
            operations.sort_by_key(|it| (it.create_time, it.id.clone()));
            self.resource(&operations).await;
        }
    }

    /// What a step came to is what the next one was given, and in the end what the record holds.
    async fn resource(&mut self, operations: &[Operation]) {
        let id = operations[0].resource.clone().expect("it works on a resource");
        let mut last: Option<Answer> = None;
        for operation in operations {
            for (step, payloads) in self.steps(operation).await {
                let what = format!("{} of {}, step {step}", operation.verb.as_str(), operation.id);
                let history = History::from_payloads(payloads.iter().cloned());
                let Some(call) = history.call.clone() else {
                    // What a person or a look has settled stands in no journal.
                    last = None;
                    continue;
                };
                self.follows(&what, &last, &call);
                last = None;
                let looked = payloads.iter().any(|(_, it)| matches!(it, Payload::Look(_)));
                let well = payloads.last().is_some_and(
                    |(_, it)| matches!(it, Payload::End { outcome, .. } if outcome == "done" || outcome == "pending"),
                );
                if well && !looked {
                    last = self.step(&what, operation, step, &call, history, &payloads).await;
                }
            }
        }
        self.keeps(&id, &last).await;
    }

    async fn steps(&self, operation: &Operation) -> BTreeMap<u32, Vec<(u32, Payload)>> {
        let mut steps: BTreeMap<u32, Vec<(u32, Payload)>> = BTreeMap::new();
        for row in self.store.journal(&operation.id).await.expect("a journal") {
            let payload = open(&self.keyring, &row).expect("it opens");
            steps.entry(row.step).or_default().extend(payload.into_iter().map(|payload| (row.attempt, payload)));
        }
        steps
    }

    async fn step(
        &mut self,
        what: &str,
        operation: &Operation,
        step: u32,
        call: &Call,
        history: History,
        payloads: &[(u32, Payload)],
    ) -> Option<Answer> {
        let mut entries = history.past.history;
        if !keep_all(&mut entries) {
            self.replayed.left_out += 1;
            return None;
        }
        let header = payloads.iter().find_map(|(_, it)| match it {
            Payload::Header(header) => Some(header),
            _ => None,
        });
        let header: &Header = header.expect("an attempt begins with one");
        let driver = self.stock.driver(&header.driver_digest).await.expect("its driver");
        let secrets = self.secrets(operation, call, &entries).await;
        let attempt = Attempt {
            call: call.clone(),
            grants: Grants::default(),
            limits: header.limits.clone(),
            past: Past { history: entries, ..Past::default() },
            journal: Arc::new(Shut),
            secrets,
            handle_key: self.keyring.derive(&["handles"]),
            trace: String::new(),
            seed: self.keyring.derive(&["seed", operation.id.as_str(), &step.to_string()]),
            clock: Arc::new(Real),
            entropy: Arc::new(SystemEntropy),
        };
        let report = driver.run(attempt).await;
        let answer = report.result.unwrap_or_else(|failure| panic!("{what}: on replay: {failure}"));
        assert!(report.rest.entries.is_empty(), "{what}: the replay did more: {:?}", report.rest.entries);
        self.replayed.steps += 1;
        Some(answer)
    }

    async fn secrets(&self, operation: &Operation, call: &Call, entries: &[Entry]) -> Vec<(Handle, Plain)> {
        let project = operation.order.project.as_str();
        let sealer = Sealer { keyring: &self.keyring, entropy: &SystemEntropy, project };
        let resource = operation.resource.as_ref().expect("it works on a resource");
        let mut records = self.store.resource_secrets(resource).await.expect("its secrets");
        let params = call.input().map(|input| input.params.clone()).unwrap_or_default();
        for (_, text) in vend::domain::json::strings(&params) {
            records.extend(self.store.secret(text).await.expect("asked"));
        }
        let known = |record: &_| sealer.open_secret(record).expect("it opens");
        let mut secrets: Vec<_> = records.iter().filter_map(|it| Some((Handle::parse(&it.key)?, known(it)))).collect();
        // Values go with their resource; a replay needs no more than that there was one.
        for entry in entries {
            let Entry::Outcome { outcome: Outcome::Applied(answer), .. } = entry else { continue };
            for (_, handle) in Handle::scan(&answer.to_string()) {
                if secrets.iter().all(|(known, _)| *known != handle) {
                    secrets.push((handle, Plain::new("gone".to_owned())));
                }
            }
        }
        secrets
    }

    /// The next call begins where the replayed one ended.
    fn follows(&mut self, what: &str, last: &Option<Answer>, call: &Call) {
        let Some(input) = call.input() else { return };
        match (last, &input.prior) {
            (Some(Answer::Pending(pending)), _) if input.continuation.is_some() => {
                same(what, &Some(&pending.continuation), &input.continuation.as_ref());
                self.replayed.compared += 1;
            }
            (Some(Answer::Done(object)), Some(prior))
                if prior.claim.external_id.as_ref() == Some(&object.external_id) =>
            {
                let Prior { claim, outputs, .. } = prior;
                same(what, &(&object.state, &object.outputs), &(&claim.state, outputs));
                self.replayed.compared += 1;
            }
            _ => {}
        }
    }

    async fn keeps(&mut self, id: &ResourceId, last: &Option<Answer>) {
        let Some(Answer::Done(Object { external_id, state, outputs })) = last else { return };
        let Some(resource) = self.store.resource(id).await.expect("asked") else { return };
        let Some(object) = &resource.object else { return };
        let project = resource.name.order.project.as_str();
        let sealer = Sealer { keyring: &self.keyring, entropy: &SystemEntropy, project };
        let kept = (
            object.external_id.as_ref(),
            sealer.open_state(id, &object.state).expect("it opens"),
            sealer.open_outputs(id, &object.outputs).expect("it opens"),
        );
        same(&format!("the record of {id}"), &(Some(external_id), state, outputs), &(kept.0, &kept.1, &kept.2));
        self.replayed.compared += 1;
    }
}

/// Byte for byte.
fn same(what: &str, replayed: &impl serde::Serialize, kept: &impl serde::Serialize) {
    let bytes = |value: &Value| value.to_string();
    let (replayed, kept) = (serde_json::to_value(replayed), serde_json::to_value(kept));
    let (replayed, kept) = (replayed.expect("JSON"), kept.expect("JSON"));
    assert_eq!(bytes(&replayed), bytes(&kept), "{what}");
}

/// Lets the whole history stand before the cut, also the reads behind the last write. False where that cannot be.
fn keep_all(entries: &mut [Entry]) -> bool {
    match entries.iter().rfind(|it| matches!(it, Entry::Outcome { .. })) {
        None => return true,
        Some(Entry::Outcome { outcome, .. }) if !outcome.is_applied() => return false,
        Some(_) => {}
    }
    // The hash, which is what is compared, stays that of the read.
    if let Some(Entry::Intent { request, .. }) = entries.iter_mut().rfind(|it| matches!(it, Entry::Intent { .. })) {
        request.class = Class::Idempotent;
    }
    true
}
