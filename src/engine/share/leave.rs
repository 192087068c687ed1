//! What a shared resource that goes has to wait for: other orders may still be taking down what referred to it.

use std::collections::BTreeSet;

use crate::domain::name::Key;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::engine::plan::Leaving;
use crate::engine::{Engine, Error};

use super::Sharing;

impl Engine {
    /// Finds out what has to be gone before these can go.
    pub(in crate::engine) async fn comes_after(&self, leaving: &[Leaving], sharing: &mut Sharing) -> Result<(), Error> {
        let shared: BTreeSet<&Key> =
            leaving.iter().filter(|it| it.resource.shared.is_some()).map(|it| &it.resource.name.key).collect();
        // Parts of what is shared are referred to as well.
        let concerned = leaving.iter().filter(|it| shared.iter().any(|key| it.resource.name.key.is_of(key)));
        for it in concerned.map(|it| &it.resource) {
            let mut gone = Vec::new();
            for referrer in self.store.referrers(it, u32::MAX).await? {
                let open = self.store.open_operations(&referrer.id).await?;
                match open.last().filter(|open| open.verb.removes()) {
                    Some(removal) => gone.push(removal.id.clone()),
                    None => return Err(still_needed(it, &referrer).into()),
                }
            }
            if !gone.is_empty() {
                sharing.comes_after.insert(it.id.clone(), gone);
            }
        }
        Ok(())
    }
}

/// Its order has no entry for it any more, and has not come so far as to do without it.
fn still_needed(resource: &Resource, referrer: &Resource) -> Refusal {
    let (key, short, order) = (&resource.name.key, referrer.name.short(), &referrer.name.order.order);
    Refusal::new(Reason::ResourceHasDependants, format!("`{key}` cannot go: `{short}` still refers to it"))
        .hint(format!("order `{order}` has to be through first: apply it or delete it again"))
}
