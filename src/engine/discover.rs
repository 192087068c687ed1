//! What there is of a type at a backend, whoever made it, and what of that can be taken under management.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};

use crate::domain::contract::{Answer, Call, Candidate, Discovered, Input};
use crate::domain::id::ResourceId;
use crate::domain::name::{Key, Name, OrderName};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Pin};
use crate::driver::{Attempt, Failure, Past};
use crate::stock::{Offer, Wanted};

use super::asked::{Asked, NoJournal};
use super::{Engine, Error};

pub(super) const DISCOVER: &str = "discover";
/// Objects that are looked at at once; their connection may allow fewer.
const ABREAST: usize = 8;

/// A page of what there is.
#[derive(Debug, Clone)]
pub struct Discovery {
    pub recipe: Name,
    pub connections: BTreeMap<String, Name>,
    pub objects: Vec<Standing>,
    /// The driver's word for where the next page begins.
    pub next: Option<String>,
}

/// One object, and whose it is.
#[derive(Debug, Clone)]
pub struct Standing {
    pub external_id: String,
    pub summary: String,
    pub whose: Whose,
}

#[derive(Debug, Clone)]
pub enum Whose {
    /// It can be taken over; with these params nothing is changed by that.
    Free(Value),
    /// A resource has it: its name.
    Ours(String),
    /// It cannot be taken over.
    Refused(Refusal),
}

pub(super) fn can_discover(offer: &Offer) -> bool {
    offer.type_description().is_some_and(|it| it.verbs.iter().any(|it| it == DISCOVER))
}

impl Engine {
    /// At the backend that an order of this place would be made at. `connection`: which must be that one.
    pub async fn discover(
        &self,
        wanted: &Wanted,
        connection: Option<&Name>,
        page_token: Option<String>,
    ) -> Result<Discovery, Error> {
        let matched = self.stock.matched(wanted).await?;
        let recipe = matched.recipe.meta.name.clone();
        let unsupported = |message: String, hint: &str| Refusal::new(Reason::VerbUnsupported, message).hint(hint);
        if matched.recipe.is_composite() {
            let message = format!("recipe `{recipe}` makes a `{}` of other resources", wanted.resource_type);
            return Err(unsupported(message, "discover the types that it is made of").into());
        }
        let offer = self.stock.offer(matched).await?;
        let pin = offer.pin();
        if let Some(asked) = connection.filter(|asked| !pin.connections.values().any(|it| it == *asked)) {
            let over: Vec<_> = pin.connections.values().map(|it| format!("`{it}`")).collect();
            let message = format!("recipe `{recipe}`, which would serve here, does not use connection `{asked}`");
            let hint = format!("it uses {}; `vend match` tells which recipe serves where", over.join(", "));
            return Err(Refusal::new(Reason::UnresolvedReference, message).hint(hint).into());
        }
        if !can_discover(&offer) {
            let described = offer.driver.description();
            let message = format!("driver `{}@{}` cannot list what there is", described.name, described.version);
            return Err(unsupported(message, "write `adopt: EXTERNAL-ID` into an order yourself").into());
        }
        let page = self.page_of(&offer, &pin, &[], page_token).await;
        let page = page.map_err(|failure| not_listed(&offer, &failure))?;
        let holders = self.holders(&wanted.resource_type).await?;
        let holders: BTreeMap<_, _> = holders
            .into_iter()
            .filter(|it| it.connections == pin.connections)
            .map(|it| (it.external_id, it.name.to_string()))
            .collect();
        let objects = stream::iter(page.candidates)
            .map(|it| self.standing_of(wanted, &offer, &pin, it, &holders))
            .buffered(ABREAST)
            .try_collect()
            .await?;
        Ok(Discovery { recipe, connections: pin.connections.clone(), objects, next: page.next_page_token })
    }

