//! `postgres-credentials`: a login of its own on a database that is there. Each incarnation is a role of another name, so that a new one
//! works before the former goes.

mod access;
mod documents;
mod login;

use serde_json::json;
use vend_sdk::secrets::{self, Policy};
use vend_sdk::{
    Action, Error, Finding, Found, Identity, Input, Object, Observation, Observed, Plan, Prior, Progress, Removal,
    Resource, Secret, Type, claims, ensure,
};

use crate::documents::{Config, Outputs};
use documents::{Params, State};
use login::Login;

pub struct PostgresCredentials;

impl Resource for PostgresCredentials {
    const NAME: &'static str = "postgres-credentials";
    type Params = Params;
    type Config = Config;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/database", "/name", "/rotation"])
    }

    fn validate(params: Params, _: &Config) -> Result<Params, Error> {
        params.normal()
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let replaces = derived.action == Action::Replace;
        if !replaces {
            let state = state(input, input.incarnation);
            match Login::new(&state, &input.labels).look()? {
                Found::Foreign(what) => return Err(Error::foreign(what)),
                Found::Absent if input.prior.is_some() => derived.make_again(),
                _ => {}
            }
        }
        if derived.changes("/config") {
            derived.forget("url");
        }
        let user = state(input, input.incarnation + u32::from(replaces)).name;
        let known = Outputs::open(&input.params.database, &user, &input.config);
        derived.know("host", known.host);
        derived.know("port", known.port);
        derived.know("database", known.database);
        derived.know("user", known.user);
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let state = state(input, input.incarnation);
        let login = Login::new(&state, &input.labels);
        if let Found::Foreign(what) = login.look()? {
            return Err(Error::foreign(what));
        }
        // While planning it may have been about to be made.
        if login::owner(&state.database)?.is_none() {
            return Err(Error::not_found(format!("database `{}`", state.database)));
        }
        if input.prior.is_none() {
            claims::checkpoint(None, &state)?;
        }
        let password = secrets::generate(&format!("password-{}", input.incarnation), &Policy::alphanumeric(32))?;
        ensure(|| login.look(), || login.make(&password))?;
        converge(&login, input, Some(password))
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let login = Login::new(&prior.state, &input.labels);
        let name = &prior.state.name;
        match login.look()? {
            Found::Absent => return Ok(Observation::Absent),
            Found::Foreign(_) if prior.external_id.is_none() => return Ok(Observation::Absent),
            Found::Foreign(what) => return Err(Error::foreign(what)),
            Found::Ours(_) => {}
        }
        let unfinished = || Object::unfinished(name, prior.state.clone());
        if login::owner(&prior.state.database)?.is_none() {
            return Ok(Observation::Unready(Observed { object: unfinished(), params: json!({ "database": null }) }));
        }
        let sight = login.sight()?;
        let params = json!({
            "database": prior.state.database, "access": sight.access, "connection-limit": sight.connection_limit,
        });
        Ok(match &prior.outputs {
            Some(outputs) => {
                let object = Object::new(name, prior.state.clone(), outputs.clone());
                Observation::Ready(Observed { object, params })
            }
            None => Observation::Unready(Observed { object: unfinished(), params }),
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let state = state(input, input.incarnation);
        Ok(match Login::new(&state, &input.labels).look()? {
            Found::Ours(_) => Finding::One { external_id: Some(state.name.clone()), state },
            _ => Finding::None,
        })
    }

    fn update(input: &Input<Self>, prior: &Prior<Self>) -> Result<Progress<Self>, Error> {
        let password = prior.outputs.as_ref().and_then(|outputs| outputs.password.clone());
        converge(&Login::new(&prior.state, &input.labels), input, password)
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let login = Login::new(&prior.state, &input.labels);
        match login.look()? {
            Found::Ours(_) => login.remove()?,
            // Where making it had only begun, what is not ours was never made by us, and stays.
            Found::Foreign(what) if prior.external_id.is_some() => return Err(Error::foreign(what)),
            Found::Foreign(_) | Found::Absent => {}
        }
        Ok(Removal::Gone)
    }
}

/// What it may and how often at once; the role is there.
fn converge(
    login: &Login,
    input: &Input<PostgresCredentials>,
    password: Option<Secret>,
) -> Result<Progress<PostgresCredentials>, Error> {
    login.settle(input.params.access, input.params.connection_limit)?;
    let state = login.state.clone();
    let outputs = Outputs::open(&state.database, &state.name, &input.config);
    let outputs = match password {
        Some(password) => outputs.with(password)?,
        None => outputs,
    };
    Ok(Progress::Done(Object::new(state.name.clone(), state, outputs)))
}

fn state(input: &Input<PostgresCredentials>, incarnation: u32) -> State {
    State::new(&input.params, &input.resource_id, incarnation)
}

#[cfg(test)]
mod tests;
