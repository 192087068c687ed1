//! What a workload needs, held against what the catalog offers here. Pure, but for the one question.

use serde_json::Value;

use super::faults;
use super::file::{ScoreFile, members};
use super::placeholder::Reference;
use crate::document::Problem;
use crate::document::nearest;
use crate::document::refusal::Refusal;
use crate::frontend::cli::connect::Session;
use crate::frontend::cli::explain::escape;
use crate::frontend::cli::{schema, unreachable, view};
use crate::pb;

/// What can be ordered here, or why that is not known.
pub async fn ask(session: &Session) -> anyhow::Result<Result<Vec<pb::CatalogEntry>, String>> {
    let settings = &session.settings;
    let place = settings.project().and_then(|project| Ok((project.to_owned(), settings.environment()?.to_owned())));
    let (project, environment) = match place {
        Ok(place) => place,
        Err(failure) => return Ok(Err(failure.message)),
    };
    let request = pb::ListCatalogEntriesRequest { project, environment };
    match session.catalog().list_catalog_entries(request).await {
        Ok(answer) => Ok(Ok(answer.into_inner().entries)),
        Err(status) if unreachable::is_transport(&status) && !unreachable::is_for_good(&status) => {
            Ok(Err(format!("the core at {} cannot be reached", settings.server)))
        }
        Err(status) => Err(status.into()),
    }
}

/// Types, classes and outputs that are not offered.
pub fn missing(file: &ScoreFile, catalog: &[pb::CatalogEntry]) -> Vec<Problem> {
    let mut refusals = Vec::new();
    for (name, resource) in members(&file.workload, "resources") {
        let at = format!("/resources/{}", escape(name));
        let resource_type = resource["type"].as_str().unwrap_or_default();
        let Some(entry) = entry(catalog, resource_type) else {
            let known = catalog.iter().map(|entry| entry.resource_type.as_str());
            let message = format!("resource `{name}`: the type `{resource_type}` cannot be ordered here");
            let hint = match nearest::hint(resource_type, known) {
                hint if hint.is_empty() => "`vend catalog` lists what can".to_owned(),
                hint => hint,
            };
            refusals.push(Refusal::new(format!("{at}/type"), message).hint(hint));
            continue;
        };
        refusals.extend(class(name, resource, entry, &at));
    }
    for (pointer, reference) in references(&file.workload) {
        refusals.extend(output(&file.workload, &reference, &pointer, catalog));
    }
    refusals.iter().map(|refusal| file.problem(refusal)).collect()
}

fn entry<'a>(catalog: &'a [pb::CatalogEntry], resource_type: &str) -> Option<&'a pb::CatalogEntry> {
    catalog.iter().find(|entry| entry.resource_type == resource_type)
}

fn class(name: &str, resource: &Value, entry: &pb::CatalogEntry, at: &str) -> Option<Refusal> {
    let classes = || entry.classes.iter().map(String::as_str);
    let Some(class) = resource["class"].as_str() else {
        // Some recipe serves it, or no class has to be said.
        return entry.recipe.is_empty().then(|| {
            let message =
                format!("resource `{name}`: the type `{}` is offered here with a class only", entry.resource_type);
            Refusal::new(format!("{at}/type"), message).hint(nearest::hint("", classes()))
        });
    };
    if classes().any(|known| known == class) {
        return None;
    }
    let message = format!("resource `{name}`: the type `{}` has no class `{class}` here", entry.resource_type);
    let hint = match nearest::hint(class, classes()) {
        hint if hint.is_empty() => "leave the class out".to_owned(),
        hint => hint,
    };
    Some(Refusal::new(format!("{at}/class"), message).hint(hint))
}

/// Every placeholder of the workload, with the pointer to the text that it stands in.
fn references(workload: &Value) -> Vec<(String, Reference)> {
    let mut texts = Vec::new();
    for (name, resource) in members(workload, "resources") {
        let mut open = vec![(format!("/resources/{}/params", escape(name)), &resource["params"])];
        while let Some((pointer, value)) = open.pop() {
            let inner = faults::entries(value);
            open.extend(inner.into_iter().map(|(key, value)| (format!("{pointer}/{key}"), value)));
            texts.push((pointer, value));
        }
    }
    for (name, container) in members(workload, "containers") {
        let at = format!("/containers/{}", escape(name));
        let variables = members(container, "variables");
        texts.extend(variables.map(|(key, value)| (format!("{at}/variables/{}", escape(key)), value)));
        for (key, file) in faults::entries(&container["files"]) {
            if file["noExpand"] != Value::Bool(true) {
                texts.push((format!("{at}/files/{key}/content"), &file["content"]));
            }
        }
    }
    let mut found = Vec::new();
    for (pointer, value) in texts {
        let references = faults::references(value.as_str().unwrap_or_default()).unwrap_or_default();
        found.extend(references.into_iter().map(|reference| (pointer.clone(), reference)));
    }
    found
}

