//! Whose turn it is: resources that are due, with as many at work at once as their connections may have. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::id::ResourceId;
use crate::domain::name::Name;
use crate::domain::observation::DueObservation;

/// Looks at once, over all connections.
pub const AT_ONCE: usize = 4;
/// Looks at once over one connection: whoever orders has the rest of it.
pub const PER_CONNECTION: usize = 2;
/// So many of one connection wait here at most; there is room for others.
const SHARE: usize = 32;
/// So many wait here at most.
pub const MOST: usize = 256;

#[derive(Debug, Default)]
pub struct Line {
    waiting: VecDeque<DueObservation>,
    waits: HashMap<Name, usize>,
    at_work: HashMap<Name, usize>,
    /// Waiting or at work.
    known: HashSet<ResourceId>,
    working: usize,
}

impl Line {
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    /// Leaves out those that are here already, and those that are too many of their connection.
    pub fn add(&mut self, due: DueObservation) {
        let crowded = |name: &Name| self.waits.get(name).is_some_and(|count| *count >= SHARE);
        if self.is_full() || self.known.contains(&due.resource) || connections(&due).iter().any(|it| crowded(it)) {
            return;
        }
        for name in connections(&due) {
            *self.waits.entry(name.clone()).or_default() += 1;
        }
        self.known.insert(due.resource.clone());
        self.waiting.push_back(due);
    }

    /// The next that may begin; it is at work until [`Line::done`].
    pub fn take(&mut self) -> Option<DueObservation> {
        if self.working >= AT_ONCE {
            return None;
        }
        let busy = |name: &Name| self.at_work.get(name).is_some_and(|count| *count >= PER_CONNECTION);
        let at = self.waiting.iter().position(|it| !connections(it).iter().any(|name| busy(name)))?;
        let due = self.waiting.remove(at)?;
        for name in connections(&due) {
            less(&mut self.waits, name);
            *self.at_work.entry(name.clone()).or_default() += 1;
        }
        self.working += 1;
        Some(due)
    }

    pub fn done(&mut self, due: &DueObservation) {
        for name in connections(due) {
            less(&mut self.at_work, name);
        }
        self.known.remove(&due.resource);
        self.working = self.working.saturating_sub(1);
    }

    pub fn is_idle(&self) -> bool {
        self.working == 0 && self.waiting.is_empty()
    }

    pub fn has_room(&self) -> bool {
        self.working < AT_ONCE
    }
}

/// Each once.
fn connections(due: &DueObservation) -> Vec<&Name> {
    let mut names: Vec<_> = due.pin.connections.values().collect();
    names.sort();
    names.dedup();
    names
}

fn less(counts: &mut HashMap<Name, usize>, name: &Name) {
    if let Some(count) = counts.get_mut(name) {
        *count -= 1;
        if *count == 0 {
            counts.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::resource::Pin;
    use crate::domain::time::Timestamp;
    use crate::engine::testing::{Counting, name, resource};

    fn due(connection: &str) -> DueObservation {
        static ENTROPY: std::sync::LazyLock<Counting> = std::sync::LazyLock::new(Counting::default);
        DueObservation {
            resource: ResourceId::new(Timestamp::ZERO, &*ENTROPY),
            due: Timestamp::ZERO,
            pin: Pin { connections: [("a".to_owned(), name(connection))].into(), ..resource().pin },
        }
    }

    #[test]
    fn a_connection_has_few_at_once_and_others_go_on() {
        let mut line = Line::default();
        (0..5).for_each(|_| line.add(due("slow")));
        line.add(due("fast"));
        let begun: Vec<_> = std::iter::from_fn(|| line.take()).collect();
        let names: Vec<_> = begun.iter().map(|it| it.pin.connections["a"].as_str()).collect();
        assert_eq!(names, ["slow", "slow", "fast"]);
        line.done(&begun[2]);
        assert!(line.take().is_none(), "the slow ones are as many as may be");
        line.done(&begun[0]);
        assert!(line.take().is_some());
        assert!(!line.is_idle());
    }

    #[test]
    fn all_of_them_together_are_few() {
        let mut line = Line::default();
        ["a", "b", "c", "d", "e"].iter().for_each(|it| line.add(due(it)));
        assert_eq!(std::iter::from_fn(|| line.take()).count(), AT_ONCE);
    }

    #[test]
    fn nobody_waits_twice_and_nobody_fills_the_line_alone() {
        let mut line = Line::default();
        let one = due("a");
        line.add(one.clone());
        line.add(one.clone());
        assert!(line.take().is_some());
        line.add(one.clone());
        assert!(line.take().is_none(), "it is at work");
        line.done(&one);
        assert!(line.is_idle());
        (0..100).for_each(|_| line.add(due("a")));
        assert_eq!(line.waiting.len(), SHARE);
    }
}
