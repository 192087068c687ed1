//! What is to come of an order, told without the core: things one after the other, and what each of them makes of those before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::shelf::{Verb, tag};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    Literal(u32),
    /// The name or the tag of another.
    Of(char, Output),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Name,
    Tag,
    Size,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    Literal(u64),
    Of(char),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub name: Name,
    pub size: Size,
}

/// What an order asks for, by key.
pub type Desired = BTreeMap<char, Spec>;
pub type Faults = BTreeSet<(Verb, char)>;

impl Spec {
    pub fn needs(&self) -> BTreeSet<char> {
        let name = match &self.name {
            Name::Of(key, _) => Some(*key),
            Name::Literal(_) => None,
        };
        let size = match &self.size {
            Size::Of(key) => Some(*key),
            Size::Literal(_) => None,
        };
        name.into_iter().chain(size).collect()
    }
}

/// A thing as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub name: String,
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Ready,
    Failed,
    /// Because of what it needs.
    Broken,
}

/// One key of the order.
#[derive(Debug, Clone)]
pub struct Entry {
    pub thing: Option<Thing>,
    pub standing: Standing,
    /// What it was made with, or may have been.
    pub leans: BTreeSet<char>,
}

/// Everything that is on record of an order, by key.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub entries: BTreeMap<char, Entry>,
}

/// What each key comes to if nothing goes wrong.
pub fn evaluate(order: &str, desired: &Desired) -> BTreeMap<char, Thing> {
    let mut things: BTreeMap<char, Thing> = BTreeMap::new();
    for key in sorted(desired) {
        let spec = &desired[&key];
        let last = match &spec.name {
            Name::Literal(version) => format!("v{version}"),
            Name::Of(other, Output::Name) => things[other].name.clone(),
            Name::Of(other, Output::Tag) => tag(things[other].size),
            Name::Of(other, Output::Size) => things[other].size.to_string(),
        };
        let size = match &spec.size {
            Size::Literal(size) => *size,
            Size::Of(other) => things[other].size,
        };
        things.insert(key, Thing { name: format!("{order}-{key}-{last}"), size });
    }
    things
}

/// Those that are needed come first.
pub fn sorted(desired: &Desired) -> Vec<char> {
    let mut placed = Vec::new();
    while placed.len() < desired.len() {
        let free = |(key, spec): &(&char, &Spec)| {
            !placed.contains(*key) && spec.needs().iter().all(|needed| placed.contains(needed))
        };
        let (key, _) = desired.iter().find(free).expect("there is no circle");
        placed.push(*key);
    }
    placed
}

/// What is not known of a thing while it is planned.
#[derive(Debug, Clone, Copy, Default)]
struct Unknown {
    name: bool,
    size: bool,
    tag: bool,
}

