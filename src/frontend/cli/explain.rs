//! `vend explain`: what may be set on a type, as it holds here.

use serde_json::Value;

use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::output::{self, Plain};
use super::paint::{Paint, clean};
use super::{catalog, schema, view};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A type, or a part of it: postgres-database.params.backup
    #[arg(value_name = "TYPE[.PATH]")]
    what: String,
    /// Explain this variant
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let (resource_type, path) = args.what.split_once('.').unwrap_or((&args.what, ""));
    let entry = catalog::entry(session, resource_type, args.class.as_deref().unwrap_or_default()).await?;
    let text = match output::plain(&view::catalog_entry(&entry), args.output)? {
        Some(text) => text,
        None => explain(&entry, path, &session.terminal.stdout_paint())?,
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// The schema of one side, and what the recipe says about it.
pub struct Side {
    pub root: Value,
    pub defaults: Value,
    pub fixed: Value,
    pub allowed: Value,
}

impl Side {
    pub fn params(entry: &pb::CatalogEntry) -> Self {
        Side {
            root: view::json_text(&entry.params_schema_json),
            defaults: view::json_text(&entry.defaults_json),
            fixed: view::json_text(&entry.fixed_json),
            allowed: view::json_text(&entry.allowed_json),
        }
    }

    fn outputs(entry: &pb::CatalogEntry) -> Self {
        let root = view::json_text(&entry.outputs_schema_json);
        Side { root, defaults: Value::Null, fixed: Value::Null, allowed: Value::Null }
    }

    /// Facts about one property, shortest first: `required`, `default "16"`, `1 to 63 characters`.
    pub fn facts(&self, pointer: &str, schema: &Value, required: bool) -> Vec<String> {
        let fixed = self.fixed.pointer(pointer);
        let default = self.defaults.pointer(pointer).or_else(|| schema.get("default"));
        let mut facts = Vec::new();
        match (fixed, default) {
            (Some(value), _) => facts.push(format!("fixed to {value} here")),
            (None, Some(value)) => facts.push(format!("default {value}")),
            (None, None) if required => facts.push("required".to_owned()),
            (None, None) => {}
        }
        if schema::is_secret(schema) {
            facts.push("secret".to_owned());
        }
        facts.extend(schema::limits(schema));
        if fixed.is_none() {
            facts.extend(schema::limits(self.allowed_at(pointer)).into_iter().map(|limit| format!("here {limit}")));
        }
        facts
    }

    fn allowed_at(&self, pointer: &str) -> &Value {
        let mut schema = &self.allowed;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let Some(found) = schema::property(&self.allowed, schema, &part) else { return &Value::Null };
            schema = found;
        }
        schema
    }
}

fn explain(entry: &pb::CatalogEntry, path: &str, paint: &Paint) -> Result<String, Failure> {
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Ok(explain_type(entry, paint)),
        ["outputs", rest @ ..] => explain_part(entry, &Side::outputs(entry), "outputs", rest, paint),
        ["params", rest @ ..] => explain_part(entry, &Side::params(entry), "params", rest, paint),
        rest => explain_part(entry, &Side::params(entry), "params", rest, paint),
    }
}

fn explain_type(entry: &pb::CatalogEntry, paint: &Paint) -> String {
    let mut text = paint.bold(&entry.resource_type);
    if !entry.title.is_empty() {
        text.push_str(&format!("  {}", entry.title));
    }
    text.push('\n');
    if !entry.description.is_empty() {
        text.push_str(&format!("{}\n", entry.description.trim_end()));
    }
    text.push('\n');
    if !entry.classes.is_empty() {
        text.push_str(&format!("Classes: {}\n", entry.classes.join(", ")));
    }
    if !entry.recipe.is_empty() {
        text.push_str(&format!("Made by the recipe {}\n", entry.recipe));
    }
    if entry.holds_data {
        text.push_str("Holds data: never replaced silently\n");
    }
    if !entry.constraints.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("Rules")));
        for constraint in &entry.constraints {
            text.push_str(&format!("  {}\n    {}\n", clean(&constraint.message), clean(&constraint.rule)));
        }
    }
    for (heading, side) in [("Params", Side::params(entry)), ("Outputs", Side::outputs(entry))] {
        text.push_str(&format!("\n{}\n", paint.bold(heading)));
        let listed = properties(&side, "", &side.root, paint);
        text.push_str(if listed.is_empty() { "  none\n" } else { &listed });
    }
    text
}

