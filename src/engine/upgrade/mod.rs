//! Moving live resources to another recipe, revision or driver version: nothing else ever does. What an order says stays as it is.

mod carry;
mod foretell;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::json;

use crate::domain::document::{Manifest, OrderManifest};
use crate::domain::name::{Key, OrderName};
use crate::domain::order::Order;
use crate::domain::principal::Principal;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Resource;
use crate::domain::upgrade::Towards;
use crate::stock::Target;

use super::accept::Standing;
use super::apply::{Applied, Apply};
use super::overtake::gives_way;
use super::survey::Survey;
use super::view::{Condition, ResourceView};
use super::{Engine, Error};

pub use carry::Upgraded;

/// How often an order is read again because it was applied in between.
const CONFLICT_TRIES: u32 = 5;

/// Which resources of an order are to be moved, and what to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrading {
    pub which: Which,
    pub to: Towards,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    None,
    All,
    /// These; of a composite its parts too.
    Of(BTreeSet<Key>),
}

impl Upgrading {
    pub fn is_empty(&self) -> bool {
        self.which == Which::None
    }

    fn covers(&self, key: &Key) -> bool {
        match &self.which {
            Which::None => false,
            Which::All => true,
            Which::Of(keys) => keys.iter().any(|it| key.is_of(it)),
        }
    }
}

impl fmt::Display for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match &self.which {
            Which::Of(keys) => keys.iter().map(Key::as_str).collect::<Vec<_>>(),
            Which::All => vec!["*"],
            Which::None => Vec::new(),
        };
        write!(f, "{} to {}", keys.join(", "), self.to)
    }
}

#[derive(Debug, Clone)]
pub struct Upgrade {
    pub name: OrderName,
    pub upgrading: Upgrading,
    pub principal: Principal,
    pub plan_digest: Option<String>,
    pub allow_destroy: bool,
    /// Empty: none.
    pub request_id: String,
    pub validate_only: bool,
    pub trace: String,
}

impl Engine {
    /// The order is applied as it stands, with some of its resources made by something else from now on.
    pub async fn upgrade(&self, request: Upgrade) -> Result<Applied, Error> {
        let name = &request.name;
        let content = json!({ "upgrade": name.to_string(), "of": request.upgrading.to_string() });
        for _ in 0..CONFLICT_TRIES {
            let Some(order) = self.store.order(name).await? else {
                return Err(Refusal::new(Reason::NotFound, format!("there is no order {name}")).into());
            };
            self.are_there(name, &request.upgrading).await?;
            let applied = self.apply(Apply {
                manifest: self.manifest(&order)?,
                upgrading: request.upgrading.clone(),
                content: Some(content.clone()),
                principal: request.principal.clone(),
                plan_digest: request.plan_digest.clone(),
                allow_destroy: request.allow_destroy,
                request_id: request.request_id.clone(),
                etag: Some(order.version),
                validate_only: request.validate_only,
                source: String::new(),
                take_over: false,
                trace: request.trace.clone(),
            });
            match applied.await {
                Err(Error::Refused(refusal)) if refusal.reason == Reason::EtagMismatch => {}
                ended => return ended,
            }
        }
        Err(Refusal::new(Reason::ConcurrentOperation, format!("{name} keeps changing: try again")).into())
    }

    fn manifest(&self, order: &Order) -> Result<OrderManifest, Error> {
        match serde_json::from_value(self.open_manifest(order)?) {
            Ok(Manifest::Order(manifest)) => Ok(manifest),
            _ => {
                let message = format!("{} has no manifest that can be read", order.name);
                Err(Refusal::new(Reason::NotFound, message).hint("apply the order again").into())
            }
        }
    }

    async fn are_there(&self, order: &OrderName, upgrading: &Upgrading) -> Result<(), Error> {
        let Which::Of(keys) = &upgrading.which else { return Ok(()) };
        let existing = self.existing(order).await?;
        match keys.iter().find(|key| !existing.contains_key(*key)) {
            None => Ok(()),
            Some(key) => {
                let message = format!("there is no resource `{key}` in {order}");
                Err(Refusal::new(Reason::NotFound, message).hint("`vend tree ORDER` shows what there is").into())
            }
        }
    }

    /// What an existing resource is to be made with from now on, if it is something else.
    pub(super) async fn upgrade_of(&self, existing: &Resource, upgrading: &Upgrading) -> Result<Option<Target>, Error> {
        if !upgrading.covers(&existing.name.key) {
            return Ok(None);
        }
        let target = match (&upgrading.which, &upgrading.to) {
            (Which::All, Towards::Current) => self.stock.maintenance(existing).await?,
            (_, to) => self.stock.target(existing, to).await?,
        };
        Ok(target.filter(|target| target.differs(&existing.pin)))
    }

    /// Puts into its view that there is something newer to make it with.
    pub async fn maintained(&self, resource: &Resource, view: &mut ResourceView) -> Result<(), Error> {
        let Some(target) = self.stock.maintenance(resource).await? else { return Ok(()) };
        view.conditions.push(Condition {
            kind: "MaintenanceAvailable",
            status: true,
            reason: String::new(),
            message: target.news(&resource.pin),
            since: None,
        });
        Ok(())
    }
}

/// What is being worked on, with what it is made with until now, is not moved meanwhile.
pub(super) fn at_rest(survey: &Survey, standing: &Standing) -> Result<(), Refusal> {
    for key in survey.upgraded.keys() {
        let Some(resource) = standing.resources.get(key) else { continue };
        if let Some(open) = standing.open_of(&resource.id).iter().find(|open| !gives_way(open)) {
            let message = format!("`{key}` is worked on by {}, and cannot be upgraded meanwhile", open.id);
            let hint = format!("wait until that has ended (`vend wait operation/{}`), then upgrade again", open.id);
            return Err(Refusal::new(Reason::ConcurrentOperation, message).hint(hint));
        }
    }
    Ok(())
}
