//! What the entries of an order refer to: whether it is there, and whether a secret would stay one. Pure.

use std::collections::{BTreeMap, BTreeSet};

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
    for (key, entry) in entries {
        let mut needed: BTreeSet<Key> = entry.fills.values().cloned().collect();
        match placeholder::references(entry.wired()) {
            Ok(references) => {
                for (pointer, reference) in references {
                    if matches!(entry.maker, Maker::Parts(_)) && Named::secret(&reference).is_some() {
                        continue;
                    }
                    match refers(entries, sharing, entry, &pointer, &reference) {
                        Ok(other) => drop(needed.insert(other)),
                        Err(message) => wrong.push(violation(key, &pointer, message)),
                    }
                }
            }
            Err(invalid) => {
                wrong.extend(invalid.into_iter().map(|(pointer, it)| violation(key, &pointer, it.to_string())));
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
    let Some(first) = wrong.first() else { return Ok(needs) };
    let message = match wrong.len() {
        1 => first.message.clone(),
        more => format!("{} (and {} more)", first.message, more - 1),
    };
    Err(Refusal::new(Reason::UnresolvedReference, message).violations(wrong))
}

fn violation(key: &Key, pointer: &str, message: String) -> Violation {
    Violation { pointer: format!("/resources/{key}/params{pointer}"), message }
}

/// The entry that a placeholder at `pointer` refers to, if that has such an output, and a secret would stay one.
fn refers(
    entries: &BTreeMap<Key, Wanted>,
    sharing: &Sharing,
    entry: &Wanted,
    pointer: &str,
    reference: &Reference,
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
    let schema = match &entry.maker {
        Maker::Driver(offer) => &offer.resource_type.params,
        Maker::Parts(composite) => &composite.matched.resource_type.outputs,
    };
    let kept = || marker::covers(&marker::pointers(schema, entry.wired()), pointer);
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
