//! Asking backends for what carries this core's label: what is on no record is an orphan.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::mpsc;

use crate::domain::contract::Candidate;
use crate::domain::id::ResourceId;
use crate::domain::name::Name;
use crate::domain::resource::{Pin, Resource};
use crate::driver::Failure;
use crate::stock::Offer;

use super::verify::{Orphan, Seen, Unlisted};
use crate::engine::discover::{DISCOVER, can_discover};
use crate::engine::input::core_label;
use crate::engine::{Engine, Error};

const PAGE: u32 = 256;
/// Of one type over one set of connections: a driver that never comes to an end is stopped.
const MOST_PAGES: u32 = 100_000;
/// Objects that are remembered because they concern a resource that is on record.
const MOST_REMEMBERED: usize = 100_000;

/// Where objects of one type are made, and by what.
type Place = (Name, String, BTreeMap<String, Name>);

/// What was listed, as far as it concerns resources that are on record.
#[derive(Default)]
pub struct Listed {
    /// External ids of objects that are said to be a resource's own, and are not the one that is recorded.
    pub strays: HashMap<ResourceId, Vec<String>>,
    /// Those that may be what a resource, of which no object is recorded, has become.
    pub unclaimed: HashMap<ResourceId, Vec<String>>,
    failures: HashMap<Place, String>,
    remembered: usize,
}

impl Listed {
    /// Why what there is of its type could not be listed, though its driver can.
    pub fn failed(&self, resource: &Resource) -> Option<&str> {
        self.failures.get(&place(&resource.resource_type, &resource.pin)).map(String::as_str)
    }
}

fn place(resource_type: &Name, pin: &Pin) -> Place {
    (resource_type.clone(), pin.driver_digest.clone(), pin.connections.clone())
}

impl Engine {
    /// Lists what there is of all types that have been made or can be, and tells what is on no record.
    pub(in crate::engine) async fn list(&self, tell: &mpsc::Sender<Seen>) -> Result<Listed, Error> {
        let mut listed = Listed::default();
        for (place, pin) in self.places().await? {
            let (resource_type, digest, connections) = place.clone();
            let connections: Vec<Name> = connections.into_values().collect();
            let unlisted = |driver: String, failed: bool, detail: String| {
                let (resource_type, connections) = (resource_type.clone(), connections.clone());
                Seen::Unlisted(Unlisted { resource_type, driver, connections, failed, detail })
            };
            let seen = match self.stock.pinned(&resource_type, &pin).await {
                Err(error) => Some(unlisted(digest, true, error.to_string())),
                Ok(offer) => {
                    let description = offer.driver.description();
                    let driver = format!("{}@{}", description.name, description.version);
                    match can_discover(&offer) {
                        false => Some(unlisted(driver, false, "its driver cannot list what it made".into())),
                        true => match self.list_place(&offer, &pin, &mut listed, tell).await? {
                            Ok(()) => None,
                            Err(failure) => {
                                let why = failure.to_string();
                                listed.failures.insert(place, why.clone());
                                Some(unlisted(driver, true, why))
                            }
                        },
                    }
                }
            };
            if let Some(seen) = seen {
                // Whoever does not listen any more is noticed where something is to be done.
                let _ = tell.send(seen).await;
            }
        }
        Ok(listed)
    }

    /// What the backup's resources were made with, and what recipes make now.
    async fn places(&self) -> Result<BTreeMap<Place, Pin>, Error> {
        let mut places = BTreeMap::new();
        for (resource_type, pin) in self.stock.pins().await? {
            places.insert(place(&resource_type, &pin), pin);
        }
        let mut after = None;
        loop {
            let page = self.store.suspects(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(places) };
            after = Some(last.resource.clone());
            for suspect in page {
                let Some(resource) = self.store.resource(&suspect.resource).await? else { continue };
                if resource.pin.is_composite() {
                    continue;
                }
                places.entry(place(&resource.resource_type, &resource.pin)).or_insert(resource.pin);
            }
        }
    }

    async fn list_place(
        &self,
        offer: &Offer,
        pin: &Pin,
        listed: &mut Listed,
        tell: &mpsc::Sender<Seen>,
    ) -> Result<Result<(), Failure>, Error> {
        let labels = core_label(self.store.core_id().as_str());
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let page = match self.page_of(offer, pin, &labels, token.clone()).await {
                Ok(page) => page,
                Err(failure) => return Ok(Err(failure)),
            };
            for candidate in page.candidates {
                let Some(orphan) = self.sort(candidate, offer, pin, listed).await? else { continue };
                if tell.send(Seen::Orphan(orphan)).await.is_err() {
                    return Ok(Ok(()));
                }
            }
            if listed.remembered > MOST_REMEMBERED {
                let message = format!("there are more than {MOST_REMEMBERED} objects that belong to no record");
                return Ok(Err(Failure::Host(message)));
            }
            match page.next_page_token {
                None => return Ok(Ok(())),
                Some(next) if token.as_ref() == Some(&next) => break,
                Some(next) => token = Some(next),
            }
        }
        Ok(Err(Failure::Unfit(format!("pages of {DISCOVER} without an end"))))
    }

    /// What is on no record.
    async fn sort(
        &self,
        found: Candidate,
        offer: &Offer,
        pin: &Pin,
        listed: &mut Listed,
    ) -> Result<Option<Orphan>, Error> {
        let id = found.resource_id.as_deref().and_then(|text| ResourceId::parse(text).ok());
        let resource = match &id {
            Some(id) => self.store.resource(id).await?,
            None => None,
        };
        if let (Some(id), Some(resource)) = (id, &resource) {
            let objects: Vec<_> = resource.object.iter().chain(&resource.former).collect();
            if objects.iter().any(|object| object.external_id.as_deref() == Some(&found.external_id)) {
                return Ok(None);
            }
            listed.remembered += 1;
            if resource.object.as_ref().and_then(|object| object.external_id.as_ref()).is_none() {
                listed.unclaimed.entry(id).or_default().push(found.external_id);
                return Ok(None);
            }
            listed.strays.entry(id).or_default().push(found.external_id.clone());
        }
        Ok(Some(Orphan {
            resource_type: offer.resource_type.meta.name.clone(),
            connections: pin.connections.values().cloned().collect(),
            external_id: found.external_id,
            resource: found.resource_id,
            summary: found.summary,
        }))
    }
}
