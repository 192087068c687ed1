//! What passes between the core and a PostgreSQL server.

use crate::support::gate::{self, Verdict};

pub type Gate = gate::Gate<Rule>;

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Open,
    /// This user's conversations break when they begin, before anything was asked.
    Refuse {
        user: &'static str,
    },
    /// The server does what it is asked in a statement with `text`; its answer stays here.
    HoldAnswer {
        text: &'static str,
    },
    /// Once somebody has sent a statement with `text`, no request of `user` passes.
    HoldRequests {
        user: &'static str,
        text: &'static str,
    },
}

#[derive(Default)]
pub struct Talk {
    /// The first message, which names the user.
    beginning: Option<Vec<u8>>,
    /// The statement of the rule was sent to be parsed.
    prepared: bool,
}

impl gate::Rule for Rule {
    type Talk = Talk;

    fn judge(&self, bytes: &[u8], talk: &mut Talk, seen: &mut bool) -> Verdict {
        let beginning = talk.beginning.get_or_insert_with(|| bytes.to_vec());
        let is = |name: &str| contains(beginning, format!("user\0{name}\0").as_bytes());
        match self {
            Rule::Refuse { user } if is(user) => Verdict::Break,
            Rule::Open | Rule::Refuse { .. } => Verdict::Pass,
            Rule::HoldAnswer { text } => {
                // Parsing is answered; binding and executing what was parsed is not, nor is a statement that is sent as it is.
                let executes =
                    talk.prepared && bytes[0] == b'B' || bytes[0] == b'Q' && contains(bytes, text.as_bytes());
                talk.prepared |= contains(bytes, text.as_bytes());
                if executes { Verdict::HoldAnswer } else { Verdict::Pass }
            }
            Rule::HoldRequests { user, text } => {
                *seen |= contains(bytes, text.as_bytes());
                if *seen && is(user) { Verdict::Hold } else { Verdict::Pass }
            }
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
