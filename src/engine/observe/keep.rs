//! What a look means for what is on record: pure.

use crate::domain::contract::Change;
use crate::domain::observation::{Inconclusive, Observation, Presence};
use crate::domain::reason::Reason;
use crate::domain::sealed::Sealed;
use crate::domain::time::Timestamp;

/// Who could not tell is asked again after this, or after the interval if that is shorter.
const RETRY_MS: u64 = 10 * 60 * 1_000;
/// Of an interval, a resource's turn comes within the last fifth: those that were made together are not looked at together.
const SPREAD: u64 = 5;
/// What does not hold is corrected again after twice the time, and so on, up to this.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;
/// Pieces of drift that are kept and told; a driver may observe any number.
pub const MOST_DRIFT: usize = 100;
/// Bytes of a message that are kept.
const MESSAGE: usize = 2_000;

/// What is on record, opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub observation: Observation,
    pub drift: Vec<Change>,
}

pub enum Seen {
    /// `drift` with what it says, sealed.
    Told {
        presence: Presence,
        drift: Vec<Change>,
        sealed: Option<Sealed>,
    },
    Inconclusive {
        reason: Reason,
        message: String,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The generation of the resource that was applied.
    pub generation: u64,
    pub interval_ms: Option<u64>,
    pub now: Timestamp,
    pub roll: u64,
}

/// The record after a look, and whether a condition of the resource has changed.
pub fn after(known: Known, seen: Seen, facts: Facts) -> (Observation, bool) {
    let Known { observation: mut it, drift: before } = known;
    if it.generation != facts.generation {
        it = Observation {
            version: it.version,
            corrections: it.corrections,
            correct_time: it.correct_time,
            ..Observation::new(it.resource, facts.generation)
        };
    }
    let now = facts.now;
    it.version += 1;
    it.due = due(facts.interval_ms, facts.now, facts.roll);
    match seen {
        Seen::Inconclusive { reason, mut message } => {
            message.truncate(message.floor_char_boundary(MESSAGE));
            it.due = due(facts.interval_ms.map(|interval_ms| interval_ms.min(RETRY_MS)), now, facts.roll);
            let known = it.inconclusive.take();
            let changed = known.as_ref().is_none_or(|known| known.reason != reason);
            let since = known.filter(|_| !changed).map_or(now, |known| known.since);
            it.inconclusive = Some(Inconclusive { reason, message, since });
            (it, changed)
        }
        Seen::Told { presence, drift, sealed } => {
            let mut changed = it.inconclusive.take().is_some();
            it.time = Some(now);
            if it.presence != Some(presence) {
                // That it is in order is what everybody takes for granted.
                changed |= it.presence.is_some() || presence != Presence::Ready;
                (it.presence, it.presence_since) = (Some(presence), Some(now));
            }
            let was = it.drift.is_some();
            changed |= was != sealed.is_some() || was && before != drift;
            it.drift_since = sealed.as_ref().and(it.drift_since.filter(|_| was).or(Some(now)));
            it.drift = sealed;
            if it.drift.is_none() && presence == Presence::Ready {
                // What was corrected last has held.
                (it.corrections, it.correct_time) = (0, None);
            }
            (it, changed)
        }
    }
}

/// When the next look is due.
pub fn due(interval_ms: Option<u64>, now: Timestamp, roll: u64) -> Option<Timestamp> {
    let interval_ms = interval_ms?;
    Some(now.plus_ms(interval_ms - roll % (interval_ms / SPREAD + 1)))
}

/// Not before this is drift corrected again.
pub fn corrects_from(it: &Observation, interval_ms: u64) -> Timestamp {
    let Some(last) = it.correct_time else { return Timestamp::ZERO };
    // The first that did not hold is tried again with the next look but one.
    let times = 1_u64.checked_shl(it.corrections).unwrap_or(u64::MAX);
    let wait_ms = interval_ms.saturating_mul(times).min(LONGEST_MS.max(interval_ms));
    last.plus_ms(wait_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::resource;

    const HOUR: u64 = 3_600_000;

    fn sealed() -> Sealed {
        Sealed { format: 1, key_id: 1, nonce: [0; 12], ciphertext: vec![1] }
    }

    fn change(limit: u32) -> Change {
        Change {
            pointer: "/params/limit".into(),
            before: Some(json!(5)),
            after: Some(json!(limit)),
            forces_replacement: false,
        }
    }

    fn told(presence: Presence, drift: Vec<Change>) -> Seen {
        let sealed = (!drift.is_empty()).then(sealed);
        Seen::Told { presence, drift, sealed }
    }

    fn away(reason: Reason) -> Seen {
        Seen::Inconclusive { reason, message: "no answer".into() }
    }

    fn facts(now: u64) -> Facts {
        Facts { generation: 2, interval_ms: Some(HOUR), now: Timestamp::from_ms(now), roll: 0 }
    }

    fn look(known: Known, seen: Seen, at: u64) -> (Known, bool) {
        let drift = match &seen {
            Seen::Told { drift, .. } => drift.clone(),
            Seen::Inconclusive { .. } => known.drift.clone(),
        };
        let (observation, changed) = after(known, seen, facts(at));
        (Known { observation, drift }, changed)
    }

    fn fresh() -> Known {
        Known { observation: Observation::new(resource().id, 2), drift: Vec::new() }
    }

    #[test]
    fn conditions_keep_their_beginning_and_tell_only_changes() {
        let (it, changed) = look(fresh(), told(Presence::Ready, vec![]), 10);
        assert!(!changed, "all is well, as everybody thought");
        assert_eq!(it.observation.version, 1);
        let (it, changed) = look(it, told(Presence::Ready, vec![change(6)]), 20);
        assert!(changed);
        let (it, changed) = look(it, told(Presence::Ready, vec![change(6)]), 30);
        assert!(!changed);
        assert_eq!(it.observation.drift_since, Some(Timestamp::from_ms(20)));
        let (it, changed) = look(it, told(Presence::Ready, vec![change(7)]), 40);
        assert!(changed, "it differs in another way");
        assert_eq!(it.observation.drift_since, Some(Timestamp::from_ms(20)));
        let (it, changed) = look(it, away(Reason::BackendUnavailable), 50);
        assert!(changed);
        assert!(it.observation.drift.is_some(), "what is known last stands");
        assert_eq!(it.observation.time, Some(Timestamp::from_ms(40)));
        let (it, changed) = look(it, away(Reason::BackendUnavailable), 60);
        assert!(!changed);
        assert_eq!(it.observation.inconclusive.as_ref().map(|it| it.since.ms()), Some(50));
        let (it, changed) = look(it, away(Reason::CredentialsRejected), 70);
        assert!(changed);
        let (it, changed) = look(it, told(Presence::Absent, vec![]), 80);
        assert!(changed);
        assert_eq!((it.observation.presence, it.observation.drift), (Some(Presence::Absent), None));
        assert_eq!(it.observation.presence_since, Some(Timestamp::from_ms(80)));
    }

    #[test]
    fn what_was_seen_of_another_generation_does_not_count() {
        let mut known = fresh();
        known.observation.generation = 1;
        known.observation.presence = Some(Presence::Absent);
        known.observation.version = 7;
        let (it, changed) = look(known, told(Presence::Ready, vec![]), 10);
        assert!(!changed);
        assert_eq!((it.observation.generation, it.observation.version), (2, 8));
    }

    #[test]
    fn turns_lie_within_the_interval() {
        for (interval, roll, least, most) in
            [(HOUR, 0, HOUR, HOUR), (HOUR, u64::MAX, HOUR * 4 / 5, HOUR), (1, 5, 0, 1), (0, 5, 0, 0)]
        {
            let due = due(Some(interval), Timestamp::ZERO, roll).expect("a time").ms();
            assert!((least..=most).contains(&due), "{interval} {roll}: {due}");
        }
        assert_eq!(due(None, Timestamp::ZERO, 1), None);
        let (it, _) = look(fresh(), away(Reason::BackendUnavailable), 0);
        assert_eq!(it.observation.due, Some(Timestamp::from_ms(RETRY_MS)));
    }

    #[test]
    fn what_does_not_hold_is_corrected_ever_more_seldom() {
        let mut it = Observation::new(resource().id, 2);
        assert_eq!(corrects_from(&it, HOUR), Timestamp::ZERO);
        it.correct_time = Some(Timestamp::from_ms(5));
        for (corrections, hours) in [(1, 2), (2, 4), (3, 8), (10, 24), (70, 24)] {
            it.corrections = corrections;
            assert_eq!(corrects_from(&it, HOUR).ms(), 5 + hours * HOUR, "{corrections}");
        }
    }
}
