//! A stop watch that runs while the guest does: not while the host works for it, nor while it waits for its turn. A guest that computes for
//! long has a turn, which ends whenever the watch stands still.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

/// Cheap to clone; all clones are one watch.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    spent: Duration,
    since: Option<Instant>,
    turn: Option<OwnedSemaphorePermit>,
}

/// The watch stands still until this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Paused(Watch);

impl Watch {
    pub fn start(&self) {
        self.lock().since = Some(Instant::now());
    }

    pub fn stop(&self) {
        let mut state = self.lock();
        if let Some(since) = state.since.take() {
            state.spent += since.elapsed();
        }
        state.turn = None;
    }

    /// The guest goes on with this turn.
    pub fn start_with(&self, turn: Option<OwnedSemaphorePermit>) {
        self.start();
        self.lock().turn = turn;
    }

    pub fn pause(&self) -> Paused {
        self.stop();
        Paused(self.clone())
    }

    pub fn spent(&self) -> Duration {
        let state = self.lock();
        state.spent + state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.start();
    }
}
