//! What the schema lets pass and is wrong all the same: placeholders that name nothing, circles, files without a target. Pure.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::file::members;
use super::placeholder::{self, Invalid, Piece, Reference};
use crate::document::nearest;
use crate::document::refusal::Refusal;
use crate::frontend::cli::explain::escape;

/// Resource → the resources that its params need.
type Needs<'a> = BTreeMap<&'a str, BTreeSet<String>>;

pub fn find(workload: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut needs = Needs::new();
    for (name, resource) in members(workload, "resources") {
        let mut open = vec![(format!("/resources/{}/params", escape(name)), &resource["params"])];
        while let Some((pointer, value)) = open.pop() {
            match value {
                // What is not written as a placeholder was refused when it was to be translated.
                Value::String(text) => {
                    for reference in references(text).unwrap_or_default() {
                        refusals.extend(unknown(workload, &reference, &pointer));
                        needs.entry(name).or_default().extend(reference.resource().map(str::to_owned));
                    }
                }
                Value::Array(items) => {
                    open.extend(items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)));
                }
                Value::Object(inner) => {
                    open.extend(inner.iter().map(|(key, value)| (format!("{pointer}/{}", escape(key)), value)));
                }
                _ => {}
            }
        }
    }
    refusals.extend(circle(&needs));
    for (name, container) in members(workload, "containers") {
        containers(workload, container, &format!("/containers/{}", escape(name)), &mut refusals);
    }
    refusals
}

fn containers(workload: &Value, container: &Value, at: &str, refusals: &mut Vec<Refusal>) {
    for (variable, value) in members(container, "variables") {
        refusals.extend(text(workload, value, &format!("{at}/variables/{}", escape(variable))));
    }
    for (key, file) in entries(&container["files"]) {
        let at = format!("{at}/files/{key}");
        if container["files"].is_array() && file.get("target").is_none() {
            refusals.push(Refusal::new(&at, "this file has no target").hint("say with `target` where it belongs"));
        }
        if file["noExpand"] != Value::Bool(true) {
            refusals.extend(text(workload, &file["content"], &format!("{at}/content")));
        }
        if file["binaryContent"].as_str().is_some_and(|it| STANDARD.decode(it).is_err()) {
            refusals.push(Refusal::new(format!("{at}/binaryContent"), "this is not base64 (RFC 4648, section 4)"));
        }
    }
    for (key, volume) in entries(&container["volumes"]) {
        refusals.extend(text(workload, &volume["source"], &format!("{at}/volumes/{key}/source")));
    }
}

/// Entries of a mapping or of a list, with their keys as in a JSON Pointer.
pub fn entries(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (escape(key), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    }
}

/// Placeholders of a text outside of params.
fn text(workload: &Value, value: &Value, pointer: &str) -> Vec<Refusal> {
    let refusal = |invalid: Invalid| Refusal::new(pointer, invalid.message).hint(invalid.hint);
    let references = match references(value.as_str().unwrap_or_default()) {
        Ok(references) => references,
        Err(invalid) => return vec![refusal(invalid)],
    };
    let mut refusals = Vec::new();
    for reference in references {
        refusals.extend(unknown(workload, &reference, pointer));
        if let Reference::Metadata(path) = &reference {
            refusals.extend(placeholder::metadata(workload, path).err().map(refusal));
        }
    }
    refusals
}

pub fn references(text: &str) -> Result<Vec<Reference>, Invalid> {
    let reference = |piece| match piece {
        Piece::Reference(reference) => Some(reference),
        Piece::Text(_) => None,
    };
    Ok(placeholder::parse(text)?.into_iter().filter_map(reference).collect())
}

fn unknown(workload: &Value, reference: &Reference, pointer: &str) -> Option<Refusal> {
    let name = reference.resource()?;
    let known = || members(workload, "resources").map(|(name, _)| name);
    if known().any(|it| it == name) {
        return None;
    }
    let message = format!("`{reference}` names a resource that is not there");
    Some(Refusal::new(pointer, message).hint(nearest::hint(name, known())))
}

