//! `dns-record`: all records of one name and type.
//!
//! Whose a record set is stands in a comment of it, which PowerDNS keeps beside the records and never answers with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vend_sdk::{
    Action, Error, Finding, Found, Identity, Input, Labels, Nothing, Object, Observation, Observed, Plan, Prior,
    Progress, Removal, Resource, Type, Violations, context, ensure, log,
};

use crate::content::Kind;
use crate::name;
use crate::server::{Comment, Record, RecordSet, ZONE_MISSING, Zone};

/// A zone that is ordered together with its records may need a moment.
const ZONE_POLL_MS: u32 = 2_000;
const MOST_ZONE_POLLS: u32 = 30;
/// RFC 2181, section 8.
const LONGEST_TTL: u32 = i32::MAX as u32;

pub struct DnsRecord;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The zone it stands in, with or without the dot at its end.
    pub zone: String,
    /// Its whole name, within the zone; `*` may stand at the beginning.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Seconds for which an answer may be kept.
    #[serde(default = "an_hour")]
    #[schemars(range(max = 2147483647))]
    pub ttl: u32,
    /// The contents of its records, as they stand in a zone file. A text need not be quoted.
    #[schemars(length(min = 1))]
    pub records: Vec<String>,
}

fn an_hour() -> u32 {
    3600
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    zone: String,
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    /// With the dot at its end, as in zone files.
    name: String,
    /// Without it, as in URLs.
    host: String,
}

/// What a waiting create hands to its next step.
#[derive(Default, Serialize, Deserialize)]
struct Waiting {
    polls: u32,
}

impl Params {
    pub fn normal(mut self) -> Result<Self, Error> {
        let mut wrong = Violations::default();
        let zone = wrong.take(name::plain(&self.zone), "/params/zone");
        let own = wrong.take(name::normal(&self.name), "/params/name");
        if let (Some(zone), Some(own)) = (zone, own) {
            let message = format!("`{own}` is not within the zone `{zone}`: write the whole name");
            wrong.require_of(name::is_within(&own, &zone), ["/params/name", "/params/zone"], message);
            (self.zone, self.name) = (zone, own);
        }
        wrong.require(self.ttl <= LONGEST_TTL, "/params/ttl", format!("at most {LONGEST_TTL}"));
        wrong.require(!self.records.is_empty(), "/params/records", "at least one");
        for (at, record) in self.records.iter_mut().enumerate() {
            *record = wrong.take(self.kind.normal(record), format!("/params/records/{at}")).unwrap_or_default();
        }
        self.records.sort();
        self.records.dedup();
        let single = self.kind != Kind::Cname || self.records.len() <= 1;
        wrong.require(single, "/params/records", "a CNAME is one record");
        wrong.or(self)
    }

    fn state(&self) -> State {
        State { zone: self.zone.clone(), name: self.name.clone(), kind: self.kind }
    }
}

impl State {
    fn place<'a>(&'a self, labels: &'a Labels) -> Place<'a> {
        Place { zone: Zone(&self.zone), name: &self.name, kind: self.kind, labels }
    }

    fn outputs(&self) -> Outputs {
        Outputs { name: self.name.clone(), host: self.name.trim_end_matches('.').to_owned() }
    }

    fn object(self) -> Object<DnsRecord> {
        let outputs = self.outputs();
        Object::new(format!("{}/{}/{}", self.zone, self.name, self.kind.as_str()), self, outputs)
    }
}

impl Resource for DnsRecord {
    const NAME: &'static str = "dns-record";
    type Params = Params;
    type Config = Nothing;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/zone", "/name", "/type"]).natural_key(
            "server",
            "dns-record",
            ["/zone", "/name", "/type"],
        )
    }

    fn validate(params: Params, _: &Nothing) -> Result<Params, Error> {
        params.normal()
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let state = input.params.state();
        match state.place(&input.labels).look()? {
            Some(Found::Foreign(what)) => return Err(Error::foreign(what)),
            // What stands under the new name says nothing of the set that is replaced.
            _ if derived.action == Action::Replace => {}
            Some(Found::Ours(_)) => {}
            Some(Found::Absent) => derived.make_again(),
            None => {
                log!(warn, "the server has no zone `{}` yet", state.zone);
                derived.make_again();
            }
        }
        let Outputs { name, host } = state.outputs();
        derived.know("name", name);
        derived.know("host", host);
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let state = input.params.state();
        let place = state.place(&input.labels);
        let look = || place.look()?.ok_or_else(|| place.zone.missing());
        match ensure(look, || place.put(&input.params, true)) {
            Ok(found) => settle(input, &place, found)?,
            Err(error) if error.code == ZONE_MISSING => return wait_for_zone(input),
            Err(error) => return Err(error),
        }
        Ok(Progress::Done(state.object()))
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let state = &prior.state;
        Ok(match state.place(&input.labels).look()? {
            Some(Found::Ours(set)) => {
                let params = observed(state, &set);
                Observation::Ready(Observed { object: state.clone().object(), params })
            }
            Some(Found::Foreign(what)) if prior.external_id.is_some() => return Err(Error::foreign(what)),
            _ => Observation::Absent,
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let state = input.params.state();
        let found = state.place(&input.labels).look()?;
        if !matches!(found, Some(Found::Ours(_))) {
            return Ok(Finding::None);
        }
        let Object { external_id, state, .. } = state.object();
        Ok(Finding::One { external_id: Some(external_id), state })
    }

    fn update(input: &Input<Self>, _: &Prior<Self>) -> Result<Progress<Self>, Error> {
        let state = input.params.state();
        let place = state.place(&input.labels);
        match place.look()? {
            Some(Found::Ours(set)) => settle(input, &place, set)?,
            Some(Found::Foreign(what)) => return Err(Error::foreign(what)),
            Some(Found::Absent) => place.put(&input.params, true)?,
            None => return Err(place.zone.missing()),
        }
        Ok(Progress::Done(state.object()))
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let place = prior.state.place(&input.labels);
        match place.look()? {
            Some(Found::Ours(_)) => place.zone.remove(place.name, place.kind.as_str())?,
            Some(Found::Foreign(what)) if prior.external_id.is_some() => return Err(Error::foreign(what)),
            // Where making it had only begun, what is not ours was never made by us, and stays.
            _ => {}
        }
        Ok(Removal::Gone)
    }
}

/// Where a record set stands, and whose it should be.
struct Place<'a> {
    zone: Zone<'a>,
    name: &'a str,
    kind: Kind,
    labels: &'a Labels,
}

