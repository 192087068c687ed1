//! The driver `sqlite`: databases as files in a directory, with a schema that grows.

mod database;
mod migrations;

use database::{Database, Standing, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vend_sdk::{
    Action, Driver, Error, Finding, Identity, Input, Labels, Object, Observation, Observed, Plan, Prior, Progress,
    Removal, Resource, Slot, Type, Violations,
};

vend_sdk::export!(driver);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .title("SQLite")
        .slot("server", Slot::read_write(["sqlite"]).about("The directory in which the databases lie."))
        .serves::<SqliteDatabase>()
}

pub struct SqliteDatabase;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name of the database; its file is `NAME.db`.
    #[schemars(regex(pattern = r"^[a-z0-9_-]{1,63}$"))]
    name: String,
    /// SQL statements that run once each, in order. The list only grows: tables named `vend_…` are not yours.
    #[serde(default)]
    schema: Vec<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The connection's directory as whoever opens the database sees it; then `path` is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    name: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Resource for SqliteDatabase {
    const NAME: &'static str = "sqlite-database";
    type Params = Params;
    type Config = Config;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/name"]).natural_key("server", "sqlite-database", ["/name"])
    }

    fn validate(mut params: Params, _: &Config) -> Result<Params, Error> {
        for statement in &mut params.schema {
            *statement = statement.trim().trim_end_matches(';').trim_end().to_owned();
        }
        let mut wrong = Violations::default();
        wrong.require(database::is_name(&params.name), "/params/name", "1 to 63 of a-z, 0-9, - and _");
        for (at, statement) in params.schema.iter().enumerate() {
            wrong.require(!statement.is_empty(), format!("/params/schema/{at}"), "a statement is empty");
        }
        wrong.or(params)
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let database = of(input);
        match database.standing()? {
            Standing::Foreign => return Err(Error::foreign(database.what())),
            // What stands under the new name says nothing of the object that is replaced.
            _ if derived.action == Action::Replace => {}
            Standing::Absent | Standing::Begun => derived.make_again(),
            Standing::Ours => {
                let applied = migrations::applied(&database.sql())?;
                migrations::missing(&applied, &input.params.schema)?;
            }
        }
        let Outputs { name, path } = outputs(&input.params, &input.config);
        derived.know("name", name);
        match path {
            Some(path) => derived.know("path", path),
            None => derived.drop("path"),
        }
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        of(input).ensure([migrations::table()])?;
        Self::converge(input)
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let database = of_prior(&input.labels, prior);
        match database.standing()? {
            Standing::Ours => {}
            Standing::Begun => {
                let object = Object::unfinished(&prior.state.name, prior.state.clone());
                let params = json!({ "name": prior.state.name });
                return Ok(Observation::Unready(Observed { object, params }));
            }
            Standing::Absent => return Ok(Observation::Absent),
            Standing::Foreign if announced(Some(prior)) => return Ok(Observation::Absent),
            // Somebody else's, or ours without its labels: nothing that says "gone".
            Standing::Foreign => return Err(Error::foreign(database.what())),
        }
        let schema = migrations::applied(&database.sql())?;
        let params = Params { name: prior.state.name.clone(), schema };
        let outputs = outputs(&params, &input.config);
        Ok(Observation::Ready(Observed {
            object: Object::new(&params.name, prior.state.clone(), outputs),
            params: json!(params),
        }))
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let name = &input.params.name;
        let state = State { name: name.clone() };
        Ok(match of(input).standing()? {
            Standing::Ours => Finding::One { external_id: Some(name.clone()), state },
            Standing::Begun => Finding::One { external_id: None, state },
            Standing::Absent | Standing::Foreign => Finding::None,
        })
    }

    fn update(input: &Input<Self>, _: &Prior<Self>) -> Result<Progress<Self>, Error> {
        let database = of(input);
        match database.standing()? {
            Standing::Ours => Self::converge(input),
            Standing::Absent | Standing::Begun => Err(Error::not_found(database.what())),
            Standing::Foreign => Err(Error::foreign(database.what())),
        }
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        of_prior(&input.labels, prior).remove()?;
        Ok(Removal::Gone)
    }
}

impl SqliteDatabase {
    fn converge(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        migrations::apply(&of(input).sql(), &input.params.schema)?;
        let state = State { name: input.params.name.clone() };
        let outputs = outputs(&input.params, &input.config);
        Ok(Progress::Done(Object::new(&input.params.name, state, outputs)))
    }
}

fn of(input: &Input<SqliteDatabase>) -> Database<'_> {
    Database::new(&input.params.name, &input.labels).announced(announced(input.prior.as_ref()))
}

fn of_prior<'a>(labels: &'a Labels, prior: &'a Prior<SqliteDatabase>) -> Database<'a> {
    Database::new(&prior.state.name, labels).announced(announced(Some(prior)))
}

/// Whether making it was announced and its end never seen.
fn announced(prior: Option<&Prior<SqliteDatabase>>) -> bool {
    prior.is_some_and(|prior| prior.external_id.is_none())
}

fn outputs(params: &Params, config: &Config) -> Outputs {
    let path =
        config.directory.as_ref().map(|directory| format!("{}/{}.db", directory.trim_end_matches('/'), params.name));
    Outputs { name: params.name.clone(), path }
}

#[cfg(test)]
mod tests;