impl Model {
    /// An order is applied and comes to its end: what has work, and how that ended.
    pub fn apply(&mut self, order: &str, desired: &Desired, faults: &Faults) -> BTreeMap<char, Standing> {
        let ideal = evaluate(order, desired);
        let mut unknown: BTreeMap<char, Unknown> = BTreeMap::new();
        let mut done: BTreeMap<char, Standing> = BTreeMap::new();
        let before = self.entries.clone();
        for key in sorted(desired) {
            let (spec, wanted) = (&desired[&key], &ideal[&key]);
            let of = |other: &char| unknown[other];
            let name_unknown = match &spec.name {
                Name::Literal(_) => false,
                Name::Of(other, Output::Name) => of(other).name,
                Name::Of(other, Output::Tag) => of(other).tag,
                Name::Of(other, Output::Size) => of(other).size,
            };
            let size_unknown = matches!(&spec.size, Size::Of(other) if of(other).size);
            let nothing_known = name_unknown || size_unknown;
            let now = self.entries.get(&key).and_then(|it| it.thing.clone());
            let same = !nothing_known && now.as_ref() == Some(wanted);
            unknown.insert(key, Unknown { name: nothing_known, size: nothing_known, tag: !same });
            // What failed is looked at again, even if it is as it is to be.
            let stays = same && self.entries[&key].standing == Standing::Ready;
            let mut entry = Entry { thing: now.clone(), standing: Standing::Ready, leans: spec.needs() };
            let leant = self.entries.get(&key).map(|it| it.leans.clone()).unwrap_or_default();
            if !stays {
                if spec.needs().iter().any(|needed| done.get(needed).is_some_and(|it| *it != Standing::Ready)) {
                    entry.standing = Standing::Broken;
                } else {
                    (entry.thing, entry.standing) = carry_out(key, now, wanted, faults);
                }
                match entry.standing {
                    Standing::Ready => {}
                    // It has not come to what it needs.
                    Standing::Broken => entry.leans = leant,
                    Standing::Failed => entry.leans.extend(leant),
                }
                done.insert(key, entry.standing);
            }
            self.entries.insert(key, entry);
        }
        let leaving = before.keys().copied().filter(|key| !desired.contains_key(key)).collect();
        self.remove(&before, leaving, faults, &mut done);
        done
    }

    /// What was made with something goes, or changes, before it; in a circle, nothing waits.
    fn remove(
        &mut self,
        before: &BTreeMap<char, Entry>,
        mut leaving: BTreeSet<char>,
        faults: &Faults,
        done: &mut BTreeMap<char, Standing>,
    ) {
        let (all, circle) = (leaving.clone(), circle(before));
        while !leaving.is_empty() {
            let apart =
                |one: &char, other: &char| !all.contains(one) || !circle.contains(one) || !circle.contains(other);
            let referrers = |key: &char| -> Vec<char> {
                let leaning = before.iter().filter(|(other, it)| it.leans.contains(key) && apart(other, key));
                leaning.map(|(other, _)| *other).collect()
            };
            let free = |key: &&char| referrers(key).iter().all(|other| !leaving.contains(other));
            let key = *leaving.iter().find(free).expect("there is no circle");
            leaving.remove(&key);
            let broken = referrers(&key).iter().any(|other| done.get(other).is_some_and(|it| *it != Standing::Ready));
            let there = before[&key].thing.is_some();
            let standing = match (broken, there && faults.contains(&(Verb::Delete, key))) {
                (true, _) => Standing::Broken,
                (_, true) => Standing::Failed,
                _ => Standing::Ready,
            };
            done.insert(key, standing);
            match self.entries.get_mut(&key) {
                Some(entry) if standing != Standing::Ready => entry.standing = standing,
                _ => drop(self.entries.remove(&key)),
            }
        }
    }

    pub fn things(&self) -> BTreeMap<String, u64> {
        let things = self.entries.values().filter_map(|it| it.thing.as_ref());
        things.map(|it| (it.name.clone(), it.size)).collect()
    }
}

/// What is left when nothing more can be taken away that nothing leans on.
fn circle(entries: &BTreeMap<char, Entry>) -> BTreeSet<char> {
    let mut left: BTreeSet<char> = entries.keys().copied().collect();
    while let Some(free) = left.iter().find(|key| !left.iter().any(|other| entries[other].leans.contains(key))).copied()
    {
        left.remove(&free);
    }
    left
}

fn carry_out(key: char, now: Option<Thing>, wanted: &Thing, faults: &Faults) -> (Option<Thing>, Standing) {
    if now.as_ref() == Some(wanted) {
        return (now, Standing::Ready);
    }
    let replaced = now.as_ref().is_some_and(|now| now.name != wanted.name);
    if replaced && faults.contains(&(Verb::Delete, key)) {
        return (now, Standing::Failed);
    }
    if faults.contains(&(Verb::Put, key)) {
        return (now.filter(|_| !replaced), Standing::Failed);
    }
    (Some(wanted.clone()), Standing::Ready)
}
