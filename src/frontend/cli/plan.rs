//! A plan as people read it.

use serde_json::Value;

use super::output::escaped;
use super::paint::{Paint, clean};
use super::table::shorten;
use super::{names, view};
use crate::pb::{Plan, PlannedChange, PlannedResource, planned_resource::Action};

/// Longest value and statement shown, unless everything was asked for.
const WIDTH: usize = 80;

/// Draws a plan. `wide` shows why each recipe was taken, and statements and values whole.
pub fn render(plan: &Plan, paint: &Paint, wide: bool) -> String {
    let (project, environment, order) = names::scope(&plan.order);
    let mut text = format!("{} in {project}/{environment}\n", paint.bold(&format!("Order {order}")));
    // What is only observed is kept, and may differ.
    let shown = |resource: &&PlannedResource| resource.action() != Action::None || !resource.changes.is_empty();
    for resource in plan.resources.iter().filter(|resource| wide || shown(resource)) {
        text.push('\n');
        text.push_str(&render_resource(resource, paint, wide));
    }
    for warning in &plan.warnings {
        text.push_str(&format!("\n{} {warning}\n", paint.yellow("warning:")));
    }
    text.push_str(&format!("\n{}\n", paint.bold(&summary(plan))));
    if !plan.digest.is_empty() {
        text.push_str(&format!("Digest: {}\n", plan.digest));
    }
    text
}

/// `Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 2 unchanged.`
pub fn summary(plan: &Plan) -> String {
    let count = |action: Action| plan.resources.iter().filter(|resource| resource.action() == action).count();
    let mut text = format!(
        "Plan: {} to create, {} to update, {} to replace, {} to delete, ",
        count(Action::Create),
        count(Action::Update),
        count(Action::Replace),
        count(Action::Delete),
    );
    // Rarer, and told only where there are any.
    for (action, word) in [(Action::Adopt, "adopt"), (Action::Release, "release"), (Action::Record, "record")] {
        if count(action) > 0 {
            text.push_str(&format!("{} to {word}, ", count(action)));
        }
    }
    text + &format!("{} unchanged.", count(Action::None))
}

/// Whether there is anything to do.
pub fn has_changes(plan: &Plan) -> bool {
    plan.resources.iter().any(|resource| resource.action() != Action::None)
}

fn render_resource(resource: &PlannedResource, paint: &Paint, wide: bool) -> String {
    let action = resource.action();
    let head = match action {
        Action::Create => paint.green("+ create "),
        Action::Update => paint.yellow("~ update "),
        Action::Replace => paint.magenta("-/+ replace "),
        Action::Delete => paint.red("- delete "),
        Action::Adopt => paint.green("> adopt "),
        Action::Release => paint.yellow("< release "),
        Action::Record => paint.yellow("* record "),
        Action::None if !resource.changes.is_empty() => paint.dim("= observe "),
        Action::None | Action::Unspecified => paint.dim("= keep "),
    };
    let class = if resource.class.is_empty() { String::new() } else { format!(" class {}", resource.class) };
    let mut text = format!(
        "  {head}{}  {}{class}{}\n",
        paint.bold(&resource.key),
        resource.resource_type,
        made_by(resource, wide)
    );
    if !resource.needs.is_empty() {
        text.push_str(&paint.dim(&format!("      after {}", resource.needs.join(", "))));
        text.push('\n');
    }
    if wide && !resource.recipe_reason.is_empty() {
        text.push_str(&format!("      because {}\n", resource.recipe_reason));
    }
    // Where it is handed on, or not shared any more, the change says so.
    if !resource.home.is_empty() && resource.changes.iter().all(|it| it.pointer == "/id" && !it.after_json.is_empty()) {
        text.push_str(&format!("      is the resource of {}, shared as {}\n", resource.home, resource.shared_id));
    }
    if let Some(grace) = &resource.deletion_grace {
        text.push_str(&format!("      kept for {} first\n", span(grace.seconds)));
    }
    if action == Action::Release {
        text.push_str("      its object stays as it is\n");
    }
    for change in &resource.changes {
        let drifted = resource.drifted.contains(&change.pointer);
        text.push_str(&render_change(change, action, drifted, paint, wide));
    }
    if !matches!(action, Action::Delete | Action::Release | Action::Record) {
        text.push_str(&render_outputs(resource, paint, wide));
    }
    for read in &resource.reads {
        let statement =
            if wide { clean(&read.statement).replace('\n', "\n           ") } else { shorten(&read.statement, WIDTH) };
        let line = format!("      read {}: {} {statement}", read.connection, read.function);
        text.push_str(&paint.dim(line.trim_end()));
        text.push('\n');
        if !read.held_by.is_empty() {
            text.push_str(&paint.dim(&format!("           held to reading by {}", read.held_by.join(", "))));
            text.push('\n');
        }
    }
    text
}

