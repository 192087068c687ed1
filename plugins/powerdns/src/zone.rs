//! `dns-zone`: a zone and the name servers it names.
//!
//! Zones have no labels. Whose a zone is stands in its `account`, which holds 40 characters: the resource's id, which no two
//! cores ever give twice, and the incarnation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vend_sdk::{
    Action, Error, Finding, Found, Identity, Input, Nothing, Object, Observation, Observed, Plan, Prior, Progress,
    Removal, Resource, Type, Violations, ensure,
};

use crate::name;
use crate::server::{Facts, Record, RecordSet, Zone};

/// Of the records that name the zone's servers, as PowerDNS itself sets it in a new zone.
const NAMESERVERS_TTL: u32 = 3600;

pub struct DnsZone;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name of the zone, with or without the dot at its end.
    pub name: String,
    /// Names of its servers: the NS records of the zone itself.
    #[schemars(length(min = 1))]
    pub nameservers: Vec<String>,
    /// `primary`: secondaries are notified of changes. `native`: the databases are copied by themselves.
    #[serde(default)]
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    Native,
    Primary,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    /// With the dot at its end.
    name: String,
    nameservers: Vec<String>,
}

impl Kind {
    /// The word that every version of PowerDNS takes.
    fn word(self) -> &'static str {
        match self {
            Kind::Native => "Native",
            Kind::Primary => "Master",
        }
    }

    fn of(word: &str) -> Option<Self> {
        match word {
            "Native" => Some(Kind::Native),
            "Master" | "Primary" => Some(Kind::Primary),
            _ => None,
        }
    }
}

impl Params {
    pub fn normal(mut self) -> Result<Self, Error> {
        let mut wrong = Violations::default();
        self.name = wrong.take(name::plain(&self.name), "/params/name").unwrap_or_default();
        wrong.require(!self.nameservers.is_empty(), "/params/nameservers", "at least one");
        for (at, nameserver) in self.nameservers.iter_mut().enumerate() {
            *nameserver = wrong.take(name::plain(nameserver), format!("/params/nameservers/{at}")).unwrap_or_default();
        }
        self.nameservers.sort();
        self.nameservers.dedup();
        wrong.or(self)
    }

    fn outputs(&self) -> Outputs {
        Outputs { name: self.name.clone(), nameservers: self.nameservers.clone() }
    }
}

impl Resource for DnsZone {
    const NAME: &'static str = "dns-zone";
    type Params = Params;
    type Config = Nothing;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/name"]).natural_key("server", "dns-zone", ["/name"])
    }

    fn validate(params: Params, _: &Nothing) -> Result<Params, Error> {
        params.normal()
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        match look(&input.params.name, input)? {
            Found::Foreign(what) => return Err(Error::foreign(what)),
            // What stands under the new name says nothing of the zone that is replaced.
            _ if derived.action == Action::Replace => {}
            Found::Absent => derived.make_again(),
            Found::Ours(_) => {}
        }
        derived.know("name", input.params.name.as_str());
        derived.know("nameservers", json!(input.params.nameservers));
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let Params { name, nameservers, kind } = &input.params;
        let make = || Zone(name).make(kind.word(), nameservers, &account(input));
        ensure(|| look(name, input), make)?;
        converge(input)
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let name = &prior.state.name;
        let facts = match look(name, input)? {
            Found::Ours(facts) => facts,
            Found::Foreign(what) if prior.external_id.is_some() => return Err(Error::foreign(what)),
            Found::Absent | Found::Foreign(_) => return Ok(Observation::Absent),
        };
        let Some(servers) = Zone(name).record_set(name, "NS")? else {
            return Ok(Observation::Absent);
        };
        // The serial is the server's own business, and the SOA record with it.
        let mut params = json!({ "name": name, "nameservers": names(&servers) });
        if let Some(kind) = Kind::of(&facts.kind) {
            params["kind"] = json!(kind);
        }
        let outputs = Outputs { name: name.clone(), nameservers: names(&servers) };
        let object = Object::new(name, prior.state.clone(), outputs);
        Ok(Observation::Ready(Observed { object, params }))
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let name = &input.params.name;
        Ok(match look(name, input)? {
            Found::Ours(_) => Finding::One { external_id: Some(name.clone()), state: State { name: name.clone() } },
            Found::Absent | Found::Foreign(_) => Finding::None,
        })
    }

    fn update(input: &Input<Self>, _: &Prior<Self>) -> Result<Progress<Self>, Error> {
        converge(input)
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        match look(&prior.state.name, input)? {
            Found::Ours(_) => Zone(&prior.state.name).delete()?,
            Found::Foreign(what) if prior.external_id.is_some() => return Err(Error::foreign(what)),
            // Where making it had only begun, what is not ours was never made by us, and stays.
            Found::Absent | Found::Foreign(_) => {}
        }
        Ok(Removal::Gone)
    }
}

fn account(input: &Input<DnsZone>) -> String {
    format!("{}.{}", input.resource_id, input.incarnation)
}

fn look(name: &str, input: &Input<DnsZone>) -> Result<Found<Facts>, Error> {
    Ok(match Zone(name).look()? {
        None => Found::Absent,
        Some(facts) if facts.account == account(input) => Found::Ours(facts),
        Some(_) => Found::Foreign(format!("zone `{name}`")),
    })
}

/// In their normal form, sorted. What is none stands as it is, and counts as a difference.
fn names(set: &RecordSet) -> Vec<String> {
    let mut names: Vec<String> =
        set.contents().map(|content| name::plain(content).unwrap_or_else(|_| content.to_owned())).collect();
    names.sort();
    names
}

/// The zone is there; its kind and its servers become what is asked.
fn converge(input: &Input<DnsZone>) -> Result<Progress<DnsZone>, Error> {
    let Params { name, nameservers, kind } = &input.params;
    let zone = Zone(name);
    let facts = match look(name, input)? {
        Found::Ours(facts) => facts,
        Found::Foreign(what) => return Err(Error::foreign(what)),
        Found::Absent => return Err(zone.missing()),
    };
    if Kind::of(&facts.kind) != Some(*kind) {
        zone.set_kind(kind.word())?;
    }
    let servers = zone.record_set(name, "NS")?.ok_or_else(|| zone.missing())?;
    if names(&servers) != *nameservers {
        let records = nameservers.iter().map(|it| Record { content: it.clone(), disabled: false }).collect();
        zone.put(&RecordSet { ttl: NAMESERVERS_TTL, records, comments: Vec::new(), ..servers })?;
    }
    Ok(Progress::Done(Object::new(name, State { name: name.clone() }, input.params.outputs())))
}
