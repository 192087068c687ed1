//! What is due and was not started yet, as far as this process knows: the queue asks the store for a page at a time, and is told of what
//! becomes due in between.
//!
//! Nothing hangs on what stands here: the store is asked again every second, and a step reads the records it works on anew. Pure.

use std::collections::{HashSet, VecDeque};

use crate::domain::id::{OperationId, ResourceId};
use crate::domain::operation::Operation;
use crate::domain::time::Timestamp;

/// So many are remembered; of the others it is known that there are some.
const MOST: usize = 16_384;
/// With fewer than that the store is asked for more, if it has more.
const LOW: usize = 128;

#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<(OperationId, ResourceId)>,
    known: HashSet<OperationId>,
    /// There may be more in the store that are due.
    more: bool,
    /// When the next falls due, as far as that was told.
    next: Option<Timestamp>,
}

impl Backlog {
    /// One that is due now, and the resource that it works on. Where others in the store may have been due for longer, the store is asked for
    /// it in its turn.
    pub fn add(&mut self, id: OperationId, resource: ResourceId) {
        if !self.more {
            self.push(id, resource);
        }
    }

    fn push(&mut self, id: OperationId, resource: ResourceId) {
        if self.waiting.len() >= MOST {
            self.more = true;
        } else if self.known.insert(id.clone()) {
            self.waiting.push_back((id, resource));
        }
    }

    /// Something falls due at `at`.
    pub fn expect(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Something has changed, and nobody knows what: the store is asked.
    pub fn doubt(&mut self) {
        self.more = true;
    }

    /// The store is to be asked.
    pub fn is_short(&self, now: Timestamp) -> bool {
        let due = self.next.is_some_and(|next| next <= now);
        (self.more && self.waiting.len() < LOW) || due
    }

    /// The store has answered: `found` are due and not worked on, `all` if it has no others, `next` is when another one falls due.
    pub fn refill(
        &mut self,
        found: impl IntoIterator<Item = (OperationId, ResourceId)>,
        all: bool,
        next: Option<Timestamp>,
    ) {
        for (id, resource) in found {
            self.push(id, resource);
        }
        self.more |= !all;
        if let Some(next) = next {
            self.expect(next);
        }
    }

    /// The store is asked now: what is told from here on counts again.
    pub fn asking(&mut self) {
        self.more = false;
        self.next = None;
    }

    pub fn take(&mut self) -> Option<(OperationId, ResourceId)> {
        let (id, resource) = self.waiting.pop_front()?;
        self.known.remove(&id);
        Some((id, resource))
    }

    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }
}

/// The one of a resource's open operations that may run: those of later generations wait for it.
pub fn first(open: &[Operation]) -> Option<(&OperationId, &ResourceId, Timestamp)> {
    let first = open.first().filter(|it| it.state.is_runnable() && it.held.is_none() && it.awaits == 0)?;
    Some((&first.id, first.resource.as_ref()?, first.due))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::operation::{OperationState, OperationVerb};
    use crate::engine::testing::operation;

    fn one(number: usize) -> (OperationId, ResourceId) {
        let id = OperationId::parse(&format!("op_{number:026}")).expect("an id");
        (id, ResourceId::parse(&format!("res_{number:026}")).expect("an id"))
    }

    fn add(backlog: &mut Backlog, number: usize) {
        let (id, resource) = one(number);
        backlog.add(id, resource);
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn each_is_taken_once_in_the_order_of_arrival() {
        let mut backlog = Backlog::default();
        add(&mut backlog, 1);
        add(&mut backlog, 2);
        backlog.refill([one(2), one(3)], true, None);
        let taken: Vec<_> = std::iter::from_fn(|| backlog.take()).collect();
        assert_eq!(taken, [one(1), one(2), one(3)]);
        add(&mut backlog, 1);
        assert_eq!(backlog.take(), Some(one(1)), "it may become due again");
    }

    #[test]
    fn nobody_overtakes_those_that_only_the_store_knows() {
        let mut backlog = Backlog::default();
        backlog.doubt();
        add(&mut backlog, 9);
        assert_eq!(backlog.take(), None);
        backlog.asking();
        backlog.refill([one(1), one(9)], true, None);
        add(&mut backlog, 10);
        let taken: Vec<_> = std::iter::from_fn(|| backlog.take()).collect();
        assert_eq!(taken, [one(1), one(9), one(10)]);
    }

    #[test]
    fn the_store_is_asked_when_it_may_have_more_and_little_is_left() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_short(at(9)));
        backlog.doubt();
        assert!(backlog.is_short(at(9)));
        backlog.asking();
        backlog.refill((0..LOW).map(one), false, None);
        assert!(!backlog.is_short(at(9)), "there is enough to do");
        backlog.take();
        assert!(backlog.is_short(at(9)));
    }

    #[test]
    fn the_store_is_asked_when_something_falls_due() {
        let mut backlog = Backlog::default();
        backlog.expect(at(20));
        backlog.expect(at(10));
        backlog.expect(at(30));
        assert_eq!(backlog.next(), Some(at(10)));
        assert!(!backlog.is_short(at(9)) && backlog.is_short(at(10)));
        backlog.asking();
        backlog.refill([], true, Some(at(30)));
        assert!(!backlog.is_short(at(10)) && backlog.is_short(at(30)));
    }

    #[test]
    fn it_has_a_bound() {
        let mut backlog = Backlog::default();
        (0..MOST).for_each(|number| add(&mut backlog, number));
        assert!(!backlog.more);
        add(&mut backlog, MOST);
        assert!(backlog.more && backlog.waiting.len() == MOST);
    }

    #[test]
    fn later_generations_wait_for_the_first() {
        let waits = |state| Operation { state, ..operation(OperationVerb::Create) };
        let open = [waits(OperationState::Waiting), waits(OperationState::Queued)];
        assert_eq!(first(&open).map(|it| it.0), Some(&open[0].id));
        let parked = [waits(OperationState::NeedsAttention), waits(OperationState::Queued)];
        assert!(first(&parked).is_none() && first(&[]).is_none());
    }
}
