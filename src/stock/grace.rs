//! How long the deletion of a resource waits before it begins: as the recipe says that it is pinned to, and only if its type holds data.

use crate::document::span;
use crate::domain::name::Name;
use crate::domain::resource::Pin;

use super::{Error, Stock};

impl Stock {
    pub async fn deletion_grace_ms(&self, resource_type: &Name, pin: &Pin) -> Result<u64, Error> {
        if !self.known_type(resource_type).await?.holds_data {
            return Ok(0);
        }
        let recipe = self.recipe_at(&pin.recipe, pin.recipe_revision).await?;
        let grace = recipe.policy.as_ref().and_then(|policy| policy.deletion_grace.as_deref());
        // Documents are accepted with spans only.
        Ok(grace.map_or(0, |text| span::parse_ms(text).unwrap_or(0)))
    }
}
