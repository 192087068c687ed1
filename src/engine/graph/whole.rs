//! What a composite says of its params: before they are known, of as much as is, and again, before any of its parts is made, when they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::domain::document::ResourceType;
use crate::domain::id::ResourceId;
use crate::domain::marker;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::placeholder::{self, is_any};
use crate::domain::reference::Output;
use crate::domain::secret::Fresh;
use crate::engine::asked::params_invalid;
use crate::engine::{Engine, Error};
use crate::stock::Matched;

use super::outputs::Known;
use super::params::{in_the_clear, put_in_place};

/// A composite whose params refer to others, as its parts know it.
#[derive(Debug, Clone)]
pub struct Whole {
    pub id: ResourceId,
    pub needs: Arc<BTreeSet<Key>>,
}

impl Whole {
    /// `None`: `params` refer to nothing.
    pub fn of(id: &ResourceId, params: &Value) -> Option<Self> {
        let references = placeholder::references(params).unwrap_or_default();
        let needs: BTreeSet<Key> =
            references.iter().filter_map(|(_, reference)| Some(Output::parse(reference).ok()?.key)).collect();
        (!needs.is_empty()).then(|| Self { id: id.clone(), needs: Arc::new(needs) })
    }
}

impl Engine {
    /// Asks each of these composites whether its params may be what they have come to.
    pub(super) async fn ask_wholes(
        &self,
        wholes: &[ResourceId],
        known: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<(), Error> {
        for id in wholes {
            let Some(whole) = self.store.resource(id).await? else { continue };
            let matched = self.stock.pinned_match(&whole.resource_type, &whole.pin).await?;
            let (order, key) = (&whole.name.order, &whole.name.key);
            let params = self.reopened(order, key, id, &self.desired_of(&whole)?.params).await?;
            self.ask_whole(order, key, whole.class.as_ref(), &params, &matched, known).await?;
        }
        Ok(())
    }

    /// The refusal says what of `params`, which may have placeholders, type or recipe refuse.
    pub(super) async fn ask_whole(
        &self,
        order: &OrderName,
        key: &Key,
        class: Option<&Name>,
        params: &Value,
        matched: &Matched,
        known: &BTreeMap<Key, Arc<Known>>,
    ) -> Result<(), Error> {
        // What has none was asked about when it was ordered.
        if !is_any(params) {
            return Ok(());
        }
        let name = &matched.resource_type.meta.name;
        let invalid = |found| Error::Refused(params_invalid(key, name, found));
        let secrets = self.referred_secrets(order, params, known).await?;
        let (filled, _) = put_in_place(params, known, &secrets).map_err(invalid)?;
        let (plain, _) = in_the_clear(filled.value, &secrets);
        let place = self.stock.wanted(order, key, name, class, None).await?.context();
        self.stock.composite_params(matched, &place, Some(&plain), &filled.unknown).map_err(invalid)?;
        Ok(())
    }

    /// The params of a composite as they are kept: with handles in the place of secrets that were written, and placeholders as they are.
    pub(in crate::engine) async fn hide_of_whole(
        &self,
        order: &OrderName,
        key: &Key,
        id: &ResourceId,
        resource_type: &ResourceType,
        mut params: Value,
    ) -> Result<(Value, Vec<Fresh>), Error> {
        let mut marked = marker::pointers(&resource_type.params, &params);
        marked.retain(|pointer| match params.pointer_mut(pointer) {
            Some(Value::String(text)) => placeholder::literal(text).map(|plain| *text = plain).is_some(),
            _ => true,
        });
        self.hide(order, key, id, params, &marked, &[]).await
    }
}
