//! `vend history`: what an order was, by whom and from where; and the way back to it.

use serde_json::Value;

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Plain};
use super::table::Table;
use super::{columns, names, plan, view};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "ORDER")]
    order: String,
    /// Print the order as it was at this generation; `vend apply -f -` takes it back
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// Show the plan that was accepted for it instead
    #[arg(long, requires = "generation")]
    plan: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let name = names::full(session, Kind::Order, &args.order)?;
    let text = match args.generation {
        None => {
            let request = pb::ListOrderGenerationsRequest { name };
            let found = session.orders().list_order_generations(request).await?.into_inner().generations;
            let all: Vec<Value> = found.iter().map(view::generation).collect();
            output::plain(&Value::from(all), args.output)?.unwrap_or_else(|| table(&found))
        }
        Some(generation) => {
            let generation = i64::try_from(generation).unwrap_or(i64::MAX);
            let request = pb::GetOrderGenerationRequest { name: name.clone(), generation };
            let found = session.orders().get_order_generation(request).await?.into_inner();
            let found = found.generation.unwrap_or_default();
            match (args.plan, args.output) {
                (true, Plain::Table) => {
                    plan::render(&found.plan.unwrap_or_default(), &session.terminal.stdout_paint(), false)
                }
                (true, format) => {
                    output::plain(&view::plan(&found.plan.unwrap_or_default()), format)?.unwrap_or_default()
                }
                (false, Plain::Json) => output::json(&view::order_manifest(&name, &found.manifest_json))?,
                (false, _) => output::yaml(&[view::order_manifest(&name, &found.manifest_json)])?,
            }
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn table(all: &[pb::OrderGeneration]) -> String {
    let mut table = Table::new(["GENERATION", "TIME", "BY", "SOURCE", "VERB", "CHANGES", "STATE"]);
    for it in all {
        let record = view::generation(it);
        let text = |name: &str| columns::text(&record[name]);
        table.row([
            text("generation"),
            text("create-time"),
            text("principal"),
            text("source"),
            text("verb"),
            changes(it),
            text("state"),
        ]);
    }
    table.render()
}

/// `2 create, 1 delete`.
fn changes(it: &pb::OrderGeneration) -> String {
    let words = ["create", "adopt", "update", "replace", "record", "release", "delete"];
    let counted = words.iter().filter_map(|word| Some(format!("{} {word}", it.counts.get(*word)?)));
    let all: Vec<_> = counted.collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each() {
        let generation = pb::OrderGeneration {
            generation: 3,
            operation: "op_1".into(),
            state: pb::operation::State::Succeeded.into(),
            verb: pb::operation::Verb::Apply.into(),
            principal: "token:a".into(),
            source: "git".into(),
            counts: [("update".to_owned(), 1), ("create".to_owned(), 2)].into(),
            ..pb::OrderGeneration::default()
        };
        let idle = pb::OrderGeneration { generation: 2, ..pb::OrderGeneration::default() };
        assert_eq!(
            table(&[generation, idle]),
            "GENERATION   TIME   BY        SOURCE   VERB    CHANGES              STATE\n\
             3                   token:a   git      apply   2 create, 1 update   succeeded\n\
             2                                              none\n"
        );
    }
}
