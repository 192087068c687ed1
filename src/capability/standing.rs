//! How a connection stands: whether it is still what it was when it was opened, and how its backend was found lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::contract::{Error, ErrorKind};
use crate::domain::time::Timestamp;

/// Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    revoked: bool,
    answers: u64,
    unserved: bool,
    reachable: Option<Condition>,
    accepted: Option<Condition>,
}

/// What was last found, and since when it has been so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub holds: bool,
    /// Empty where it holds.
    pub reason: String,
    pub message: String,
    pub since: Timestamp,
}

/// What a check found that is well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// For whoever applies the connection.
    pub warnings: Vec<String>,
    /// Whether it is known that the credentials are accepted.
    pub credentials_tried: bool,
}

/// What one use of a backend showed.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// It did what was asked.
    Served,
    /// It answered, and would not.
    Answered,
    /// It, or what stands before it, answered that it cannot serve anybody now.
    Unserved,
    Failed(&'a Error),
}

impl Standing {
    /// From here on nothing more is sent through what was opened.
    pub fn revoke(&self) {
        self.lock().revoked = true;
    }

    /// To be asked right before something is sent.
    pub fn check(&self, connection: &str) -> Result<(), Error> {
        if !self.lock().revoked {
            return Ok(());
        }
        let message = format!("connection `{connection}` was changed meanwhile: nothing was sent");
        Err(Error::new(ErrorKind::Unavailable, "CONNECTION_CHANGED", message))
    }

    pub fn saw(&self, sight: Sight<'_>, now: Timestamp) {
        let mut state = self.lock();
        state.answers += u64::from(matches!(sight, Sight::Served | Sight::Answered));
        match sight {
            Sight::Served | Sight::Answered => state.unserved = false,
            Sight::Unserved => state.unserved = true,
            Sight::Failed(_) => {}
        }
        match sight {
            Sight::Served => {
                found(&mut state.reachable, None, now);
                found(&mut state.accepted, None, now);
            }
            Sight::Answered | Sight::Unserved => found(&mut state.reachable, None, now),
            Sight::Failed(error) => match (error.kind, error.code.as_str()) {
                (ErrorKind::Unauthenticated, _) => {
                    found(&mut state.reachable, None, now);
                    found(&mut state.accepted, Some(error), now);
                }
                (
                    _,
                    "BACKEND_UNAVAILABLE" | "DIRECTORY_UNUSABLE" | "ADDRESS_FORBIDDEN" | "TLS_REQUIRED" | "TLS_REFUSED",
                ) => {
                    found(&mut state.reachable, Some(error), now);
                }
                _ => {}
            },
        }
    }

    /// Whether the last thing it said is that it cannot serve anybody.
    pub fn unserved(&self) -> bool {
        self.lock().unserved
    }

    /// How often the backend has answered for itself, well or not.
    pub fn answers(&self) -> u64 {
        self.lock().answers
    }

    /// Whether the backend was reached, when it last was tried.
    pub fn reachable(&self) -> Option<Condition> {
        self.lock().reachable.clone()
    }

    /// Whether it took the credentials.
    pub fn accepted(&self) -> Option<Condition> {
        self.lock().accepted.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time is that of the last change.
fn found(condition: &mut Option<Condition>, error: Option<&Error>, now: Timestamp) {
    let since = match condition {
        Some(known) if known.holds == error.is_none() => known.since,
        _ => now,
    };
    let (reason, message) = error.map_or_else(Default::default, |error| (error.code.clone(), error.message.clone()));
    *condition = Some(Condition { holds: error.is_none(), reason, message, since });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_follow_what_is_seen() {
        let standing = Standing::default();
        let at = Timestamp::from_ms;
        let shown = |condition: Option<Condition>| condition.map(|it| (it.holds, it.reason, it.since.ms()));
        assert_eq!((shown(standing.reachable()), shown(standing.accepted())), (None, None));
        standing.saw(Sight::Served, at(1));
        standing.saw(Sight::Served, at(2));
        assert_eq!(shown(standing.reachable()), Some((true, String::new(), 1)));
        let rejected = Error::new(ErrorKind::Unauthenticated, "CREDENTIALS_REJECTED", "no");
        standing.saw(Sight::Failed(&rejected), at(3));
        assert_eq!(shown(standing.accepted()), Some((false, "CREDENTIALS_REJECTED".into(), 3)));
        let down = Error::new(ErrorKind::Unavailable, "BACKEND_UNAVAILABLE", "down");
        standing.saw(Sight::Failed(&down), at(4));
        assert_eq!(shown(standing.reachable()), Some((false, "BACKEND_UNAVAILABLE".into(), 4)));
        assert_eq!(shown(standing.accepted()), Some((false, "CREDENTIALS_REJECTED".into(), 3)), "nothing new of these");
        let other = Error::new(ErrorKind::Conflict, "55006", "in use");
        standing.saw(Sight::Failed(&other), at(5));
        standing.saw(Sight::Answered, at(6));
        assert_eq!(shown(standing.reachable()), Some((true, String::new(), 6)));
        standing.saw(Sight::Unserved, at(7));
        assert_eq!((standing.answers(), standing.unserved()), (3, true));
        assert_eq!(shown(standing.reachable()), Some((true, String::new(), 6)));
        standing.saw(Sight::Answered, at(8));
        assert_eq!((standing.answers(), standing.unserved()), (4, false));
    }

    #[test]
    fn what_was_revoked_sends_nothing() {
        let standing = Standing::default();
        let clone = standing.clone();
        assert!(standing.check("c").is_ok());
        clone.revoke();
        assert_eq!(standing.check("c").expect_err("revoked").code, "CONNECTION_CHANGED");
    }
}
