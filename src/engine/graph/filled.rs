//! Resources that are made at a backend which was itself ordered.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::name::Key;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Pin;
use crate::engine::{Engine, Error};
use crate::stock::Offer;

use super::outputs::Known;

impl Engine {
    /// The pin of a new resource: where its connections lead is part of it.
    pub(in crate::engine) async fn filled_pin(
        &self,
        key: &Key,
        offer: &Offer,
        fills: &BTreeMap<String, Key>,
        others: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<Pin, Error> {
        let mut pin = offer.pin();
        for (slot, from) in fills {
            let recipe = &offer.recipe.meta.name;
            let unfit = |why: String| {
                let message = format!("`{key}`: slot `{slot}` cannot be filled from `{from}`: {why}");
                Error::from(Refusal::new(Reason::RecipeUnfit, message))
            };
            let Some(connection) = pin.connections.get(slot) else {
                return Err(unfit(format!("recipe `{recipe}` binds no such slot")));
            };
            let Some(wanted) = self.stock.filled_from(connection).await? else {
                return Err(unfit(format!("connection `{connection}` is not filled from anything")));
            };
            let Some(known) = others.get(from) else { return Err(unfit("there is no such resource".into())) };
            if known.resource_type != wanted {
                return Err(unfit(format!(
                    "connection `{connection}` is filled from a `{wanted}`, and that is a `{}`",
                    known.resource_type
                )));
            }
            pin.filled.insert(slot.clone(), known.resource.clone());
        }
        Ok(pin)
    }

    /// Whether all backends that it is made with are there.
    pub(in crate::engine) async fn can_be_asked(&self, pin: &Pin) -> Result<bool, Error> {
        for id in pin.filled.values() {
            let resource = self.store.resource(id).await?;
            if !resource.is_some_and(|it| it.object.is_some_and(|object| object.complete)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
