//! The oracle: what was promised against what is. Reads the cloud's ledger, what the API tells, and what customers were told; nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vend::pb;
use vend::pb::journal_line::{Kind, Origin};
use vend::pb::operation::State;

use super::customer::Told;
use super::found::Found;
use super::script::{Class, Want};

/// What must not be: each a sentence.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Count {
    /// Acknowledged, and neither done nor parked; or ready, and not there as it was asked for.
    pub lost: Vec<String>,
    /// Made, or added, more than once.
    pub duplicate: Vec<String>,
    /// There, and no record accounts for it.
    pub orphan: Vec<String>,
    pub violations: Vec<String>,
}

/// Rows of the table `made`: name, what, how many.
pub type Rows = Vec<(String, String, i64)>;

/// One object as the ledger has it.
#[derive(Debug, Clone, Default)]
pub struct Thing {
    pub collection: String,
    pub id: String,
    pub name: String,
    /// As it was made.
    pub first_name: String,
    pub size: u64,
    pub resource: String,
    pub incarnation: String,
    /// Name → how often it was added or put first.
    pub parts: BTreeMap<String, u32>,
    /// Numbers of records: when it was made, and deleted.
    pub made: u64,
    pub gone: Option<u64>,
}

/// All objects that were ever made, in order.
pub fn things(ledger: &[Value]) -> Vec<Thing> {
    let mut things: Vec<Thing> = Vec::new();
    for record in ledger {
        let text = |member: &str| record[member].as_str().unwrap_or_default().to_owned();
        let label = |name: &str| record["labels"][name].as_str().unwrap_or_default().to_owned();
        let (collection, id) = (text("collection"), text("id"));
        if record["event"] == "make" {
            things.push(Thing {
                collection,
                id,
                name: text("name"),
                first_name: text("name"),
                size: record["size"].as_u64().unwrap_or_default(),
                resource: label("vend-resource"),
                incarnation: label("vend-incarnation"),
                made: record["seq"].as_u64().unwrap_or_default(),
                ..Thing::default()
            });
            continue;
        }
        let known = things.iter_mut().rfind(|it| it.gone.is_none() && it.collection == collection && it.id == id);
        let Some(thing) = known else { continue };
        match record["event"].as_str() {
            Some("change") => {
                thing.name = text("name");
                thing.size = record["size"].as_u64().unwrap_or_default();
                thing.resource = label("vend-resource");
                thing.incarnation = label("vend-incarnation");
            }
            Some("part") => *thing.parts.entry(text("part-name")).or_default() += 1,
            Some("delete") => thing.gone = record["seq"].as_u64(),
            _ => {}
        }
    }
    things
}

