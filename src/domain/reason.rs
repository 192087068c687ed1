//! Why something was refused or failed: stable words that clients may match on.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The reason in `google.rpc.ErrorInfo` and on operations. The table in `docs/errors.md` lists them all.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl Reason {
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$variant => $text,)+
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }
        }
    };
}

reasons! {
    // Answered at once: the call is refused and nothing has changed.
    ParamsInvalid = "PARAMS_INVALID",
    DocumentInvalid = "DOCUMENT_INVALID",
    RequestInvalid = "REQUEST_INVALID",
    NotFound = "NOT_FOUND",
    AlreadyExists = "ALREADY_EXISTS",
    UnresolvedReference = "UNRESOLVED_REFERENCE",
    GraphCycle = "GRAPH_CYCLE",
    ResourceTypeUnknown = "RESOURCE_TYPE_UNKNOWN",
    ClassUnknown = "CLASS_UNKNOWN",
    NoMatchingRecipe = "NO_MATCHING_RECIPE",
    AmbiguousRecipe = "AMBIGUOUS_RECIPE",
    RecipeUnfit = "RECIPE_UNFIT",
    DriverInvalid = "DRIVER_INVALID",
    PlanStale = "PLAN_STALE",
    PlanRequired = "PLAN_REQUIRED",
    ReplacementRefused = "REPLACEMENT_REFUSED",
    OrderConflict = "ORDER_CONFLICT",
    ResourceProtected = "RESOURCE_PROTECTED",
    ResourceHasDependants = "RESOURCE_HAS_DEPENDANTS",
    EtagMismatch = "ETAG_MISMATCH",
    ConcurrentOperation = "CONCURRENT_OPERATION",
    RequestIdReused = "REQUEST_ID_REUSED",
    NotEmpty = "NOT_EMPTY",
    InUse = "IN_USE",
    Unauthenticated = "UNAUTHENTICATED",
    PolicyDenied = "POLICY_DENIED",
    RateLimited = "RATE_LIMITED",
    TokenInvalid = "TOKEN_INVALID",
    WatchExpired = "WATCH_EXPIRED",
    VerbUnsupported = "VERB_UNSUPPORTED",
    /// The call took longer than it was given; whether anything happened is not known.
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    /// The core is starting, stopping, or not the owner of what was asked.
    Unavailable = "UNAVAILABLE",
    Internal = "INTERNAL",
    // On operations: the work has ended, waits, or needs a person.
    BackendRefused = "BACKEND_REFUSED",
    BackendUnavailable = "BACKEND_UNAVAILABLE",
    BackendThrottled = "BACKEND_THROTTLED",
    CredentialsRejected = "CREDENTIALS_REJECTED",
    ConnectionMoved = "CONNECTION_MOVED",
    Paused = "PAUSED",
    DeletionGrace = "DELETION_GRACE",
    Unverified = "UNVERIFIED",
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    CreateOutcomeUnknown = "CREATE_OUTCOME_UNKNOWN",
    MultipleCandidates = "MULTIPLE_CANDIDATES",
    ForeignObjectExists = "FOREIGN_OBJECT_EXISTS",
    PlanViolated = "PLAN_VIOLATED",
    Nondeterministic = "NONDETERMINISTIC",
    DriverTrapped = "DRIVER_TRAPPED",
    DriverLimitExceeded = "DRIVER_LIMIT_EXCEEDED",
    DriverUnfit = "DRIVER_UNFIT",
    EgressDenied = "EGRESS_DENIED",
    DependencyFailed = "DEPENDENCY_FAILED",
    Superseded = "SUPERSEDED",
    Cancelled = "CANCELLED",
    ChildrenFailed = "CHILDREN_FAILED",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
