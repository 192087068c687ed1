//! Finding out what a plan needs to know: matching, params, validation by the driver, and what the driver would do.
//! Asks drivers in the pure and observe profiles only; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::domain::care::Care;
use crate::domain::contract::{Action, Answer, Call, Planned, Prior};
use crate::domain::document::{OrderManifest, ResourceEntry, ResourceType};
use crate::domain::id::ResourceId;
use crate::domain::levels::{Needs, levels};
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::order::Order;
use crate::domain::plan::{Plan, PlanRead};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Pin, Resource, Wiring};
use crate::domain::secret::Fresh;
use crate::secret::Sealer;
use crate::stock::Offer;
use crate::store::{self, NaturalKey};

use super::asked::{Asked, read_made, refused, unfit};
use super::graph::expand::Composite;
use super::graph::needs::{circular, needs};
use super::graph::outputs::Known;
use super::graph::whole::Whole;
use super::keep::adopt::{Adopting, adopts, unreachable};
use super::keep::moving::Moving;
use super::plan::{Existing, Leaving, Surveyed, has_work, plan};
use super::share::Sharing;
use super::upgrade::{Upgraded, Upgrading};
use super::{Engine, Error};

/// How often a survey is made again because a record changed while it was made.
const CONFLICT_TRIES: u32 = 5;

/// Entries surveyed at once.
const ABREAST: usize = 16;

/// A plan, and what accepting it needs beside it.
pub struct Survey {
    pub plan: Plan,
    /// As it was before anything else was looked at.
    pub order: Option<Order>,
    pub existing: BTreeMap<Key, Resource>,
    /// Ids for the resources that the plan creates.
    pub ids: BTreeMap<Key, ResourceId>,
    /// Secrets that came with params, by key.
    pub secrets: BTreeMap<Key, Vec<Fresh>>,
    pub keys: BTreeMap<Key, NaturalKey>,
    /// What exists and refers to others in another way than before.
    pub rewired: BTreeSet<Key>,
    /// What has work that must take the place of an operation: others go on waiting for that.
    pub followed: Vec<ResourceId>,
    pub moving: Moving,
    pub sharing: Sharing,
    /// Objects that are there already, of resources that take them over.
    pub adopting: BTreeMap<Key, Adopting>,
    /// What is made with something else from now on.
    pub upgraded: BTreeMap<Key, Upgraded>,
    pub manifest: OrderManifest,
}

/// One entry of the order before anything was asked about it.
pub(super) struct Wanted {
    pub key: Key,
    pub written: ResourceEntry,
    pub maker: Maker,
    pub id: ResourceId,
    pub existing: Option<Resource>,
    /// It is to be made with something else than it is made with.
    pub repinned: bool,
    /// Composites that it is a part of, from the outermost.
    pub wholes: Vec<Whole>,
    /// Slot of its driver → what the slot's connection is filled from.
    pub fills: BTreeMap<String, Key>,
}

pub(super) enum Maker {
    Driver(Box<Offer>),
    Parts(Box<Composite>),
}

impl Wanted {
    pub fn resource_type(&self) -> &ResourceType {
        match &self.maker {
            Maker::Driver(offer) => &offer.resource_type,
            Maker::Parts(composite) => &composite.matched.resource_type,
        }
    }
}

pub(super) struct Found {
    pub surveyed: Surveyed,
    pub id: ResourceId,
    pub secrets: Vec<Fresh>,
    pub natural: Option<NaturalKey>,
    /// The entry's params with their secrets replaced by handles.
    pub written: Value,
    /// Its outputs, if others refer to them.
    pub outputs: Option<Known>,
}

impl Engine {
    /// What applying the manifest would do. Changes nothing.
    pub async fn plan(
        &self,
        manifest: OrderManifest,
        principal: &crate::domain::principal::Principal,
    ) -> Result<Plan, Error> {
        let plan = self.survey(manifest, &Upgrading::default()).await?.plan;
        super::keep::adopt::may(principal, &plan)?;
        Ok(plan)
    }

    /// Once more, if records have changed between one look and the next.
    pub(super) async fn survey(&self, manifest: OrderManifest, upgrading: &Upgrading) -> Result<Survey, Error> {
        for _ in 1..CONFLICT_TRIES {
            // Large, and awaited from deep inside others.
            match Box::pin(self.survey_once(manifest.clone(), upgrading)).await {
                Err(Error::Store(store::Error::Conflict { .. })) => {}
                surveyed => return surveyed,
            }
        }
        Box::pin(self.survey_once(manifest, upgrading)).await
    }

