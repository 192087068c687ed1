//! `vend score check`: can these files be ordered, and if not, what stands against it?

use std::path::PathBuf;

use serde_json::{Value, json};

use super::file::{ScoreFile, members};
use super::offered;
use crate::document::{Errors, Problem};
use crate::frontend::cli::connect::Session;
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::explain::escape;
use crate::frontend::cli::output::{self, Plain};
use crate::frontend::cli::paint::clean;
use crate::frontend::cli::sources;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Score files, folders, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Do not ask the core which types can be ordered here
    #[arg(long)]
    offline: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let sources = sources::read(&args.files)?;
    let catalog = match args.offline {
        true => None,
        false => match offered::ask(session).await? {
            Ok(catalog) => Some(catalog),
            Err(why) => {
                session.terminal.say(&format!("types are not looked up: {why}; --offline says so beforehand"));
                None
            }
        },
    };
    let mut verdicts = Vec::new();
    for source in &sources {
        let verdict = match ScoreFile::read(source) {
            Ok(file) => {
                let problems = catalog.as_ref().map(|catalog| offered::missing(&file, catalog)).unwrap_or_default();
                let mut errors = Errors::default();
                problems.into_iter().for_each(|problem| errors.push(problem));
                Verdict { file: source.file_name.clone(), errors: errors.sorted(), found: Some(file) }
            }
            Err(errors) => Verdict { file: source.file_name.clone(), errors, found: None },
        };
        verdicts.push(verdict);
    }
    let value = json!({
        "catalog-asked": catalog.is_some(),
        "files": verdicts.iter().map(Verdict::view).collect::<Vec<Value>>(),
    });
    let text = match output::plain(&value, args.output)? {
        Some(text) => text,
        None => verdicts.iter().map(Verdict::text).collect(),
    };
    output::print(&text)?;
    Ok(if verdicts.iter().all(Verdict::is_orderable) { Exit::Done } else { Exit::Failed })
}

/// What was found out about one file.
struct Verdict {
    file: String,
    errors: Errors,
    /// Nothing, if the file could not be read as a workload.
    found: Option<ScoreFile>,
}

impl Verdict {
    fn is_orderable(&self) -> bool {
        self.errors.is_empty()
    }

    fn text(&self) -> String {
        let mut text: String = self
            .errors
            .problems
            .iter()
            .map(|problem| format!("{}\n", clean(&problem.to_string()).replace('\n', " ")))
            .collect();
        let number = self.errors.problems.len() + self.errors.left_out;
        if number > 0 {
            let noun = if number == 1 { "problem" } else { "problems" };
            let shown = if self.errors.left_out > 0 { ", not all of them shown" } else { "" };
            text.push_str(&format!("{}: cannot be ordered: {number} {noun}{shown}\n", clean(&self.file)));
            return text;
        }
        let Some(file) = &self.found else { return text };
        let resources: Vec<String> = members(&file.workload, "resources")
            .map(|(name, resource)| {
                let class = resource["class"].as_str().map_or(String::new(), |class| format!(", {class}"));
                format!("{name} ({}{class})", resource["type"].as_str().unwrap_or_default())
            })
            .collect();
        let what = if resources.is_empty() { "no resources".to_owned() } else { resources.join(", ") };
        text.push_str(&format!("{}: can be ordered: order/{}, {what}\n", clean(&self.file), file.workload_name()));
        for note in passed_over(file) {
            text.push_str(&format!("  note: {}:{}:{}: {}\n", clean(&note.file), note.line, note.column, note.message));
        }
        text
    }

    fn view(&self) -> Value {
        let problems: Vec<Value> = self.errors.problems.iter().map(view).collect();
        let mut value = json!({ "file": self.file, "orderable": self.is_orderable(), "problems": problems });
        if self.errors.left_out > 0 {
            value["problems-left-out"] = json!(self.errors.left_out);
        }
        if let Some(file) = &self.found {
            value["order"] = json!(file.workload_name());
            value["resources"] = file.order["resources"].clone();
            value["notes"] = passed_over(file).iter().map(view).collect();
        }
        value
    }
}

fn view(problem: &Problem) -> Value {
    let mut value = json!({
        "line": problem.line,
        "column": problem.column,
        "pointer": problem.pointer,
        "message": problem.message,
    });
    if !problem.hint.is_empty() {
        value["hint"] = json!(problem.hint);
    }
    value
}

/// What is said of resources that an order has no room for. It stands in nobody's way.
fn passed_over(file: &ScoreFile) -> Vec<Problem> {
    let with_metadata = members(&file.workload, "resources").filter(|(_, resource)| resource.get("metadata").is_some());
    let note = |(name, _): (&str, &Value)| {
        let pointer = format!("/resources/{}/metadata", escape(name));
        let message = format!("the metadata of resource `{name}` are passed over");
        Problem::new(&file.name, file.place.key(&pointer), &pointer, &message)
    };
    with_metadata.map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::{read, workload};
    use super::*;

    fn verdict(text: &str) -> Verdict {
        match read(text) {
            Ok(file) => Verdict { file: "score.yaml".to_owned(), errors: Errors::default(), found: Some(file) },
            Err(errors) => Verdict { file: "score.yaml".to_owned(), errors, found: None },
        }
    }

    #[test]
    fn words() {
        for (body, expected) in [
            ("", "score.yaml: can be ordered: order/web, no resources\n"),
            (
                "resources:\n  db: {type: pg, class: small, metadata: {}}\n  dns: {type: dns}\n",
                "score.yaml: can be ordered: order/web, db (pg, small), dns (dns)\n  note: score.yaml:6:32: the metadata of resource \
                 `db` are passed over\n",
            ),
            (
                "resources:\n  db: {type: Pg}\n",
                "score.yaml:6:14: type `Pg` of resource `db` cannot be ordered: vend's types and classes have no capitals: write \
                 `pg`\nscore.yaml: cannot be ordered: 1 problem\n",
            ),
        ] {
            assert_eq!(verdict(&workload(body)).text(), expected);
        }
    }

    #[test]
    fn values() {
        let value = verdict(&workload("resources:\n  db: {type: Pg}\n")).view();
        let problem = json!({"line": 6, "column": 14, "pointer": "/resources/db/type",
            "message": "type `Pg` of resource `db` cannot be ordered",
            "hint": "vend's types and classes have no capitals: write `pg`"});
        assert_eq!(value, json!({"file": "score.yaml", "orderable": false, "problems": [problem]}));
        let value = verdict(&workload("resources: {db: {type: pg}}")).view();
        let expected = json!({"file": "score.yaml", "orderable": true, "problems": [], "order": "web",
            "resources": {"db": {"type": "pg"}}, "notes": []});
        assert_eq!(value, expected);
    }
}
