//! `vend verify`: what became, since the backup was made, of what it brought.

use serde_json::{Value, json};

use super::connect::{LONG_DEADLINE, Session, within};
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Plain};
use super::table::Table;
use super::{columns, names};
use crate::pb::{self, verified_resource::Finding, verify_restored_response::Seen};

/// A line of progress for so many.
const STEP: u64 = 1_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A resource that you have looked at yourself: its work may go on
    #[arg(long, value_name = "ORDER/RESOURCE")]
    trust: Vec<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

#[derive(Debug, Default)]
struct Report {
    counts: [u64; 4],
    /// Still suspected.
    suspects: u64,
    /// All but what was confirmed.
    resources: Vec<Value>,
    orphans: Vec<Value>,
    unlisted: Vec<Value>,
    failed: bool,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let trust = args.trust.iter().map(|name| names::full(session, Kind::Resource, name)).collect::<Result<_, _>>()?;
    let request = within(pb::VerifyRestoredRequest { trust }, LONG_DEADLINE);
    let mut stream = session.backups().verify_restored(request).await?.into_inner();
    let mut report = Report::default();
    while let Some(response) = stream.message().await? {
        report.add(response.seen);
        let seen: u64 = report.counts.iter().sum();
        if seen > 0 && seen.is_multiple_of(STEP) {
            session.terminal.say(&format!("looked at {seen} resources"));
        }
    }
    let text = match output::plain(&report.value(), args.output)? {
        Some(text) => text,
        None => report.tables(),
    };
    output::print(&text)?;
    for unlisted in &report.unlisted {
        let text = |key: &str| columns::text(&unlisted[key]);
        session.terminal.warn(&format!("orphans of type {} are not told: {}", text("type"), text("detail")));
    }
    session.terminal.say(report.advice());
    Ok(report.exit())
}

impl Report {
    fn add(&mut self, seen: Option<Seen>) {
        match seen {
            Some(Seen::Resource(it)) => {
                let (at, word) = match it.finding() {
                    Finding::Confirmed => (0, "confirmed"),
                    Finding::Changed => (1, "changed"),
                    Finding::Gone => (2, "gone"),
                    Finding::Unknown | Finding::Unspecified => (3, "unknown"),
                };
                self.counts[at] += 1;
                self.suspects += u64::from(it.suspect);
                if at > 0 {
                    self.resources.push(json!({
                        "name": it.name, "id": it.id, "type": it.resource_type, "external-id": it.external_id,
                        "finding": word, "suspect": it.suspect, "detail": it.detail,
                    }));
                }
            }
            Some(Seen::Orphan(it)) => self.orphans.push(json!({
                "type": it.resource_type, "external-id": it.external_id, "resource-id": it.resource_id,
                "summary": it.summary, "connections": it.connections,
            })),
            Some(Seen::Unlisted(it)) => {
                self.failed |= it.failed;
                self.unlisted.push(json!({
                    "type": it.resource_type, "driver": it.driver, "connections": it.connections,
                    "failed": it.failed, "detail": it.detail,
                }));
            }
            None => {}
        }
    }

    fn value(&self) -> Value {
        let [confirmed, changed, gone, unknown] = self.counts;
        json!({
            "confirmed": confirmed, "changed": changed, "gone": gone, "unknown": unknown, "suspects": self.suspects,
            "resources": self.resources, "orphans": self.orphans, "unlisted": self.unlisted,
        })
    }

    fn tables(&self) -> String {
        let [confirmed, changed, gone, unknown] = self.counts;
        let orphans = self.orphans.len();
        let mut text =
            format!("confirmed {confirmed}, changed {changed}, gone {gone}, unknown {unknown}, orphans {orphans}\n");
        let mut table = |heading: [&str; 5], rows: &[Value], keys: [&str; 5]| {
            if rows.is_empty() {
                return;
            }
            let mut table = Table::new(heading);
            for row in rows {
                table.row(keys.map(|key| match key {
                    "name" => names::short_resource(row[key].as_str().unwrap_or_default()),
                    key => columns::text(&row[key]),
                }));
            }
            text.push('\n');
            text.push_str(&table.render());
        };
        let keys = ["name", "type", "finding", "external-id", "detail"];
        table(["RESOURCE", "TYPE", "FINDING", "EXTERNAL ID", "DETAIL"], &self.resources, keys);
        let keys = ["type", "external-id", "resource-id", "summary", "connections"];
        table(["ORPHAN OF TYPE", "EXTERNAL ID", "RESOURCE ID", "SUMMARY", "CONNECTIONS"], &self.orphans, keys);
        text
    }

    fn advice(&self) -> &'static str {
        if self.suspects > 0 {
            "what is still suspected waits: mend what is in the way and run `vend verify` again, or look yourself and \
             say `vend verify --trust ORDER/RESOURCE`"
        } else if self.orphans.is_empty() {
            "nothing is suspected any more: `vend resume core` lets work go on"
        } else {
            "nothing is suspected any more: `vend resume core` lets work go on. Orphans stay as they are: nobody but you \
             knows whether they are still wanted"
        }
    }

    /// A person has something to decide, or to look at.
    fn exit(&self) -> Exit {
        let [_, changed, gone, unknown] = self.counts;
        match changed + gone + unknown + self.orphans.len() as u64 {
            _ if self.failed => Exit::Failed,
            0 => Exit::Done,
            _ => Exit::NeedsPerson,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(finding: Finding, suspect: bool) -> Option<Seen> {
        Some(Seen::Resource(pb::VerifiedResource {
            name: "projects/shop/environments/dev/orders/checkout/resources/db".into(),
            id: "res_1".into(),
            resource_type: "database".into(),
            finding: finding.into(),
            suspect,
            detail: "differs in /size".into(),
            ..Default::default()
        }))
    }

    #[test]
    fn a_report_says_how_many_and_names_what_is_other_than_recorded() {
        let mut report = Report::default();
        report.add(resource(Finding::Confirmed, false));
        assert_eq!((report.tables().lines().count(), report.exit()), (1, Exit::Done));
        report.add(resource(Finding::Changed, false));
        report.add(Some(Seen::Orphan(pb::Orphan { external_id: "x-7".into(), ..Default::default() })));
        let text = report.tables();
        assert!(text.starts_with("confirmed 1, changed 1, gone 0, unknown 0, orphans 1\n"), "{text}");
        assert!(text.contains("differs in /size") && text.contains("x-7"), "{text}");
        assert_eq!(report.exit(), Exit::NeedsPerson);
        assert!(report.advice().contains("vend resume core"));
        report.add(resource(Finding::Unknown, true));
        assert!(report.advice().contains("--trust"));
        report.add(Some(Seen::Unlisted(pb::UnlistedType { failed: true, ..Default::default() })));
        assert_eq!(report.exit(), Exit::Failed);
    }
}