    async fn survey_once(&self, mut manifest: OrderManifest, upgrading: &Upgrading) -> Result<Survey, Error> {
        let order = order_name(&manifest)?;
        self.stock.environment(&order.project, &order.environment).await?;
        let on_record = self.store.order(&order).await?;
        // Most orders are new: nothing is listed for them.
        let mut existing = match on_record {
            Some(_) => self.existing(&order).await?,
            None => BTreeMap::new(),
        };
        let there = on_record.is_some();
        let mut moving = self.moving(&order, &manifest, there, &mut existing).await?;
        let mut sharing = self.sharing(&order, &manifest.resources, there, &mut existing, &mut moving).await?;
        let together = self.said_together(&manifest, &sharing, &existing)?;
        let entries = self.expand(&order, &together, &existing, upgrading).await?;
        let known = self.shared_elsewhere(&mut manifest, &sharing).await?;
        let needs = needs(&entries, &sharing)?;
        let mut survey = Survey {
            plan: Plan { order: order.clone(), digest: String::new(), resources: Vec::new(), warnings: Vec::new() },
            order: on_record,
            existing: BTreeMap::new(),
            ids: BTreeMap::new(),
            secrets: BTreeMap::new(),
            keys: BTreeMap::new(),
            rewired: BTreeSet::new(),
            followed: Vec::new(),
            moving,
            sharing: Sharing::default(),
            adopting: BTreeMap::new(),
            upgraded: BTreeMap::new(),
            manifest: manifest.clone(),
        };
        let (mut surveyed, mut adopted) = (Vec::new(), Vec::new());
        let drifted = match existing.is_empty() {
            true => BTreeMap::new(),
            false => self.drifted(&order).await?,
        };
        for mut it in self.in_order(&order, entries, &needs, &sharing, known).await? {
            let key = it.surveyed.key.clone();
            it.surveyed.drift = self.drift_of(&it.surveyed, &drifted)?;
            for key in sharing.of(&key).chain([&key]) {
                if let Some(entry) = Name::new(key.as_str()).ok().and_then(|name| manifest.resources.get_mut(&name))
                    && entry.params.is_some()
                {
                    entry.params = Some(it.written.clone());
                }
            }
            survey.ids.insert(key.clone(), it.id);
            survey.secrets.insert(key.clone(), it.secrets);
            survey.keys.extend(it.natural.map(|natural| (key.clone(), natural)));
            if it.surveyed.existing.as_ref().is_some_and(|existing| existing.rewired) {
                survey.rewired.insert(key);
            }
            it.surveyed.was = survey.moving.was(&it.surveyed.key).map(str::to_owned);
            if let Some(adopting) = &it.surveyed.adopting {
                let (kind, pin) = (it.surveyed.resource_type.clone(), it.surveyed.pin.clone());
                adopted.push((it.surveyed.key.clone(), kind, pin, adopting.external_id().to_owned()));
                survey.adopting.insert(it.surveyed.key.clone(), adopting.clone());
            }
            survey.upgraded.extend(it.surveyed.upgraded.clone().map(|upgraded| (it.surveyed.key.clone(), upgraded)));
            let followed = it.surveyed.existing.as_ref().filter(|existing| existing.followed);
            survey.followed.extend(followed.filter(|_| has_work(&it.surveyed)).map(|it| it.resource.id.clone()));
            surveyed.push(it.surveyed);
        }
        self.nobody_has(&adopted).await?;
        let staying: BTreeSet<Key> = survey.ids.keys().cloned().collect();
        let leaving = existing.values().filter(|it| !staying.contains(&it.name.key));
        let leaving = self.leaving(leaving).await?;
        self.comes_after(&leaving, &mut sharing).await?;
        let shared = sharing.planned(&order, &surveyed);
        survey.plan = plan(&order, surveyed, leaving, shared)?;
        self.warn_of_sharers(&mut survey.plan, &existing).await?;
        survey.existing = existing;
        survey.sharing = sharing;
        survey.manifest = manifest;
        Ok(survey)
    }

    pub(super) fn new_id(&self) -> ResourceId {
        ResourceId::new(self.clock.now(), &*self.entropy)
    }

