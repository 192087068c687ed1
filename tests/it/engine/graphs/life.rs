//! The life of one order on a real core, held against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};

use vend::domain::document::{Kind, Replace};
use vend::domain::hold::Target;
use vend::domain::operation::{Operation, OperationState};
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::resource::{Resource, ResourceState};
use vend::engine::Error;
use vend::store::{Filter, Paging};

use super::history::{Cancelled, History, Overtaking, Step, document};
use super::model::{Desired, Faults, Model, Standing};
use crate::support::bench::{Bench, admin, applying, order};
use crate::support::shelf::{STOCK, Shelf, Verb, connection, platform};

/// Looks at an operation, twenty milliseconds apart.
const LOOKS: u32 = 6_000;
/// Applies after which an order that nothing stands in the way of any more has come about.
const TRIES: u32 = 4;

pub struct World {
    bench: Bench,
    replace: Replace,
    shelf: Shelf,
    port: u16,
    orders: AtomicU64,
}

type Result<T> = std::result::Result<T, String>;

fn ensure(right: bool, message: impl FnOnce() -> String) -> Result<()> {
    if right { Ok(()) } else { Err(message()) }
}

impl World {
    pub async fn new(replace: Replace) -> Self {
        let bench = Bench::new(&["shelf"]).await;
        let shelf = Shelf::default();
        let port = shelf.serve().await;
        bench.documents(&of(replace, platform(port, 64))).await;
        Self { bench, replace, shelf, port, orders: AtomicU64::new(0) }
    }

    /// All of it but its end; the order's name.
    pub async fn live(&self, history: &History) -> Result<String> {
        let order = format!("g{}", self.orders.fetch_add(1, Ordering::SeqCst));
        let mut model = Model::default();
        for (at, step) in history.steps.iter().enumerate() {
            if let Err(error) = self.step(&order, step, &mut model).await {
                let (done, story) = (self.shelf.done(&order), self.story(&order).await);
                return Err(format!("step {at} of {order}: {error}; done at last: {done:?}; {story:#?}"));
            }
            let torn = self.shelf.torn(&order);
            // Applies that were not carried out may have turned round what refers to what, so that nothing can go first.
            let carried_out = at == 0 || history.steps[at - 1].is_carried_out();
            let alone = self.replace == Replace::CreateFirst && step.overtaken.is_none() && carried_out;
            if let Some(torn) = torn.first().filter(|_| alone) {
                let (done, story) = (self.shelf.done(&order), self.story(&order).await);
                return Err(format!("step {at} of {order}: {torn:?}: the second went first: {done:?}; {story:#?}"));
            }
        }
        // Nothing stands in the way any more.
        if let Some(last) = history.steps.last() {
            let desired = last.overtaken.as_ref().map_or(&last.desired, |overtaken| &overtaken.by);
            self.converges(&order, desired, &mut model)
                .await
                .map_err(|error| format!("the end of {order}: {error}"))?;
        }
        Ok(order)
    }

    async fn step(&self, order: &str, step: &Step, model: &mut Model) -> Result<()> {
        self.shelf.refuse(order, step.faults.iter().copied());
        if let (Replace::CreateFirst, None) = (self.replace, &step.overtaken) {
            // What a failure leaves of two objects is more than the model knows.
            if let Some(operation) = self.apply(order, &step.desired).await? {
                self.ended(&operation).await?;
            }
            return Ok(());
        }
        let Some(overtaking) = &step.overtaken else {
            let expected = model.apply(order, &step.desired, &step.faults);
            return self.applied(order, &step.desired, &expected, model).await;
        };
        let quiet = step.faults.is_empty() && overtaking.cancelled.is_none();
        let told = self.overtaken(order, &step.desired, overtaking).await?;
        self.shelf.refuse(order, []);
        if let Some(story) = told.filter(|_| quiet) {
            // Nobody was in the way: the newest has come about without being asked for again.
            let done = self.nothing_to_do(order, &overtaking.by).await;
            done.map_err(|error| format!("{error}: {story:#?}"))?;
        }
        self.converges(order, &overtaking.by, model).await
    }

