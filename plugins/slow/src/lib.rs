//! The driver `slow`: a SQLite database that is made at once and ready after as many seconds as one asks. For
//! demonstrations and tests of waiting.
//!
//! Its file counts how often it was made: the table `created` has one row per executed creation.

// One file of the driver `sqlite`, which as a component of its own cannot be depended on.
#[path = "../../sqlite/src/database.rs"]
mod database;

use database::{Database, Standing, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vend_sdk::{
    Action, Driver, Error, Finding, Identity, Input, Nothing, Object, Observation, Observed, Plan, Prior, Progress,
    Removal, Resource, Slot, Statement, Type, Violations, claims, context,
};

vend_sdk::export!(driver);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .title("Slow")
        .slot("server", Slot::read_write(["sqlite"]).about("The directory in which the databases lie."))
        .serves::<SlowDatabase>()
}

pub struct SlowDatabase;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name of the database; its file is `NAME.db`.
    #[schemars(regex(pattern = r"^[a-z0-9_-]{1,63}$"))]
    name: String,
    /// How long it takes until the database is ready.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3600))]
    seconds: u32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    name: String,
}

/// What a waiting create hands to its next step: how long it has waited by the last time it looked at the clock. Not until
/// when it waits, which would be never if the clock were set back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Waiting {
    waited_ms: u64,
    seen_ms: u64,
}

impl Waiting {
    /// What it has still to wait at `now_ms`.
    fn left_ms(&mut self, seconds: u32, now_ms: u64) -> u32 {
        self.waited_ms = self.waited_ms.saturating_add(now_ms.saturating_sub(self.seen_ms));
        self.seen_ms = now_ms;
        let left_ms = (u64::from(seconds) * 1000).saturating_sub(self.waited_ms);
        u32::try_from(left_ms).unwrap_or(u32::MAX)
    }
}

impl Resource for SlowDatabase {
    const NAME: &'static str = "slow-database";
    type Params = Params;
    type Config = Nothing;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/name"]).natural_key("server", "sqlite-database", ["/name"])
    }

    fn validate(params: Params, _: &Nothing) -> Result<Params, Error> {
        let mut wrong = Violations::default();
        wrong.require(database::is_name(&params.name), "/params/name", "1 to 63 of a-z, 0-9, - and _");
        wrong.require(params.seconds <= 3600, "/params/seconds", "at most 3600");
        wrong.or(params)
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let database = of(input);
        match database.standing()? {
            Standing::Foreign => return Err(Error::foreign(database.what())),
            _ if derived.action == Action::Replace => {}
            Standing::Absent | Standing::Begun => derived.make_again(),
            Standing::Ours => {}
        }
        derived.know("name", input.params.name.as_str());
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let mut waiting = match input.continuation()? {
            Some(waiting) => waiting,
            None => begin(input)?,
        };
        let left_ms = waiting.left_ms(input.params.seconds, context::now_ms());
        if left_ms == 0 {
            return Ok(Progress::Done(object(input)));
        }
        context::status(&format!("ready in {} s", left_ms.div_ceil(1000)));
        Ok(Progress::Pending(json!(waiting), left_ms.min(1000)))
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let name = &prior.state.name;
        let unfinished = prior.external_id.is_none();
        let database = Database::new(name, &input.labels).announced(unfinished);
        // How long it took cannot be observed.
        let params = json!({ "name": name });
        let outputs = Outputs { name: name.clone() };
        Ok(match database.standing()? {
            Standing::Ours if prior.outputs.is_some() => {
                let object = Object::new(name, prior.state.clone(), outputs);
                Observation::Ready(Observed { object, params })
            }
            Standing::Ours | Standing::Begun => {
                let object = Object::unfinished(name, prior.state.clone());
                Observation::Unready(Observed { object, params })
            }
            Standing::Foreign if !unfinished => return Err(Error::foreign(database.what())),
            Standing::Absent | Standing::Foreign => Observation::Absent,
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let state = State { name: input.params.name.clone() };
        Ok(match of(input).standing()? {
            Standing::Ours => Finding::One { external_id: Some(state.name.clone()), state },
            Standing::Begun => Finding::One { external_id: None, state },
            Standing::Absent | Standing::Foreign => Finding::None,
        })
    }

    /// Only `seconds` can have changed, and what has been made has been waited for.
    fn update(input: &Input<Self>, _: &Prior<Self>) -> Result<Progress<Self>, Error> {
        Ok(Progress::Done(object(input)))
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let unfinished = prior.external_id.is_none();
        Database::new(&prior.state.name, &input.labels).announced(unfinished).remove()?;
        Ok(Removal::Gone)
    }
}

/// Makes the file, or takes ours; the time since when it is waited for lies in it.
fn begin(input: &Input<SlowDatabase>) -> Result<Waiting, Error> {
    let database = of(input);
    let now = i64::try_from(context::now_ms()).unwrap_or(i64::MAX);
    database.ensure([
        Statement::new("CREATE TABLE created (at_ms INTEGER NOT NULL)"),
        Statement::new("INSERT INTO created (at_ms) VALUES (?1)").bind(now),
    ])?;
    if input.prior.as_ref().is_none_or(|prior| prior.external_id.is_none()) {
        let name = &input.params.name;
        claims::checkpoint(Some(name), &State { name: name.clone() })?;
    }
    let rows = database.sql().query("SELECT min(at_ms) AS at_ms FROM created")?;
    let at: Option<i64> = rows.first().map(|row| row.get("at_ms")).transpose()?.flatten();
    Ok(Waiting { waited_ms: 0, seen_ms: u64::try_from(at.unwrap_or(now)).unwrap_or_default() })
}

fn of(input: &Input<SlowDatabase>) -> Database<'_> {
    let unfinished = input.prior.as_ref().is_some_and(|prior| prior.external_id.is_none());
    Database::new(&input.params.name, &input.labels).announced(unfinished)
}

fn object(input: &Input<SlowDatabase>) -> Object<SlowDatabase> {
    let name = input.params.name.clone();
    Object::new(name.clone(), State { name: name.clone() }, Outputs { name })
}

#[cfg(test)]
mod tests {
    //! What can be said of the driver without a host.

    use super::*;

    #[test]
    fn the_description_is_one() {
        let schema =
            serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
        let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
        let faults: Vec<String> = validator.iter_errors(&driver().document()).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn it_waits_as_long_as_asked() {
        let mut waiting = Waiting { waited_ms: 0, seen_ms: 10_000 };
        assert_eq!(waiting.left_ms(5, 10_000), 5000);
        assert_eq!(waiting.left_ms(5, 14_999), 1);
        assert_eq!(waiting.left_ms(5, 15_000), 0);
        assert_eq!(Waiting { waited_ms: 0, seen_ms: 10_000 }.left_ms(0, 9_000), 0);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_make_it_wait_longer() {
        let mut waiting = Waiting { waited_ms: 0, seen_ms: 86_400_000 };
        assert_eq!(waiting.left_ms(5, 86_402_000), 3000);
        assert_eq!(waiting.left_ms(5, 1_000), 3000, "what had gone by stays gone by");
        assert_eq!(waiting.left_ms(5, 2_500), 1500);
        assert_eq!(waiting.left_ms(5, 4_000), 0);
    }
}
