//! `vend journal` and `vend logs`: the story of an operation.

use serde_json::Value;

use super::connect::Session;
use super::exit::Exit;
use super::output::{self, Plain};
use super::paint::clean;
use super::table::{Table, shorten};
use super::{columns, view};
use crate::pb::{self, journal_line::Kind};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An operation; of an order's operation, all of its children
    #[arg(value_name = "OP")]
    operation: String,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// An operation; of an order's operation, all of its children
    #[arg(value_name = "OP")]
    operation: String,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let lines = fetch(session, &args.operation).await?;
    let values = Value::Array(lines.iter().map(view::journal_line).collect());
    let text = match output::plain(&values, args.output)? {
        Some(text) => text,
        None => story(&lines),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

pub async fn logs(session: &Session, args: &LogsArgs) -> anyhow::Result<Exit> {
    let lines = fetch(session, &args.operation).await?;
    let text: String = lines
        .iter()
        .filter(|line| line.kind() == Kind::Log)
        .map(|line| {
            let value = view::journal_line(line);
            // What stands on a line of its own was not said at a time of its own.
            let message = clean(line.message.trim_end()).replace('\n', "\n    ");
            format!("{}  {message}\n", columns::text(&value["time"]))
        })
        .collect();
    if text.is_empty() {
        session.terminal.say("no driver has said anything");
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

async fn fetch(session: &Session, typed: &str) -> Result<Vec<pb::JournalLine>, tonic::Status> {
    let id = typed.rsplit_once('/').map_or(typed, |(_, id)| id).to_owned();
    Ok(session.operations().get_journal(pb::GetJournalRequest { id }).await?.into_inner().lines)
}

fn story(lines: &[pb::JournalLine]) -> String {
    let several = lines.iter().any(|line| line.operation != lines[0].operation);
    let mut text = String::new();
    // A table per operation: each has its own steps.
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|line| line.operation == first.operation).count();
        if several {
            text.push_str(&format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, first.operation));
        }
        text.push_str(&table(&rest[..count]).render());
        rest = &rest[count..];
    }
    text
}

fn table(lines: &[pb::JournalLine]) -> Table {
    let mut table = Table::new(["TIME", "STEP", "CALL", "CLASS", "ORIGIN", "OUTCOME", "ANSWER"]);
    for line in lines {
        let value = view::journal_line(line);
        let text = |key: &str| columns::text(&value[key]);
        let at = |number: bool| {
            let place = format!("{}.{}", line.step, line.attempt);
            if number { format!("{place}.{}", line.sequence) } else { place }
        };
        let answer = match (line.answer_json.is_empty(), line.message.as_str()) {
            (true, message) => message.to_owned(),
            (false, "") => text("answer"),
            (false, message) => format!("{message} {}", text("answer")),
        };
        let call = match line.kind() {
            Kind::Attempt => format!("attempt: {}", line.function),
            Kind::End => "end".to_owned(),
            Kind::Look => format!("look: {}", line.function),
            Kind::Log => "log".to_owned(),
            Kind::Effect | Kind::Unspecified => format!("{} {}", line.function, call_words(&value["request"])),
        };
        table.row([
            text("time"),
            at(matches!(line.kind(), Kind::Effect | Kind::Look)),
            shorten(&call, 90),
            line.class.clone(),
            text("origin"),
            line.outcome.clone(),
            shorten(&answer, 60),
        ]);
    }
    table
}

/// What a call says, as far as it is known how: the statements of SQL, method and address of HTTP.
fn call_words(request: &Value) -> String {
    if let Some(sql) = request.pointer("/statement/sql").and_then(Value::as_str) {
        return sql.to_owned();
    }
    if let Some(statements) = request.get("statements").and_then(Value::as_array) {
        let sql = statements.iter().filter_map(|it| it.get("sql")?.as_str());
        return sql.collect::<Vec<_>>().join("; ");
    }
    if let (Some(method), Some(url)) = (request.get("method"), request.get("url").or_else(|| request.get("path"))) {
        return format!("{} {}", columns::text(method), columns::text(url));
    }
    columns::text(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::journal_line::Origin;

    #[test]
    fn calls_in_words() {
        for (request, expected) in [
            (r#"{"statements": [{"sql": "BEGIN"}, {"sql": "COMMIT"}]}"#, "BEGIN; COMMIT"),
            (r#"{"method": "PUT", "path": "/zones/1"}"#, "PUT /zones/1"),
            (r#"{"else": 1}"#, r#"{"else":1}"#),
        ] {
            assert_eq!(call_words(&view::json_text(request)), expected);
        }
    }

    #[test]
    fn a_story() {
        let line = |sequence: i32, kind: Kind, function: &str| pb::JournalLine {
            operation: "op_01".to_owned(),
            step: 0,
            attempt: 1,
            sequence,
            time: Some(prost_types::Timestamp { seconds: 0, nanos: 123_000_000 }),
            kind: kind.into(),
            function: function.to_owned(),
            ..pb::JournalLine::default()
        };
        let effect = pb::JournalLine {
            origin: Origin::Replayed.into(),
            class: "idempotent".to_owned(),
            request_json: r#"{"connection": "server", "statement": {"params": [],
                "sql": "CREATE ROLE orders\nPASSWORD '{{secret:sec_01}}'"}}"#
                .to_owned(),
            outcome: "applied".to_owned(),
            answer_json: r#"{"rows": 0}"#.to_owned(),
            ..line(1, Kind::Effect, "sql-write.execute")
        };
        let said = pb::JournalLine { message: "made\nit".to_owned(), ..line(0, Kind::Log, "") };
        insta::assert_snapshot!(story(&[line(0, Kind::Attempt, "create"), effect, said, line(0, Kind::End, "")]));
    }
}
