//! What a failed attempt means for its operation: pure rules, no clock and no dice of their own.

use crate::domain::contract::ErrorKind;
use crate::domain::operation::Operation;
use crate::domain::reason::Reason;
use crate::domain::time::{Entropy, Timestamp};
use crate::driver::Failure;

use super::doubt::reason;

const BASE_MS: u64 = 500;
const CAP_MS: u64 = 60_000;
/// A driver that crashes or runs over its limits as often as this will not get better by itself.
const OWN_FAULTS: u32 = 3;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Retry {
        reason: Reason,
        message: String,
        wait_ms: u64,
    },
    Fail {
        reason: Reason,
        message: String,
    },
    /// Time has to pass, for no fault of anybody's.
    Wait {
        reason: Reason,
        message: String,
        wait_ms: u64,
    },
    /// A person decides.
    Park {
        reason: Reason,
        message: String,
    },
    /// Somebody else is at work on it: leave everything as it is.
    Leave,
}

impl Verdict {
    pub fn words(&self) -> &str {
        match self {
            Verdict::Retry { message, .. }
            | Verdict::Wait { message, .. }
            | Verdict::Fail { message, .. }
            | Verdict::Park { message, .. } => message,
            Verdict::Leave => "",
        }
    }
}

/// `operation.attempts` counts the failures of this step before this one.
pub fn judge(failure: &Failure, operation: &Operation, now: Timestamp, entropy: &dyn Entropy) -> Verdict {
    let retry = |reason: Reason, message: String, least_ms: Option<u32>| {
        if reason != Reason::CredentialsRejected
            && let Some(spent) = spent(operation, now)
        {
            return Verdict::Park { reason, message: format!("{message} — {spent}") };
        }
        let wait_ms = backoff_ms(operation.attempts, entropy).max(u64::from(least_ms.unwrap_or(0)));
        Verdict::Retry { reason, message, wait_ms }
    };
    let own_fault = |reason: Reason, message: String| match operation.attempts + 1 >= OWN_FAULTS {
        true => Verdict::Fail { reason, message },
        false => retry(reason, message, None),
    };
    match failure {
        Failure::Driver(error) if passing(error.kind) => retry(error.reason(), error.words(), error.retry_after_ms),
        Failure::Driver(error) => Verdict::Fail { reason: error.reason(), message: error.words() },
        Failure::Trapped(_) => own_fault(Reason::DriverTrapped, failure.to_string()),
        Failure::Limit { .. } => own_fault(Reason::DriverLimitExceeded, failure.to_string()),
        Failure::Unfit(_) => Verdict::Fail { reason: Reason::DriverUnfit, message: failure.to_string() },
        Failure::Diverged { .. } => Verdict::Park { reason: Reason::Nondeterministic, message: failure.to_string() },
        // The next attempt sends it again, or the doubt is settled first: `doubt` and `replay` know which.
        Failure::InDoubt(_) => retry(reason(operation), failure.to_string(), None),
        Failure::Ungranted { .. } => Verdict::Park { reason: Reason::EgressDenied, message: failure.to_string() },
        Failure::Journal(_) => Verdict::Leave,
        Failure::Host(message) => retry(Reason::Internal, message.clone(), None),
    }
}

/// Whether trying again may help.
fn passing(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable
        | ErrorKind::Throttled
        | ErrorKind::Unauthenticated
        | ErrorKind::Conflict
        | ErrorKind::Internal => true,
        ErrorKind::AlreadyExists
        | ErrorKind::NotFound
        | ErrorKind::Denied
        | ErrorKind::InvalidInput
        | ErrorKind::Quota
        | ErrorKind::Unsupported
        | ErrorKind::Other => false,
    }
}

fn spent(operation: &Operation, now: Timestamp) -> Option<String> {
    let tries = operation.attempts + 1;
    let since_ms = now.since_ms(operation.create_time);
    // A creation that took an hour is not given up at the first hiccup.
    let late = since_ms >= operation.budget.time_ms && tries >= operation.budget.attempts / 2;
    let gone = tries >= operation.budget.attempts || late;
    gone.then(|| format!("given up after {tries} attempts in {} s; mend the cause and apply again", since_ms / 1000))
}

/// The most that an operation's driver is called again because it answered `pending`: at a minute each, that is a week.
pub const MOST_PENDING: u32 = 10_000;

/// How long a pending step waits, after so many steps; `None`: it has waited enough. Who asks to be called again at once is, and then less
/// and less often: each call leaves rows in the journal.
pub fn pause_ms(steps: u32, asked_ms: u32) -> Option<u64> {
    let least = u64::from(steps).saturating_mul(10).min(CAP_MS);
    (steps < MOST_PENDING).then(|| u64::from(asked_ms).max(least))
}

