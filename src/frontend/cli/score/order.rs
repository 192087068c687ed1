//! The order of a workload: its resources, one to one. Pure.
//!
//! `type`, `class`, `id` and `params` keep their names and values. Of the placeholders in params those that name metadata
//! are put in place, `${resources.db.host}` becomes `${resources.db.outputs.host}`, and what Score escapes stays escaped.

use serde_json::{Map, Value, json};

use super::file::members;
use super::placeholder::{self, Invalid, Piece, Reference};
use crate::document::refusal::Refusal;
use crate::frontend::cli::explain::escape;

/// The order as a document, and what of the workload's resources cannot be ordered.
pub fn manifest(workload: &Value) -> (Value, Vec<Refusal>) {
    let (mut resources, mut refusals) = (Map::new(), Vec::new());
    for (name, resource) in members(workload, "resources") {
        let at = format!("/resources/{}", escape(name));
        let mut entry = Map::new();
        for key in ["type", "class"] {
            if let Some(word) = resource[key].as_str() {
                refusals.extend(lower_case(name, key, word, &at));
                entry.insert(key.to_owned(), json!(word));
            }
        }
        if let Some(id) = resource.get("id") {
            entry.insert("id".to_owned(), id.clone());
        }
        if let Some(params) = resource.get("params") {
            let shared = resource.get("id").is_some();
            let params =
                Translation { workload, shared, refusals: &mut refusals }.value(params, &format!("{at}/params"));
            entry.insert("params".to_owned(), params);
        }
        resources.insert(name.to_owned(), Value::Object(entry));
    }
    let order = json!({
        "apiVersion": "vend/v1",
        "kind": "Order",
        "name": workload["metadata"]["name"],
        "resources": resources,
    });
    (order, refusals)
}

/// Score's types and classes may have capitals; vend's are names like all others.
fn lower_case(resource: &str, key: &str, word: &str, at: &str) -> Option<Refusal> {
    let lower = word.to_ascii_lowercase();
    (lower != word).then(|| {
        let message = format!("{key} `{word}` of resource `{resource}` cannot be ordered");
        Refusal::new(format!("{at}/{key}"), message)
            .hint(format!("vend's types and classes have no capitals: write `{lower}`"))
    })
}

struct Translation<'a> {
    workload: &'a Value,
    shared: bool,
    refusals: &'a mut Vec<Refusal>,
}

impl Translation<'_> {
    fn value(&mut self, value: &Value, pointer: &str) -> Value {
        match value {
            Value::String(text) => match translate(text, self.workload, self.shared) {
                Ok(text) => Value::String(text),
                Err(invalid) => {
                    self.refusals.push(Refusal::new(pointer, invalid.message).hint(invalid.hint));
                    Value::Null
                }
            },
            Value::Array(items) => {
                items.iter().enumerate().map(|(at, item)| self.value(item, &format!("{pointer}/{at}"))).collect()
            }
            Value::Object(members) => {
                let member = |(key, member): (&String, &Value)| {
                    (key.clone(), self.value(member, &format!("{pointer}/{}", escape(key))))
                };
                Value::Object(members.iter().map(member).collect())
            }
            other => other.clone(),
        }
    }
}

/// A text of params as vend writes it. `shared`: those of a resource with an `id`, which other workloads have too.
fn translate(text: &str, workload: &Value, shared: bool) -> Result<String, Invalid> {
    let mut translated = String::new();
    // Of what comes before a placeholder: whether it ends in a `$` that vend would take for the escape.
    let mut plain = String::new();
    for piece in placeholder::parse(text)? {
        match piece {
            Piece::Text(text) => plain.push_str(&text),
            Piece::Reference(Reference::Metadata(path)) => plain.push_str(&placeholder::metadata(workload, &path)?),
            Piece::Reference(Reference::Output { resource, .. }) if shared => {
                let message =
                    format!("`${{resources.{resource}.…}}` cannot be ordered in the params of what has an `id`");
                return Err(Invalid::new(
                    message,
                    "other workloads do not know it: write the value, or leave `id` out",
                ));
            }
            Piece::Reference(Reference::Output { resource, path }) => {
                if plain.ends_with('$') {
                    let message = format!("a `$` right before `${{resources.{resource}.…}}` cannot be ordered");
                    return Err(Invalid::new(message, "put something between the two"));
                }
                translated.push_str(&escaped(&plain));
                plain.clear();
                translated.push_str(&format!("${{resources.{resource}.outputs.{}}}", written(&resource, &path)?));
            }
            Piece::Reference(Reference::Resource(name)) => {
                return Err(Invalid::new(
                    format!("`${{resources.{name}}}` cannot be ordered: params take outputs, and not a resource's id"),
                    format!("name an output, `${{resources.{name}.OUTPUT}}`"),
                ));
            }
        }
    }
    translated.push_str(&escaped(&plain));
    Ok(translated)
}

fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A path as vend writes it.
fn written(resource: &str, path: &[String]) -> Result<String, Invalid> {
    let foreign = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}' | '$' | '"' | '\'');
    if let Some(key) = path.iter().find(|key| key.contains(foreign)) {
        let shown = placeholder::short(key);
        let message = format!("the output `{shown}` of resource `{resource}` cannot be ordered");
        return Err(Invalid::new(message, "an output has no spaces, quotes, braces or `$` in its name"));
    }
    let escaped = |key: &String| key.replace('\\', "\\\\").replace('.', "\\.");
    Ok(path.iter().map(escaped).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::{read, workload};
    use super::*;

    #[test]
    fn params() {
        for (written, expected) in [
            (json!("plain"), json!("plain")),
            (json!(7), json!(7)),
            (json!("${resources.db.host}"), json!("${resources.db.outputs.host}")),
            (json!("${resources.db.a.b}"), json!("${resources.db.outputs.a.b}")),
            (json!(r"${resources.db.a\.b}"), json!(r"${resources.db.outputs.a\.b}")),
            (
                json!("x-${resources.db.host}:${resources.db.port}"),
                json!("x-${resources.db.outputs.host}:${resources.db.outputs.port}"),
            ),
            (json!("${metadata.name}-${metadata.tier}"), json!("web-{\"n\":1}")),
            (
                json!(["${metadata.name}", {"a": "${resources.db.host}"}]),
                json!(["web", {"a": "${resources.db.outputs.host}"}]),
            ),
            (json!("$${HOME}"), json!("$${HOME}")),
            (json!("$$x"), json!("$x")),
            (json!("$$$${x}"), json!("$$${x}")),
            (json!("open ${"), json!("open $${")),
            (
                json!("$$${resources.db.host}"),
                json!("refused: a `$` right before `${resources.db.…}` cannot be ordered"),
            ),
            (
                json!("${resources.db}"),
                json!("refused: `${resources.db}` cannot be ordered: params take outputs, and not a resource's id"),
            ),
            (json!("${resources.db.a b}"), json!("refused: the output `a b` of resource `db` cannot be ordered")),
            (json!("${metadata.nam}"), json!("refused: `${metadata.nam}`: the metadata have no `nam`")),
            (json!("${x}"), json!("refused: `${x}` names neither `metadata` nor `resources`")),
        ] {
            let workload = json!({"metadata": {"name": "web", "tier": {"n": 1}},
                "resources": {"app": {"type": "app", "params": {"it": written}}}});
            let (order, refusals) = manifest(&workload);
            let found = match refusals.as_slice() {
                [] => order["resources"]["app"]["params"]["it"].clone(),
                [refusal, ..] => json!(format!("refused: {}", refusal.message)),
            };
            assert_eq!(found, expected, "{written}");
        }
    }

    #[test]
    fn a_whole_order() {
        let file = read(&workload(
            "resources:\n  cache: {type: redis, class: small, id: main-cache, metadata: {annotations: {aa: b}}}\n  dns: {type: dns}\n",
        ));
        let expected = json!({"apiVersion": "vend/v1", "kind": "Order", "name": "web", "resources": {
            "cache": {"type": "redis", "class": "small", "id": "main-cache"}, "dns": {"type": "dns"}}});
        assert_eq!(file.expect("fine").order, expected);
    }

    #[test]
    fn what_has_an_id_refers_to_nothing_of_its_own_workload() {
        let params = "params: {name: '${metadata.name}', host: 'x-${resources.dns.host}'}";
        let text = format!("resources:\n  cache: {{type: redis, id: main-cache, {params}}}\n  dns: {{type: dns}}\n");
        assert_eq!(
            read(&workload(&text)).expect_err("refused").to_string(),
            "score.yaml:6:81: `${resources.dns.…}` cannot be ordered in the params of what has an `id`: other workloads do \
             not know it: write the value, or leave `id` out"
        );
    }

    #[test]
    fn capitals_are_refused() {
        let file = read(&workload("resources:\n  db: {type: Postgres, class: Small}\n"));
        assert_eq!(
            file.expect_err("refused").to_string(),
            "score.yaml:6:14: type `Postgres` of resource `db` cannot be ordered: vend's types and classes have no capitals: \
             write `postgres`\nscore.yaml:6:31: class `Small` of resource `db` cannot be ordered: vend's types and classes \
             have no capitals: write `small`"
        );
    }
}
