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
            format!("{}  {}\n", columns::text(&value["time"]), clean(line.message.trim_end()))
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
            Kind::Log => "log".to_owned(),
            Kind::Effect | Kind::Unspecified => format!("{} {}", line.function, asked(&value["request"])),
        };
        table.row([
            text("time"),
            at(line.kind() == Kind::Effect),
            shorten(&call, 90),
            line.class.clone(),
            text("origin"),
            line.outcome.clone(),
            shorten(&answer, 60),
        ]);
    }
    table
}

/// A request in one line: of SQL where it goes and its statements, of anything else all there is.
fn asked(request: &Value) -> String {
    let sql = |statement: &Value| statement["sql"].as_str().map(str::to_owned);
    let one = sql(&request["statement"]);
    let several = || Some(request["statements"].as_array()?.iter().filter_map(sql).collect::<Vec<_>>().join("; "));
    let (Some(statements), Some(slot)) = (one.or_else(several), request["connection"].as_str()) else {
        return columns::text(request);
    };
    match request["database"].as_str() {
        Some(database) => format!("{slot}/{database}: {statements}"),
        None => format!("{slot}: {statements}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::journal_line::Origin;

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
            request_json: r#"["CREATE ROLE orders PASSWORD '{{secret:sec_01}}'"]"#.to_owned(),
            outcome: "applied".to_owned(),
            answer_json: r#"{"rows": 0}"#.to_owned(),
            ..line(1, Kind::Effect, "sql-write.execute")
        };
        let said = pb::JournalLine { message: "made\nit".to_owned(), ..line(0, Kind::Log, "") };
        insta::assert_snapshot!(story(&[line(0, Kind::Attempt, "create"), effect, said, line(0, Kind::End, "")]));
    }

    #[test]
    fn requests_in_a_line() {
        use serde_json::json;

        let check = |request: Value, expected: &str| assert_eq!(asked(&request), expected);
        let statement = json!({ "sql": "SELECT 1", "params": [], "inline": false });
        check(json!({ "connection": "server", "database": null, "statement": statement }), "server: SELECT 1");
        let both = [json!({ "sql": "A" }), json!({ "sql": "B" })];
        check(json!({ "connection": "server", "database": "x", "statements": both }), "server/x: A; B");
        check(json!({ "name": "password" }), r#"{"name":"password"}"#);
    }
}
