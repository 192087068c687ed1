//! Tokens that were looked up a moment ago: bounded in number and in age.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::time::Timestamp;
use crate::store::Token;

/// How long a token is believed without asking the store: the longest that a revoked one still works.
pub const KEPT_MS: u64 = 5_000;

const ROOM: usize = 1_024;

/// Only tokens that exist are kept: guesses cannot push them out.
#[derive(Default)]
pub struct Cache {
    kept: Mutex<HashMap<String, (Token, Timestamp)>>,
}

impl Cache {
    pub fn get(&self, hash: &str, now: Timestamp) -> Option<Token> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, read) = kept.get(hash)?;
        is_fresh(*read, now).then(|| token.clone())
    }

    pub fn put(&self, token: Token, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= ROOM {
            kept.retain(|_, (_, read)| is_fresh(*read, now));
        }
        if kept.len() >= ROOM {
            kept.clear();
        }
        kept.insert(token.hash.clone(), (token, now));
    }
}

/// A clock that jumped back makes nothing fresh for longer.
fn is_fresh(read: Timestamp, now: Timestamp) -> bool {
    read <= now && now.since_ms(read) < KEPT_MS
}
