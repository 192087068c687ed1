//! The driver `{{name}}`: a SQLite database with a table of notes. A place to begin.

use std::cell::Cell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vend_sdk::{
    Driver, Error, ErrorKind, Finding, Found, Identity, Input, Labels, Nothing, Object, Observation, Observed, Prior,
    Progress, Removal, Resource, Semantics, Slot, Sql, Statement, Type, claims, ensure,
};

vend_sdk::export!(driver);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .slot("server", Slot::read_write(["sqlite"]).about("The directory in which the databases lie."))
        .serves::<Notes>()
}

const SERVER: Sql = Sql::slot("server");

struct Notes;

/// What the developer asks.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Params {
    #[schemars(regex(pattern = r"^[a-z0-9_-]{1,63}$"))]
    name: String,
}

/// What the driver remembers.
#[derive(Clone, Serialize, Deserialize)]
struct State {
    name: String,
}

/// What the resource offers.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Outputs {
    database: String,
}

impl Resource for Notes {
    const NAME: &'static str = "{{name}}";
    type Params = Params;
    type Config = Nothing;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/name"]).natural_key("server", "sqlite-database", ["/name"])
    }

    /// May be called again at any point: it looks first, and makes only what is missing.
    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let state = State { name: input.params.name.clone() };
        let begun = Cell::new(begun(input.prior.as_ref()));
        let make = || {
            // Said before the file is made: if this attempt dies, the next one knows whose the empty file is.
            if !begun.replace(true) {
                claims::checkpoint(None, &state)?;
            }
            make(&state.name, &input.labels)
        };
        ensure(|| look(&state.name, &input.labels, begun.get()), make)?;
        let outputs = Outputs { database: state.name.clone() };
        Ok(Progress::Done(Object::new(state.name.clone(), state, outputs)))
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let state = prior.state.clone();
        Ok(match look(&state.name, &input.labels, begun(Some(prior)))? {
            Found::Ours(()) => Observation::Ready(Observed {
                params: json!({ "name": state.name }),
                object: Object::new(&prior.state.name, state.clone(), Outputs { database: state.name }),
            }),
            Found::Absent => Observation::Absent,
            Found::Foreign(what) => return Err(Error::foreign(what)),
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let state = State { name: input.params.name.clone() };
        let begun = begun(input.prior.as_ref());
        Ok(match look(&state.name, &input.labels, begun)? {
            Found::Ours(()) => Finding::One { external_id: Some(state.name.clone()), state },
            Found::Absent | Found::Foreign(_) => Finding::None,
        })
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let name = &prior.state.name;
        let begun = begun(Some(prior));
        match look(name, &input.labels, begun)? {
            Found::Absent if !begun => {}
            Found::Absent | Found::Ours(()) => {
                let dropped = SERVER.execute(format!("DROP DATABASE {name}"), Semantics::Idempotent);
                done(dropped, ErrorKind::NotFound)?;
            }
            // Making it had only begun: a stranger's was never ours.
            Found::Foreign(_) if begun => {}
            Found::Foreign(what) => return Err(Error::foreign(what)),
        }
        Ok(Removal::Gone)
    }
}

/// Whether an earlier attempt announced making it and did not see the end.
fn begun(prior: Option<&Prior<Notes>>) -> bool {
    prior.is_some_and(|prior| prior.external_id.is_none())
}

/// Ours is a database whose table `owner` carries our labels. If making it had begun, one without
/// tables counts as not made yet.
fn look(name: &str, labels: &Labels, begun: bool) -> Result<Found<()>, Error> {
    let known = Statement::new("SELECT name FROM databases WHERE name = ?1").bind(name);
    if SERVER.query(known)?.is_empty() {
        return Ok(Found::Absent);
    }
    let database = SERVER.database(name);
    let tables: Vec<String> = database.query("SELECT name FROM sqlite_master WHERE type = 'table'")?.column("name")?;
    if tables.is_empty() && begun {
        return Ok(Found::Absent);
    }
    let foreign = Found::Foreign(format!("database `{name}`"));
    if !tables.iter().any(|table| table == "owner") {
        return Ok(foreign);
    }
    let rows = database.query("SELECT label, value FROM owner")?;
    let found = Labels::new(rows.column("label")?.into_iter().zip(rows.column("value")?));
    Ok(if labels.own(&found) { Found::Ours(()) } else { foreign })
}

/// The file, then in one transaction its owner and its table.
fn make(name: &str, labels: &Labels) -> Result<(), Error> {
    let file = SERVER.execute(format!("CREATE DATABASE {name}"), Semantics::Idempotent);
    done(file, ErrorKind::AlreadyExists)?;
    let mut statements = vec![Statement::new("CREATE TABLE owner (label TEXT PRIMARY KEY, value TEXT NOT NULL)")];
    for (label, value) in labels.iter() {
        statements.push(Statement::new("INSERT INTO owner (label, value) VALUES (?1, ?2)").bind(label).bind(value));
    }
    statements.push(Statement::new("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"));
    SERVER.database(name).transact(statements)?;
    Ok(())
}

/// A refusal that says the work is already done is success.
fn done<T>(result: Result<T, Error>, already: ErrorKind) -> Result<(), Error> {
    match result {
        Err(error) if !error.is(already) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_description_names_the_type() {
        assert!(super::driver().document()["types"]["{{name}}"].is_object());
    }
}
