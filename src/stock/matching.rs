//! Which recipe makes a resource. The most specific wins; a tie is refused.
//!
//! Compared in this order, the first difference decides: environment type, class. Values are exact.

use std::fmt;

use crate::document::nearest::{self, list};
use crate::domain::contract::Violation;
use crate::domain::document::{Criteria, Document, Manifest, Recipe, ResourceType};
use crate::domain::name::Name;

/// The recipe that serves, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<'a> {
    pub recipe: &'a Recipe,
    /// Its record: the revision is in it.
    pub document: &'a Document,
    /// Those of its criteria that matched most specifically.
    pub criteria: Criteria,
    pub losers: Vec<Loser>,
}

/// A recipe of the same type that does not serve here, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loser {
    pub recipe: Name,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It would serve, but by these criteria, which say less.
    LessSpecific(Criteria),
    /// It serves elsewhere, by these; never empty.
    Elsewhere(Vec<Criteria>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    #[error(
        "no recipe makes `{resource_type}`{} for environment type `{environment_type}`{}",
        OfClass(.class), Served(.losers)
    )]
    None { resource_type: Name, class: Option<Name>, environment_type: Name, losers: Vec<Loser> },
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recipes {} both make `{resource_type}` {}: remove one, or match something else", list(&[.recipes[0].as_str(), .recipes[1].as_str()]), For(.criteria))]
pub struct Ambiguous {
    pub resource_type: Name,
    pub criteria: Criteria,
    pub recipes: [Name; 2],
}

/// The recipe for a resource of `resource_type` and `class` in an environment of `environment_type`.
///
/// Criteria without a class serve every class, and resources without one; criteria with a class serve that class only.
pub fn choose<'a>(
    recipes: &'a [Document],
    resource_type: &Name,
    class: Option<&Name>,
    environment_type: &Name,
) -> Result<Chosen<'a>, Unmatched> {
    let mut serving: Vec<(Criteria, &Document, &Recipe)> = Vec::new();
    let mut losers = Vec::new();
    for (document, recipe) in of_type(recipes, resource_type) {
        let all = criteria(recipe);
        let best =
            all.iter().filter(|it| matches(it, class, environment_type)).max_by_key(|it| specificity(it)).cloned();
        match best {
            Some(best) => serving.push((best, document, recipe)),
            None => losers.push(Loser { recipe: recipe.meta.name.clone(), why: Why::Elsewhere(all) }),
        }
    }
    serving.sort_by(|a, b| specificity(&b.0).cmp(&specificity(&a.0)).then(a.2.meta.name.cmp(&b.2.meta.name)));
    let mut serving = serving.into_iter();
    let Some((criteria, document, recipe)) = serving.next() else {
        return Err(Unmatched::None {
            resource_type: resource_type.clone(),
            class: class.cloned(),
            environment_type: environment_type.clone(),
            losers,
        });
    };
    for (other, _, loser) in serving {
        if specificity(&other) == specificity(&criteria) {
            let recipes = [recipe.meta.name.clone(), loser.meta.name.clone()];
            return Err(Ambiguous { resource_type: resource_type.clone(), criteria, recipes }.into());
        }
        losers.push(Loser { recipe: loser.meta.name.clone(), why: Why::LessSpecific(other) });
    }
    losers.sort_by(|a, b| a.recipe.cmp(&b.recipe));
    Ok(Chosen { recipe, document, criteria, losers })
}

/// An order named a class that its type does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource type `{resource_type}` has no class `{class}`{hint}")]
pub struct UnknownClass {
    pub resource_type: Name,
    pub class: Name,
    hint: String,
}

