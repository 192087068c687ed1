//! What is ordered in one cycle: drawn by lot, and the same for the same seed.

use crate::support::chance::Chance;

/// How a write is told from one that never happened; each is a type on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Named,
    Keyed,
    Labelled,
    Blind,
    /// A row in a table, written by a transaction.
    Transactional,
}

impl Class {
    pub const ALL: [Class; 5] = [Class::Named, Class::Keyed, Class::Labelled, Class::Blind, Class::Transactional];

    pub fn as_str(self) -> &'static str {
        self.collection().unwrap_or("transactional")
    }

    /// Where its objects are in the cloud.
    pub fn collection(self) -> Option<&'static str> {
        match self {
            Class::Named => Some("named"),
            Class::Keyed => Some("keyed"),
            Class::Labelled => Some("labelled"),
            Class::Blind => Some("blind"),
            Class::Transactional => None,
        }
    }
}

/// What an order asks of its one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub name: String,
    pub size: u32,
    pub parts: u32,
    pub posts: u32,
    pub provision_ms: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Apply(Want),
    Delete,
}

/// What the customer does before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    Ms(u64),
    /// Waits until the last step is done, or needs a person; not for ever.
    Settled,
}

/// One customer: an order, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Script {
    pub order: String,
    pub class: Class,
    pub steps: Vec<(Pause, Step)>,
}

/// `orders` of them, all classes in turn.
pub fn scripts(chance: &Chance, orders: usize, classes: &[Class]) -> Vec<Script> {
    (0..orders).map(|number| script(chance, number, classes[number % classes.len()])).collect()
}

fn script(chance: &Chance, number: usize, class: Class) -> Script {
    let order = format!("{}-{number}", class.as_str());
    let below = |n: u64| u32::try_from(chance.number() % n).expect("a small number");
    let mut want = Want {
        name: order.clone(),
        size: 1 + below(100),
        parts: below(3),
        posts: below(3),
        provision_ms: if below(4) == 0 { 100 + below(500) } else { 0 },
    };
    let pause = || match chance.number() % 3 {
        0 => Pause::Settled,
        1 => Pause::Ms(chance.number() % 50),
        _ => Pause::Ms(chance.number() % 600),
    };
    let mut steps = vec![(Pause::Ms(chance.number() % 500), Step::Apply(want.clone()))];
    for _ in 0..below(3) {
        want.size += 1 + below(5);
        match below(3) {
            0 if class != Class::Transactional => want.name = format!("{order}-{}", want.size),
            1 => (want.parts, want.posts) = (want.parts + below(2), want.posts + below(2)),
            _ => {}
        }
        steps.push((pause(), Step::Apply(want.clone())));
    }
    if below(4) == 0 {
        steps.push((pause(), Step::Delete));
    }
    Script { order, class, steps }
}

impl Script {
    /// The document that asks for it.
    pub fn document(&self, want: &Want) -> String {
        let Want { name, size, parts, posts, provision_ms } = want;
        let resource = match self.class.collection() {
            Some(collection) => format!(
                "{{ type: cloud-{collection}, params: {{ name: {name}, size: {size}, parts: {parts}, posts: {posts}, \
                 provision-ms: {provision_ms} }} }}"
            ),
            None => {
                let row = |what: &str| {
                    format!("[{{ transact: [\"INSERT INTO made (name, what) VALUES ('{name}', '{what}')\"] }}]")
                };
                // What a later generation asks for is a change of these params.
                let (create, update) = (row("create"), row(&format!("update-{size}")));
                format!(
                    "{{ type: probe, params: {{ name: {name}, bare: true, database: postgres, on-create: {create}, on-update: {update} }} }}"
                )
            }
        };
        format!("{{ apiVersion: vend/v1, kind: Order, name: {}, resources: {{ it: {resource} }} }}\n", self.order)
    }
}