/// An output that the type does not have.
fn output(workload: &Value, reference: &Reference, pointer: &str, catalog: &[pb::CatalogEntry]) -> Option<Refusal> {
    let Reference::Output { resource, path } = reference else { return None };
    let resource_type = workload["resources"][resource]["type"].as_str()?;
    let root = view::json_text(&entry(catalog, resource_type)?.outputs_schema_json);
    let mut at = &root;
    for key in path {
        let known = schema::properties(&root, at);
        // A schema that names no properties says nothing of them.
        if known.is_empty() {
            return None;
        }
        let Some(found) = schema::property(&root, at, key) else {
            let names = known.iter().map(|(name, ..)| *name);
            let message = format!("`{reference}`: the type `{resource_type}` has no output `{key}`");
            return Some(Refusal::new(pointer, message).hint(nearest::hint(key, names)));
        };
        at = found;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::collections::BTreeSet;

    use super::super::file::tests::{public, read, workload};
    use super::*;
    use crate::document::{self, File};

    fn catalog() -> Vec<pb::CatalogEntry> {
        let outputs = json!({"properties": {"host": {"type": "string"}, "port": {"type": "integer"},
            "more": {"type": "object", "properties": {"url": {}}}, "open": {"type": "object"}}});
        let entry = |name: &str, classes: &[&str], recipe: &str| pb::CatalogEntry {
            resource_type: name.to_owned(),
            classes: classes.iter().map(|it| (*it).to_owned()).collect(),
            recipe: recipe.to_owned(),
            outputs_schema_json: outputs.to_string(),
            ..pb::CatalogEntry::default()
        };
        vec![
            entry("postgres", &["small", "large"], "shared"),
            entry("redis", &[], "cache"),
            entry("queue", &["ha"], ""),
        ]
    }

    fn check(resources: &str, variable: &str, expected: &[&str]) {
        let body = format!("  side: {{image: x, variables: {{A: '{variable}'}}}}\nresources: {resources}\n");
        let file = read(&workload(&body)).expect("fine");
        let told: Vec<String> = missing(&file, &catalog()).iter().map(ToString::to_string).collect();
        assert_eq!(told, expected, "{resources}");
    }

    #[test]
    fn what_is_not_offered_here() {
        check("{db: {type: postgres, class: small}, cache: {type: redis}}", "", &[]);
        check(
            "{db: {type: postgress}, dns: {type: dns}}",
            "",
            &[
                "score.yaml:6:24: resource `db`: the type `postgress` cannot be ordered here: did you mean `postgres`?",
                "score.yaml:6:48: resource `dns`: the type `dns` cannot be ordered here: known are `postgres`, `redis` and `queue`",
            ],
        );
        check(
            "{db: {type: postgres, class: smal}, qq: {type: queue}, cache: {type: redis, class: ha}}",
            "",
            &[
                "score.yaml:6:95: resource `cache`: the type `redis` has no class `ha` here: leave the class out",
                "score.yaml:6:41: resource `db`: the type `postgres` has no class `smal` here: did you mean `small`?",
                "score.yaml:6:59: resource `qq`: the type `queue` is offered here with a class only: known are `ha`",
            ],
        );
    }

    /// Types of documents, as a catalog with a recipe for each would have them.
    fn contracts() -> Vec<pb::CatalogEntry> {
        let text = include_str!("../../../../tests/data/score/contracts/types.yaml");
        let trees = document::read(&File { name: "types.yaml", content: text.as_bytes() }).expect("is YAML");
        let entry = |tree: &document::Tree| pb::CatalogEntry {
            resource_type: tree.value["name"].as_str().expect("a name").to_owned(),
            recipe: "some".to_owned(),
            outputs_schema_json: tree.value["outputs"].to_string(),
            ..pb::CatalogEntry::default()
        };
        trees.iter().map(entry).collect()
    }

    #[test]
    fn public_files_count_on_their_contracts_and_nothing_else() {
        let (catalog, mut used) = (contracts(), BTreeSet::new());
        for (name, content) in public() {
            let source = pb::Source { file_name: name.clone(), content: content.into_bytes() };
            let Ok(file) = ScoreFile::read(&source) else { continue };
            let problems = missing(&file, &catalog);
            assert!(problems.is_empty(), "{name}: {problems:?}");
            let types = members(&file.workload, "resources").filter_map(|(_, it)| it["type"].as_str());
            used.extend(types.map(str::to_owned));
        }
        let offered: BTreeSet<String> = catalog.into_iter().map(|entry| entry.resource_type).collect();
        assert_eq!(used, offered);
    }

    #[test]
    fn outputs_that_a_type_does_not_have() {
        let resources = "{db: {type: postgres}, app: {type: redis, params: {at: ['${resources.db.hots}']}}}";
        let at_params =
            "score.yaml:6:68: `${resources.db.hots}`: the type `postgres` has no output `hots`: did you mean `host`?";
        check(resources, "${resources.db.host} ${resources.db.more.url} ${resources.db.open.any}", &[at_params]);
        check(
            resources,
            "${resources.db.more.uri}",
            &[
                at_params,
                "score.yaml:5:35: `${resources.db.more.uri}`: the type `postgres` has no output `uri`: did you mean `url`?",
            ],
        );
    }
}