    /// Those that others refer to come first; those that have nothing to do with one another are asked about at once.
    async fn in_order(
        &self,
        order: &OrderName,
        mut entries: BTreeMap<Key, Wanted>,
        needs: &Needs,
        sharing: &Sharing,
        mut known: BTreeMap<Key, Arc<Known>>,
    ) -> Result<Vec<Found>, Error> {
        let order_of = levels(needs).map_err(|circle| circular(&circle))?;
        let needed: BTreeSet<&Key> = needs.values().flatten().collect();
        let apart = entries.len() > 1;
        let mut all = Vec::with_capacity(entries.len());
        for level in order_of {
            let mut turns = Vec::with_capacity(level.len());
            for wanted in level.into_iter().filter_map(|key| entries.remove(key)) {
                let mut others = BTreeMap::new();
                for key in needs.get(&wanted.key).into_iter().flatten() {
                    others.extend(known.get(key).map(|outputs| (key.clone(), outputs.clone())));
                }
                let needed = needed.contains(&wanted.key);
                turns.push((wanted, others, needed));
            }
            let found: Vec<Found> = stream::iter(turns)
                // Boxed: else all of what it takes is moved along with each of them.
                .map(|(wanted, others, needed)| {
                    Box::pin(async move { self.entry(order, wanted, &others, apart, needed).await })
                })
                .buffered(ABREAST)
                .try_collect()
                .await?;
            for mut it in found {
                if let Some(outputs) = it.outputs.take().map(Arc::new) {
                    let keys = sharing.of(&it.surveyed.key).chain([&it.surveyed.key]);
                    known.extend(keys.map(|key| (key.clone(), outputs.clone())));
                }
                all.push(it);
            }
        }
        Ok(all)
    }

    /// With the drivers as people call them; one that is no longer there by its digest.
    pub(super) async fn leaving<'a>(
        &self,
        resources: impl Iterator<Item = &'a Resource>,
    ) -> Result<Vec<Leaving>, Error> {
        let mut leaving = Vec::new();
        for resource in resources {
            let digest = &resource.pin.driver_digest;
            let driver = match self.store.driver(digest).await? {
                Some(record) => format!("{}@{}", record.description.name, record.description.version),
                None => digest.clone(),
            };
            let grace_ms = self.stock.deletion_grace_ms(&resource.resource_type, &resource.pin).await?;
            leaving.push(Leaving { resource: resource.clone(), driver, grace_ms });
        }
        Ok(leaving)
    }

    /// `others`: the outputs that it refers to. `needed`: others refer to its outputs.
    async fn entry(
        &self,
        order: &OrderName,
        wanted: Wanted,
        others: &BTreeMap<Key, Arc<Known>>,
        apart: bool,
        needed: bool,
    ) -> Result<Found, Error> {
        match &wanted.maker {
            Maker::Driver(offer) => self.of_driver(order, &wanted, offer, others, apart, needed).await,
            Maker::Parts(composite) => self.of_parts(order, &wanted, composite, others).await,
        }
    }

    async fn of_driver(
        &self,
        order: &OrderName,
        wanted: &Wanted,
        offer: &Offer,
        others: &BTreeMap<Key, Arc<Known>>,
        apart: bool,
        needed: bool,
    ) -> Result<Found, Error> {
        let Wanted { key, written, id, existing, repinned, wholes, fills, .. } = wanted;
        let pin = match existing {
            Some(existing) if !repinned => existing.pin.clone(),
            _ => self.filled_pin(key, offer, fills, others).await?,
        };
        let class = written.class.as_ref();
        let asked = Asked { order, key, class, offer, id, existing: existing.as_ref(), apart };
        let config = self.stock.config(offer).await?;
        let made = self.make_params(&asked, written.params.as_ref(), &config, others).await?;
        let mut desired = Desired::new(made.params, config);
        if !others.is_empty() {
            let wholes = wholes.iter().map(|it| it.id.clone()).collect();
            desired.wiring = Some(Wiring { lent: made.lent, wholes, ..wiring(made.written.clone(), others) });
        }
        desired.said = written.id.as_ref().map(|_| made.written.clone());
        let on_record = match existing {
            Some(existing) => Some(self.on_record(existing, &desired, others).await?),
            None => None,
        };
        let upgraded = match existing {
            Some(existing) if *repinned => Some(self.upgraded(&asked, existing, &pin).await?),
            _ => None,
        };
        let wanted = adopts(key, written, existing.as_ref())?;
        let (mut adopting, mut looked) = (None, Vec::new());
        let (planned, reads, natural) = if self.can_be_asked(&pin).await? {
            if let Some(external_id) = wanted {
                let found = self.adopting(&asked, &pin, external_id, &desired, &made.unknown, &made.secrets).await?;
                (adopting, looked) = (Some(found.0), found.1);
            }
            let prior = match (&adopting, &on_record) {
                (Some(adopting), _) => Some(adopting.prior(&desired.config)),
                (None, Some(Existing { resource, .. })) => match resource.object.as_ref().filter(|it| it.complete) {
                    Some(object) => Some(Upgraded::prior(upgraded.as_ref(), self.prior(resource, object)?)),
                    None => None,
                },
                (None, None) => None,
            };
            let (planned, reads) = match self.ask(&asked, &pin, &desired, &made.unknown, prior, &made.secrets).await {
                Err(Error::Refused(it)) if it.reason == Reason::ForeignObjectExists => {
                    self.ask_of_former(&asked, &pin, &desired, &made.unknown, &made.secrets, it).await?
                }
                told => told?,
            };
            let name = order.resource(key.clone());
            let natural = self.stock.natural_key(offer, &pin, &name, id, &desired.params).await?;
            (planned, reads, natural)
        } else if wanted.is_some() {
            return Err(unreachable(key).into());
        } else {
            (unasked(), Vec::new(), None)
        };
        looked.extend(reads);
        let description = offer.driver.description();
        let surveyed = Surveyed {
            key: key.clone(),
            resource_type: written.resource_type.clone(),
            class: written.class.clone(),
            shared: written.id.clone(),
            pin,
            driver: format!("{}@{}", description.name, description.version),
            recipe_reason: offer.reason.clone(),
            holds_data: offer.resource_type.holds_data,
            may_replace_data: offer.recipe.replace.is_some(),
            existing: on_record,
            desired,
            unknown: made.unknown,
            planned,
            drift: Vec::new(),
            reads: looked,
            care: Care::of(written, existing.as_ref().map(|it| &it.care)),
            adopting,
            upgraded,
            was: None,
        };
        let outputs = if needed { Some(self.outputs_after(id, &surveyed)?) } else { None };
        Ok(Found { surveyed, id: id.clone(), secrets: made.secrets, natural, written: made.written, outputs })
    }

    pub(super) fn sealer_of<'a>(&'a self, resource: &'a Resource) -> Sealer<'a> {
        Sealer { keyring: &self.keyring, entropy: &*self.entropy, project: resource.name.order.project.as_str() }
    }

    pub(super) async fn ask(
        &self,
        asked: &Asked<'_>,
        pin: &Pin,
        desired: &Desired,
        unknown: &[String],
        prior: Option<Prior>,
        secrets: &[Fresh],
    ) -> Result<(Planned, Vec<PlanRead>), Error> {
        let mut input = asked.input(self, desired.params.clone(), desired.config.clone(), asked.existing);
        input.prior = prior;
        input.unknown = unknown.to_vec();
        let grants = self.stock.grants(pin, asked.offer.driver.description()).await?;
        let attempt = self.looking(Call::Plan(input), grants.clone(), secrets, asked).await?;
        let report = asked.run(attempt).await?;
        let reads = report.rest.entries.iter().filter_map(|entry| read_made(entry, &grants)).collect();
        match report.result {
            Ok(Answer::Planned(planned)) => Ok((planned, reads)),
            Ok(other) => Err(unfit(asked, &format!("{other:?} to plan")).into()),
            Err(failure) => Err(refused(asked, &failure).into()),
        }
    }
}

