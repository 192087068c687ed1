//! `vend describe`: one record, with what belongs to it.

use serde_json::{Map, Value};

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::paint::{Paint, clean};
use super::records::{self, Filter};
use super::{columns, names, output};

/// The newest operations that are shown with what they worked on.
const OPERATIONS: usize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As for `vend get`
    kind: Kind,
    name: String,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let record = records::one(session, args.kind, &args.name).await?;
    let paint = session.terminal.stdout_paint();
    let mut text = describe(&output::reference(args.kind, &record), &record, &paint);
    if args.kind == Kind::Order {
        text.push_str(&section("Resources", Kind::Resource, &records::of_order(session, &record).await?, &paint)?);
    }
    for (heading, kind, filter) in related(args.kind, &record) {
        let there = located(session, &record);
        text.push_str(&section(heading, kind, &records::list(&there, kind, &filter).await?.records, &paint)?);
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

/// Nothing, if there are none.
fn section(heading: &str, kind: Kind, records: &[Value], paint: &Paint) -> anyhow::Result<String> {
    if records.is_empty() {
        return Ok(String::new());
    }
    let table = output::records(kind, records, output::Format::Table, false)?;
    let lines: String = table.lines().map(|line| format!("  {line}\n")).collect();
    Ok(format!("\n{}\n{lines}", paint.bold(heading)))
}

/// The session, moved to where the record lives: it may have been named in full, or by its id.
fn located(session: &Session, record: &Value) -> Session {
    let text = |key: &str| record.get(key).map(columns::text).unwrap_or_default();
    let (mut project, mut environment, _) = names::scope(&text("full-name"));
    if project.is_empty() {
        (project, environment, _) = names::scope(&text("order"));
    }
    if project.is_empty() {
        (project, environment) = (text("project"), text("environment"));
    }
    let mut session = session.clone();
    if !project.is_empty() {
        session.settings.project = project;
        session.settings.environment = environment;
    }
    session
}

fn related(kind: Kind, record: &Value) -> Vec<(&'static str, Kind, Filter)> {
    let text = |key: &str| record.get(key).map(columns::text).unwrap_or_default();
    let newest = Filter { limit: OPERATIONS, ..Filter::default() };
    match kind {
        Kind::Order => {
            vec![("Newest operations", Kind::Operation, Filter { order: text("name"), ..newest })]
        }
        Kind::Resource => {
            vec![("Newest operations", Kind::Operation, Filter { resource: text("id"), ..newest })]
        }
        Kind::Operation => vec![("Children", Kind::Operation, Filter { parent: text("id"), ..Filter::default() })],
        _ => Vec::new(),
    }
}

fn describe(title: &str, record: &Value, paint: &Paint) -> String {
    let mut text = format!("{}\n", paint.bold(title));
    if let Value::Object(map) = record {
        fields(map, 1, paint, &mut text);
    }
    text
}

/// `key: value`, nested ones below and indented.
fn fields(map: &Map<String, Value>, depth: usize, paint: &Paint, text: &mut String) {
    let indent = "  ".repeat(depth);
    for key in output::keys(map) {
        let value = &map[key];
        let key_text = paint.cyan(&format!("{}:", clean(key)));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(&format!("{indent}{key_text}\n"));
                fields(inner, depth + 1, paint, text);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push_str(&format!("{indent}{key_text}\n"));
                for item in items {
                    text.push_str(&format!("{indent}  - {}\n", clean(&item_line(item)).replace('\n', " ")));
                }
            }
            Value::String(long) if long.contains('\n') => {
                text.push_str(&format!("{indent}{key_text}\n"));
                text.extend(long.lines().map(|line| format!("{indent}  {}\n", clean(line))));
            }
            other => text.push_str(&format!("{indent}{key_text} {}\n", clean(&columns::text(other)))),
        }
    }
}

fn item_line(item: &Value) -> String {
    match item {
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key}={}", columns::text(value))).collect::<Vec<_>>().join(" ")
        }
        other => columns::text(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested() {
        let record = json!({"id": "res_01", "params": {"name": "orders", "tags": ["a", "b"]}, "note": "a\nb",
            "conditions": [{"type": "Ready", "status": true}]});
        assert_eq!(
            describe("resource/checkout/db", &record, &Paint::plain()),
            "resource/checkout/db\n  id: res_01\n  conditions:\n    - status=true type=Ready\n  note:\n    a\n    b\n  \
             params:\n    name: orders\n    tags: a,b\n"
        );
    }
}