    /// Objects with all of these labels; with none, all objects.
    pub(super) async fn page_of(
        &self,
        offer: &Offer,
        pin: &Pin,
        labels: &[(String, String)],
        page_token: Option<String>,
    ) -> Result<Discovered, Failure> {
        let grants = self.stock.grants(pin, offer.driver.description()).await;
        let grants = grants.map_err(|error| Failure::Host(error.to_string()))?;
        let config = self.stock.config(offer).await.map_err(|error| Failure::Host(error.to_string()))?;
        let resource_type = offer.resource_type.meta.name.to_string();
        let input = Input {
            resource_id: String::new(),
            incarnation: 0,
            labels: labels.to_vec(),
            config,
            params: json!({}),
            unknown: Vec::new(),
            prior: None,
            continuation: None,
            context: json!({}),
            resource_type,
        };
        let attempt = Attempt {
            limits: offer.limits.clone(),
            seed: self.keyring.derive(&["seed", DISCOVER, offer.driver.digest()]),
            call: Call::Discover { input, page_token },
            grants,
            past: Past::default(),
            journal: Arc::new(NoJournal),
            secrets: Vec::new(),
            trace: String::new(),
            handle_key: self.keyring.derive(&["handles"]),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        match offer.driver.run(attempt).await.result? {
            Answer::Discovered(page) => Ok(page),
            other => Err(Failure::Unfit(format!("{other:?} to {DISCOVER}"))),
        }
    }

    async fn standing_of(
        &self,
        wanted: &Wanted,
        offer: &Offer,
        pin: &Pin,
        found: Candidate,
        holders: &BTreeMap<String, String>,
    ) -> Result<Standing, Error> {
        let Candidate { external_id, resource_id, summary } = found;
        let labelled = match resource_id.as_deref().map(ResourceId::parse) {
            Some(Ok(id)) => self.store.resource(&id).await?.map(|it| it.name.to_string()),
            _ => None,
        };
        let whose = match (holders.get(&external_id).cloned().or(labelled), resource_id) {
            (Some(name), _) => Whose::Ours(name),
            (None, Some(other)) => {
                let message = format!("`{external_id}` is labelled as {other}, which is on no record of this core");
                let hint =
                    "another core has made it, or what made it is forgotten: it is adopted when its labels are removed";
                Whose::Refused(Refusal::new(Reason::ForeignObjectExists, message).hint(hint))
            }
            (None, None) => match self.params_of(wanted, offer, pin, &external_id).await {
                Ok(params) => Whose::Free(params),
                Err(Error::Refused(refusal)) => Whose::Refused(refusal),
                Err(other) => return Err(other),
            },
        };
        Ok(Standing { external_id, summary, whose })
    }

    /// What an order would have to say for the object to stay as it is.
    async fn params_of(&self, wanted: &Wanted, offer: &Offer, pin: &Pin, external_id: &str) -> Result<Value, Error> {
        let id = self.new_id();
        let key = Key::from(wanted.resource_type.clone());
        let order = OrderName {
            project: wanted.project.clone(),
            environment: wanted.environment.clone(),
            order: wanted.resource_type.clone(),
        };
        let class = wanted.class.as_ref();
        let asked = Asked { order: &order, key: &key, class, offer, id: &id, existing: None, apart: true };
        let desired = Desired::new(json!({}), self.stock.config(offer).await?);
        let (adopting, _) = self.adopting(&asked, pin, external_id, &desired, &[], &[]).await?;
        Ok(orderable(&adopting.observed.params, offer))
    }
}

/// Of what was observed, what a developer may say: no param that the type does not have or the recipe fixes.
fn orderable(observed: &Value, offer: &Offer) -> Value {
    let schema = &offer.resource_type.params;
    let open = schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
    let known = schema.get("properties").and_then(Value::as_object);
    let fixed = offer.recipe.params.as_ref().and_then(|it| it.fixed.as_ref());
    let said = |(name, value): &(&String, &Value)| {
        let is_known = open || known.is_some_and(|known| known.contains_key(*name));
        is_known && !value.is_null() && fixed.is_none_or(|fixed| fixed.get(*name).is_none())
    };
    let members = observed.as_object().into_iter().flatten().filter(said);
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

fn not_listed(offer: &Offer, failure: &Failure) -> Refusal {
    let whose = format!("`{}`", offer.resource_type.meta.name);
    match failure {
        Failure::Driver(error) => crate::stock::connect::backend_refusal(error, &whose),
        other => Refusal::new(Reason::DriverUnfit, format!("what there is of {whose} cannot be listed: {other}")),
    }
}