/// Whether `resource_type` may be ordered in `class`.
pub fn check_class(resource_type: &ResourceType, class: Option<&Name>) -> Result<(), UnknownClass> {
    let Some(class) = class else { return Ok(()) };
    if resource_type.classes.iter().any(|it| it.name == *class) {
        return Ok(());
    }
    let hint = match nearest::hint(class.as_str(), resource_type.classes.iter().map(|it| it.name.as_str())) {
        hint if hint.is_empty() => String::new(),
        hint => format!(": {hint}"),
    };
    Err(UnknownClass { resource_type: resource_type.meta.name.clone(), class: class.clone(), hint })
}

/// Where `recipe` ties with one of `others`: same type, equal criteria. Its own record among them does not count.
pub fn ties<'a>(recipe: &Recipe, others: impl Iterator<Item = &'a Manifest>) -> Vec<Violation> {
    let others: Vec<&Recipe> = others.filter_map(|it| recipe_of(it, &recipe.resource_type)).collect();
    let mut found = Vec::new();
    for (i, mine) in criteria(recipe).into_iter().enumerate() {
        let pointer = if recipe.criteria.is_empty() { String::new() } else { format!("/match/{i}") };
        for other in &others {
            if other.meta.name != recipe.meta.name && criteria(other).contains(&mine) {
                let recipes = [recipe.meta.name.clone(), other.meta.name.clone()];
                let tie = Ambiguous { resource_type: recipe.resource_type.clone(), criteria: mine.clone(), recipes };
                found.push(Violation { pointer: pointer.clone(), message: tie.to_string() });
            }
        }
    }
    found
}

fn of_type<'a>(recipes: &'a [Document], resource_type: &Name) -> impl Iterator<Item = (&'a Document, &'a Recipe)> {
    recipes.iter().filter_map(move |document| Some((document, recipe_of(&document.manifest, resource_type)?)))
}

fn recipe_of<'a>(manifest: &'a Manifest, resource_type: &Name) -> Option<&'a Recipe> {
    match manifest {
        Manifest::Recipe(recipe) if recipe.resource_type == *resource_type => Some(recipe),
        _ => None,
    }
}

/// A recipe without criteria has one set of them, which asks nothing.
fn criteria(recipe: &Recipe) -> Vec<Criteria> {
    if recipe.criteria.is_empty() { vec![Criteria::default()] } else { recipe.criteria.clone() }
}

fn matches(criteria: &Criteria, class: Option<&Name>, environment_type: &Name) -> bool {
    criteria.environment_type.as_ref().is_none_or(|it| it == environment_type)
        && criteria.class.as_ref().is_none_or(|it| Some(it) == class)
}

/// Compared from left to right.
fn specificity(criteria: &Criteria) -> (bool, bool) {
    (criteria.environment_type.is_some(), criteria.class.is_some())
}

/// Criteria in words: `for environment type `production` and class `ha``, `everywhere`.
pub struct For<'a>(pub &'a Criteria);

impl fmt::Display for For<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.environment_type, &self.0.class) {
            (None, None) => f.write_str("everywhere"),
            (Some(place), None) => write!(f, "for environment type `{place}`"),
            (None, Some(class)) => write!(f, "for class `{class}`"),
            (Some(place), Some(class)) => write!(f, "for environment type `{place}` and class `{class}`"),
        }
    }
}

struct OfClass<'a>(&'a Option<Name>);

impl fmt::Display for OfClass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |class| write!(f, " of class `{class}`"))
    }
}

struct Served<'a>(&'a [Loser]);

impl fmt::Display for Served<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.0.is_empty() {
            return f.write_str(": there is none of this type");
        }
        f.write_str("; recipes of this type serve: ")?;
        for (i, loser) in self.0.iter().take(SHOWN).enumerate() {
            let Why::Elsewhere(all) = &loser.why else { continue };
            let places: Vec<String> = all.iter().take(SHOWN).map(|it| For(it).to_string()).collect();
            write!(f, "{}`{}` {}", if i > 0 { "; " } else { "" }, loser.recipe, places.join(", "))?;
        }
        if self.0.len() > SHOWN { write!(f, "; and {} more", self.0.len() - SHOWN) } else { Ok(()) }
    }
}
