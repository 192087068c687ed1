//! `vend tree`: an order, its resources and what they were made with.

use std::collections::HashMap;

use serde_json::Value;

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::paint::{Paint, clean};
use super::{columns, output, records};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the order
    order: String,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let order = records::one(session, Kind::Order, &args.order).await?;
    let resources = records::of_order(session, &order).await?;
    output::print(&draw(&order, &resources, &session.terminal.stdout_paint()))?;
    Ok(Exit::Done)
}

fn draw(order: &Value, resources: &[Value], paint: &Paint) -> String {
    let text = |record: &Value, pointer: &str| record.pointer(pointer).map(columns::text).unwrap_or_default();
    let mut drawn = format!(
        "{}  {}\n",
        paint.bold(&format!("order/{}", text(order, "/name"))),
        state(&text(order, "/status/state"), paint)
    );
    let key_of = |name: &str| name.split_once('/').map_or(name, |(_, key)| key).to_owned();
    let keys: HashMap<String, String> =
        resources.iter().map(|it| (text(it, "/id"), key_of(&text(it, "/name")))).collect();
    for (number, resource) in resources.iter().enumerate() {
        let last = number + 1 == resources.len();
        let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let name = text(resource, "/name");
        let key = name.split_once('/').map_or(name.as_str(), |(_, key)| key);
        let class = text(resource, "/class");
        let of =
            if class.is_empty() { text(resource, "/type") } else { format!("{} ({class})", text(resource, "/type")) };
        let needs: Vec<String> =
            resource.get("needs").and_then(Value::as_array).into_iter().flatten().map(columns::text).collect();
        let needs: Vec<&str> = needs.iter().map(|id| keys.get(id).map_or(id.as_str(), String::as_str)).collect();
        let after = match needs.is_empty() {
            true => String::new(),
            false => format!("  ← {}", needs.join(", ")),
        };
        drawn.push_str(&format!(
            "{branch}{}  {of}  {}{}\n",
            paint.bold(key),
            state(&text(resource, "/state"), paint),
            paint.dim(&after)
        ));
        let mut leaves = Vec::new();
        if !text(resource, "/home").is_empty() {
            leaves.push(format!("is {}, shared as {}", text(resource, "/home"), text(resource, "/shared-id")));
        }
        if !text(resource, "/reason").is_empty() {
            leaves.push(
                clean(&format!("{}: {}", text(resource, "/reason"), text(resource, "/message"))).replace('\n', " "),
            );
        }
        if !text(resource, "/external-id").is_empty() {
            leaves.push(format!("object {}", text(resource, "/external-id")));
        }
        if !text(resource, "/recipe").is_empty() {
            leaves.push(format!(
                "recipe {} (revision {})",
                text(resource, "/recipe"),
                text(resource, "/recipe-revision")
            ));
        }
        if let Some(Value::Object(connections)) = resource.get("connections") {
            leaves
                .extend(connections.iter().map(|(slot, name)| format!("connection {} as {slot}", columns::text(name))));
        }
        for (number, leaf) in leaves.iter().enumerate() {
            let twig = if number + 1 == leaves.len() { "└─ " } else { "├─ " };
            drawn.push_str(&format!("{trunk}{twig}{leaf}\n"));
        }
    }
    drawn
}

fn state(state: &str, paint: &Paint) -> String {
    match state {
        "ready" => paint.green(state),
        "failed" | "attention-required" => paint.red(state),
        _ => paint.yellow(state),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order() {
        let order = json!({"name": "checkout", "status": {"state": "failed"}});
        let resources = [
            json!({"name": "checkout/cache", "type": "cache", "state": "failed", "reason": "BACKEND_REFUSED",
                "message": "no room", "needs": ["res_1"]}),
            json!({"name": "checkout/db", "type": "postgres-database", "class": "ha", "state": "ready",
                "home": "billing/store", "shared-id": "company.db",
                "id": "res_1", "external-id": "orders", "recipe": "shared", "recipe-revision": 3, "connections": {"server": "pg"}}),
        ];
        assert_eq!(
            draw(&order, &resources, &Paint::plain()),
            "order/checkout  failed\n├─ cache  cache  failed  ← db\n│  └─ BACKEND_REFUSED: no room\n\
             └─ db  postgres-database (ha)  ready\n   ├─ is billing/store, shared as company.db\n   ├─ object orders\n   ├─ recipe shared (revision 3)\n   \
             └─ connection pg as server\n"
        );
    }
}
