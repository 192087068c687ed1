//! What the entries of an order refer to: whether it is there, and whether a secret would stay one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::contract::Violation;
use crate::domain::levels::Needs;
use crate::domain::marker;
use crate::domain::name::Key;
use crate::domain::placeholder::{self, Reference};
use crate::domain::reason::Reason;
use crate::domain::reference::{self, Named};
use crate::domain::refusal::Refusal;
use crate::engine::share::{Home, Sharing};
use crate::engine::survey::{Maker, Wanted};
use crate::stock::{Output, Stock};

/// What each entry refers to: others of the order, and outputs that these have.
pub(in crate::engine) fn needs(entries: &BTreeMap<Key, Wanted>, sharing: &Sharing) -> Result<Needs, Refusal> {
    let (mut needs, mut wrong) = (Needs::new(), Vec::new());
    // What was told of the params of a composite is not told again of what it is made of.
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (key, entry) in entries {
        let fills = entry.fills.values();
        let mut needed: BTreeSet<Key> =
            fills.chain(entry.wholes.iter().flat_map(|whole| whole.needs.iter())).cloned().collect();
        for Wired { value, schema, offered } in wired(entry) {
            let derived = offered || !entry.wholes.is_empty();
            let references = match placeholder::references(value) {
                Ok(references) => references,
                Err(invalid) => {
                    wrong.extend(invalid.into_iter().map(|(pointer, it)| violation(key, &pointer, it.to_string())));
                    continue;
                }
            };
            for (pointer, reference) in references {
                // Its recipe offers it, who orders cannot.
                if offered && Named::secret(&reference).is_some() {
                    continue;
                }
                let kept = || marker::covers(&marker::pointers(schema, value), &pointer);
                match refers(entries, sharing, entry, &reference, kept) {
                    Ok(other) => drop(needed.insert(other)),
                    Err(message) if derived && told.contains(&message) => {}
                    Err(message) => {
                        if matches!(entry.maker, Maker::Parts(_)) {
                            told.insert(message.clone());
                        }
                        wrong.push(violation(key, &pointer, message));
                    }
                }
            }
        }
        needs.insert(key.clone(), needed);
    }
    // An alias is known when its home is.
    for (key, shared) in &sharing.aliases {
        let home = match &shared.home {
            Home::Here(home) => Some(home.clone()),
            Home::Elsewhere(..) => None,
        };
        needs.insert(key.clone(), home.into_iter().collect());
    }
    if wrong.is_empty() { Ok(needs) } else { Err(unresolved(wrong)) }
}

/// Refuses placeholders that lead nowhere; there is one at least.
pub(super) fn unresolved(wrong: Vec<Violation>) -> Refusal {
    let first = wrong.first().map_or("", |it| it.message.as_str());
    let message = match wrong.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} (and {} more)", more - 1),
    };
    Refusal::new(Reason::UnresolvedReference, message).violations(wrong)
}

pub(super) fn violation(key: &Key, pointer: &str, message: String) -> Violation {
    Violation { pointer: format!("/resources/{key}/params{pointer}"), message }
}

/// What has placeholders that refer to others, and what says where a secret is kept in it.
struct Wired<'a> {
    value: &'a Value,
    schema: &'a Value,
    /// It is what a composite offers.
    offered: bool,
}

fn wired(entry: &Wanted) -> Vec<Wired<'_>> {
    match &entry.maker {
        Maker::Driver(offer) => {
            let value = entry.written.params.as_ref().unwrap_or(&Value::Null);
            vec![Wired { value, schema: &offer.resource_type.params, offered: false }]
        }
        Maker::Parts(composite) => {
            let resource_type = &composite.matched.resource_type;
            vec![
                Wired { value: &composite.params, schema: &resource_type.params, offered: false },
                Wired { value: &composite.outputs, schema: &resource_type.outputs, offered: true },
            ]
        }
    }
}

/// The entry that a placeholder refers to, if that has such an output, and a secret would stay one: `kept` where it stands.
fn refers(
    entries: &BTreeMap<Key, Wanted>,
    sharing: &Sharing,
    entry: &Wanted,
    reference: &Reference,
    kept: impl FnOnce() -> bool,
) -> Result<Key, String> {
    let output = reference::Output::parse(reference)?;
    let other = match sharing.aliases.get(&output.key).map(|it| &it.home) {
        Some(Home::Elsewhere(_, resource_type)) => Some(&**resource_type),
        Some(Home::Here(home)) => entries.get(home).map(Wanted::resource_type),
        None => entries.get(&output.key).map(Wanted::resource_type),
    };
    let Some(other) = other else {
        let written = |it: &&Key| **it != entry.key && !it.as_str().contains('/');
        let hint = Stock::meant(&output.key, entries.keys().chain(sharing.aliases.keys()).filter(written));
        return Err(format!("`{reference}`: the order has no resource `{}`{hint}", output.key));
    };
    let found = Stock::output(other, &output.path).map_err(|hint| {
        let name = output.path.first().map_or("", String::as_str);
        let hint = if hint.is_empty() { hint } else { format!(": {hint}") };
        format!("`{reference}`: `{}` has no output `{name}`{hint}", other.meta.name)
    })?;
    if found == Output::Secret && !kept() {
        return Err(format!(
            "`{reference}` is a secret, and this param is not kept secret: a `{}` has no place for it here",
            entry.written.resource_type
        ));
    }
    Ok(output.key)
}

pub(in crate::engine) fn circular(circle: &[&Key]) -> Refusal {
    let way: Vec<_> = circle.iter().map(|key| format!("`{key}`")).collect();
    let message = format!("resources refer to one another in a circle: {}", way.join(" → "));
    let violation = |pair: &[&Key]| Violation {
        pointer: format!("/resources/{}", pair[0]),
        message: format!("`{}` refers to `{}`, and so on back to itself", pair[0], pair[1]),
    };
    Refusal::new(Reason::GraphCycle, message)
        .hint("take one of these references out")
        .violations(circle.windows(2).map(violation).collect())
}
