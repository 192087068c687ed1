//! What happens to an order in its life, made up by chance, and how it is written as documents.

use std::collections::BTreeSet;

use serde_json::json;

use super::model::{Desired, Faults, Name, Output, Size, Spec};
use crate::support::chance::Chance;
use crate::support::shelf::Verb;

const KEYS: [char; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];

#[derive(Debug, Clone)]
pub struct Step {
    pub desired: Desired,
    pub faults: Faults,
    /// It is changed again while it is carried out; nothing that it did is looked at.
    pub overtaken: Option<Overtaking>,
}

impl Step {
    /// Behind it, all is as it was asked.
    pub fn is_carried_out(&self) -> bool {
        self.faults.is_empty() || self.overtaken.is_some()
    }
}

#[derive(Debug, Clone)]
pub struct Overtaking {
    pub by: Desired,
    pub paused: bool,
    pub cancelled: Option<Cancelled>,
    /// Turns that others get before.
    pub turns: u64,
}

/// Which of two applies somebody gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    Overtaken,
    Newest,
}

#[derive(Debug, Clone)]
pub struct History {
    pub steps: Vec<Step>,
    /// What does not go at first when the order is deleted.
    pub stuck: BTreeSet<char>,
}

struct Dice(Chance);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        (self.0.number() % bound as u64) as usize
    }

    fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }
}

impl History {
    pub fn random(seed: u64) -> Self {
        let dice = Dice(Chance::new(seed));
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let desired = match steps.last() {
                Some(last) if !dice.once_in(4) => changed(&dice, &last.desired),
                _ => desired(&dice),
            };
            let faults = if dice.once_in(2) { faults(&dice, &[Verb::Put, Verb::Delete]) } else { Faults::new() };
            let overtaken = dice.once_in(3).then(|| Overtaking {
                by: changed(&dice, &desired),
                paused: dice.once_in(3),
                cancelled: match dice.below(8) {
                    0 | 1 => Some(Cancelled::Overtaken),
                    2 => Some(Cancelled::Newest),
                    _ => None,
                },
                turns: dice.below(40) as u64,
            });
            steps.push(Step { desired, faults, overtaken });
        }
        let stuck = if dice.once_in(3) { faults(&dice, &[Verb::Delete]) } else { Faults::new() };
        Self { steps, stuck: stuck.into_iter().map(|(_, key)| key).collect() }
    }

    /// The same without one key: whoever referred to it says something else.
    pub fn without(&self, key: char) -> Self {
        let mut less = self.clone();
        less.stuck.remove(&key);
        for step in &mut less.steps {
            step.faults.retain(|(_, other)| *other != key);
            take_out(&mut step.desired, key);
            if let Some(overtaken) = &mut step.overtaken {
                take_out(&mut overtaken.by, key);
            }
        }
        less
    }

    pub fn keys(&self) -> BTreeSet<char> {
        self.steps.iter().flat_map(|step| step.desired.keys().copied()).collect()
    }
}

fn take_out(desired: &mut Desired, key: char) {
    desired.remove(&key);
    for spec in desired.values_mut() {
        if matches!(spec.name, Name::Of(other, _) if other == key) {
            spec.name = Name::Literal(9);
        }
        if spec.size == Size::Of(key) {
            spec.size = Size::Literal(9);
        }
    }
}

fn faults(dice: &Dice, verbs: &[Verb]) -> Faults {
    (0..1 + dice.below(2)).map(|_| (verbs[dice.below(verbs.len())], KEYS[dice.below(KEYS.len())])).collect()
}

/// Each may refer to those placed before it, in an order of chance.
fn desired(dice: &Dice) -> Desired {
    let mut left = KEYS.to_vec();
    let mut placed = Vec::new();
    let mut desired = Desired::new();
    for _ in 0..2 + dice.below(KEYS.len() - 1) {
        let key = left.remove(dice.below(left.len()));
        desired.insert(key, spec(dice, &placed));
        placed.push(key);
    }
    desired
}

fn spec(dice: &Dice, placed: &[char]) -> Spec {
    let other = || placed[dice.below(placed.len())];
    let name = match dice.below(5) {
        0 if !placed.is_empty() => Name::Of(other(), Output::Name),
        1 if !placed.is_empty() => Name::Of(other(), Output::Tag),
        2 if !placed.is_empty() => Name::Of(other(), Output::Size),
        it => Name::Literal(it as u32 % 2),
    };
    let size = match dice.below(2) {
        0 if !placed.is_empty() => Size::Of(other()),
        _ => Size::Literal(1 + dice.below(4) as u64),
    };
    Spec { name, size }
}

/// Some say something else, one may go and one may come.
fn changed(dice: &Dice, before: &Desired) -> Desired {
    let mut desired = before.clone();
    if desired.len() > 2 && dice.once_in(3) {
        take_out(&mut desired, KEYS[dice.below(KEYS.len())]);
    }
    let mut placed = super::model::sorted(&desired);
    for _ in 0..1 + dice.below(2) {
        let at = dice.below(placed.len());
        desired.insert(placed[at], spec(dice, &placed[..at]));
    }
    if dice.once_in(3)
        && let Some(key) = KEYS.iter().find(|key| !placed.contains(key))
    {
        desired.insert(*key, spec(dice, &placed));
        placed.push(*key);
    }
    desired
}

/// The order as it is applied.
pub fn document(order: &str, desired: &Desired) -> String {
    let resources: serde_json::Map<_, _> = desired
        .iter()
        .map(|(key, spec)| {
            let reference = |other: &char, output: &str| format!("${{resources.{other}.outputs.{output}}}");
            let last = match &spec.name {
                Name::Literal(version) => format!("v{version}"),
                Name::Of(other, Output::Name) => reference(other, "name"),
                Name::Of(other, Output::Tag) => reference(other, "tag"),
                Name::Of(other, Output::Size) => reference(other, "size"),
            };
            let size = match &spec.size {
                Size::Literal(size) => json!(size),
                Size::Of(other) => json!(reference(other, "size")),
            };
            let params = json!({ "name": format!("{order}-{key}-{last}"), "size": size });
            (key.to_string(), json!({ "type": "thing", "params": params }))
        })
        .collect();
    json!({ "apiVersion": "vend/v1", "kind": "Order", "name": order, "resources": resources }).to_string()
}