/// `7d`, `1h 30m`: the two largest units.
fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let (mut rest, mut parts) = (seconds, Vec::new());
    for (unit, word) in units {
        if rest >= unit {
            parts.push(format!("{}{word}", rest / unit));
            rest %= unit;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "a moment".to_owned() } else { parts.join(" ") }
}

fn made_by(resource: &PlannedResource, wide: bool) -> String {
    let mut parts = Vec::new();
    if !resource.recipe.is_empty() {
        parts.push(format!("recipe {}@{}", resource.recipe, resource.recipe_revision));
    }
    if !resource.driver.is_empty() {
        // A driver that is only known by its digest.
        let digest = resource.driver.starts_with("sha256:") && !wide;
        let driver = if digest { shorten(&resource.driver, 20) } else { resource.driver.clone() };
        parts.push(format!("driver {driver}"));
    }
    if parts.is_empty() { String::new() } else { format!("  ({})", parts.join(", ")) }
}

fn render_change(change: &PlannedChange, action: Action, drifted: bool, paint: &Paint, wide: bool) -> String {
    let show = |text: &str| {
        let text = escaped(&view::json_text(text).to_string());
        if wide { text } else { shorten(&text, WIDTH) }
    };
    let (before, after) = (&change.before_json, &change.after_json);
    let line = match (before.is_empty(), after.is_empty()) {
        (true, _) if change.unknown => format!("{} {}: {}", paint.green("+"), change.pointer, known_later(paint)),
        (false, _) if change.unknown => {
            format!("{} {}: {} → {}", paint.yellow("~"), change.pointer, show(before), known_later(paint))
        }
        (true, true) => format!("{} {}", paint.yellow("~"), change.pointer),
        (true, false) => format!("{} {}: {}", paint.green("+"), change.pointer, show(after)),
        (false, true) if action == Action::Delete => format!("{} {}: {}", paint.red("-"), change.pointer, show(before)),
        (false, true) => format!("{} {}: {} → (removed)", paint.red("-"), change.pointer, show(before)),
        (false, false) => format!("{} {}: {} → {}", paint.yellow("~"), change.pointer, show(before), show(after)),
    };
    let forces = if change.forces_replacement { paint.red("  # forces replacement") } else { String::new() };
    let drifted = if drifted { paint.dim("  # drifted") } else { String::new() };
    format!("      {line}{forces}{drifted}\n")
}

fn known_later(paint: &Paint) -> String {
    paint.dim("(known after apply)")
}

