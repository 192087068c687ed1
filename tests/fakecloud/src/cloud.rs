//! The state of the cloud: what a request comes to, and what a record of the ledger does to it.
//!
//! Live and after a restart the state changes by [`Cloud::apply`] alone. Knows no files, no connections and no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::object::{Asked, AskedPart, Collection, Labels, Object};
use crate::record::{Event, Of, Record};
use crate::reply::Reply;
use crate::route::Call;

const MOST_OBJECTS: usize = 1_000_000;
const MOST_PARTS: usize = 1_000;
const MOST_LISTED: usize = 1_000;
const INVENTORY_PAGE: usize = 100;

pub struct Settings {
    pub key_retention_ms: u64,
    pub visible_after_ms: u64,
}

pub struct Cloud {
    settings: Settings,
    objects: BTreeMap<(Collection, String), Object>,
    keys: HashMap<String, Used>,
    /// Keys in the order of their use.
    used: VecDeque<(u64, String)>,
    /// Labelled objects that lists still show, and when they were deleted.
    gone: VecDeque<(u64, Object)>,
    /// Of the last record.
    seq: u64,
    time_ms: u64,
    /// By how much virtual time is ahead of the machine's.
    ahead_ms: u64,
}

/// What a key was used for.
struct Used {
    id: String,
    name: String,
    size: u64,
    labels: Labels,
    at_ms: u64,
}

/// What a write comes to, before it has a number.
struct Outcome {
    event: Event,
    of: Of,
    reply: Reply,
}

