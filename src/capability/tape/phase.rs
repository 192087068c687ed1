//! How far the write in hand has come: shared with whoever holds the clock, so that running out of time never hides a doubt.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::capability::abort::Abort;
use crate::domain::effect::Doubt;
use crate::domain::limits::Limit;

/// Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Phase(Arc<Mutex<State>>, Arc<Notify>);

#[derive(Debug, Default)]
struct State {
    /// The write in hand: from the commit of its intent until its outcome is durable.
    write: Option<Doubt>,
    committing: bool,
    expired: Option<u64>,
}

impl Phase {
    pub(super) fn committing(&self, doubt: Doubt) {
        let mut state = self.lock();
        state.write = Some(doubt);
        state.committing = true;
    }

    pub(super) fn sending(&self) {
        self.lock().committing = false;
    }

    /// The intent is durable and nothing was sent: whoever says so gives up as soon as time is up, and concludes that nothing happened.
    pub fn holding(&self) {
        self.lock().committing = true;
    }

    /// Whether it may be sent now; if so, it is in doubt from here on.
    pub fn may_send(&self) -> bool {
        let mut state = self.lock();
        state.committing = state.expired.is_some();
        !state.committing
    }

    /// Comes back when time is up.
    pub async fn expiry(&self) {
        let notified = self.1.notified();
        if self.lock().expired.is_none() {
            notified.await;
        }
    }

    pub(super) fn concluding(&self) {
        self.lock().committing = true;
    }

    pub(super) fn idle(&self) {
        let mut state = self.lock();
        state.write = None;
        state.committing = false;
    }

    /// The write whose fate nobody could tell if everything stopped now.
    pub fn in_doubt(&self) -> Option<Doubt> {
        self.lock().write.clone()
    }

    /// The journal is being written, or nothing was sent yet: to stop here would make a doubt that a moment's patience avoids.
    pub fn is_committing(&self) -> bool {
        self.lock().committing
    }

    /// Time is up: the attempt ends as soon as the commit in hand is through.
    pub fn expire(&self, max_ms: u64) {
        self.lock().expired = Some(max_ms);
        self.1.notify_waiters();
    }

    pub(super) fn expired(&self) -> Option<Abort> {
        self.lock().expired.map(|max| Abort::Limit { limit: Limit::Time, max })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
