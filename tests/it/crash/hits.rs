//! Which kills hit the core between an intent and its outcome: read from the journals afterwards.

use std::collections::{BTreeMap, BTreeSet};

use vend::pb;
use vend::pb::journal_line::Kind;

use super::found::Found;

/// Class of the write → the kills that hit one, by their number.
pub type Hits = BTreeMap<String, BTreeSet<usize>>;

/// `kills`: when each was, milliseconds since 1970.
pub fn hits(found: &Found, kills: &[u64]) -> Hits {
    let mut hits = Hits::new();
    for lines in found.journals.values() {
        let mut attempts: BTreeMap<(i32, i32), Vec<&pb::JournalLine>> = BTreeMap::new();
        for line in lines {
            attempts.entry((line.step, line.attempt)).or_default().push(line);
        }
        for lines in attempts.values() {
            // An attempt that was not ended by its core tells of no end.
            let died =
                lines.iter().any(|it| it.kind() == Kind::Attempt) && !lines.iter().any(|it| it.kind() == Kind::End);
            let sent = lines.iter().rfind(|it| it.kind() == Kind::Effect && it.class != "read");
            let Some(open) = sent.filter(|it| died && (it.outcome == "unknown" || is_settled(it))) else { continue };
            let since = open.time.as_ref().map_or(0, ms);
            if let Some(kill) = kills.iter().position(|at| *at >= since) {
                hits.entry(open.class.clone()).or_default().insert(kill);
            }
        }
    }
    hits
}

/// Its answer was found out later.
fn is_settled(line: &pb::JournalLine) -> bool {
    line.origin() == pb::journal_line::Origin::Settled
}

fn ms(time: &prost_types::Timestamp) -> u64 {
    u64::try_from(time.seconds).unwrap_or_default() * 1000 + u64::try_from(time.nanos).unwrap_or_default() / 1_000_000
}
