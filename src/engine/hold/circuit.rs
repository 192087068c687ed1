//! The circuit breaker of one connection: whether an attempt over it may start, and what its end means. Pure.
//!
//! Open, it lets one attempt through at a time to see, with growing pauses. What it knows beyond that it is open may be
//! lost: then it only counts anew, or tries a little early.

use crate::domain::id::OperationId;
use crate::domain::reason::Reason;
use crate::domain::time::{Entropy, Timestamp};

use crate::engine::retry::backoff_ms;

/// Attempts in a row that do not reach the backend until none is made any more.
pub const TRIPS: u32 = 5;
/// No back-off is longer: a probe that lies further ahead was set by another clock.
const LONGEST_MS: u64 = 60_000;
/// A waiting operation is called in to try it at most as often as this; it may be busy elsewhere, or held by more.
const CALL_MS: u64 = 1_000;

/// How an attempt found its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It ended in no way that speaks against the connection; whether it used it shows elsewhere.
    Fine,
    Trouble {
        reason: Reason,
        message: String,
    },
    /// It says nothing about the connection.
    Unknown,
}

/// What is to be made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    Opens { reason: Reason, message: String },
    Closes,
}

#[derive(Debug, Default)]
pub struct Circuit {
    /// Attempts in a row that did not reach the backend.
    failures: u32,
    /// How often the backend had answered when it was last found in trouble: an answer more speaks for it.
    answers: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    reason: Reason,
    failed_probes: u32,
    next_probe: Timestamp,
    probing: Option<OperationId>,
    called: Option<Timestamp>,
}

impl Circuit {
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Nothing is known against the connection.
    pub fn is_blank(&self) -> bool {
        self.open.is_none() && self.failures == 0
    }

    /// Attempts over the connection wait from here on; the first probe is made at `next_probe`.
    pub fn trip(&mut self, reason: Reason, next_probe: Timestamp) {
        match &mut self.open {
            Some(open) => open.reason = reason,
            None => {
                self.open = Some(Open { reason, failed_probes: 0, next_probe, probing: None, called: None });
            }
        }
    }

    /// Whether an attempt of this operation may start.
    pub fn lets(&self, id: &OperationId, now: Timestamp) -> bool {
        match &self.open {
            None => true,
            Some(Open { probing: Some(probing), .. }) => probing == id,
            Some(open) => open.probe_is_due(now),
        }
    }

    /// An attempt of this operation, which was let through, starts.
    pub fn starts(&mut self, id: &OperationId) {
        if let Some(open) = &mut self.open {
            open.probing.get_or_insert_with(|| id.clone());
        }
    }

    /// An attempt of this operation has ended. `answers`: how often the backend has answered until now.
    pub fn ends(
        &mut self,
        id: &OperationId,
        sight: &Sight,
        answers: u64,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Option<Turn> {
        let was = std::mem::replace(&mut self.answers, answers);
        let is_open = self.open.is_some();
        let probed = self.open.as_mut().filter(|open| open.probing.as_ref() == Some(id));
        match sight {
            Sight::Fine if answers != was => {
                self.failures = 0;
                return is_open.then_some(Turn::Closes);
            }
            Sight::Trouble { reason, message } => {
                self.failures += 1;
                let opens = match probed {
                    Some(open) => {
                        open.failed(now, entropy);
                        std::mem::replace(&mut open.reason, *reason) != *reason
                    }
                    // What was under way when it opened.
                    None if is_open => false,
                    None => *reason == Reason::CredentialsRejected || self.failures >= TRIPS,
                };
                if !opens {
                    return None;
                }
                self.trip(*reason, now.plus_ms(backoff_ms(1, entropy)));
                return Some(Turn::Opens { reason: *reason, message: message.clone() });
            }
            Sight::Fine | Sight::Unknown => {
                if let Some(open) = probed {
                    open.failed(now, entropy);
                }
            }
        }
        None
    }

    /// This operation is no longer worked on: if it was to try the connection and did not, another may.
    pub fn leaves(&mut self, id: &OperationId) {
        if let Some(open) = self.open.as_mut().filter(|open| open.probing.as_ref() == Some(id)) {
            open.probing = None;
        }
    }

    /// Something has changed: it is worth trying at once.
    pub fn renew(&mut self, now: Timestamp) {
        self.failures = 0;
        if let Some(open) = &mut self.open {
            open.failed_probes = 0;
            open.next_probe = now;
        }
    }

    /// Whether an operation that waits for the connection should be called in to try it.
    pub fn calls(&mut self, now: Timestamp) -> bool {
        let Some(open) = &mut self.open else { return false };
        let lately = open.called.is_some_and(|called| called <= now && now.since_ms(called) < CALL_MS);
        if lately || open.probing.is_some() || !open.probe_is_due(now) {
            return false;
        }
        open.called = Some(now);
        true
    }
}

impl Open {
    fn probe_is_due(&self, now: Timestamp) -> bool {
        now >= self.next_probe || self.next_probe.since_ms(now) > LONGEST_MS
    }

