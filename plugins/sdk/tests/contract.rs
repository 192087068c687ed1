//! The defaults of the SDK, asked through the contract like a host asks: description, normal form, plan. No import is touched.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vend_sdk::bindings::exports::vend::driver::lifecycle::{Action, Guest, Planned, Progress as WireProgress};
use vend_sdk::bindings::vend::driver::types::{Claim, Input as Wire, Prior as WirePrior};
use vend_sdk::serve::Exported;
use vend_sdk::{
    Driver, Error, ErrorKind, Identity, Input, Nothing, Prior, Progress, Removal, Resource, Secret, Slot, Type,
    Violations,
};

thread_local! {
    /// What creates and deletes were asked.
    static DONE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Component;

impl Exported for Component {
    fn driver() -> Driver {
        let asked = [("GET PUT", "/zones/*"), ("", "/jobs/**")];
        let api = Slot::read_write(["http"]).requests(asked);
        vend_sdk::driver!().slot("api", api).encodings(["plain"]).serves::<Zone>()
    }
}

struct Zone;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Params {
    name: String,
    #[serde(default)]
    max_records: Option<u32>,
    #[serde(default)]
    contact: Contact,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Contact {
    #[serde(default)]
    mail: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Outputs {
    host: String,
    token: Secret,
}

impl Resource for Zone {
    const NAME: &'static str = "zone";
    type Params = Params;
    type Config = Nothing;
    type State = Nothing;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Findable).create_only(["/name"]).natural_key("api", "zone", ["/name"]).settle_ms(500)
    }

    fn validate(mut params: Params, _: &Nothing) -> Result<Params, Error> {
        params.name = params.name.to_lowercase();
        let mut wrong = Violations::default();
        wrong.require(params.name.contains('.'), "/params/name", "not a domain name");
        wrong.require(params.max_records != Some(0), "/params/max-records", "at least one");
        let fits = !params.contact.mail.contains('@') || params.contact.mail.ends_with(&params.name);
        wrong.require_of(fits, ["/params/contact/mail", "/params/name"], "not a mailbox of the zone");
        wrong.or(params)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let prior = if input.prior.is_some() { "completing" } else { "making" };
        DONE.with_borrow_mut(|done| done.push(format!("{prior} {}", input.params.name)));
        Ok(Progress::Pending(json!({}), 100))
    }

    /// In two steps.
    fn delete(input: &Input<Self>, _: &Prior<Self>) -> Result<Removal, Error> {
        DONE.with_borrow_mut(|done| done.push(format!("removing {}", input.params.name)));
        match input.continuation::<u32>()? {
            None => Ok(Removal::Pending(json!(1), 100)),
            Some(_) => Ok(Removal::Gone),
        }
    }
}

fn input(params: Value) -> Wire {
    Wire {
        resource_id: "res_1".into(),
        incarnation: 1,
        resource_type: "zone".into(),
        labels: vec![],
        config: "{}".into(),
        params: params.to_string(),
        unknown: vec![],
        prior: None,
        continuation: None,
        context: "{}".into(),
    }
}

fn prior(params: Value, outputs: Value) -> WirePrior {
    WirePrior {
        claim: Claim { external_id: None, state: "{}".into() },
        params: params.to_string(),
        config: "{}".into(),
        outputs: outputs.to_string(),
    }
}

fn plan(applied: Value, outputs: Value, desired: Value, unknown: &[&str]) -> Planned {
    let prior = prior(applied, outputs);
    let unknown = unknown.iter().map(|pointer| pointer.to_string()).collect();
    Component::plan(Wire { prior: Some(prior), unknown, ..input(desired) }).expect("it can be planned")
}

fn made() -> Value {
    json!({ "host": "ns1", "token": "{{secret:t}}" })
}

#[test]
fn the_description_fits_its_schema() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document: Value = serde_json::from_str(&Component::describe()).expect("it is JSON");
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let zone = &document["types"]["zone"];
    assert_eq!(zone["outputs"]["properties"]["token"], json!({ "type": "string", "x-vend-secret": true }));
    assert_eq!(zone["params"]["properties"]["contact"]["properties"]["mail"]["type"], "string");
    assert_eq!(zone["natural-key"], json!({ "slot": "api", "family": "zone", "pointers": ["/name"] }));
    assert!(!document.to_string().contains("$ref"));
    let asked = json!([{ "methods": ["GET", "PUT"], "path": "/zones/*" }, { "path": "/jobs/**" }]);
    assert_eq!(document["slots"]["api"]["requests"], asked);
}

#[test]
fn a_wrong_description_does_not_fit() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document: Value = serde_json::from_str(&Component::describe()).expect("it is JSON");
    for (pointer, value) in [
        ("/version", json!("one")),
        ("/types/zone/identity", json!("lucky")),
        ("/types/zone/create-only", json!(["name"])),
        ("/types/zone/params", json!({ "type": "objekt" })),
        ("/slots/api/access", json!("write")),
        ("/slots/api/requests/0/methods", json!(["get"])),
        ("/slots/api/requests/0/path", json!("zones")),
        ("/limits", json!({ "threads": 8 })),
    ] {
        let mut wrong = document.clone();
        *wrong.pointer_mut(pointer).expect("it is there") = value;
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
}

#[test]
fn the_normal_form_is_reached_at_once() {
    let once = Component::validate(input(json!({ "name": "Shop.Example" }))).expect("it is valid");
    let normal = json!({ "name": "shop.example", "max-records": null, "contact": { "mail": "" } });
    assert_eq!(serde_json::from_str::<Value>(&once).ok(), Some(normal.clone()));
    assert_eq!(Component::validate(input(normal)), Ok(once));
}