/// Full jitter below 0.5 s × 2ⁿ, never above a minute; at least a twentieth of it, so that a bad roll does not spin.
pub fn backoff_ms(failures: u32, entropy: &dyn Entropy) -> u64 {
    let ceiling = BASE_MS.saturating_mul(1 << failures.min(16)).min(CAP_MS);
    let mut roll = [0u8; 8];
    entropy.fill(&mut roll);
    (u64::from_be_bytes(roll) % (ceiling + 1)).max(ceiling / 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::Error;
    use crate::domain::effect::{Class, Doubt};
    use crate::domain::limits::Limit;
    use crate::domain::operation::{OperationVerb, Stage};
    use crate::engine::testing::{Counting, operation};

    fn verdict(failure: Failure, attempts: u32) -> Verdict {
        let mut operation = operation(OperationVerb::Create);
        operation.attempts = attempts;
        operation.stage = Stage::Create;
        judge(&failure, &operation, Timestamp::from_ms(1_000), &Counting::default())
    }

    fn doubt() -> Doubt {
        Doubt {
            seq: 1,
            function: "f".into(),
            class: Class::Unsafe,
            slot: "s".into(),
            request_hash: "h".into(),
            time: Timestamp::ZERO,
            last_time: Timestamp::ZERO,
            proof: None,
        }
    }

    fn driver(kind: ErrorKind, code: &str) -> Failure {
        Failure::Driver(Error::new(kind, code, "why"))
    }

    #[test]
    fn each_failure_has_its_verdict() {
        let retried = [
            (driver(ErrorKind::Unavailable, "X"), Reason::BackendUnavailable),
            (driver(ErrorKind::Throttled, "X"), Reason::BackendThrottled),
            (driver(ErrorKind::Conflict, "X"), Reason::BackendRefused),
            (driver(ErrorKind::Unauthenticated, "X"), Reason::CredentialsRejected),
            (Failure::Trapped("unreachable".into()), Reason::DriverTrapped),
            (Failure::Limit { limit: Limit::Cpu, max: 1 }, Reason::DriverLimitExceeded),
            (Failure::Host("no room".into()), Reason::Internal),
            (Failure::InDoubt(Box::new(doubt())), Reason::CreateOutcomeUnknown),
        ];
        for (failure, expected) in retried {
            let verdict = verdict(failure.clone(), 0);
            assert!(matches!(verdict, Verdict::Retry { reason, .. } if reason == expected), "{failure}: {verdict:?}");
        }
        let failed = [
            (driver(ErrorKind::InvalidInput, "X"), Reason::ParamsInvalid),
            (driver(ErrorKind::AlreadyExists, "FOREIGN_OBJECT_EXISTS"), Reason::ForeignObjectExists),
            (driver(ErrorKind::AlreadyExists, "42P04"), Reason::BackendRefused),
            (driver(ErrorKind::Denied, "DENIED_IN_OBSERVE"), Reason::EgressDenied),
            (driver(ErrorKind::Denied, "42501"), Reason::BackendRefused),
            (Failure::Unfit("outputs".into()), Reason::DriverUnfit),
        ];
        for (failure, expected) in failed {
            let verdict = verdict(failure.clone(), 0);
            assert!(matches!(verdict, Verdict::Fail { reason, .. } if reason == expected), "{failure}: {verdict:?}");
        }
        let parked =
            [(Failure::Diverged { seq: 1, recorded: "a".into(), asked: "b".into() }, Reason::Nondeterministic)];
        for (failure, expected) in parked {
            let verdict = verdict(failure.clone(), 0);
            assert!(matches!(verdict, Verdict::Park { reason, .. } if reason == expected), "{failure}: {verdict:?}");
        }
    }

    #[test]
    fn a_driver_that_keeps_crashing_fails_and_a_backend_that_stays_away_parks() {
        assert!(matches!(verdict(Failure::Trapped("x".into()), OWN_FAULTS - 1), Verdict::Fail { .. }));
        let away = driver(ErrorKind::Unavailable, "X");
        let last = operation(OperationVerb::Create).budget.attempts - 1;
        assert!(matches!(verdict(away.clone(), last - 1), Verdict::Retry { .. }));
        assert!(matches!(verdict(away, last), Verdict::Park { reason: Reason::BackendUnavailable, .. }));
        let rejected = driver(ErrorKind::Unauthenticated, "X");
        assert!(matches!(verdict(rejected, last + 100), Verdict::Retry { .. }), "spends no budget");
    }

    #[test]
    fn a_driver_that_is_pending_is_asked_less_and_less_often_and_not_for_ever() {
        for (steps, asked_ms, expected) in [
            (0, 100, Some(100)),
            (10, 100, Some(100)),
            (500, 100, Some(5_000)),
            (500, 20_000, Some(20_000)),
            (MOST_PENDING - 1, 100, Some(CAP_MS)),
            (MOST_PENDING - 1, 3_600_000, Some(3_600_000)),
            (MOST_PENDING, 3_600_000, None),
        ] {
            assert_eq!(pause_ms(steps, asked_ms), expected, "{steps} {asked_ms}");
        }
    }

    #[test]
    fn back_off_stays_within_its_bounds() {
        for failures in 0..40 {
            for _ in 0..20 {
                let ceiling = BASE_MS.saturating_mul(1 << failures.min(16)).min(CAP_MS);
                let wait = backoff_ms(failures, &Counting::default());
                assert!((ceiling / 20..=ceiling).contains(&wait), "{failures}: {wait}");
            }
        }
    }

    #[test]
    fn a_backend_that_says_when_is_not_asked_before() {
        let mut error = Error::new(ErrorKind::Throttled, "X", "slow down");
        error.retry_after_ms = Some(90_000);
        match verdict(Failure::Driver(error), 0) {
            Verdict::Retry { wait_ms, .. } => assert!(wait_ms >= 90_000),
            other => panic!("{other:?}"),
        }
    }
}