fn explain_part(
    entry: &pb::CatalogEntry,
    side: &Side,
    heading: &str,
    path: &[&str],
    paint: &Paint,
) -> Result<String, Failure> {
    let (mut at, mut pointer, mut required) = (&side.root, String::new(), false);
    for (depth, part) in path.iter().enumerate() {
        let known = schema::properties(&side.root, at);
        let Some(found) = schema::property(&side.root, at, part) else {
            let names: Vec<&str> = known.into_iter().map(|(name, ..)| name).collect();
            let inside = [&[heading], &path[..depth]].concat().join(".");
            return Err(Failure::usage(format!(
                "`{}.{inside}` has no `{part}`; it has {}",
                entry.resource_type,
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            )));
        };
        required = known.iter().any(|(name, _, required)| name == part && *required);
        pointer.push_str(&format!("/{}", escape(part)));
        at = found;
    }
    let title = [&[entry.resource_type.as_str(), heading], path].concat().join(".");
    let mut text = format!("{}  {}\n", paint.bold(&title), schema::type_words(&side.root, at));
    for fact in side.facts(&pointer, at, required) {
        text.push_str(&format!("  {fact}\n"));
    }
    if !schema::description(at).is_empty() {
        text.push_str(&format!("{}\n", schema::description(at)));
    }
    let below = schema::items(&side.root, at).unwrap_or(at);
    let listed = properties(side, &pointer, below, paint);
    if !listed.is_empty() {
        text.push_str(&format!("\n{listed}"));
    }
    Ok(text)
}

fn properties(side: &Side, pointer: &str, schema: &Value, paint: &Paint) -> String {
    let properties = schema::properties(&side.root, schema);
    let width = properties.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, schema, required) in properties {
        let facts = side.facts(&format!("{pointer}/{}", escape(name)), schema, required);
        let words: Vec<String> = std::iter::once(schema::type_words(&side.root, schema)).chain(facts).collect();
        text.push_str(&format!("  {}  {}\n", paint.cyan(&format!("{name:<width$}")), words.join(" · ")));
        if !schema::description(schema).is_empty() {
            text.push_str(&format!("  {:width$}  {}\n", "", schema::description(schema)));
        }
    }
    text
}

/// As JSON Pointers have it (RFC 6901).
pub fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;

    pub fn example() -> pb::CatalogEntry {
        let params = json!({"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "description": "The database's name.", "minLength": 1, "maxLength": 63},
            "version": {"type": "string", "enum": ["15", "16", "17"]},
            "size": {"type": "string"},
            "extensions": {"type": "array", "items": {"type": "string"}},
            "backup": {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1, "default": 7}}},
        }});
        let outputs = json!({"properties": {"host": {"type": "string"},
            "password": {"type": "string", "x-vend-secret": true}}});
        pb::CatalogEntry {
            resource_type: "postgres-database".to_owned(),
            title: "PostgreSQL database".to_owned(),
            classes: vec!["ha".to_owned(), "small".to_owned()],
            holds_data: true,
            constraints: vec![pb::Constraint {
                rule: "params.version != '15' || context.project == 'legacy'".to_owned(),
                message: "15 is for the legacy project only".to_owned(),
            }],
            recipe: "shared-postgres".to_owned(),
            params_schema_json: params.to_string(),
            outputs_schema_json: outputs.to_string(),
            defaults_json: json!({"version": "16"}).to_string(),
            fixed_json: json!({"size": "small"}).to_string(),
            allowed_json: json!({"properties": {"backup": {"properties": {"days": {"maximum": 14}}},
                "version": {"enum": ["16", "17"]}}})
            .to_string(),
            ..pb::CatalogEntry::default()
        }
    }

    #[test]
    fn a_type() {
        insta::assert_snapshot!(explain(&example(), "", &Paint::plain()).expect("explains"));
    }

    #[test]
    fn parts() {
        let explain = |path: &str| explain(&example(), path, &Paint::plain());
        assert_eq!(
            explain("params.backup.days").expect("explains"),
            "postgres-database.params.backup.days  integer\n  default 7\n  at least 1\n  here at most 14\n"
        );
        assert_eq!(explain("backup.days"), explain("params.backup.days"));
        assert_eq!(
            explain("outputs.password").expect("explains"),
            "postgres-database.outputs.password  string\n  secret\n"
        );
        assert_eq!(
            explain("backup.weeks").expect_err("is refused").message,
            "`postgres-database.params.backup` has no `weeks`; it has days"
        );
    }
}