pub(super) fn order_name(manifest: &OrderManifest) -> Result<OrderName, Refusal> {
    let missing = |what: &str| {
        Refusal::new(Reason::DocumentInvalid, format!("order `{}` says no {what}", manifest.meta.name))
            .hint(format!("write `{what}: NAME` into it, or give `--{what}`"))
    };
    Ok(OrderName {
        project: manifest.project.clone().ok_or_else(|| missing("project"))?,
        environment: manifest.environment.clone().ok_or_else(|| missing("environment"))?,
        order: manifest.meta.name.clone(),
    })
}

pub(super) fn same_kind(key: &Key, entry: &ResourceEntry, existing: &Resource) -> Result<(), Refusal> {
    if entry.resource_type == existing.resource_type && entry.class == existing.class {
        return Ok(());
    }
    let class = |class: &Option<Name>| class.as_ref().map_or(String::new(), |class| format!(" of class `{class}`"));
    let message = format!(
        "`{key}` is a `{}`{}, and cannot become a `{}`{}",
        existing.resource_type,
        class(&existing.class),
        entry.resource_type,
        class(&entry.class)
    );
    Err(Refusal::new(Reason::ReplacementRefused, message).hint("give the new one a key of its own"))
}

/// What is made with a connection that leads nowhere yet: its driver is asked when it does.
fn unasked() -> Planned {
    Planned {
        action: Action::Create,
        changes: Vec::new(),
        outputs: serde_json::json!({}),
        unknown: vec![String::new()],
    }
}

/// Nothing of it is in place yet.
pub(super) fn wiring(written: Value, others: &BTreeMap<Key, Arc<Known>>) -> Wiring {
    let needs = others.iter().map(|(key, known)| (key.clone(), known.resource.clone())).collect();
    Wiring { written, needs, bound: false, lent: BTreeMap::new(), wholes: Vec::new() }
}
