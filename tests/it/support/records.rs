//! Sample records: complete, and different from one another in every field that can differ.

use std::collections::BTreeMap;

use serde_json::json;
use vend::domain::document::{Document, Manifest};
use vend::domain::driver::DriverRecord;
use vend::domain::effect::Effect;
use vend::domain::event::Audit;
use vend::domain::id::{AuditId, DocumentId, OperationId, OrderId, ResourceId, TokenId};
use vend::domain::name::{Name, OrderName};
use vend::domain::operation::{Budget, Operation, OperationState, OperationVerb, Stage, Tally};
use vend::domain::order::Order;
use vend::domain::principal::Role;
use vend::domain::resource::{ExternalObject, Pin, Resource, ResourceState};
use vend::domain::sealed::Sealed;
use vend::domain::secret::{Handle, SecretRecord};
use vend::domain::time::{Clock, Entropy, Timestamp};
use vend::store::{JournalRow, NaturalKey, Request, Token};

use super::chance::Chance;
use super::clock::Manual;

/// Makes records at its clock's time. Every id it gives is later than the one before.
pub struct Records {
    pub clock: Manual,
    pub chance: Chance,
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("tests use valid names")
}

pub fn order_name(project: &str, environment: &str, order: &str) -> OrderName {
    OrderName { project: name(project), environment: name(environment), order: name(order) }
}

pub const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

impl Records {
    pub fn new(seed: u64) -> Self {
        Self { clock: Manual::new(), chance: Chance::new(seed) }
    }

    /// Time goes on a millisecond.
    pub fn tick(&self) -> Timestamp {
        self.clock.advance_ms(1);
        self.clock.now()
    }

    /// An envelope of the right shape around the text itself.
    pub fn sealed(&self, text: &str) -> Sealed {
        let mut nonce = [0; 12];
        self.chance.fill(&mut nonce);
        Sealed { format: 1, key_id: 7, nonce, ciphertext: text.as_bytes().to_vec() }
    }

    /// The kind and the rest of a document, as JSON without its name.
    pub fn document(&self, kind: &str, document_name: &str, rest: serde_json::Value) -> Document {
        let mut manifest = json!({ "kind": kind, "name": document_name, "labels": { "team": "checkout" } });
        let members = manifest.as_object_mut().expect("an object");
        members.extend(rest.as_object().expect("an object").clone());
        let manifest: Manifest = serde_json::from_value(manifest).expect("tests write valid documents");
        let now = self.tick();
        Document {
            id: DocumentId::new(now, &self.chance),
            project: manifest.project().to_owned(),
            manifest,
            version: 1,
            principal: "token:admin".into(),
            create_time: now,
            update_time: now,
        }
    }

    pub fn project(&self, project: &str) -> Document {
        self.document("Project", project, json!({}))
    }

    pub fn environment(&self, project: &str, environment: &str) -> Document {
        self.document("Environment", environment, json!({ "project": project, "type": "development" }))
    }

    pub fn connection(&self, connection: &str) -> Document {
        self.document("Connection", connection, json!({ "type": "postgres", "endpoint": "postgres://db:5432" }))
    }

    pub fn order(&self, order: &OrderName) -> Order {
        let now = self.tick();
        Order {
            id: OrderId::new(now, &self.chance),
            name: order.clone(),
            labels: BTreeMap::from([("team".into(), "checkout".into()), ("tier".into(), order.order.to_string())]),
            generation: 1,
            manifest: self.sealed("{\"resources\":{}}"),
            operation: OperationId::new(now, &self.chance),
            deleting: false,
            principal: "token:anna".into(),
            source: String::new(),
            version: 1,
            create_time: now,
            update_time: now,
        }
    }

    pub fn resource(&self, order: &Order, key: &str) -> Resource {
        let now = self.tick();
        Resource {
            id: ResourceId::new(now, &self.chance),
            name: order.name.resource(name(key)),
            order: order.id.clone(),
            labels: order.labels.clone(),
            resource_type: name("postgres-database"),
            class: None,
            shared: None,
            generation: 1,
            observed_generation: 0,
            desired: self.sealed("{\"params\":{},\"config\":{}}"),
            pin: Pin {
                recipe: name("shared-postgres"),
                recipe_revision: 3,
                driver_digest: DIGEST.into(),
                connections: BTreeMap::from([("server".into(), name("main-db"))]),
                filled: BTreeMap::new(),
            },
            care: Default::default(),
            edges: Vec::new(),
            ties: Vec::new(),
            incarnation: 0,
            object: None,
            former: None,
            state: ResourceState::Pending,
            reason: None,
            message: String::new(),
            principal: "token:anna".into(),
            version: 1,
            create_time: now,
            update_time: now,
        }
    }

