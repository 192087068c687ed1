//! What a changed document concerns: resources that stand on it, and what of it reaches them.

use crate::domain::connection::Connection;
use crate::domain::document::{Document, Manifest, ResourceType};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Desired;
use crate::secret::Sealer;
use crate::store::{Filter, Paging, Pinned};

use super::check::facts_in_use;
use super::compatible::{Live, compatible};
use super::{Error, Stock, facts};

/// Pairs of recipe and revision that are looked at.
const MOST_PINNED: u32 = 1_000;

/// Pairs that are told before the rest is counted.
const SHOWN: usize = 8;

impl Stock {
    /// What an update leaves as it is, or changes at once.
    pub(super) async fn concerns(&self, existing: &Document, new: &Manifest, moved: bool) -> Result<String, Error> {
        let kind = new.kind();
        let name = match new {
            Manifest::Environment(it) => format!("{}/{}", it.project, it.meta.name),
            other => other.name().to_string(),
        };
        let (count, names) = self.store.users(kind, &name).await?;
        if count == 0 {
            return Ok(String::new());
        }
        let resources = if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") };
        let pinned = self.store.pinned(kind, &name, MOST_PINNED).await?;
        match (&existing.manifest, new) {
            (Manifest::Connection(old), Manifest::Connection(new)) if old.endpoint != new.endpoint && !moved => {
                let message = format!(
                    "connection `{}` leads {resources} to `{}` (among them {}): its endpoint cannot change under them",
                    new.meta.name,
                    old.endpoint,
                    names.join(", ")
                );
                Err(Refusal::new(Reason::InUse, message)
                    .hint("if the backend itself has moved there with all that it holds, apply with `--moved`; else make a new connection, and a recipe that uses it")
                    .into())
            }
            (Manifest::Connection(old), Manifest::Connection(new)) => {
                if old.facts != new.facts {
                    self.facts_stay(new, &pinned).await?;
                }
                if old.endpoint != new.endpoint {
                    return Ok(format!("{resources} are looked at where it leads now: {}", by_recipe(&pinned)));
                }
                let facts = if old.facts == new.facts { "" } else { "; changed facts show in their next plan" };
                Ok(format!("credentials and limits apply to {resources} at once: {}{facts}", by_recipe(&pinned)))
            }
            (Manifest::ResourceType(old), Manifest::ResourceType(new)) => {
                let narrowed = self.narrowed(old, new).await?;
                if narrowed.is_empty() {
                    let stay = if count == 1 { "stays as it is" } else { "stay as they are" };
                    return Ok(format!("{resources} {stay}: {}", by_recipe(&pinned)));
                }
                let message = format!(
                    "resource type `{}` would be narrowed under {resources}: {}",
                    new.meta.name,
                    narrowed.join("; ")
                );
                Err(Refusal::new(Reason::InUse, message).hint("make a new type, or only add to this one").into())
            }
            (Manifest::Recipe(_), _) => {
                let stay = if count == 1 { "stays" } else { "stay" };
                Ok(format!("{resources} {stay} pinned to {}", by_revision(&pinned)))
            }
            (Manifest::Environment(old), Manifest::Environment(new))
                if old.environment_type != new.environment_type =>
            {
                Ok(format!(
                    "{resources} stay with the recipes they were made with: what is ordered from now on is matched by `{}`",
                    new.environment_type
                ))
            }
            _ => Ok(String::new()),
        }
    }

    /// Recipes are kept as they were while something is pinned to them, and so are the facts that they take.
    async fn facts_stay(&self, connection: &Connection, pinned: &[Pinned]) -> Result<(), Error> {
        let name = &connection.meta.name;
        for Pinned { recipe, revision, count } in pinned {
            let made_by = self.recipe_at(recipe, *revision).await?;
            if let Some(why) = facts::missing(&made_by, name, &connection.facts).first() {
                let whose = format!("recipe `{recipe}` at revision {revision}, to which {count} are pinned,");
                return Err(facts_in_use(name, &whose, why).into());
            }
        }
        Ok(())
    }

    /// How the new type narrows what live resources were ordered by.
    async fn narrowed(&self, old: &ResourceType, new: &ResourceType) -> Result<Vec<String>, Error> {
        let filter = Filter { resource_type: Some(new.meta.name.to_string()), ..Filter::default() };
        let mut live = Vec::new();
        for resource in self.store.resources(&filter, &Paging::all()).await?.items {
            let project = resource.name.order.project.as_str();
            let sealer = Sealer { keyring: &self.keyring, entropy: &*self.entropy, project };
            let desired: Desired = sealer.open_desired(&resource.id, &resource.desired)?;
            live.push((resource.name.to_string(), resource.class.clone(), desired.params));
        }
        let live: Vec<_> =
            live.iter().map(|(name, class, params)| Live { name, class: class.as_ref(), params }).collect();
        Ok(compatible(old, new, &live, &self.schemas))
    }
}

/// `280 to revision 4, 20 to revision 3`; `revision 4` if that is all.
fn by_revision(pinned: &[Pinned]) -> String {
    match pinned {
        [one] => format!("revision {}", one.revision),
        all => told(all, |it| format!("revision {} ({})", it.revision, it.count)),
    }
}

/// `280 by recipe `a` at revision 4, 20 by recipe `b` at revision 1`.
fn by_recipe(pinned: &[Pinned]) -> String {
    told(pinned, |it| format!("{} by recipe `{}` at revision {}", it.count, it.recipe, it.revision))
}

fn told(pinned: &[Pinned], one: impl Fn(&Pinned) -> String) -> String {
    let mut text = pinned.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(", ");
    if pinned.len() > SHOWN {
        let rest: u64 = pinned[SHOWN..].iter().map(|it| it.count).sum();
        text.push_str(&format!(", and {rest} by others"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::Name;

    #[test]
    fn what_is_pinned_is_told_most_first_and_not_without_end() {
        let pinned = |revision, count| Pinned { recipe: Name::new("shared").expect("a name"), revision, count };
        assert_eq!(by_revision(&[pinned(4, 300)]), "revision 4");
        assert_eq!(by_revision(&[pinned(4, 280), pinned(3, 20)]), "revision 4 (280), revision 3 (20)");
        assert_eq!(by_recipe(&[pinned(4, 3)]), "3 by recipe `shared` at revision 4");
        let many: Vec<_> = (1..=20).map(|revision| pinned(revision, 1)).collect();
        assert!(by_revision(&many).ends_with("revision 8 (1), and 12 by others"), "{}", by_revision(&many));
    }
}