impl Place<'_> {
    /// Nothing if there is no such zone.
    fn look(&self) -> Result<Option<Found<RecordSet>>, Error> {
        let Some(set) = self.zone.record_set(self.name, self.kind.as_str())? else {
            return Ok(None);
        };
        // Comments may outlive the records, and answer nobody.
        let is_there = !set.records.is_empty();
        Ok(Some(match is_there {
            false => Found::Absent,
            true if owned(&set, self.labels) => Found::Ours(set),
            true => Found::Foreign(format!("record set `{} {}`", self.name, self.kind.as_str())),
        }))
    }

    fn put(&self, params: &Params, signed: bool) -> Result<(), Error> {
        let records = params.records.iter().map(|it| Record { content: it.clone(), disabled: false }).collect();
        let signature = Comment { content: self.labels.to_json(), account: "vend".into() };
        self.zone.put(&RecordSet {
            name: self.name.into(),
            kind: self.kind.as_str().into(),
            ttl: params.ttl,
            records,
            comments: if signed { vec![signature] } else { Vec::new() },
        })
    }
}

fn owned(set: &RecordSet, labels: &Labels) -> bool {
    let mut found = set.comments.iter().filter_map(|comment| Labels::from_json(&comment.content));
    found.any(|found| labels.own(&found))
}

/// The present values, in their normal form. What has none stands as it is, and counts as a difference.
fn observed(state: &State, set: &RecordSet) -> Value {
    let normal = |content: &str| state.kind.normal(content).unwrap_or_else(|_| content.to_owned());
    let mut records: Vec<String> = set.contents().map(normal).collect();
    records.sort();
    json!({ "zone": state.zone, "name": state.name, "type": state.kind, "ttl": set.ttl, "records": records })
}

/// The set is there; its TTL and its records become what is asked. Comments stay: they may be anybody's.
fn settle(input: &Input<DnsRecord>, place: &Place<'_>, found: RecordSet) -> Result<(), Error> {
    let now = observed(&input.params.state(), &found);
    if now == json!(input.params) { Ok(()) } else { place.put(&input.params, false) }
}

fn wait_for_zone(input: &Input<DnsRecord>) -> Result<Progress<DnsRecord>, Error> {
    let Waiting { polls } = input.continuation()?.unwrap_or_default();
    let zone = &input.params.zone;
    if polls >= MOST_ZONE_POLLS {
        return Err(Error::invalid("/params/zone", format!("the server has no zone `{zone}`")));
    }
    context::status(&format!("waiting for the zone `{zone}`"));
    Ok(Progress::Pending(json!(Waiting { polls: polls + 1 }), ZONE_POLL_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(records: &[&str], comments: &[&str]) -> RecordSet {
        let records = records.iter().map(|it| Record { content: it.to_string(), disabled: false }).collect();
        let comments = comments.iter().map(|it| Comment { content: it.to_string(), account: String::new() }).collect();
        RecordSet { name: "www.a.".into(), kind: "TXT".into(), ttl: 60, records, comments }
    }

    #[test]
    fn a_comment_tells_whose_a_set_is() {
        let labels = |id: &str| Labels::new([("vend-resource".to_owned(), id.to_owned())]);
        let ours = labels("res_1");
        assert!(owned(&set(&[], &["by hand", &ours.to_json()]), &ours));
        assert!(!owned(&set(&[], &["by hand", &labels("res_2").to_json()]), &ours));
        assert!(!owned(&set(&[], &[]), &ours));
    }

    #[test]
    fn another_spelling_is_no_difference() {
        let params = Params {
            zone: "A".into(),
            name: "www.a".into(),
            kind: Kind::Txt,
            ttl: 60,
            records: vec!["ü".into(), "b".into()],
        };
        let params = params.normal().unwrap();
        let now = observed(&params.state(), &set(&["\"ü\"", "\"\\098\""], &[]));
        assert_eq!(now, json!(params));
        assert_ne!(observed(&params.state(), &set(&["\"b\""], &[])), json!(params));
    }
}