/// Resources that need each other, told at the first of them.
fn circle(needs: &Needs<'_>) -> Option<Refusal> {
    let needed = |of: &BTreeSet<String>| of.iter().filter(|it| needs.contains_key(it.as_str())).count();
    let mut left: BTreeMap<&str, usize> = needs.iter().map(|(name, of)| (*name, needed(of))).collect();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, of) in needs {
        for it in of {
            needed_by.entry(it).or_default().push(name);
        }
    }
    // What needs nothing that is left is no part of a circle.
    let mut free: Vec<&str> = left.iter().filter(|(_, needed)| **needed == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for it in needed_by.get(name).into_iter().flatten() {
            let Some(needed) = left.get_mut(it) else { continue };
            *needed -= 1;
            if *needed == 0 {
                free.push(it);
            }
        }
    }
    // Whatever is left needs something that is left: following it comes back to where it was.
    let mut path: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = *left.keys().next()?;
    while seen.insert(next) {
        path.push(next);
        next = needs.get(next)?.iter().find_map(|it| left.get_key_value(it.as_str()))?.0;
    }
    let begin = path.iter().position(|it| *it == next)?;
    let names: Vec<String> = path[begin..].iter().chain([&next]).map(|it| format!("`{it}`")).collect();
    let message = format!("resources need each other in a circle: {}", names.join(" needs "));
    Some(Refusal::new(format!("/resources/{}", escape(next)), message))
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::{read, workload};

    fn check(body: &str, expected: &str) {
        let told = read(&workload(body)).map_or_else(|errors| errors.to_string(), |_| "fine".to_owned());
        assert_eq!(told, expected, "{body}");
    }

    #[test]
    fn placeholders_that_name_nothing() {
        let resources = "resources: {db: {type: pg}}";
        for (body, expected) in [
            (
                "resources: {db: {type: pg, params: {a: ['${resources.bd.x}']}}}",
                "score.yaml:5:41: `${resources.bd.x}` names a resource that is not there: did you mean `db`?",
            ),
            (
                "  side: {image: x, variables: {A: '${HOME}'}}",
                "score.yaml:5:35: `${HOME}` names neither `metadata` nor `resources`: write `$${HOME}` if the text itself is meant",
            ),
            ("  side: {image: x, variables: {A: '$${HOME} ${metadata.name}'}}", "fine"),
            (
                "  side: {image: x, variables: {A: '${metadata.names}'}}",
                "score.yaml:5:35: `${metadata.names}`: the metadata have no `names`: did you mean `name`?",
            ),
            (
                &format!("  side: {{image: x, files: {{/a: {{content: '${{resources.d.x}}'}}}}}}\n{resources}"),
                "score.yaml:5:42: `${resources.d.x}` names a resource that is not there: did you mean `db`?",
            ),
            (
                &format!(
                    "  side: {{image: x, files: {{/a: {{noExpand: true, content: '${{resources.d.x}}'}}}}}}\n{resources}"
                ),
                "fine",
            ),
            (&format!("  side: {{image: x, volumes: {{/a: {{source: '${{resources.db}}'}}}}}}\n{resources}"), "fine"),
            (
                "  side: {image: x, volumes: {/a: {source: '${resources.db}'}}}",
                "score.yaml:5:43: `${resources.db}` names a resource that is not there",
            ),
        ] {
            check(body, expected);
        }
    }

    #[test]
    fn files() {
        for (body, expected) in [
            (
                "  side: {image: x, files: [{content: x}]}",
                "score.yaml:5:28: this file has no target: say with `target` where it belongs",
            ),
            ("  side: {image: x, files: [{target: /a, content: x}]}", "fine"),
            (
                "  side: {image: x, files: {/a: {binaryContent: '%'}}}",
                "score.yaml:5:48: this is not base64 (RFC 4648, section 4)",
            ),
        ] {
            check(body, expected);
        }
    }

    #[test]
    fn circles() {
        let body = |pairs: &[(&str, &str)]| {
            let entries: Vec<String> = pairs
                .iter()
                .map(|(name, of)| format!("{name}: {{type: tt, params: {{p: '${{resources.{of}.x}}'}}}}"))
                .collect();
            format!("resources: {{{}, end: {{type: tt}}}}", entries.join(", "))
        };
        check(&body(&[("aa", "bb"), ("bb", "cc"), ("cc", "end")]), "fine");
        check(&body(&[("aa", "aa")]), "score.yaml:5:17: resources need each other in a circle: `aa` needs `aa`");
        check(
            &body(&[("aa", "bb"), ("bb", "cc"), ("cc", "bb")]),
            "score.yaml:5:67: resources need each other in a circle: `bb` needs `cc` needs `bb`",
        );
    }
}
