//! `vend outputs`: what was bought.

use serde_json::{Map, Value};

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::paint::is_obeyed;
use super::table::Table;
use super::{columns, names, output, view};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An order, or one resource of it
    #[arg(value_name = "ORDER[/RESOURCE]")]
    what: String,
    /// Show secrets in the clear; needs a permission of its own, and is audited
    #[arg(long)]
    reveal: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    /// NAME='value' lines, for a shell
    Env,
    Json,
    Yaml,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let single = args.what.starts_with("res_") || names::short(&args.what).contains('/') || args.what.contains('/');
    let kind = if single && !is_order(&args.what) { Kind::Resource } else { Kind::Order };
    let name = names::full(session, kind, &args.what)?;
    let texts = if args.reveal {
        session.resources().reveal_outputs(pb::RevealOutputsRequest { name }).await?.into_inner().outputs_json
    } else {
        session.resources().get_outputs(pb::GetOutputsRequest { name }).await?.into_inner().outputs_json
    };
    output::print(&render(&view::outputs(&texts), kind == Kind::Resource, args.output)?)?;
    Ok(Exit::Done)
}

/// A full name that ends at its order.
fn is_order(text: &str) -> bool {
    text.starts_with("projects/") && text.contains("/orders/") && !text.contains("/resources/")
}

fn render(outputs: &Map<String, Value>, single: bool, format: Format) -> anyhow::Result<String> {
    let one = outputs.values().next().filter(|_| single && outputs.len() == 1);
    let whole = || one.cloned().unwrap_or_else(|| Value::Object(outputs.clone()));
    Ok(match format {
        Format::Json => output::json(&whole())?,
        Format::Yaml => output::yaml(&[whole()])?,
        Format::Table => {
            let mut table = Table::new(["RESOURCE", "OUTPUT", "VALUE"]);
            for (key, value) in outputs {
                for (path, value) in leaves(value) {
                    table.row([key.clone(), path.join("."), columns::text(&value)]);
                }
            }
            table.render()
        }
        Format::Env => {
            let mut text = String::new();
            for (key, value) in outputs {
                for (path, value) in leaves(value) {
                    let lead = if one.is_some() { None } else { Some(key.clone()) };
                    let name = variable(lead.into_iter().chain(path));
                    text.push_str(&format!("{name}={}\n", quote(&columns::text(&value))));
                }
            }
            text
        }
    })
}

/// Paths to all values that hold no others.
fn leaves(value: &Value) -> Vec<(Vec<String>, Value)> {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .flat_map(|(key, value)| {
                leaves(value).into_iter().map(move |(mut path, value)| {
                    path.insert(0, key.clone());
                    (path, value)
                })
            })
            .collect(),
        other => vec![(Vec::new(), other.clone())],
    }
}

/// `db`, `host-name` → `DB_HOST_NAME`.
fn variable(parts: impl Iterator<Item = String>) -> String {
    let joined = parts.collect::<Vec<_>>().join("_");
    let name: String = joined
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
        .collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// As a POSIX shell reads it back; bare where nothing needs quoting, and spelt out (POSIX.1-2024, 2.2.4) what a terminal would obey.
pub fn quote(text: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(bare) {
        text.to_owned()
    } else if text.chars().any(|letter| is_obeyed(letter) && letter != '\n') {
        let mut bytes = [0; 4];
        let spelt = |letter: char| match letter {
            '\'' | '\\' => format!("\\{letter}"),
            _ if is_obeyed(letter) => {
                letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:03o}")).collect()
            }
            _ => letter.to_string(),
        };
        format!("$'{}'", text.chars().map(spelt).collect::<String>())
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(outputs: Value, single: bool, format: Format, expected: &str) {
        let Value::Object(outputs) = outputs else { panic!("an object") };
        assert_eq!(render(&outputs, single, format).expect("renders"), expected);
    }

    #[test]
    fn formats() {
        let outputs = json!({"db": {"host": "127.0.0.1", "port": 5432, "password": "it's $secret"},
            "web-site": {"urls": {"main": "https://a/?b"}}});
        check(
            outputs.clone(),
            false,
            Format::Env,
            "DB_HOST=127.0.0.1\nDB_PASSWORD='it'\\''s $secret'\nDB_PORT=5432\nWEB_SITE_URLS_MAIN='https://a/?b'\n",
        );
        check(
            outputs,
            false,
            Format::Table,
            "RESOURCE   OUTPUT      VALUE\ndb         host        127.0.0.1\ndb         password    it's $secret\n\
             db         port        5432\nweb-site   urls.main   https://a/?b\n",
        );
    }

    #[test]
    fn a_shell_reads_back_what_a_terminal_would_obey() {
        let hostile = "it's\u{1b}[2J\n\u{9b}\\\u{202e}";
        assert_eq!(quote(hostile), r"$'it\'s\033[2J\012\302\233\\\342\200\256'");
        let mut bash = std::process::Command::new("bash");
        let read = bash.args(["-c", &format!("printf %s {}", quote(hostile))]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&read.stdout), hostile);
    }

    #[test]
    fn one_resource_stands_alone() {
        check(json!({"db": {"host": "h"}}), true, Format::Env, "HOST=h\n");
        check(json!({"db": {"host": "h"}}), true, Format::Json, "{\n  \"host\": \"h\"\n}\n");
        check(json!({"db": {"host": "h"}}), false, Format::Yaml, "db:\n  host: h\n");
    }
}