    pub fn object(&self, incarnation: u32) -> ExternalObject {
        ExternalObject {
            incarnation,
            claimed: incarnation != 2,
            external_id: Some(format!("db-{incarnation}")),
            state: self.sealed("state"),
            state_version: 2,
            applied: self.sealed("applied"),
            outputs: self.sealed("outputs"),
            complete: incarnation % 2 == 1,
        }
    }

    /// An order's operation with this many queued children.
    pub fn operation(&self, order: &Order, children: u32) -> Operation {
        let now = self.tick();
        Operation {
            id: OperationId::new(now, &self.chance),
            parent: None,
            order: order.name.clone(),
            resource: None,
            resource_key: String::new(),
            verb: OperationVerb::Apply,
            generation: order.generation,
            state: OperationState::Queued,
            reason: None,
            message: String::new(),
            effect: Effect::None,
            status: String::new(),
            principal: "token:anna".into(),
            request_id: "5f0c".into(),
            trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
            stage: Stage::Decide,
            step: 0,
            continuation: None,
            attempts: 0,
            budget: Budget::default(),
            due: now,
            held: None,
            awaits: 0,
            broken_by: None,
            cancel_requested: false,
            superseded_by: None,
            plan_digest: "sha256:bb".into(),
            tally: Tally { queued: children, ..Tally::default() },
            driver_digest: String::new(),
            version: 1,
            create_time: now,
            update_time: now,
            end_time: None,
        }
    }

    pub fn child(&self, parent: &Operation, resource: &Resource) -> Operation {
        let now = self.tick();
        Operation {
            id: OperationId::new(now, &self.chance),
            parent: Some(parent.id.clone()),
            resource: Some(resource.id.clone()),
            resource_key: resource.name.key.to_string(),
            verb: OperationVerb::Create,
            generation: resource.generation,
            plan_digest: String::new(),
            tally: Tally::default(),
            driver_digest: DIGEST.into(),
            due: now,
            create_time: now,
            update_time: now,
            ..parent.clone()
        }
    }

    pub fn journal(&self, operation: &Operation, step: u32, attempt: u32, position: u32) -> JournalRow {
        JournalRow {
            project: operation.order.project.to_string(),
            operation: operation.id.clone(),
            step,
            attempt,
            position,
            time: self.tick(),
            payload: self.sealed(&format!("{step}/{attempt}/{position}")),
        }
    }

    pub fn resource_secret(&self, resource: &Resource, secret: &str) -> SecretRecord {
        let mut random = [0; 32];
        self.chance.fill(&mut random);
        SecretRecord {
            key: Handle::from_bytes(&random).to_string(),
            project: resource.name.order.project.to_string(),
            resource: Some(resource.id.clone()),
            ..self.named_secret(secret)
        }
    }

    pub fn named_secret(&self, secret: &str) -> SecretRecord {
        let now = self.tick();
        SecretRecord {
            key: secret.into(),
            project: String::new(),
            resource: None,
            name: secret.into(),
            value: self.sealed("hunter2"),
            principal: "token:admin".into(),
            version: 1,
            create_time: now,
            update_time: now,
        }
    }

    pub fn natural_key(&self, resource: &Resource, key: &str) -> NaturalKey {
        NaturalKey {
            backend: "pg:7301".into(),
            family: "database".into(),
            key: key.into(),
            project: resource.name.order.project.to_string(),
            resource: resource.id.clone(),
            holder: resource.name.to_string(),
        }
    }

    pub fn driver(&self, driver: &str, version: &str) -> DriverRecord {
        let now = self.tick();
        let description = json!({ "name": driver, "version": version, "state-version": 1, "types": {} });
        DriverRecord {
            digest: format!("sha256:{:016x}{:048}", self.chance.number(), 0),
            description: serde_json::from_value(description).expect("a valid description"),
            imports: vec!["vend:driver/sql-read@0.1.0".into()],
            size_bytes: 3,
            version: 1,
            principal: "token:infra".into(),
            create_time: now,
            update_time: now,
        }
    }

    pub fn request(&self, operation: &Operation, request_id: &str) -> Request {
        Request {
            project: operation.order.project.to_string(),
            request_id: request_id.into(),
            content_hash: "c0ffee".into(),
            operation: operation.id.clone(),
            time: self.tick(),
        }
    }

    pub fn token(&self, token: &str) -> Token {
        let now = self.tick();
        Token {
            id: TokenId::new(now, &self.chance),
            name: token.into(),
            hash: format!("hash of {token}"),
            roles: vec![Role::Platform, Role::Auditor],
            principal: format!("token:{token}"),
            create_time: now,
            expire_time: Some(now.plus_ms(3_600_000)),
            revoked: false,
        }
    }

    pub fn audit(&self, project: &str, action: &str) -> Audit {
        let now = self.tick();
        Audit {
            id: AuditId::new(now, &self.chance),
            project: project.into(),
            principal: "token:anna".into(),
            action: action.into(),
            name: format!("projects/{project}"),
            decision: "allowed".into(),
            reason: "role developer".into(),
            time: now,
        }
    }
}