impl Cloud {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            objects: BTreeMap::new(),
            keys: HashMap::new(),
            used: VecDeque::new(),
            gone: VecDeque::new(),
            seq: 0,
            time_ms: 0,
            ahead_ms: 0,
        }
    }

    /// Virtual time. It never goes back, whatever the machine's does.
    pub fn now_ms(&self, machine_ms: u64) -> u64 {
        machine_ms.saturating_add(self.ahead_ms).max(self.time_ms)
    }

    /// The number of the last record.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn read(&self, call: &Call, now_ms: u64) -> Reply {
        match call {
            Call::List(labels) => self.list(labels, now_ms),
            Call::Inventory(collection, labels, after) => self.inventory(*collection, labels, after, now_ms),
            Call::Get(collection, id) => match self.objects.get(&(*collection, id.clone())) {
                Some(object) => Reply::new(200, object.shown(now_ms)),
                None => missing(id),
            },
            _ => Reply::refusal(405, "NO_SUCH_METHOD", "this is no read"),
        }
    }

    fn list(&self, labels: &[(String, String)], now_ms: u64) -> Reply {
        let after_ms = self.settings.visible_after_ms;
        let is_past = |at_ms: u64| at_ms.saturating_add(after_ms) <= now_ms;
        let of_labelled = (Collection::Labelled, String::new())..(Collection::Blind, String::new());
        let live = self.objects.range(of_labelled).map(|(_, object)| object);
        let gone = self.gone.iter().filter(|(gone_ms, _)| !is_past(*gone_ms)).map(|(_, object)| object);
        let seen = live.chain(gone).filter(|it| is_past(it.made_ms) && it.has_labels(labels));
        let mut listed: Vec<Value> = seen.take(MOST_LISTED + 1).map(|object| object.shown(now_ms)).collect();
        let more = listed.len() > MOST_LISTED;
        listed.truncate(MOST_LISTED);
        Reply::new(200, json!({ "objects": listed, "more": more }))
    }

    /// In the order of ids, as it is now.
    fn inventory(&self, collection: Collection, labels: &[(String, String)], after: &str, now_ms: u64) -> Reply {
        let of_collection = self.objects.range((collection, after.to_owned())..);
        let of_collection = of_collection.take_while(|((of, _), _)| *of == collection).map(|(_, object)| object);
        let mut seen = of_collection.filter(|it| it.id != after && it.has_labels(labels));
        let page: Vec<&Object> = seen.by_ref().take(INVENTORY_PAGE).collect();
        let next = seen.next().and_then(|_| page.last()).map(|last| last.id.clone());
        let shown: Vec<Value> = page.iter().map(|object| object.shown(now_ms)).collect();
        Reply::new(200, json!({ "objects": shown, "next": next }))
    }

    /// Everything there is, whatever lists show.
    pub fn live(&self, now_ms: u64) -> Value {
        let shown = self.objects.values().map(|object| {
            let mut shown = object.shown(now_ms);
            shown["collection"] = json!(object.collection);
            shown
        });
        Value::Array(shown.collect())
    }

    /// The answer to a write, and what the ledger is to say of it; the state has changed when it returns.
    pub fn write(&mut self, call: &Call, body: &[u8], now_ms: u64, request: &Request) -> (Reply, Record) {
        let outcome = self.decide(call, body, now_ms).unwrap_or_else(|reply| Outcome::refused(call, reply));
        self.take(outcome, now_ms, request)
    }

    /// A write that a fault keeps from being applied.
    pub fn refuse(&mut self, call: &Call, reply: Reply, now_ms: u64, request: &Request) -> Record {
        self.take(Outcome::refused(call, reply), now_ms, request).1
    }

    /// Puts virtual time ahead.
    pub fn advance(&mut self, advance_ms: u64, now_ms: u64, request: &Request) -> (Reply, Record) {
        let time_ms = now_ms.saturating_add(advance_ms);
        let of = Of { advance_ms: Some(advance_ms), ..Of::default() };
        let reply = Reply::new(200, json!({ "now-ms": time_ms }));
        self.take(Outcome { event: Event::Clock, of, reply }, time_ms, request)
    }

    fn take(&mut self, outcome: Outcome, time_ms: u64, request: &Request) -> (Reply, Record) {
        let record = Record {
            seq: self.seq + 1,
            time_ms,
            event: outcome.event,
            method: request.method.clone(),
            path: request.path.clone(),
            status: outcome.reply.status,
            answer: request.answer.to_owned(),
            of: outcome.of,
        };
        self.apply(&record);
        (outcome.reply, record)
    }

    /// The error is the answer.
    fn decide(&self, call: &Call, body: &[u8], now_ms: u64) -> Result<Outcome, Reply> {
        match call {
            Call::Make(collection, key) => self.make(*collection, key.as_deref(), body, now_ms),
            Call::Put(collection, id) => self.put(*collection, id, body, now_ms),
            Call::Delete(collection, id) => {
                let object = self.object(*collection, id)?;
                let reply = Reply::new(200, object.shown(now_ms));
                Ok(Outcome { event: Event::Delete, of: Of::object(object), reply })
            }
            Call::PutPassword(collection, id) => self.password(*collection, id),
            Call::PutPart(collection, id, part) => self.part(*collection, id, Some(part), body),
            Call::AddPart(collection, id) => self.part(*collection, id, None, body),
            Call::Get(..) | Call::List(_) | Call::Inventory(..) => {
                Err(Reply::refusal(405, "NO_SUCH_METHOD", "this is no write"))
            }
        }
    }

    fn make(&self, collection: Collection, key: Option<&str>, body: &[u8], now_ms: u64) -> Result<Outcome, Reply> {
        let asked = Asked::parse(body).map_err(Reply::invalid)?;
        if let Some(used) = key.and_then(|key| self.keys.get(key)).filter(|it| !self.is_forgotten(it.at_ms, now_ms)) {
            if (&used.name, used.size, &used.labels) != (&asked.name, asked.size, &asked.labels) {
                let message = "the key was used with another body";
                return Err(Reply::refusal(422, "KEY_REUSED", message));
            }
            let Some(object) = self.objects.get(&(collection, used.id.clone())) else {
                return Err(Reply::refusal(410, "GONE", "the object that the key made is deleted"));
            };
            let of = Of { key: key.map(str::to_owned), ..Of::object(object) };
            let reply = Reply { replayed: true, ..Reply::new(200, object.shown_with_password(now_ms)) };
            return Ok(Outcome { event: Event::Replay, of, reply });
        }
        self.made(collection, format!("{}-{}", collection.name(), self.seq + 1), key, asked, now_ms)
    }

    fn made(
        &self,
        collection: Collection,
        id: String,
        key: Option<&str>,
        asked: Asked,
        now_ms: u64,
    ) -> Result<Outcome, Reply> {
        if self.objects.len() >= MOST_OBJECTS {
            return Err(Reply::refusal(507, "FULL", format!("the cloud holds {MOST_OBJECTS} objects")));
        }
        let object = Object {
            collection,
            id,
            name: asked.name,
            size: asked.size,
            labels: asked.labels,
            parts: BTreeMap::new(),
            password: self.new_password(),
            made_ms: now_ms,
            ready_ms: now_ms.saturating_add(asked.provision_ms),
        };
        let of = Of {
            ready_ms: Some(object.ready_ms),
            password: Some(object.password.clone()),
            key: key.map(str::to_owned),
            ..Of::object(&object)
        };
        Ok(Outcome { event: Event::Make, of, reply: Reply::new(201, object.shown_with_password(now_ms)) })
    }

    fn put(&self, collection: Collection, id: &str, body: &[u8], now_ms: u64) -> Result<Outcome, Reply> {
        let asked = Asked::parse(body).map_err(Reply::invalid)?;
        let object = match self.objects.get(&(collection, id.to_owned())) {
            Some(object) => object,
            None if collection == Collection::Named => {
                return self.made(collection, id.to_owned(), None, asked, now_ms);
            }
            None => return Err(missing(id)),
        };
        // Whoever takes over what nobody owns marks it; nobody marks what is somebody else's.
        if !object.labels.is_empty() && asked.labels != object.labels {
            return Err(Reply::refusal(409, "OTHER_LABELS", "the object has other labels, which cannot be changed"));
        }
        let changed = Object { name: asked.name, size: asked.size, labels: asked.labels, ..object.clone() };
        let event = if changed == *object { Event::Replay } else { Event::Change };
        Ok(Outcome { event, of: Of::object(&changed), reply: Reply::new(200, changed.shown(now_ms)) })
    }

    fn new_password(&self) -> String {
        let mut chance = Chance::new(self.seq);
        format!("pw-{:016x}{:016x}", chance.next(), chance.next())
    }

    /// Sets a new one: for whoever has never heard the first.
    fn password(&self, collection: Collection, id: &str) -> Result<Outcome, Reply> {
        let object = self.object(collection, id)?;
        let password = self.new_password();
        let reply = Reply::new(200, json!({ "password": password }));
        Ok(Outcome { event: Event::Change, of: Of { password: Some(password), ..Of::object(object) }, reply })
    }

    /// Without an id each request adds one.
    fn part(&self, collection: Collection, id: &str, part: Option<&str>, body: &[u8]) -> Result<Outcome, Reply> {
        let object = self.object(collection, id)?;
        let asked = AskedPart::parse(body).map_err(Reply::invalid)?;
        let part = part.map_or_else(|| format!("part-{}", self.seq + 1), str::to_owned);
        let there = object.parts.get(&part);
        if there.is_none() && object.parts.len() >= MOST_PARTS {
            return Err(Reply::refusal(507, "FULL", format!("an object has at most {MOST_PARTS} parts")));
        }
        let event = if there == Some(&asked.name) { Event::Replay } else { Event::Part };
        let status = if there.is_none() { 201 } else { 200 };
        let reply = Reply::new(status, json!({ "id": part, "name": asked.name }));
        let of = Of { part: Some(part), part_name: Some(asked.name), ..Of::object(object) };
        Ok(Outcome { event, of, reply })
    }

    fn object(&self, collection: Collection, id: &str) -> Result<&Object, Reply> {
        self.objects.get(&(collection, id.to_owned())).ok_or_else(|| missing(id))
    }

    fn is_forgotten(&self, used_ms: u64, now_ms: u64) -> bool {
        used_ms.saturating_add(self.settings.key_retention_ms) <= now_ms
    }

    /// Makes of the state what the record says; the same live as after a restart.
    pub fn apply(&mut self, record: &Record) {
        self.seq = record.seq;
        self.time_ms = record.time_ms;
        self.forget();
        let of = &record.of;
        self.ahead_ms = self.ahead_ms.saturating_add(of.advance_ms.unwrap_or(0));
        let (Some(collection), Some(id)) = (of.collection, of.id.clone()) else { return };
        let place = (collection, id);
        match record.event {
            Event::Make => self.insert(place, record),
            Event::Change => {
                if let Some(object) = self.objects.get_mut(&place) {
                    object.name = of.name.clone().unwrap_or_default();
                    object.size = of.size.unwrap_or_default();
                    object.labels = of.labels.clone().unwrap_or_default();
                    object.password = of.password.clone().unwrap_or_else(|| std::mem::take(&mut object.password));
                }
            }
            Event::Delete => {
                if let Some(object) = self.objects.remove(&place).filter(|_| collection == Collection::Labelled) {
                    self.gone.push_back((record.time_ms, object));
                }
            }
            Event::Part => {
                if let (Some(object), Some(part)) = (self.objects.get_mut(&place), of.part.clone()) {
                    object.parts.insert(part, of.part_name.clone().unwrap_or_default());
                }
            }
            Event::Replay | Event::Refuse | Event::Clock => {}
        }
    }

    fn insert(&mut self, place: (Collection, String), record: &Record) {
        let of = &record.of;
        let object = Object {
            collection: place.0,
            id: place.1.clone(),
            name: of.name.clone().unwrap_or_default(),
            size: of.size.unwrap_or_default(),
            labels: of.labels.clone().unwrap_or_default(),
            parts: BTreeMap::new(),
            password: of.password.clone().unwrap_or_default(),
            made_ms: record.time_ms,
            ready_ms: of.ready_ms.unwrap_or_default(),
        };
        if let Some(key) = &of.key {
            let Object { id, name, size, labels, made_ms, .. } = object.clone();
            self.keys.insert(key.clone(), Used { id, name, size, labels, at_ms: made_ms });
            self.used.push_back((made_ms, key.clone()));
        }
        self.objects.insert(place, object);
    }

    /// Lets go of keys and deleted objects whose time is over.
    fn forget(&mut self) {
        let now_ms = self.time_ms;
        while let Some((at_ms, key)) =
            self.used.pop_front_if(|it| it.0.saturating_add(self.settings.key_retention_ms) <= now_ms)
        {
            if self.keys.get(&key).is_some_and(|used| used.at_ms == at_ms) {
                self.keys.remove(&key);
            }
        }
        let after_ms = self.settings.visible_after_ms;
        while self.gone.pop_front_if(|it| it.0.saturating_add(after_ms) <= now_ms).is_some() {}
    }
}

/// What a record says of a request beside what it came to.
pub struct Request {
    pub method: String,
    pub path: String,
    /// `sent`, or the fault that befalls it.
    pub answer: &'static str,
}

impl Outcome {
    fn refused(call: &Call, reply: Reply) -> Self {
        let of = Of { collection: Some(call.collection()), id: call.id().map(str::to_owned), ..Of::default() };
        let key = if let Call::Make(_, key) = call { key.clone() } else { None };
        Self { event: Event::Refuse, of: Of { key, ..of }, reply }
    }
}

impl Of {
    fn object(object: &Object) -> Self {
        Self {
            collection: Some(object.collection),
            id: Some(object.id.clone()),
            name: Some(object.name.clone()),
            size: Some(object.size),
            labels: Some(object.labels.clone()),
            ..Self::default()
        }
    }
}

fn missing(id: &str) -> Reply {
    Reply::refusal(404, "NOT_FOUND", format!("there is no `{id}`"))
}
