//! `vend upgrade`: live resources move to the recipe, revision and driver that would make them now, or to others.
//!
//! First a plan for each order, then a yes to what they say; then some orders at once, and none any more after one has failed.

mod rollout;
mod selection;

use std::time::Duration;

use serde_json::{Value, json};

use self::rollout::Rollout;
use self::selection::{Chosen, Selection};
use super::connect::{LONG_DEADLINE, Session, within};
use super::error::{self, Failure};
use super::exit::Exit;
use super::output::{self, Plain};
use super::table::Table;
use super::{apply, columns, names, plan, view, wait};
use crate::pb::{self, planned_resource::Action};

/// Rows of the table that asks for a yes.
const ROWS: usize = 50;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Move to RECIPE@REVISION or DRIVER@VERSION instead of what is current: also goes back
    #[arg(long, value_name = "RECIPE@REVISION|DRIVER@VERSION")]
    to: Option<String>,
    /// Move only so many, or only those of one environment, and stop
    #[arg(long, value_name = "COUNT|ENVIRONMENT")]
    canary: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Orders that are moved at once; after a failure no further one is begun
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64), value_name = "COUNT")]
    parallel: u8,
    /// Answer yes where a person at a terminal would be asked
    #[arg(short, long)]
    yes: bool,
    /// How long to wait for each order, e.g. 90s, 15m, 1h
    #[arg(long, default_value = "15m", value_parser = wait::duration, value_name = "TIME")]
    timeout: Duration,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

/// What is to be done to one order.
#[derive(Debug, Clone)]
struct Step {
    /// Full name.
    order: String,
    keys: Vec<String>,
    plan: pb::Plan,
}

impl Step {
    fn moving(&self) -> impl Iterator<Item = &pb::PlannedResource> {
        self.plan.resources.iter().filter(|it| is_moved(it))
    }
}

/// It is made by something else from now on.
fn is_moved(resource: &pb::PlannedResource) -> bool {
    resource.changes.iter().any(|it| it.pointer == "/recipe" || it.pointer == "/driver")
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let to = args.to.clone().unwrap_or_default();
    let count = args.canary.as_deref().and_then(|canary| canary.parse::<usize>().ok());
    let environment = args.canary.as_deref().filter(|_| count.is_none());
    let chosen = args.selection.choose(session, &to, environment).await?;
    let (steps, left, refused) = plans(session, &chosen, &to, count).await?;
    if steps.is_empty() {
        if refused == Exit::Done {
            output::print(
                &output::plain(&json!([]), args.output)?.unwrap_or_else(|| "nothing to upgrade\n".to_owned()),
            )?;
        }
        return Ok(refused);
    }
    if args.dry_run {
        let value: Vec<_> = steps.iter().map(|step| view::plan(&step.plan)).collect();
        output::print(&output::plain(&json!(value), args.output)?.unwrap_or_else(|| shown(session, &steps)))?;
        return Ok(refused);
    }
    eprint!("{}", shown(session, &steps));
    if !apply::agreed(session, args.yes, &format!("{}?", summary(&steps)))? {
        let message = format!("{}: nobody has agreed to it", summary(&steps));
        return Err(Failure::new(Exit::Refused, message)
            .with_reason("PLAN_REQUIRED")
            .with_hint("pass --yes to do exactly this, or --dry-run to look at it only")
            .into());
    }
    let rollout = Rollout { to: &to, parallel: usize::from(args.parallel), timeout: args.timeout };
    let done = rollout.run(session, steps).await?;
    if let Some(table) = output::plain(&json!(done.told), args.output)? {
        output::print(&table)?;
    }
    let waiting = done.waiting + left;
    if done.exit == Exit::Done && waiting > 0 {
        let what = if waiting == 1 { "1 resource waits".to_owned() } else { format!("{waiting} resources wait") };
        session.terminal.say(&format!("{what}: the same command without --canary moves the rest"));
    }
    if done.exit != Exit::Done {
        eprintln!("{} stopped: {waiting} resources were not begun", session.terminal.stderr_paint().red("error:"));
    }
    Ok(done.exit.and(refused))
}

/// One plan for each order, with only so many resources as are to be moved; how many more there are; and the exit status for orders that
/// cannot be moved, which were told.
async fn plans(
    session: &Session,
    chosen: &[Chosen],
    to: &str,
    count: Option<usize>,
) -> anyhow::Result<(Vec<Step>, usize, Exit)> {
    let (mut steps, mut room, mut left, mut refused) = (Vec::new(), count.unwrap_or(usize::MAX), 0, Exit::Done);
    for Chosen { order, keys } in chosen {
        let taken = keys.len().min(room);
        left += keys.len() - taken;
        if taken == 0 {
            continue;
        }
        let keys = keys[..taken].to_vec();
        let request = pb::UpgradeOrderRequest {
            name: order.clone(),
            resources: keys.clone(),
            to: to.to_owned(),
            validate_only: true,
            ..pb::UpgradeOrderRequest::default()
        };
        match session.orders().upgrade_order(within(request, LONG_DEADLINE)).await {
            Ok(answer) => {
                let plan = answer.into_inner().plan.unwrap_or_default();
                let step = Step { order: order.clone(), keys, plan };
                let moving = step.moving().count();
                if moving > 0 {
                    room = room.saturating_sub(moving);
                    steps.push(step);
                }
            }
            Err(status) if error::reason(&status).is_empty() => return Err(status.into()),
            // The others are orders of their own.
            Err(status) => {
                let failure = error::from_status(&status, Some(&session.settings));
                eprint!("order/{}: {}", names::short(order), error::render(&failure, &session.terminal.stderr_paint()));
                refused = refused.and(failure.exit);
            }
        }
    }
    Ok((steps, left, refused))
}

