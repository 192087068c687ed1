//! Which recipe makes a resource. The most specific wins; a tie is refused.
//!
//! Compared in this order, the first difference decides: resource, environment, project, environment type, class. Values are exact.

use std::cmp::Reverse;
use std::fmt;

use super::criteria::{self, For, ForAny};
use crate::document::nearest::{self, list};
use crate::domain::contract::Violation;
use crate::domain::document::{Criteria, Document, Manifest, Recipe, ResourceType};
use crate::domain::name::{Key, Name, SharedId};

/// What a recipe is looked for, and what is asked for by whom as far as recipes may look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub resource_type: Name,
    pub class: Option<Name>,
    pub project: Name,
    pub environment: Name,
    pub environment_type: Name,
    /// The order that it is in, and its key there; absent where something is asked without an order, as by the catalog.
    pub order: Option<Name>,
    pub key: Option<Key>,
    /// The `id` of the entry.
    pub id: Option<SharedId>,
}

impl Wanted {
    /// What rules of recipes see of it; what is absent is null.
    pub fn context(&self) -> serde_json::Value {
        serde_json::json!({
            "project": self.project,
            "environment": self.environment,
            "environment-type": self.environment_type,
            "order": self.order,
            "name": self.key,
            "class": self.class,
        })
    }
}

/// The recipe that serves, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<'a> {
    pub recipe: &'a Recipe,
    /// Its record: the revision is in it.
    pub document: &'a Document,
    /// Those of its criteria that matched most specifically.
    pub criteria: &'a Criteria,
    pub losers: Vec<Loser<'a>>,
}

/// A recipe of the same type that does not serve here, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loser<'a> {
    pub recipe: &'a Name,
    pub revision: u64,
    pub why: Why<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why<'a> {
    /// It would serve, but by these criteria, which do not name what the winner's do.
    LessSpecific { criteria: &'a Criteria, lacks: &'static str },
    /// It serves elsewhere, by these; never empty.
    Elsewhere(&'a [Criteria]),
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::LessSpecific { criteria, lacks } => {
                write!(f, "less specific: serves {}, and does not name {lacks}", For(criteria))
            }
            Why::Elsewhere(all) => write!(f, "serves only {}", ForAny(all)),
        }
    }
}

/// Why this recipe, and which lost, in a line.
impl fmt::Display for Chosen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "serves {}", For(self.criteria))?;
        for loser in self.losers.iter().take(SHOWN) {
            write!(f, "; not `{}` ({})", loser.recipe, loser.why)?;
        }
        if self.losers.len() > SHOWN { write!(f, "; nor {} more", self.losers.len() - SHOWN) } else { Ok(()) }
    }
}

/// Recipes told by name before the rest is counted.
const SHOWN: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched<'a> {
    #[error(
        "no recipe makes `{}`{} in environment `{}` of project `{}`, of type `{}`{}",
        .wanted.resource_type, OfClass(&.wanted.class), .wanted.environment, .wanted.project, .wanted.environment_type,
        Served(.losers)
    )]
    None { wanted: Box<Wanted>, losers: Vec<Loser<'a>> },
    #[error(transparent)]
    Ambiguous(#[from] Box<Ambiguous>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recipes {} both make `{resource_type}` {}: remove one, or match something else", list(&[.recipes[0].as_str(), .recipes[1].as_str()]), For(.criteria))]
pub struct Ambiguous {
    pub resource_type: Name,
    pub criteria: Criteria,
    pub recipes: [Name; 2],
}

/// The recipe for what is wanted.
///
/// Criteria without a class serve every class, and resources without one; criteria with a class serve that class only.
pub fn choose<'a>(recipes: &'a [Document], wanted: &Wanted) -> Result<Chosen<'a>, Unmatched<'a>> {
    let mut serving: Vec<(&Criteria, &Document, &Recipe)> = Vec::new();
    let mut losers = Vec::new();
    for (document, recipe) in of_type(recipes, &wanted.resource_type) {
        let all = criteria::of(recipe);
        let best = all.iter().filter(|it| criteria::fit(it, wanted)).max_by_key(|it| criteria::specificity(it));
        match best {
            Some(best) => serving.push((best, document, recipe)),
            None => {
                losers.push(Loser { recipe: &recipe.meta.name, revision: document.version, why: Why::Elsewhere(all) })
            }
        }
    }
    serving.sort_by_key(|(criteria, _, recipe)| (Reverse(criteria::specificity(criteria)), &recipe.meta.name));
    let mut serving = serving.into_iter();
    let Some((best, document, recipe)) = serving.next() else {
        return Err(Unmatched::None { wanted: Box::new(wanted.clone()), losers });
    };
    for (other, its_document, its_recipe) in serving {
        if criteria::specificity(other) == criteria::specificity(best) {
            return Err(Unmatched::Ambiguous(Box::new(Ambiguous {
                resource_type: wanted.resource_type.clone(),
                criteria: best.clone(),
                recipes: [recipe.meta.name.clone(), its_recipe.meta.name.clone()],
            })));
        }
        let why = Why::LessSpecific { criteria: other, lacks: criteria::lacks(best, other) };
        losers.push(Loser { recipe: &its_recipe.meta.name, revision: its_document.version, why });
    }
    losers.sort_by(|a, b| a.recipe.cmp(b.recipe));
    Ok(Chosen { recipe, document, criteria: best, losers })
}

/// By which of its criteria `recipe` serves what is wanted, in words.
pub fn serves(recipe: &Recipe, wanted: &Wanted) -> Option<String> {
    let fitting = criteria::of(recipe).iter().filter(|it| criteria::fit(it, wanted));
    fitting.max_by_key(|it| criteria::specificity(it)).map(|it| For(it).to_string())
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
///
/// Others cannot tie: criteria that name the same things with different values never fit one resource.
pub fn ties<'a>(recipe: &Recipe, others: impl Iterator<Item = &'a Manifest>) -> Vec<Violation> {
    let others: Vec<&Recipe> = others.filter_map(|it| recipe_of(it, &recipe.resource_type)).collect();
    let mut found = Vec::new();
    for (i, mine) in criteria::of(recipe).iter().enumerate() {
        let pointer = if recipe.criteria.is_empty() { String::new() } else { format!("/match/{i}") };
        for other in &others {
            if other.meta.name != recipe.meta.name && criteria::of(other).contains(mine) {
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

struct OfClass<'a>(&'a Option<Name>);

impl fmt::Display for OfClass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |class| write!(f, " of class `{class}`"))
    }
}

struct Served<'a>(&'a [Loser<'a>]);

impl fmt::Display for Served<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(": there is none of this type");
        }
        f.write_str("; recipes of this type serve: ")?;
        for (i, loser) in self.0.iter().take(SHOWN).enumerate() {
            let Why::Elsewhere(all) = &loser.why else { continue };
            write!(f, "{}`{}` {}", if i > 0 { "; " } else { "" }, loser.recipe, ForAny(all))?;
        }
        if self.0.len() > SHOWN { write!(f, "; and {} more", self.0.len() - SHOWN) } else { Ok(()) }
    }
}
