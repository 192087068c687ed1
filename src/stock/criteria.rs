//! Matching criteria: what they fit, which of two say more, and how they read.

use std::fmt;

use super::matching::Wanted;
use crate::domain::document::{Criteria, Recipe};
use crate::domain::name::Name;

static EVERYWHERE: [Criteria; 1] =
    [Criteria { resource: None, environment: None, project: None, environment_type: None, class: None }];

/// A recipe without criteria has one set of them, which asks nothing.
pub(super) fn of(recipe: &Recipe) -> &[Criteria] {
    if recipe.criteria.is_empty() { &EVERYWHERE } else { &recipe.criteria }
}

/// Values are exact; what is not given fits everything.
pub(super) fn fit(criteria: &Criteria, wanted: &Wanted) -> bool {
    criteria.resource.as_deref().is_none_or(|it| names(it, wanted))
        && criteria.environment.as_ref().is_none_or(|it| *it == wanted.environment)
        && criteria.project.as_ref().is_none_or(|it| *it == wanted.project)
        && criteria.environment_type.as_ref().is_none_or(|it| *it == wanted.environment_type)
        && criteria.class.as_ref().is_none_or(|it| Some(it) == wanted.class.as_ref())
}

/// `ORDER/NAME`, or an id: no id has a `/`.
fn names(resource: &str, wanted: &Wanted) -> bool {
    match resource.split_once('/') {
        Some((order, key)) => {
            wanted.order.as_ref().is_some_and(|it| it.as_str() == order)
                && wanted.key.as_ref().is_some_and(|it| it.as_str() == key)
        }
        None => wanted.id.as_ref().is_some_and(|it| it.as_str() == resource),
    }
}

/// How much criteria say, in the order in which it is compared: the first difference decides, greater says more.
///
/// A resource can be named by its order and by its id at once. The former says more, so that two sets of criteria which name the
/// same things with different values never fit one resource.
pub(super) fn specificity(criteria: &Criteria) -> [u8; 5] {
    let resource = criteria.resource.as_ref().map_or(0, |it| if it.contains('/') { 2 } else { 1 });
    [
        resource,
        criteria.environment.is_some().into(),
        criteria.project.is_some().into(),
        criteria.environment_type.is_some().into(),
        criteria.class.is_some().into(),
    ]
}

/// What `winner` names and `loser` does not: the first difference.
pub(super) fn lacks(winner: &Criteria, loser: &Criteria) -> &'static str {
    const COMPARED: [&str; 5] = ["the resource", "the environment", "the project", "the environment type", "the class"];
    let (more, less) = (specificity(winner), specificity(loser));
    match (0..COMPARED.len()).find(|i| more[*i] != less[*i]) {
        Some(0) if less[0] > 0 => "the resource by its order",
        Some(i) => COMPARED[i],
        None => "more",
    }
}

/// Criteria in words: `for environment type `production` and class `ha``, `everywhere`.
pub struct For<'a>(pub &'a Criteria);

impl fmt::Display for For<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Criteria { resource, environment, project, environment_type, class } = self.0;
        let name = |it: &Option<Name>| it.as_ref().map(|it| it.as_str().to_owned());
        let by = if resource.as_ref().is_some_and(|it| it.contains('/')) { "resource" } else { "id" };
        let parts: Vec<String> = [
            (by, resource.clone()),
            ("environment", name(environment)),
            ("project", name(project)),
            ("environment type", name(environment_type)),
            ("class", name(class)),
        ]
        .into_iter()
        .filter_map(|(what, value)| Some(format!("{what} `{}`", value?)))
        .collect();
        match parts.split_last() {
            None => f.write_str("everywhere"),
            Some((last, [])) => write!(f, "for {last}"),
            Some((last, others)) => write!(f, "for {} and {last}", others.join(", ")),
        }
    }
}

/// Several sets of criteria in words, not too many of them.
pub(super) struct ForAny<'a>(pub &'a [Criteria]);

impl fmt::Display for ForAny<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let shown: Vec<String> = self.0.iter().take(SHOWN).map(|it| For(it).to_string()).collect();
        f.write_str(&shown.join(", "))?;
        if self.0.len() > SHOWN { write!(f, ", and {} more", self.0.len() - SHOWN) } else { Ok(()) }
    }
}