    /// Applied until there is nothing more to do, which must be soon.
    async fn converges(&self, order: &str, desired: &Desired, model: &mut Model) -> Result<()> {
        self.shelf.refuse(order, []);
        for _ in 0..TRIES {
            let Some(operation) = self.apply(order, desired).await? else { break };
            self.ended(&operation).await?;
        }
        model.apply(order, desired, &Faults::new());
        self.as_modelled(order, model).await?;
        self.nothing_to_do(order, desired).await
    }

    async fn applied(
        &self,
        order: &str,
        desired: &Desired,
        expected: &BTreeMap<char, Standing>,
        model: &Model,
    ) -> Result<()> {
        let before: BTreeSet<char> = self.resources(order).await.iter().filter_map(key).collect();
        self.shelf.done(order);
        let operation = self.apply(order, desired).await?;
        let mut found = BTreeMap::new();
        if let Some(operation) = operation {
            let operation = self.ended(&operation).await?;
            for child in self.bench.children(&operation).await {
                found.insert(child.resource_key.chars().next().unwrap_or('?'), standing(&child)?);
            }
        }
        ensure(found == *expected, || format!("{found:?} ended so, and not {expected:?}"))?;
        self.as_modelled(order, model).await?;
        let done = self.shelf.done(order);
        self.in_order(&done, desired, &before)?;
        if expected.values().all(|it| *it == Standing::Ready) {
            self.nothing_to_do(order, desired).await?;
        }
        Ok(())
    }

    /// What is new was made after what it needs.
    fn in_order(&self, done: &[(Verb, String)], desired: &Desired, before: &BTreeSet<char>) -> Result<()> {
        let last = |key: char| done.iter().rposition(|(verb, name)| *verb == Verb::Put && key_in(name) == Some(key));
        for (key, spec) in desired.iter().filter(|(key, _)| !before.contains(key)) {
            for needed in spec.needs() {
                let (Some(own), Some(needed_at)) = (last(*key), last(needed)) else { continue };
                ensure(needed_at < own, || format!("`{key}` was made before `{needed}`: {done:?}"))?;
            }
        }
        Ok(())
    }

    /// What was done, if every word was heard: nothing was refused, and nothing has to be planned again.
    async fn overtaken(&self, order: &str, first: &Desired, overtaking: &Overtaking) -> Result<Option<Vec<String>>> {
        let target = Target::parse(&format!("projects/default/environments/dev/orders/{order}")).expect("a target");
        let paused = overtaking.paused && self.bench.core.engine.pause(target.clone(), "", &admin()).await.is_ok();
        let first = self.apply(order, first).await?;
        for _ in 0..overtaking.turns {
            tokio::task::yield_now().await;
        }
        if overtaking.cancelled == Some(Cancelled::Overtaken) {
            self.cancel(first.as_ref()).await?;
        }
        let mut second = self.try_apply(order, &overtaking.by).await;
        let mut told = true;
        if overtaking.cancelled == Some(Cancelled::Newest)
            && let Ok(second) = &second
        {
            self.cancel(second.as_ref()).await?;
        }
        if paused {
            self.bench.core.engine.resume(&target, &admin()).await.map_err(|error| error.to_string())?;
        }
        if let Err(Error::Refused(refusal)) = &second {
            // What goes has to be gone before it comes again.
            ensure(refusal.reason == Reason::ConcurrentOperation, || format!("{refusal:?}"))?;
            told = false;
            if let Some(first) = &first {
                self.ended(first).await?;
            }
            second = self.try_apply(order, &overtaking.by).await;
        }
        let second = second.map_err(|error| format!("{error:?}"))?;
        let mut story = Vec::new();
        for operation in first.iter().chain(&second) {
            let operation = self.ended(operation).await?;
            let children = self.bench.children(&operation).await;
            told &=
                children.iter().all(|it| matches!(it.state, OperationState::Succeeded | OperationState::Superseded));
            story.extend(children.iter().map(brief));
        }
        Ok(told.then_some(story))
    }

