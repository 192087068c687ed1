//! Entries of the catalog, and what serves them.

use crate::domain::document::{Constraint, Criteria};
use crate::pb;
use crate::stock::{CatalogEntry, Lost, Serving};

use super::{json, long, text};

pub fn entry(it: &CatalogEntry) -> pb::CatalogEntry {
    let of = &it.resource_type;
    let params = it.recipe.as_ref().and_then(|recipe| recipe.params.as_ref());
    pb::CatalogEntry {
        resource_type: of.meta.name.to_string(),
        title: of.meta.title.clone(),
        description: of.meta.description.clone(),
        classes: of.classes.iter().map(|class| class.name.to_string()).collect(),
        holds_data: of.holds_data,
        recipe: it.recipe.as_ref().map_or_else(String::new, |recipe| recipe.meta.name.to_string()),
        params_schema_json: of.params.to_string(),
        outputs_schema_json: of.outputs.to_string(),
        defaults_json: json(params.and_then(|it| it.defaults.as_ref())),
        fixed_json: json(params.and_then(|it| it.fixed.as_ref())),
        allowed_json: json(params.and_then(|it| it.allowed.as_ref())),
        constraints: params.map_or(&[][..], |it| &it.constraints).iter().map(constraint).collect(),
    }
}

fn constraint(it: &Constraint) -> pb::Constraint {
    pb::Constraint { rule: it.rule.clone(), message: it.message.clone() }
}

pub fn serving(it: &Serving) -> pb::MatchRecipeResponse {
    let driver = it.driver.as_ref();
    let named = driver.map(|it| format!("{}@{}", it.description.name, it.description.version));
    let other = |it: &Lost| pb::OtherRecipe {
        recipe: it.recipe.to_string(),
        recipe_revision: long(it.revision),
        serves: it.serves,
        reason: it.why.clone(),
    };
    pb::MatchRecipeResponse {
        recipe: it.recipe.meta.name.to_string(),
        recipe_revision: long(it.revision),
        criteria: Some(criteria(&it.criteria)),
        reason: it.reason(),
        driver: named.unwrap_or_default(),
        driver_digest: driver.map_or_else(String::new, |it| it.digest.clone()),
        driver_requirement: it.recipe.driver.clone().unwrap_or_default(),
        connections: it.recipe.connections.iter().map(|(slot, name)| (slot.clone(), name.to_string())).collect(),
        others: it.losers.iter().map(other).collect(),
    }
}

fn criteria(it: &Criteria) -> pb::MatchingCriteria {
    pb::MatchingCriteria {
        resource: it.resource.clone().unwrap_or_default(),
        environment: text(it.environment.as_ref()),
        project: text(it.project.as_ref()),
        environment_type: text(it.environment_type.as_ref()),
        class: text(it.class.as_ref()),
    }
}