impl Count {
    pub fn of(told: &[Told], found: &Found, ledger: &[Value], rows: &Rows) -> Self {
        let things = things(ledger);
        let mut count = Self::default();
        for it in told {
            count.violations.extend(it.wrong.iter().cloned());
            count.operations(it, found);
            match it.class {
                Class::Transactional => count.rows(it, found, rows),
                _ => count.object(it, found, &things),
            }
        }
        count.duplicates(&things);
        count.orphans(found, &things);
        count.resent(found);
        count
    }

    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.duplicate.extend(other.duplicate);
        self.orphan.extend(other.orphan);
        self.violations.extend(other.violations);
    }

    /// Everything that must not be, a line each.
    pub fn text(&self) -> String {
        let Count { lost, duplicate, orphan, violations } = self;
        let all = [("lost", lost), ("duplicate", duplicate), ("orphan", orphan), ("violation", violations)];
        all.iter().flat_map(|(what, them)| them.iter().map(move |it| format!("{what}: {it}\n"))).collect()
    }

    /// What was acknowledged is known, and has come to an end.
    fn operations(&mut self, told: &Told, found: &Found) {
        for (number, (request, id)) in told.operations.iter().enumerate() {
            let is_last = number + 1 == told.operations.len();
            match found.operations.get(id) {
                None => self.lost.push(format!("{request}: operation {id} was acknowledged and is not known")),
                Some(it) if !it.done => self.lost.push(format!("{request}: {}", words(found, it))),
                Some(it) if !is_last && made_room(found, it) => {}
                Some(it) if it.state() == State::Failed => {
                    self.lost.push(format!("{request}: {}", words(found, it)));
                }
                Some(_) => {}
            }
        }
    }

    /// The order's object is as it was asked for last, or is not there.
    fn object(&mut self, told: &Told, found: &Found, things: &[Thing]) {
        let resource = found.resource_of(&told.order);
        let (want, resource) = match (&told.last, resource) {
            (None, None) => return,
            (None, Some(it)) => {
                return self.lost.push(format!("{}: deleted, and {} is {}", told.order, it.id, it.state));
            }
            (Some(_), None) => return self.lost.push(format!("{}: there is no resource", told.order)),
            (Some(want), Some(resource)) => (want, resource),
        };
        if resource.state != "ready" {
            let message = format!("{}: {} is {}: {}", told.order, resource.id, resource.state, resource.message);
            return self.lost.push(message);
        }
        let its = |it: &&Thing| {
            it.gone.is_none()
                && it.collection == told.class.as_str()
                && it.id == resource.external_id
                && it.resource == resource.id
                && it.incarnation == resource.incarnation.to_string()
        };
        match things.iter().find(its) {
            None => self.lost.push(format!("{}: ready, and `{}` is not there", told.order, resource.external_id)),
            Some(thing) => self.fits(told, want, thing),
        }
    }

    fn fits(&mut self, told: &Told, want: &Want, thing: &Thing) {
        let expected: BTreeSet<String> = (0..want.parts)
            .map(|part| format!("part-{part}"))
            .chain((0..want.posts).map(|post| format!("post-{post}")))
            .collect();
        let has: BTreeSet<String> = thing.parts.keys().cloned().collect();
        if (thing.name.as_str(), thing.size) != (want.name.as_str(), u64::from(want.size)) {
            let message = format!("{}: asked for {want:?}, and `{}` is {thing:?}", told.order, thing.id);
            self.lost.push(message);
        }
        if has != expected {
            self.lost.push(format!("{}: `{}` has {has:?}, not {expected:?}", told.order, thing.id));
        }
    }

    /// An incarnation has one object at a time, makes no second one of the same name, and adds a part once.
    fn duplicates(&mut self, things: &[Thing]) {
        let mut made: BTreeMap<(&str, &str), Vec<&Thing>> = BTreeMap::new();
        for it in things {
            let earlier = made.entry((&it.resource, &it.incarnation)).or_default();
            for other in earlier.iter().filter(|other| other.gone.is_none_or(|gone| gone > it.made)) {
                let (one, two) = (&other.id, &it.id);
                self.duplicate.push(format!("{}, incarnation {}: {one} and {two}", it.resource, it.incarnation));
            }
            // What was begun under another name is removed, and made anew with this one: once.
            if let Some(other) = earlier.iter().find(|other| other.first_name == it.first_name) {
                let (one, two, name) = (&other.id, &it.id, &it.first_name);
                self.duplicate.push(format!("{}: {one} and then {two}, both made as `{name}`", it.resource));
            }
            earlier.push(it);
            for (part, times) in it.parts.iter().filter(|(part, times)| part.starts_with("post-") && **times > 1) {
                self.duplicate.push(format!("{} {}: {part} was added {times} times", it.collection, it.id));
            }
        }
    }

    /// Everything that is there is the present object of a resource.
    fn orphans(&mut self, found: &Found, things: &[Thing]) {
        for thing in things.iter().filter(|it| it.gone.is_none()) {
            let known = found.resources.get(&thing.resource);
            let accounted =
                known.is_some_and(|it| it.external_id == thing.id && it.incarnation.to_string() == thing.incarnation);
            if !accounted {
                let why = known.map_or("no such resource".to_owned(), |it| {
                    format!("that has `{}`, incarnation {}", it.external_id, it.incarnation)
                });
                self.orphan.push(format!("{} {} of {}: {why}", thing.collection, thing.id, thing.resource));
            }
        }
    }

    fn rows(&mut self, told: &Told, found: &Found, rows: &Rows) {
        let its = || rows.iter().filter(|(name, ..)| *name == told.order);
        for (_, what, times) in its().filter(|(.., times)| *times > 1) {
            self.duplicate.push(format!("{}: {times} rows of {what}", told.order));
        }
        if told.last.is_none() {
            return;
        }
        match found.resource_of(&told.order) {
            Some(it) if it.state == "ready" => {
                if !its().any(|(_, what, _)| what == "create") {
                    self.lost.push(format!("{}: ready, and its row is not there", told.order));
                }
            }
            other => self.lost.push(format!("{}: {:?}", told.order, other.map(|it| (&it.state, &it.message)))),
        }
    }

    /// What must never be sent twice says so of itself, unless somebody has found out that it was not applied.
    fn resent(&mut self, found: &Found) {
        for (id, lines) in &found.journals {
            let mut settled = (0, 0);
            for it in lines {
                if it.kind() == Kind::Look && it.outcome == "not-applied" {
                    settled = (it.step, it.attempt);
                }
                let again = it.origin() == Origin::Reissued && matches!(it.class.as_str(), "unsafe" | "transactional");
                if again && settled != (it.step, it.attempt - 1) {
                    self.violations.push(format!("{id}: {} {} was sent again", it.class, it.function));
                }
            }
        }
    }
}

/// It failed because a later step of its order came in between: by a delete, or because the resource was not any more what it was planned
/// for. It says so, and somebody has asked again since.
fn made_room(found: &Found, it: &pb::Operation) -> bool {
    let failed = |child: &&pb::Operation| child.parent == it.id && child.state() == State::Failed;
    let mut failed = found.operations.values().filter(failed);
    it.state() == State::Failed && failed.all(|child| matches!(child.reason.as_str(), "PLAN_VIOLATED" | "CANCELLED"))
}

/// An operation that did not end well, and why.
fn words(found: &Found, it: &pb::Operation) -> String {
    let children = found.operations.values().filter(|child| child.parent == it.id && child.state() != State::Succeeded);
    let told: Vec<String> =
        children.map(|child| format!("{} {:?} {} {}", child.id, child.state(), child.reason, child.message)).collect();
    format!("{} is {:?}: {told:?}", it.id, it.state())
}
