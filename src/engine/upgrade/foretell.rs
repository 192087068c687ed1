//! What upgrading would do to everything that a recipe has made, told to whoever has changed it.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::domain::document::{Kind, Manifest};
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::plan::PlannedAction;
use crate::domain::upgrade::Towards;
use crate::engine::{Engine, Error};
use crate::store::{Filter, Paging};

use super::{Upgrading, Which};

/// Resources that are looked at.
const MOST: usize = 1_000;
const PAGE: u32 = 500;

/// How many of the resources looked at would fare how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Foretold {
    record: usize,
    update: usize,
    replace: usize,
    refuse: usize,
    /// Nobody has looked at these.
    more: usize,
}

impl Engine {
    /// In a line; empty if upgrading would do nothing. What was not looked at by `until` is only counted.
    pub async fn foretell(&self, recipe: &Name, until: Instant) -> Result<String, Error> {
        let Some(document) = self.store.document(Kind::Recipe, "", recipe.as_str()).await? else {
            return Ok(String::new());
        };
        let Manifest::Recipe(it) = document.manifest else { return Ok(String::new()) };
        let (orders, more) = self.made_by(recipe, &it.resource_type).await?;
        let mut told = Foretold { more, ..Foretold::default() };
        for (order, keys) in orders {
            match tokio::time::timeout_at(until, self.foretold(&order, &keys)).await {
                Ok(ended) => ended?.into_iter().for_each(|(action, count)| told.add(action, count)),
                Err(_) => told.more += keys.len(),
            }
        }
        Ok(told.words())
    }

    /// By order, and how many more there are.
    async fn made_by(
        &self,
        recipe: &Name,
        resource_type: &Name,
    ) -> Result<(BTreeMap<OrderName, BTreeSet<Key>>, usize), Error> {
        let filter = Filter { resource_type: Some(resource_type.to_string()), ..Filter::default() };
        let (mut orders, mut found, mut more) = (BTreeMap::<OrderName, BTreeSet<Key>>::new(), 0, 0);
        let mut paging = Paging { limit: PAGE, after: None };
        loop {
            let page = self.store.resources(&filter, &paging).await?;
            for it in page.items.into_iter().filter(|it| it.pin.recipe == *recipe) {
                if found == MOST {
                    more += 1;
                    continue;
                }
                found += 1;
                orders.entry(it.name.order).or_default().insert(it.name.key);
            }
            match page.next {
                Some(next) => paging.after = Some(next),
                None => return Ok((orders, more)),
            }
        }
    }

    /// `None` where it would be refused.
    async fn foretold(
        &self,
        order: &OrderName,
        keys: &BTreeSet<Key>,
    ) -> Result<Vec<(Option<PlannedAction>, usize)>, Error> {
        let Some(it) = self.store.order(order).await? else { return Ok(Vec::new()) };
        let upgrading = Upgrading { which: Which::Of(keys.clone()), to: Towards::Current };
        let surveyed = match self.manifest(&it) {
            Ok(manifest) => self.survey(manifest, &upgrading).await,
            Err(error) => Err(error),
        };
        match surveyed {
            Ok(survey) => {
                let concerned = survey.plan.resources.iter().filter(|it| keys.contains(&it.key));
                Ok(concerned.map(|it| (Some(it.action), 1)).collect())
            }
            Err(Error::Refused(_)) => Ok(vec![(None, keys.len())]),
            Err(other) => Err(other),
        }
    }
}

impl Foretold {
    fn add(&mut self, action: Option<PlannedAction>, count: usize) {
        let place = match action {
            Some(PlannedAction::None) => return,
            Some(PlannedAction::Record) => &mut self.record,
            Some(PlannedAction::Replace) => &mut self.replace,
            Some(_) => &mut self.update,
            None => &mut self.refuse,
        };
        *place += count;
    }

    fn words(&self) -> String {
        let counts = [
            (self.update, "update"),
            (self.replace, "replace"),
            (self.record, "change nothing at the backend of"),
            (self.refuse, "be refused for"),
        ];
        let mut words: Vec<_> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what} {count}")).collect();
        if words.is_empty() {
            return String::new();
        }
        if self.more > 0 {
            words.push(format!("do what nobody has looked at to {} more", self.more));
        }
        format!("upgrading would {}", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_happen_is_counted() {
        let mut told = Foretold::default();
        assert_eq!(told.words(), "");
        told.add(Some(PlannedAction::None), 3);
        assert_eq!(told.words(), "");
        told.add(Some(PlannedAction::Update), 288);
        told.add(Some(PlannedAction::Replace), 12);
        assert_eq!(told.words(), "upgrading would update 288, replace 12");
        told.add(Some(PlannedAction::Record), 1);
        told.add(None, 2);
        told.more = 5;
        assert_eq!(
            told.words(),
            "upgrading would update 288, replace 12, change nothing at the backend of 1, be refused for 2, \
             do what nobody has looked at to 5 more"
        );
    }
}
