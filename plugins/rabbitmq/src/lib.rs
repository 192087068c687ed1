//! The driver `rabbitmq`: a vhost on a shared broker, with a user of the same name that may use it.

mod broker;
mod documents;

use broker::{Limits, Place, Sight};
use documents::{Config, Outputs, Params, State};
use serde_json::{Value, json};
use vend_sdk::secrets::{self, Policy};
use vend_sdk::{
    Action, Driver, Error, Finding, Found, Identity, Input, Object, Observation, Observed, Plan, Prior, Progress,
    Removal, Resource, Secret, Slot, Type, claims, ensure,
};

vend_sdk::export!(driver);

pub fn driver() -> Driver {
    vend_sdk::driver!()
        .title("RabbitMQ")
        .slot(
            "server",
            Slot::read_write(["http"]).about("The management API of the broker, down to `/api`.").requests([
                ("GET", "/whoami"),
                ("GET PUT DELETE", "/vhosts/*"),
                ("GET PUT DELETE", "/users/*"),
                ("GET PUT", "/permissions/*/*"),
                ("GET", "/vhost-limits/*"),
                ("PUT DELETE", "/vhost-limits/*/*"),
            ]),
        )
        .encodings(["json", "percent"])
        .serves::<RabbitmqVhost>()
}

pub struct RabbitmqVhost;

impl Resource for RabbitmqVhost {
    const NAME: &'static str = "rabbitmq-vhost";
    type Params = Params;
    type Config = Config;
    type State = State;
    type Outputs = Outputs;

    fn describe() -> Type {
        Type::new(Identity::Named).create_only(["/name"]).natural_key("server", "rabbitmq-vhost", ["/name"])
    }

    fn validate(params: Params, _: &Config) -> Result<Params, Error> {
        params.normal()
    }

    fn plan(mut derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let sight = wanted(input).look()?;
        sight.refuse_foreign()?;
        match (&sight.vhost, &sight.user) {
            // What stands under the new name says nothing of the object that is replaced.
            _ if derived.action == Action::Replace => {}
            (Found::Ours(_), Found::Ours(_)) => {}
            _ => derived.make_again(),
        }
        if derived.changes("/config") {
            derived.forget("url");
        }
        derived.know("host", input.config.host.as_str());
        derived.know("port", input.config.port);
        derived.know("vhost", input.params.name.as_str());
        derived.know("username", input.params.name.as_str());
        Ok(derived)
    }

    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error> {
        let place = wanted(input);
        place.look()?.refuse_foreign()?;
        if input.prior.is_none() {
            claims::checkpoint(None, &State { name: input.params.name.clone() })?;
        }
        let password = password()?;
        ensure(|| place.vhost(), || place.make_vhost())?;
        ensure(|| place.user(), || place.put_user(&password, &input.params.tags))?;
        converge(&place, input, password)
    }

    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let place = Place::new(&prior.state.name, &input.labels);
        let sight = place.look()?;
        if prior.external_id.is_none() && !sight.any_ours() {
            return Ok(Observation::Absent);
        }
        sight.refuse_foreign()?;
        let (there, tags) = match sight {
            Sight { vhost: Found::Absent, user: Found::Absent } => return Ok(Observation::Absent),
            Sight { vhost: Found::Ours(_), user: Found::Ours(tags) } => (true, tags),
            _ => (false, Vec::new()),
        };
        let unready = |params: Value| {
            let object = Object::unfinished(place.name, prior.state.clone());
            Observation::Unready(Observed { object, params })
        };
        if !there {
            return Ok(unready(json!({ "name": place.name })));
        }
        let Limits { max_connections, max_queues } = place.limits()?;
        let mut params = json!({
            "name": place.name, "tags": tags, "max-connections": max_connections, "max-queues": max_queues,
        });
        let permissions = place.permissions()?;
        if let Some(permissions) = &permissions {
            params["permissions"] = json!(permissions);
        }
        Ok(match (&prior.outputs, permissions) {
            (Some(outputs), Some(_)) => {
                let object = Object::new(place.name, prior.state.clone(), outputs.clone());
                Observation::Ready(Observed { object, params })
            }
            _ => unready(params),
        })
    }

    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let place = wanted(input);
        let sight = place.look()?;
        if !sight.any_ours() {
            return Ok(Finding::None);
        }
        let made = matches!((&sight.vhost, &sight.user), (Found::Ours(_), Found::Ours(_)));
        let name = place.name.to_owned();
        Ok(Finding::One { external_id: made.then(|| name.clone()), state: State { name } })
    }

    fn update(input: &Input<Self>, _: &Prior<Self>) -> Result<Progress<Self>, Error> {
        converge(&wanted(input), input, password()?)
    }

    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error> {
        let place = Place::new(&prior.state.name, &input.labels);
        let sight = place.look()?;
        // Where making it had only begun, what is not ours was never made by us, and stays.
        if prior.external_id.is_some() {
            sight.refuse_foreign()?;
        }
        if let Found::Ours(_) = sight.vhost {
            place.delete_vhost()?;
        }
        if let Found::Ours(_) = sight.user {
            place.delete_user()?;
        }
        Ok(Removal::Gone)
    }
}

fn wanted(input: &Input<RabbitmqVhost>) -> Place<'_> {
    Place::new(&input.params.name, &input.labels)
}

/// The same one whenever it is asked for.
fn password() -> Result<Secret, Error> {
    secrets::generate("password", &Policy::alphanumeric(32))
}

/// Vhost and user are there; tags, permissions and limits become what is asked.
fn converge(place: &Place, input: &Input<RabbitmqVhost>, password: Secret) -> Result<Progress<RabbitmqVhost>, Error> {
    let params = &input.params;
    let sight = place.look()?;
    sight.refuse_foreign()?;
    let (Found::Ours(()), Found::Ours(tags)) = (sight.vhost, sight.user) else {
        return Err(Error::not_found(format!("vhost or user `{}`", place.name)));
    };
    if !params.tags.iter().map(|tag| tag.as_str()).eq(tags.iter().map(String::as_str)) {
        place.put_user(&password, &params.tags)?;
    }
    if place.permissions()?.as_ref() != Some(&params.permissions) {
        place.permit(&params.permissions)?;
    }
    let limits = place.limits()?;
    if limits.max_connections != params.max_connections {
        place.limit("max-connections", params.max_connections)?;
    }
    if limits.max_queues != params.max_queues {
        place.limit("max-queues", params.max_queues)?;
    }
    let outputs = Outputs::new(place.name, &input.config, password)?;
    Ok(Progress::Done(Object::new(place.name, State { name: place.name.to_owned() }, outputs)))
}

#[cfg(test)]
mod tests;
