//! `vend init`: an order file to start from.

use serde_json::Value;

use super::connect::Session;
use super::exit::Exit;
use super::explain::{Side, escape};
use super::{catalog, output, schema};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to order: `vend catalog` shows what there is
    #[arg(value_name = "TYPE", required = true)]
    resource_types: Vec<String>,
    /// Name of the order
    #[arg(long, default_value = "my-order")]
    name: String,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let mut entries = Vec::new();
    for resource_type in &args.resource_types {
        entries.push(catalog::entry(session, resource_type, "").await?);
    }
    output::print(&file(&args.name, &entries))?;
    Ok(Exit::Done)
}

fn file(name: &str, entries: &[pb::CatalogEntry]) -> String {
    let mut text = format!(
        "# Look at it with `vend plan -f FILE`, order it with `vend apply -f FILE --wait`.\n\
         apiVersion: vend/v1\nkind: Order\nname: {name}\nresources:\n"
    );
    for (number, entry) in entries.iter().enumerate() {
        let earlier = entries[..number].iter().filter(|it| it.resource_type == entry.resource_type).count();
        let key =
            if earlier == 0 { entry.resource_type.clone() } else { format!("{}-{}", entry.resource_type, earlier + 1) };
        text.push_str(&resource(&key, entry));
    }
    text
}

fn resource(key: &str, entry: &pb::CatalogEntry) -> String {
    let mut text = String::new();
    let about = if entry.title.is_empty() { &entry.description } else { &entry.title };
    text.push_str(&comment("  ", about));
    text.push_str(&format!("  {key}:\n    type: {}\n", entry.resource_type));
    if !entry.classes.is_empty() {
        let lead = if entry.recipe.is_empty() { "" } else { "# " };
        text.push_str(&format!("    {lead}class: {}    # one of {}\n", entry.classes[0], entry.classes.join(", ")));
    }
    let side = Side::params(entry);
    let properties = schema::properties(&side.root, &side.root);
    if properties.is_empty() {
        return text;
    }
    // A mapping of nothing but comments would be null.
    let asked = properties.iter().any(|(name, schema, required)| is_asked(&side, name, schema, *required));
    text.push_str(if asked { "    params:\n" } else { "    # params:\n" });
    for (name, schema, required) in properties {
        let pointer = format!("/{}", escape(name));
        text.push_str(&comment("      ", schema::description(schema)));
        let words: Vec<String> = std::iter::once(schema::type_words(&side.root, schema))
            .chain(side.facts(&pointer, schema, required))
            .collect();
        let fixed = side.fixed.pointer(&pointer).is_some();
        // A param that cannot be set has no line of its own to be named in.
        let lead = if fixed { format!("{name}: ") } else { String::new() };
        text.push_str(&comment("      ", &format!("{lead}{}", words.join(" · "))));
        if fixed {
            continue;
        }
        let lead = if is_asked(&side, name, schema, required) { "" } else { "# " };
        text.push_str(&format!("      {lead}{name}: {}\n", example(&side, &pointer, schema)));
    }
    text
}

/// Whether the developer has to say something.
fn is_asked(side: &Side, name: &str, schema: &Value, required: bool) -> bool {
    let pointer = format!("/{}", escape(name));
    let given = [&side.fixed, &side.defaults].iter().any(|it| it.pointer(&pointer).is_some());
    required && !given && schema.get("default").is_none()
}

/// A value to begin with, in YAML's JSON subset.
fn example(side: &Side, pointer: &str, schema: &Value) -> Value {
    let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|values| values.first());
    let known = side.defaults.pointer(pointer).or_else(|| schema.get("default")).or_else(|| schema.get("const"));
    if let Some(value) = known.or_else(|| first("examples")).or_else(|| first("enum")) {
        return value.clone();
    }
    match schema::types(&side.root, schema).first().map(String::as_str) {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => false.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(serde_json::Map::new()),
        Some("null") => Value::Null,
        _ => "change-me".into(),
    }
}

fn comment(indent: &str, text: &str) -> String {
    text.lines().map(|line| format!("{indent}# {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file() {
        let entry = crate::frontend::cli::explain::tests::example();
        let text = file("checkout", &[entry.clone(), entry]);
        let parsed: Value = serde_yaml_ng::from_str(&text).expect("is YAML");
        assert_eq!(parsed["resources"]["postgres-database"]["params"], serde_json::json!({"name": "change-me"}));
        assert!(parsed["resources"]["postgres-database-2"].is_object());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_type_that_asks_nothing() {
        let entry = pb::CatalogEntry {
            resource_type: "note".to_owned(),
            params_schema_json: r#"{"properties": {"text": {"type": "string"}}}"#.to_owned(),
            ..pb::CatalogEntry::default()
        };
        let parsed: Value = serde_yaml_ng::from_str(&file("n", &[entry])).expect("is YAML");
        assert_eq!(parsed["resources"]["note"], serde_json::json!({"type": "note"}));
    }
}
