//! How the process ends: the numbers that scripts match on.

use tonic::Code;

use crate::pb::{Operation, operation::State};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked is done.
    Done,
    /// It failed, or could not be asked.
    Failed,
    /// The arguments make no sense.
    Usage,
    /// `plan --detailed-exitcode`: there are changes. The same number as `Usage`, as terraform has it.
    Changes,
    /// Policy, quota or protection says no; nothing has changed.
    Refused,
    /// A person has to decide.
    NeedsPerson,
    /// Waiting ended before the work did.
    TimedOut,
    /// Ctrl-C: 128 + SIGINT, as shells count.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage | Exit::Changes => 2,
            Exit::Refused => 3,
            Exit::NeedsPerson => 4,
            Exit::TimedOut => 5,
            Exit::Interrupted => 130,
        }
    }

    /// Of a refused call. The reason decides where it is known, else the code.
    pub fn of_refusal(reason: &str, code: Code) -> Self {
        match reason {
            "APPROVAL_REQUIRED" => Exit::NeedsPerson,
            "PLAN_REQUIRED"
            | "PLAN_STALE"
            | "REPLACEMENT_REFUSED"
            | "POLICY_DENIED"
            | "NOT_ENTITLED"
            | "QUOTA_EXCEEDED"
            | "IN_USE"
            | "NOT_EMPTY"
            | "ORDER_CONFLICT"
            | "RESOURCE_PROTECTED"
            | "RESOURCE_HAS_DEPENDANTS" => Exit::Refused,
            _ if code == Code::PermissionDenied => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    /// Of an operation as last seen; `None` while it is at work.
    pub fn of_operation(operation: &Operation) -> Option<Self> {
        match operation.state() {
            State::Succeeded => Some(Exit::Done),
            State::Failed | State::Cancelled | State::Superseded => Some(Exit::Failed),
            State::NeedsAttention => Some(Exit::NeedsPerson),
            // A state that a newer core has added: `done` says the rest.
            _ => operation.done.then_some(Exit::Failed),
        }
    }

    /// The graver of two, for commands that do several things.
    pub fn and(self, other: Self) -> Self {
        if other == Exit::Done || (self != Exit::Done && self.rank() >= other.rank()) { self } else { other }
    }

    fn rank(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Changes => 1,
            Exit::TimedOut => 2,
            Exit::NeedsPerson => 3,
            Exit::Refused => 4,
            Exit::Failed => 5,
            Exit::Usage => 6,
            Exit::Interrupted => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        for (reason, code, expected) in [
            ("PLAN_REQUIRED", Code::FailedPrecondition, 3),
            ("IN_USE", Code::FailedPrecondition, 3),
            ("POLICY_DENIED", Code::PermissionDenied, 3),
            ("SOMETHING_NEW", Code::PermissionDenied, 3),
            ("APPROVAL_REQUIRED", Code::FailedPrecondition, 4),
            ("PARAMS_INVALID", Code::InvalidArgument, 1),
            ("", Code::Unavailable, 1),
        ] {
            assert_eq!(Exit::of_refusal(reason, code).code(), expected, "{reason}");
        }
    }

    #[test]
    fn operations() {
        let operation = |state: State, done| Operation { state: state.into(), done, ..Operation::default() };
        for (state, done, expected) in [
            (State::Queued, false, None),
            (State::Waiting, false, None),
            (State::Succeeded, true, Some(0)),
            (State::Failed, true, Some(1)),
            (State::Superseded, true, Some(1)),
            (State::NeedsAttention, false, Some(4)),
        ] {
            assert_eq!(Exit::of_operation(&operation(state, done)).map(Exit::code), expected, "{state:?}");
        }
        assert_eq!(
            Exit::of_operation(&Operation { state: 99, done: true, ..Operation::default() }),
            Some(Exit::Failed)
        );
    }

    #[test]
    fn the_graver_wins() {
        assert_eq!(Exit::Done.and(Exit::Refused), Exit::Refused);
        assert_eq!(Exit::Failed.and(Exit::TimedOut), Exit::Failed);
        assert_eq!(Exit::TimedOut.and(Exit::NeedsPerson), Exit::NeedsPerson);
        assert_eq!(Exit::Changes.and(Exit::Done), Exit::Changes);
    }
}
