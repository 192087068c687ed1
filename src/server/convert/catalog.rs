//! Entries of the catalog.

use crate::pb;
use crate::stock::CatalogEntry;

use super::json;

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
    }
}
