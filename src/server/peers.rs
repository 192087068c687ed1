//! Who is connected: room for so many, and whose place the next one gets when there is none.
//!
//! Whoever has shown a token stays. Among those that have not, the newest have the better claim: a caller shows its token
//! at once, so that somebody who only holds connections open pushes out nobody but himself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long it may take until the place of one who was sent away is free.
const LEAVING: Duration = Duration::from_secs(1);

pub struct Peers {
    most: usize,
    room: Arc<Semaphore>,
    /// In the order in which they came. Holds some that have gone or are known by now, but never many.
    strangers: Mutex<VecDeque<Weak<State>>>,
}

/// The other end of one connection, as calls see it.
#[derive(Clone)]
pub struct Peer(Arc<State>);

struct State {
    is_known: AtomicBool,
    sent_away: CancellationToken,
}

/// A place among the connections; given back when it is dropped.
pub type Place = OwnedSemaphorePermit;

impl Peers {
    pub fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { most, room: Arc::new(Semaphore::new(most)), strangers: Mutex::default() }
    }

    /// A place for one more, made if need be; `None` if all are taken by those who are known.
    pub async fn admit(&self) -> Option<(Peer, Place)> {
        let place = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(place) => place,
            Err(_) if self.send_one_away() => {
                let freed = tokio::time::timeout(LEAVING, Arc::clone(&self.room).acquire_owned()).await;
                freed.ok()?.ok()?
            }
            Err(_) => return None,
        };
        let state = Arc::new(State { is_known: AtomicBool::new(false), sent_away: CancellationToken::new() });
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() > 2 * self.most {
            strangers.retain(|it| it.upgrade().is_some_and(|state| state.is_stranger()));
        }
        strangers.push_back(Arc::downgrade(&state));
        Some((Peer(state), place))
    }

    /// Sends the stranger away that has been here longest; false if there is none.
    fn send_one_away(&self) -> bool {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = strangers.pop_front() {
            if let Some(state) = oldest.upgrade().filter(|state| state.is_stranger()) {
                state.sent_away.cancel();
                return true;
            }
        }
        false
    }
}

impl State {
    fn is_stranger(&self) -> bool {
        !self.is_known.load(Ordering::Relaxed) && !self.sent_away.is_cancelled()
    }
}

impl Peer {
    /// It has shown a good token.
    pub fn becomes_known(&self) {
        self.0.is_known.store(true, Ordering::Relaxed);
    }

    /// Its connection is closed.
    pub fn send_away(&self) {
        self.0.sent_away.cancel();
    }

    #[cfg(test)]
    pub fn is_sent_away(&self) -> bool {
        self.0.sent_away.is_cancelled()
    }

    /// Ready when it has to go.
    pub fn sent_away(&self) -> WaitForCancellationFutureOwned {
        self.0.sent_away.clone().cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_stranger_makes_room_and_the_known_stay() {
        let peers = Peers::new(2);
        let (first, first_place) = peers.admit().await.expect("room");
        let (second, second_place) = peers.admit().await.expect("room");
        first.becomes_known();
        let gone = tokio::spawn({
            let second = second.clone();
            async move {
                second.sent_away().await;
                drop(second_place);
            }
        });
        let (third, _third_place) = peers.admit().await.expect("the second goes");
        gone.await.expect("it was sent away");
        assert!(!first.0.sent_away.is_cancelled());
        third.becomes_known();
        assert!(peers.admit().await.is_none(), "all are known");
        drop(first_place);
        assert!(peers.admit().await.is_some(), "one has gone by itself");
    }

    #[tokio::test]
    async fn one_that_was_sent_away_and_stays_gives_no_room() {
        let peers = Peers::new(1);
        let held = peers.admit().await.expect("room");
        assert!(peers.admit().await.is_none());
        assert!(!peers.send_one_away(), "nobody is sent away twice");
        drop(held);
    }

    #[tokio::test]
    async fn the_list_of_strangers_stays_short() {
        let peers = Peers::new(4);
        let _oldest = peers.admit().await.expect("room");
        for _ in 0..1_000 {
            drop(peers.admit().await.expect("room"));
        }
        assert!(peers.strangers.lock().expect("not poisoned").len() <= 10);
    }
}