    fn failed(&mut self, now: Timestamp, entropy: &dyn Entropy) {
        self.probing = None;
        self.failed_probes += 1;
        self.next_probe = now.plus_ms(backoff_ms(self.failed_probes, entropy));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Counting;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    fn id(n: u64) -> OperationId {
        OperationId::new(at(n), &Counting::default())
    }

    fn trouble(reason: Reason) -> Sight {
        Sight::Trouble { reason, message: "no".into() }
    }

    fn opens(reason: Reason) -> Option<Turn> {
        Some(Turn::Opens { reason, message: "no".into() })
    }

    /// An attempt that ends at `now` with nothing new from the backend.
    fn end(circuit: &mut Circuit, n: u64, sight: &Sight, now: u64) -> Option<Turn> {
        let answers = circuit.answers;
        circuit.ends(&id(n), sight, answers, at(now), &Counting::default())
    }

    #[test]
    fn a_backend_that_is_away_is_left_alone_after_five_attempts_in_a_row() {
        let away = trouble(Reason::BackendUnavailable);
        let mut circuit = Circuit::default();
        for n in 1..TRIPS {
            assert_eq!(end(&mut circuit, n.into(), &away, 0), None);
        }
        assert_eq!(circuit.ends(&id(9), &Sight::Fine, 1, at(0), &Counting::default()), None, "one came through");
        assert!(circuit.is_blank());
        for n in 1..TRIPS {
            assert_eq!(end(&mut circuit, n.into(), &away, 0), None);
            assert_eq!(end(&mut circuit, 9, &Sight::Fine, 0), None, "one that did not use it is no evidence");
        }
        assert_eq!(end(&mut circuit, 5, &away, 0), opens(Reason::BackendUnavailable));
    }

    #[test]
    fn rejected_credentials_open_at_once() {
        let mut circuit = Circuit::default();
        let rejected = trouble(Reason::CredentialsRejected);
        assert_eq!(end(&mut circuit, 1, &rejected, 0), opens(Reason::CredentialsRejected));
        assert_eq!(end(&mut circuit, 2, &rejected, 0), None, "it was under way: nothing new");
    }

    #[test]
    fn one_probe_at_a_time_with_growing_pauses() {
        let mut circuit = Circuit::default();
        circuit.trip(Reason::BackendUnavailable, at(100));
        assert!(!circuit.lets(&id(1), at(99)) && !circuit.calls(at(99)));
        assert!(circuit.calls(at(100)) && !circuit.calls(at(100 + CALL_MS - 1)) && circuit.calls(at(100 + CALL_MS)));
        let mut now = 1_000;
        let mut longest = 0;
        for _ in 0..40 {
            assert!(circuit.lets(&id(1), at(now)));
            circuit.starts(&id(1));
            assert!(circuit.lets(&id(1), at(now)) && !circuit.lets(&id(2), at(now)), "the next step of the same");
            assert!(!circuit.calls(at(now + 5_000)), "one is at it");
            assert_eq!(end(&mut circuit, 2, &trouble(Reason::BackendUnavailable), now), None, "began before");
            assert!(!circuit.lets(&id(2), at(now)));
            assert_eq!(end(&mut circuit, 1, &trouble(Reason::BackendUnavailable), now), None);
            let next = circuit.open.as_ref().expect("open").next_probe.ms();
            assert!(next > now && next <= now + LONGEST_MS);
            assert!(!circuit.lets(&id(1), at(next - 1)) && circuit.lets(&id(2), at(next)));
            longest = longest.max(next - now);
            now = next;
        }
        assert!(longest >= LONGEST_MS / 20, "{longest}");
        circuit.starts(&id(2));
        let turn = circuit.ends(&id(2), &Sight::Fine, 1, at(now), &Counting::default());
        assert_eq!(turn, Some(Turn::Closes));
    }

    #[test]
    fn a_probe_that_never_came_to_it_makes_room() {
        let mut circuit = Circuit::default();
        circuit.trip(Reason::BackendUnavailable, at(0));
        circuit.starts(&id(1));
        circuit.leaves(&id(2));
        assert!(!circuit.lets(&id(2), at(0)));
        circuit.leaves(&id(1));
        assert!(circuit.lets(&id(2), at(0)));
        circuit.starts(&id(2));
        assert_eq!(end(&mut circuit, 2, &Sight::Fine, 0), None, "it did not use the connection");
        assert!(!circuit.lets(&id(1), at(0)));
        circuit.renew(at(0));
        assert!(circuit.lets(&id(1), at(0)), "something has changed");
    }

    #[test]
    fn what_is_wrong_may_change() {
        let mut circuit = Circuit::default();
        circuit.trip(Reason::BackendUnavailable, at(0));
        circuit.starts(&id(1));
        let turn = end(&mut circuit, 1, &trouble(Reason::CredentialsRejected), 0);
        assert_eq!(turn, opens(Reason::CredentialsRejected));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_put_the_probe_off() {
        let mut circuit = Circuit::default();
        circuit.trip(Reason::BackendUnavailable, at(10_000_000));
        assert!(!circuit.lets(&id(1), at(10_000_000 - LONGEST_MS)));
        assert!(circuit.lets(&id(1), at(1_000)));
    }
}
