//! What passes between the core and a server that speaks HTTP. A request is named by its first line.

use crate::support::gate::{self, Verdict};

pub type Gate = gate::Gate<Rule>;

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Open,
    /// The server does what a request that begins so asks; its answer stays here.
    HoldAnswer(String),
    /// Once a request that begins so has passed, no other passes.
    HoldBehind(String),
}

impl gate::Rule for Rule {
    type Talk = ();

    fn judge(&self, bytes: &[u8], _: &mut (), seen: &mut bool) -> Verdict {
        let Some(line) = Self::name(bytes) else { return Verdict::Pass };
        match self {
            Rule::HoldAnswer(begin) if line.starts_with(begin) => Verdict::HoldAnswer,
            Rule::Open | Rule::HoldAnswer(_) => Verdict::Pass,
            Rule::HoldBehind(_) if *seen => Verdict::Hold,
            Rule::HoldBehind(begin) => {
                *seen = line.starts_with(begin);
                Verdict::Pass
            }
        }
    }

    /// `PUT /path HTTP/1.1`; nothing if these bytes go on with a request that has begun.
    fn name(bytes: &[u8]) -> Option<String> {
        let begins = ["GET /", "PUT /", "POST /", "DELETE /"].iter().any(|begin| bytes.starts_with(begin.as_bytes()));
        let line = bytes.split(|byte| *byte == b'\r').next().filter(|_| begins)?;
        Some(String::from_utf8_lossy(line).into_owned())
    }
}