/// `Upgrade 300 resources of 40 orders: 288 to update, 12 to replace`.
fn summary(steps: &[Step]) -> String {
    let all = || steps.iter().flat_map(Step::moving);
    let counted = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    let mut text = format!("Upgrade {} of {}", counted(all().count(), "resource"), counted(steps.len(), "order"));
    let words = [
        (Action::Create, "create"),
        (Action::Update, "update"),
        (Action::Replace, "replace"),
        (Action::Record, "record only"),
    ];
    let counts: Vec<_> = words
        .iter()
        .map(|(action, word)| (all().filter(|it| it.action() == *action).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} to {word}"))
        .collect();
    if !counts.is_empty() {
        text.push_str(&format!(": {}", counts.join(", ")));
    }
    let others = steps.iter().flat_map(|step| &step.plan.resources);
    let others = others.filter(|it| !is_moved(it) && it.action() != Action::None).count();
    if others > 0 {
        text.push_str(&format!("; {others} more with them"));
    }
    text
}

/// The plan of one order whole, those of several as a table.
fn shown(session: &Session, steps: &[Step]) -> String {
    if let [one] = steps {
        return plan::render(&one.plan, &session.terminal.stdout_paint(), false);
    }
    let mut table = Table::new(["RESOURCE", "ACTION", "RECIPE", "DRIVER", "FORCED BY"]);
    let mut rows = steps.iter().flat_map(|step| step.moving().map(move |it| (step, it)));
    for (step, resource) in rows.by_ref().take(ROWS) {
        table.row(row(&step.order, resource));
    }
    let mut text = table.render();
    let more = rows.count();
    if more > 0 {
        text.push_str(&format!("… and {more} more\n"));
    }
    text + &format!("\n{}\n", summary(steps))
}

fn row(order: &str, resource: &pb::PlannedResource) -> [String; 5] {
    let change = |pointer: &str| {
        let found = resource.changes.iter().find(|it| it.pointer == pointer);
        let text = |json: &str| columns::text(&view::json_text(json));
        found.map_or_else(String::new, |it| format!("{} → {}", text(&it.before_json), text(&it.after_json)))
    };
    let forcing: Vec<_> =
        resource.changes.iter().filter(|it| it.forces_replacement).map(|it| it.pointer.as_str()).collect();
    let action = view::action_word(resource.action()).to_owned();
    [
        format!("{}/{}", names::short(order), resource.key),
        action,
        change("/recipe"),
        change("/driver"),
        forcing.join(", "),
    ]
}

/// What became of one order, for scripts.
fn told(step: &Step, operation: Option<&pb::Operation>) -> Value {
    json!({
        "order": step.order,
        "resources": step.keys,
        "plan": view::plan(&step.plan),
        "operation": operation.map(view::operation),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(key: &str, action: Action, moved: bool) -> pb::PlannedResource {
        let change = |pointer: &str, before: &str, after: &str| pb::PlannedChange {
            pointer: pointer.into(),
            before_json: format!("\"{before}\""),
            after_json: format!("\"{after}\""),
            forces_replacement: pointer.starts_with("/params") && action == Action::Replace,
            unknown: false,
        };
        let mut changes = vec![change("/params/name", "a", "b")];
        if moved {
            changes.insert(0, change("/recipe", "shared@4", "shared@5"));
        }
        pb::PlannedResource { key: key.into(), action: action.into(), changes, ..pb::PlannedResource::default() }
    }

    #[test]
    fn what_would_be_done_is_counted() {
        let step = |resources| Step {
            order: "projects/p/environments/e/orders/shop".into(),
            keys: Vec::new(),
            plan: pb::Plan { resources, ..pb::Plan::default() },
        };
        let one = step(vec![planned("db", Action::Update, true), planned("dns", Action::Update, false)]);
        assert_eq!(summary(std::slice::from_ref(&one)), "Upgrade 1 resource of 1 order: 1 to update; 1 more with them");
        let two = step(vec![planned("db", Action::Replace, true), planned("mq", Action::Record, true)]);
        assert_eq!(
            summary(&[one, two.clone()]),
            "Upgrade 3 resources of 2 orders: 1 to update, 1 to replace, 1 to record only; 1 more with them"
        );
        assert_eq!(
            row(&two.order, &two.plan.resources[0]),
            ["shop/db", "replace", "shared@4 → shared@5", "", "/params/name"].map(str::to_owned)
        );
    }
}
