//! The driver `postgres`: a database on a shared server, with a role of the same name that owns it; and logins on databases that are there.

mod credentials;
mod discovery;
mod documents;
mod extensions;
mod server;

use credentials::PostgresCredentials;
use documents::{Config, Outputs, Params, State};
use serde_json::json;
use server::{Facts, Place, Sight};
use vend_sdk::secrets::{self, Policy};
use vend_sdk::{
    Action, Adoption, Change, Discovered, Discovery, Driver, Error, Finding, Found, Identity, Input, Object,
    Observation, Observed, Plan, Prior, Progress, Removal, Resource, Slot, Type, claims, ensure,
};

vend_sdk::export!(driver, discover);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .title("PostgreSQL")
        .slot("server", Slot::read_write(["postgres"]).about("The server on which databases and roles are made."))
        .encodings(["percent", "scram-sha-256"])
        .serves::<PostgresDatabase>()
        .serves::<PostgresCredentials>()
}

pub struct PostgresDatabase;

impl Resource for PostgresDatabase {
    const NAME: &'static str = "postgres-database";
    type Params = Params;
    type Config = Config;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named)
            .create_only(["/name"])
            .natural_key("server", "postgres-database", ["/name"])
            .adoptable()
            .discoverable()
    }

    fn validate(params: Params, _: &Config) -> Result<Params, Error> {
        params.normal()
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let sight = wanted(input).look()?;
        sight.refuse_foreign()?;
        extensions::check(&input.params.extensions)?;
        match (&sight.role, &sight.database) {
            // What stands under the new name says nothing of the object that is replaced.
            _ if derived.action == Action::Replace => {}
            (Found::Ours(role), Found::Ours(facts)) => {
                let labelled = role.0 && facts.signed.0;
                if !labelled && matches!(derived.action, Action::None | Action::Update) {
                    derived.action = Action::Update;
                    derived
                        .changes
                        .push(Change { after: Some(json!(input.labels.to_json())), ..Change::at("/labels") });
                }
            }
            _ => derived.make_again(),
        }
        if derived.changes("/config") {
            derived.forget("url");
        }
        let known = Outputs::open(&input.params.name, &input.params.name, &input.config);
        derived.know("host", known.host);
        derived.know("port", known.port);
        derived.know("database", known.database);
        derived.know("user", known.user);
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let place = wanted(input);
        place.look()?.refuse_foreign()?;
        if input.prior.is_none() {
            claims::checkpoint(None, &state(place.name, false))?;
        }
        let password = secrets::generate("password", &Policy::alphanumeric(32))?;
        ensure(|| Ok(place.look()?.role), || place.make_role(&password))?;
        ensure(|| Ok(place.look()?.database), || place.make_database(input.params.connection_limit))?;
        converge(&place, input, Some(password))
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let place = Place::of(&prior.state, &input.labels);
        let sight = place.look()?;
        if prior.external_id.is_none() && !any_ours(&sight) {
            return Ok(Observation::Absent);
        }
        sight.refuse_foreign()?;
        let state = prior.state.clone();
        Ok(match (&sight.role, &sight.database) {
            (Found::Ours(_), Found::Ours(facts)) => {
                let extensions = extensions::installed(&place.inside())?;
                let params = json!({
                    "name": place.name, "extensions": extensions, "connection-limit": facts.connection_limit,
                });
                match &prior.outputs {
                    Some(outputs) => {
                        let object = Object::new(place.name, state, outputs.clone());
                        Observation::Ready(Observed { object, params })
                    }
                    None => Observation::Unready(Observed { object: Object::unfinished(place.name, state), params }),
                }
            }
            (Found::Absent, Found::Absent) => Observation::Absent,
            _ => {
                let object = Object::unfinished(place.name, state);
                Observation::Unready(Observed { object, params: json!({ "name": place.name }) })
            }
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let place = wanted(input);
        let sight = place.look()?;
        if !any_ours(&sight) {
            return Ok(Finding::None);
        }
        let made = matches!(sight.database, Found::Ours(_));
        Ok(Finding::One { external_id: made.then(|| place.name.to_owned()), state: state(place.name, false) })
    }

    fn update(input: &Input<Self>, prior: &Prior<Self>) -> Result<Progress<Self>, Error> {
        let password = prior.outputs.as_ref().and_then(|outputs| outputs.password.clone());
        converge(&wanted(input), input, password)
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let place = Place::of(&prior.state, &input.labels);
        let sight = place.look()?;
        // Where making it had only begun, what is not ours was never made by us, and stays.
        if prior.external_id.is_some() {
            sight.refuse_foreign()?;
        }
        if let Found::Ours(_) = sight.database {
            place.drop_database()?;
        }
        if let Found::Ours(_) = sight.role {
            place.drop_role()?;
        }
        Ok(Removal::Gone)
    }

    fn discover(discovery: &Discovery<Self>) -> Result<Discovered, Error> {
        discovery::page(discovery)
    }

    fn adopt(adoption: &Adoption<Self>) -> Result<Observed<Self>, Error> {
        let place = Place::new(&adoption.external_id, &adoption.labels).adopted(true);
        let sight = place.look()?;
        sight.refuse_foreign()?;
        let (Found::Ours(_), Found::Ours(facts @ Facts { owned: true, .. })) = (&sight.role, &sight.database) else {
            return Err(Error::not_found(format!("a database `{0}` that a role `{0}` owns", place.name)));
        };
        let extensions = extensions::installed(&place.inside())?;
        let params =
            json!({ "name": place.name, "extensions": extensions, "connection-limit": facts.connection_limit });
        let outputs = Outputs::open(place.name, place.name, &adoption.config);
        Ok(Observed { object: Object::new(place.name, state(place.name, true), outputs), params })
    }
}

/// Signs it, sets the limit and the extensions; role and database are there.
fn converge(
    place: &Place,
    input: &Input<PostgresDatabase>,
    password: Option<vend_sdk::Secret>,
) -> Result<Progress<PostgresDatabase>, Error> {
    let sight = place.look()?;
    sight.refuse_foreign()?;
    let (Found::Ours(role), Found::Ours(facts)) = (sight.role, sight.database) else {
        return Err(Error::not_found(format!("database `{}`", place.name)));
    };
    place.settle(role, facts, input.params.connection_limit)?;
    extensions::converge(&place.inside(), &input.params.extensions)?;
    let outputs = Outputs::open(place.name, place.name, &input.config);
    let outputs = match password {
        Some(password) => outputs.with(password)?,
        None => outputs,
    };
    Ok(Progress::Done(Object::new(place.name, state(place.name, false), outputs)))
}

fn wanted(input: &Input<PostgresDatabase>) -> Place<'_> {
    let adopted = input.prior.as_ref().is_some_and(|prior| prior.state.adopted);
    Place::new(&input.params.name, &input.labels).adopted(adopted)
}

fn any_ours(sight: &Sight) -> bool {
    matches!(sight.role, Found::Ours(_)) || matches!(sight.database, Found::Ours(_))
}

fn state(name: &str, adopted: bool) -> State {
    State { name: name.to_owned(), adopted }
}

#[cfg(test)]
mod tests;