fn render_outputs(resource: &PlannedResource, paint: &Paint, wide: bool) -> String {
    if resource.action() == Action::None && !wide {
        return String::new();
    }
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Value::Object(outputs) = view::json_text(&resource.outputs_json) {
        for (name, value) in outputs {
            let value = escaped(&value.to_string());
            lines.push((format!("/{}", clean(&name)), if wide { value } else { shorten(&value, WIDTH) }));
        }
    }
    // Nobody was asked: all of them are.
    for pointer in resource.unknown_outputs.iter().filter(|pointer| !pointer.is_empty()) {
        lines.retain(|(known, _)| known != pointer);
        lines.push((pointer.clone(), known_later(paint)));
    }
    lines.sort();
    lines.into_iter().map(|(pointer, value)| format!("      outputs{pointer}: {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::PlanRead;

    fn change(pointer: &str, before: &str, after: &str, forces_replacement: bool) -> PlannedChange {
        PlannedChange {
            pointer: pointer.to_owned(),
            before_json: before.to_owned(),
            after_json: after.to_owned(),
            forces_replacement,
            unknown: false,
        }
    }

    fn resource(key: &str, action: Action, changes: Vec<PlannedChange>) -> PlannedResource {
        PlannedResource {
            key: key.to_owned(),
            resource_type: "postgres-database".to_owned(),
            action: action.into(),
            changes,
            ..PlannedResource::default()
        }
    }

    fn example() -> Plan {
        let create = PlannedResource {
            class: "small".to_owned(),
            outputs_json: r#"{"database": "orders", "password": null}"#.to_owned(),
            unknown_outputs: vec!["/password".to_owned()],
            recipe: "shared-postgres".to_owned(),
            recipe_revision: 3,
            driver: "postgres@0.1.0".to_owned(),
            recipe_reason: "environment-type development; lost: anywhere".to_owned(),
            reads: vec![PlanRead {
                connection: "pg-dev".to_owned(),
                function: "sql-read.query".to_owned(),
                statement: "SELECT datname\nFROM pg_database WHERE datname = $1".to_owned(),
                held_by: vec!["linkage".to_owned(), "read-only-transaction".to_owned()],
            }],
            ..resource("db", Action::Create, vec![change("/name", "", "\"orders\"", false)])
        };
        Plan {
            order: "projects/shop/environments/dev/orders/checkout".to_owned(),
            digest: "9f86d081".to_owned(),
            resources: vec![
                resource("cache", Action::Delete, vec![]),
                create,
                resource("mail", Action::Replace, vec![change("/region", "\"eu\"", "\"us\"", true)]),
                resource(
                    "queue",
                    Action::Update,
                    vec![change("/size", "1", "2", false), change("/ttl", "60", "", false)],
                ),
                resource("web", Action::None, vec![]),
                PlannedResource {
                    needs: vec!["db".to_owned(), "queue".to_owned()],
                    ..resource(
                        "worker",
                        Action::Update,
                        vec![
                            PlannedChange { unknown: true, ..change("/params/url", "\"amqp://a\"", "", false) },
                            PlannedChange { unknown: true, ..change("/params/host", "", "", true) },
                        ],
                    )
                },
            ],
            warnings: vec!["`cache` holds data".to_owned()],
            destroys: true,
        }
    }

    #[test]
    fn plain() {
        insta::assert_snapshot!(render(&example(), &Paint::plain(), false));
    }

    #[test]
    fn wide() {
        insta::assert_snapshot!(render(&example(), &Paint::plain(), true));
    }

    #[test]
    fn what_is_said_of_resources() {
        let grace = Some(prost_types::Duration { seconds: 604_800, nanos: 0 });
        let plan = Plan {
            resources: vec![
                PlannedResource { deletion_grace: grace, ..resource("data", Action::Delete, vec![]) },
                resource("legacy", Action::Adopt, vec![change("/labels", "", "\"vend\"", false)]),
                resource("notes", Action::Record, vec![change("/name", "\"db\"", "\"notes\"", false)]),
                resource("old", Action::Release, vec![]),
                resource("seen", Action::None, vec![change("/params/size", "1", "2", false)]),
                PlannedResource {
                    home: "billing/db".into(),
                    shared_id: "company.db".into(),
                    ..resource("store", Action::Record, vec![change("/id", "", "\"company.db\"", false)])
                },
            ],
            warnings: vec![],
            ..example()
        };
        insta::assert_snapshot!(render(&plan, &Paint::plain(), false), @r#"
        Order checkout in shop/dev

          - delete data  postgres-database
              kept for 7d first

          > adopt legacy  postgres-database
              + /labels: "vend"

          * record notes  postgres-database
              ~ /name: "db" → "notes"

          < release old  postgres-database
              its object stays as it is

          = observe seen  postgres-database
              ~ /params/size: 1 → 2

          * record store  postgres-database
              is the resource of billing/db, shared as company.db
              + /id: "company.db"

        Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 1 to adopt, 1 to release, 2 to record, 1 unchanged.
        Digest: 9f86d081
        "#);
        for (seconds, text) in [(90, "1m 30s"), (0, "a moment"), (90_061, "1d 1h")] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn coloured() {
        let plan = Plan { resources: vec![resource("db", Action::Create, vec![])], ..example() };
        let text = render(&plan, &Paint::new(true), false);
        assert!(text.contains("\x1b[32m+ create \x1b[0m\x1b[1mdb\x1b[0m"), "{text:?}");
    }

    #[test]
    fn changes() {
        assert!(has_changes(&example()));
        assert!(!has_changes(&Plan { resources: vec![resource("web", Action::None, vec![])], ..Plan::default() }));
    }
}
