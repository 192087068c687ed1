//! Permanent ids: a readable prefix and 26 time-ordered characters, never reused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::{Entropy, Timestamp};

/// A text that is no id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} id: expected `{prefix}_` and 26 characters")]
pub struct Invalid {
    pub text: String,
    pub kind: &'static str,
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(format!("{}_{}", $prefix, ordered(now, entropy)))
            }

            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let rest = text.strip_prefix(concat!($prefix, "_"));
                if rest.is_some_and(is_ordered) {
                    return Ok(Self(text.to_owned()));
                }
                Err(Invalid { text: text.to_owned(), kind: $kind, prefix: $prefix })
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// When it was made.
            pub fn time(&self) -> Timestamp {
                let ordered = ulid::Ulid::from_string(&self.0[self.0.len() - 26..]);
                ordered.map_or(Timestamp::ZERO, |ordered| Timestamp::from_ms(ordered.timestamp_ms()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// Names this installation in every ownership label, so that two cores on one backend never claim each other's objects.
    CoreId, "core", "core"
);
id!(
    /// A project, environment, resource type, connection or recipe.
    DocumentId, "doc", "document"
);
id!(OrderId, "ord", "order");
id!(ResourceId, "res", "resource");
id!(OperationId, "op", "operation");
id!(TokenId, "tok", "token");
id!(AuditId, "aud", "audit entry");

/// 48 bits of milliseconds, 80 random bits, in Crockford's base 32, lower case (ULID).
fn ordered(now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0u8; 16];
    entropy.fill(&mut random);
    ulid::Ulid::from_parts(now.ms(), u128::from_be_bytes(random)).to_string().to_ascii_lowercase()
}

fn is_ordered(text: &str) -> bool {
    text.len() == 26
        && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        && ulid::Ulid::from_string(text).is_ok()
}