#[test]
fn faults_have_pointers() {
    let check = |params: Value, pointer: &str, message: &str| {
        let error = Component::validate(input(params)).expect_err("it is wrong");
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert_eq!(error.violations[0].pointer, pointer);
        assert!(error.violations[0].message.contains(message), "{error:?}");
    };
    check(json!({ "name": 4 }), "/params/name", "expected a string");
    check(json!({}), "/params", "missing field `name`");
    check(json!({ "name": "a.b", "contact": { "mail": [] } }), "/params/contact/mail", "expected a string");
    check(json!({ "name": "a.b", "contact": { "fax": "" } }), "/params/contact/fax", "unknown field `fax`");
    check(json!({ "name": "a.b", "max-records": 0 }), "/params/max-records", "at least one");
    let apart = json!({ "name": "a.b", "contact": { "mail": "x@c.d" } });
    check(apart.clone(), "/params/contact/mail", "not a mailbox");
    let error = Component::validate(input(apart)).expect_err("it is wrong");
    assert_eq!(error.violations[1].pointer, "/params/name");
}

#[test]
fn what_is_not_known_yet_is_not_judged() {
    let unknown = || vec!["/params/name".to_owned()];
    let ask = |params: Value| Component::validate(Wire { unknown: unknown(), ..input(params) });
    let answer = ask(json!({ "contact": { "mail": "x@a.b" } })).expect("the rest is valid");
    let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
    assert_eq!(answer, json!({ "max-records": null, "contact": { "mail": "x@a.b" } }));
    let error = ask(json!({ "max-records": 0 })).expect_err("what is known is wrong");
    assert_eq!(error.violations.len(), 1);
    assert_eq!(error.violations[0].pointer, "/params/max-records");
}

#[test]
fn nothing_made_yet_is_created() {
    let planned = Component::plan(input(json!({ "name": "a.b" }))).expect("it can be planned");
    assert_eq!(planned.action, Action::Create);
    assert_eq!(planned.unknown, ["/host", "/token"]);
    let unfinished = plan(json!({ "name": "a.b" }), json!({}), json!({ "name": "a.b" }), &[]);
    assert_eq!(unfinished.action, Action::Create);
}

#[test]
fn another_spelling_is_no_change() {
    let planned = plan(json!({ "name": "A.B" }), made(), json!({ "name": "a.b", "contact": {} }), &[]);
    assert_eq!((planned.action, planned.changes.len()), (Action::None, 0));
    assert_eq!(serde_json::from_str::<Value>(&planned.outputs).ok(), Some(made()));
    assert!(planned.unknown.is_empty());
}

#[test]
fn a_change_updates_or_replaces() {
    let planned = plan(json!({ "name": "a.b" }), made(), json!({ "name": "a.b", "contact": { "mail": "x" } }), &[]);
    assert_eq!(planned.action, Action::Update);
    let change = &planned.changes[0];
    assert_eq!((change.pointer.as_str(), change.forces_replacement), ("/params/contact/mail", false));
    assert_eq!((change.before.as_deref(), change.after.as_deref()), (Some("\"\""), Some("\"x\"")));

    let planned = plan(json!({ "name": "a.b" }), made(), json!({ "name": "b.c", "max-records": 3 }), &[]);
    assert_eq!(planned.action, Action::Replace);
    let forcing = planned.changes.iter().filter(|change| change.forces_replacement);
    assert_eq!(forcing.map(|change| change.pointer.as_str()).collect::<Vec<_>>(), ["/params/name"]);
    assert_eq!(planned.unknown, ["/host", "/token"]);
}

#[test]
fn what_is_not_known_yet_counts_as_a_change() {
    let planned = plan(json!({ "name": "a.b" }), made(), json!({ "name": "a.b" }), &["/params/max-records"]);
    assert_eq!(planned.action, Action::Update);
    assert_eq!(planned.changes[0].pointer, "/params/max-records");
    assert_eq!((&planned.changes[0].before, &planned.changes[0].after), (&None, &None));
    assert_eq!(planned.unknown, ["/host", "/token"], "what it will offer may be something else as well");
    let planned = plan(json!({ "name": "a.b" }), made(), json!({}), &["/params/name"]);
    assert_eq!(planned.action, Action::Replace);
}

#[test]
fn verbs_without_a_default_say_so() {
    let error = Component::find(input(json!({ "name": "a.b" }))).expect_err("there is no find");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(Component::migrate("zone".into(), 1, 1, "{}".into()), Ok("{}".into()));
    assert!(Component::migrate("zone".into(), 1, 2, "{}".into()).is_err());
    let stranger = Wire { resource_type: "castle".into(), ..input(json!({})) };
    assert_eq!(Component::validate(stranger).expect_err("no such type").kind, ErrorKind::Unsupported);
}

#[test]
fn what_was_begun_under_another_name_is_removed_first() {
    let create = |desired: Value, continuation: Option<String>| {
        let input = Wire { prior: Some(prior(json!({ "name": "A.B" }), json!({}))), continuation, ..input(desired) };
        let progress = Component::create(input).expect("it can be made");
        let WireProgress::Pending(pending) = progress else { panic!("{progress:?}") };
        (pending.continuation, DONE.take())
    };
    let (_, done) = create(json!({ "name": "a.b" }), None);
    assert_eq!(done, ["completing a.b"]);
    let (continuation, done) = create(json!({ "name": "b.c" }), None);
    assert_eq!(done, ["removing A.B"]);
    let (_, done) = create(json!({ "name": "b.c" }), Some(continuation));
    assert_eq!(done, ["removing A.B", "making b.c"]);
}