    /// If it has not come to its end already.
    async fn cancel(&self, operation: Option<&Operation>) -> Result<()> {
        let Some(operation) = operation else { return Ok(()) };
        self.bench.core.engine.cancel(&operation.id, &admin()).await.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Its newest operations.
    async fn story(&self, order: &str) -> Vec<String> {
        let filter = Filter { order: Some(order.to_owned()), ..Filter::default() };
        let newest = Paging { limit: 30, after: None };
        let listed = self.bench.core.store.operations(&filter, &newest).await.expect("the store answers");
        listed.items.iter().map(brief).collect()
    }

    async fn try_apply(&self, name: &str, desired: &Desired) -> std::result::Result<Option<Operation>, Error> {
        let mut request = applying(&document(name, desired));
        request.allow_destroy = true;
        Ok(self.bench.core.engine.apply(request).await?.operation)
    }

    async fn apply(&self, order: &str, desired: &Desired) -> Result<Option<Operation>> {
        self.try_apply(order, desired).await.map_err(|error| format!("{desired:?}: {error:?}"))
    }

    async fn ended(&self, operation: &Operation) -> Result<Operation> {
        let mut last = None;
        for _ in 0..LOOKS {
            let now = self.bench.core.store.operation(&operation.id).await.expect("the store answers");
            let now = now.expect("it is kept");
            ensure(now.state != OperationState::NeedsAttention, || format!("it needs a person: {}", brief(&now)))?;
            if now.state.is_terminal() {
                return Ok(now);
            }
            last = Some(now);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let children = self.bench.children(operation).await;
        let open: Vec<_> = children.iter().filter(|it| !it.state.is_terminal()).map(brief).collect();
        Err(format!("it does not end: {}: {open:?}", last.iter().map(brief).collect::<String>()))
    }

    async fn resources(&self, order: &str) -> Vec<Resource> {
        let filter = Filter {
            project: Some("default".into()),
            environment: Some("dev".into()),
            order: Some(order.to_owned()),
            ..Filter::default()
        };
        self.bench.core.store.resources(&filter, &Paging::all()).await.expect("the store answers").items
    }

    async fn as_modelled(&self, order: &str, model: &Model) -> Result<()> {
        let (there, expected) = (self.shelf.things(order), model.things());
        ensure(there == expected, || format!("there is {there:?}, and not {expected:?}"))?;
        let resources = self.resources(order).await;
        let found: BTreeMap<char, bool> =
            resources.iter().filter_map(|it| Some((key(it)?, it.state == ResourceState::Ready))).collect();
        let expected: BTreeMap<char, bool> =
            model.entries.iter().map(|(key, it)| (*key, it.standing == Standing::Ready)).collect();
        ensure(found == expected, || {
            format!(
                "ready are {found:?}, and not {expected:?}: {:?}",
                resources.iter().map(|it| (&it.name.key, it.state, it.reason, &it.message)).collect::<Vec<_>>()
            )
        })
    }

    async fn nothing_to_do(&self, name: &str, desired: &Desired) -> Result<()> {
        let plan = self.bench.core.engine.plan(order(&document(name, desired)), &admin()).await;
        let plan = plan.map_err(|error| format!("{error:?}"))?;
        let work = plan.resources.iter().filter(|it| it.action != PlannedAction::None);
        let work: Vec<_> = work.map(|it| format!("{} {}: {:?}", it.action.as_str(), it.key, it.changes)).collect();
        ensure(work.is_empty(), || format!("the second plan has work: {work:?}"))
    }

    /// Orders go while what they were made with changes, or may not go before them.
    pub async fn end(&self, orders: Vec<(String, BTreeSet<char>)>, batch: u64) -> Result<()> {
        let stock = &self.bench.core.stock;
        self.bench.documents(&connection(self.port, 32 + u32::try_from(batch % 32).unwrap_or_default())).await;
        for (kind, name) in [(Kind::Recipe, "thing"), (Kind::ResourceType, "thing"), (Kind::Connection, "shelf")] {
            let gone = stock.delete(kind, "", name, None, &admin()).await;
            ensure(gone.is_err() || orders.is_empty(), || format!("{name} is needed, and was deleted"))?;
        }
        self.bench
            .documents(
                &of(self.replace, STOCK.to_owned()).replace("name: thing\ntype", "title: Another\nname: thing\ntype"),
            )
            .await;
        let ends: Vec<Result<()>> =
            stream::iter(orders).map(|(order, stuck)| self.end_of(order, stuck)).buffer_unordered(24).collect().await;
        ends.into_iter().collect::<Result<Vec<()>>>()?;
        self.bench.documents(&of(self.replace, platform(self.port, 64))).await;
        Ok(())
    }

    async fn end_of(&self, order: String, stuck: BTreeSet<char>) -> Result<()> {
        let resources = self.resources(&order).await;
        let by_id: BTreeMap<_, _> = resources.iter().filter_map(|it| Some((it.id.clone(), key(it)?))).collect();
        let edges: Vec<(char, char)> = resources
            .iter()
            .flat_map(|it| it.leans_on().iter().filter_map(|needed| Some((key(it)?, *by_id.get(needed)?))))
            .collect();
        // All of those that stay because of these.
        let mut staying: BTreeSet<char> = by_id.values().copied().filter(|it| stuck.contains(it)).collect();
        for _ in 0..by_id.len() {
            staying
                .extend(edges.iter().filter(|(from, _)| staying.contains(from)).map(|(_, to)| *to).collect::<Vec<_>>());
        }
        self.shelf.done(&order);
        if !staying.is_empty() {
            self.shelf.refuse(&order, stuck.iter().map(|key| (Verb::Delete, *key)));
            let operation = self.ended(&self.bench.delete(&order).await).await?;
            ensure(operation.state == OperationState::Failed, || format!("{order}: {operation:?}"))?;
            let left: BTreeSet<char> = self.resources(&order).await.iter().filter_map(key).collect();
            ensure(left == staying, || format!("{order}: {left:?} are left, and not {staying:?}"))?;
            self.shelf.refuse(&order, []);
        }
        let operation = self.ended(&self.bench.delete(&order).await).await?;
        let children = self.bench.children(&operation).await;
        let told = || format!("{order}: {:?}", children.iter().map(brief).collect::<Vec<_>>());
        ensure(operation.state == OperationState::Succeeded, told)?;
        let left = (self.resources(&order).await.len(), self.shelf.things(&order).len());
        ensure(left == (0, 0), || format!("{order}: resources and things are left: {left:?}"))?;
        let done = self.shelf.done(&order);
        let at = |key: char| done.iter().position(|(verb, name)| *verb == Verb::Delete && key_in(name) == Some(key));
        for (from, to) in edges {
            ensure(at(from) < at(to), || format!("{order}: `{to}` went before `{from}`: {done:?}"))?;
        }
        Ok(())
    }
}

fn brief(it: &Operation) -> String {
    let (by, message) = (it.superseded_by.as_ref().map_or("", |it| it.as_str()), &it.message);
    let (verb, state) = (it.verb.as_str(), it.state.as_str());
    format!(
        "{} {verb} {} of generation {} is {state} {by} {message} (awaits {})",
        it.id, it.resource_key, it.generation, it.awaits
    )
}

fn standing(child: &Operation) -> Result<Standing> {
    match (child.state, child.reason) {
        (OperationState::Succeeded, _) => Ok(Standing::Ready),
        (OperationState::Failed, Some(Reason::DependencyFailed)) => Ok(Standing::Broken),
        (OperationState::Failed, _) => Ok(Standing::Failed),
        _ => Err(format!("it ended otherwise: {child:?}")),
    }
}

fn key(resource: &Resource) -> Option<char> {
    resource.name.key.as_str().chars().next()
}

fn of(replace: Replace, documents: String) -> String {
    match replace {
        Replace::DeleteFirst => documents,
        Replace::CreateFirst => documents.replace("replace: delete-first", "replace: create-first"),
    }
}

/// The key that a thing's name tells.
fn key_in(name: &str) -> Option<char> {
    name.split('-').nth(1)?.chars().next()
}
