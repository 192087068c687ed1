//! Answers the contract's calls with a [`Driver`]: finds the resource type, converts on the way in and out.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use crate::begun::{self, Begun};
use crate::bindings::exports::vend::driver::lifecycle as out;
use crate::bindings::vend::driver::types as wire;
use crate::describe::TypeDocument;
use crate::discoverer::exports::vend::driver::discovery;
use crate::input::{no_prior, stored};
use crate::plan::{Documents, Made, Markers, derive};
use crate::results::json;
use crate::{Adoption, Discovery, Driver, Error, Input, Prior, Resource, schema, validate};

/// What `export!` implements.
pub trait Exported {
    fn driver() -> Driver;
}

/// The verbs of one type, in the contract's words.
pub(crate) trait Verbs {
    fn describe(&self) -> TypeDocument;
    fn validate(&self, input: &wire::Input) -> Result<String, Error>;
    fn plan(&self, input: &wire::Input) -> Result<out::Planned, Error>;
    fn create(&self, input: &wire::Input) -> Result<out::Progress, Error>;
    fn read(&self, input: &wire::Input) -> Result<out::Observation, Error>;
    fn find(&self, input: &wire::Input) -> Result<out::Finding, Error>;
    fn update(&self, input: &wire::Input) -> Result<out::Progress, Error>;
    fn delete(&self, input: &wire::Input) -> Result<out::Removal, Error>;
    fn adopt(&self, input: &wire::Input, external_id: String) -> Result<out::Observed, Error>;
    fn discover(&self, input: &wire::Input, page_token: Option<String>) -> Result<discovery::Page, Error>;
    fn migrate(&self, from: u32, to: u32, state: &str) -> Result<String, Error>;
}

pub(crate) struct Served<R>(PhantomData<R>);

impl<R> Served<R> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Resource> Verbs for Served<R> {
    fn describe(&self) -> TypeDocument {
        TypeDocument::of::<R>()
    }

    fn validate(&self, input: &wire::Input) -> Result<String, Error> {
        validate::normal_form::<R>(input)
    }

    fn plan(&self, input: &wire::Input) -> Result<out::Planned, Error> {
        let desired = desired::<R>(input)?;
        let schema = schema::of_output::<R::Outputs>();
        let markers = Markers { create_only: R::describe().create_only, outputs: schema::members(&schema) };
        let made = input.prior.as_ref().map(made::<R>).transpose()?;
        // While a create is unfinished there are no outputs, and it is to be completed.
        let made = made.filter(|made| !made.outputs.is_empty() || !schema::requires_members(&schema));
        let derived = derive(&desired, &input.unknown, made.as_ref(), &markers);
        if !input.unknown.is_empty() {
            return Ok(derived.wire());
        }
        Ok(R::plan(derived, &Input::desired(input)?)?.wire())
    }

    fn create(&self, input: &wire::Input) -> Result<out::Progress, Error> {
        let made = input.prior.as_ref().map(made::<R>).transpose()?;
        match begun::remove_other::<R>(input, &desired::<R>(input)?, made.as_ref())? {
            Begun::Same => R::create(&Input::desired(input)?)?.wire(),
            Begun::Gone => {
                let afresh = wire::Input { prior: None, continuation: None, ..input.clone() };
                R::create(&Input::desired(&afresh)?)?.wire()
            }
            Begun::Pending(pending) => Ok(out::Progress::Pending(pending)),
        }
    }

    fn read(&self, input: &wire::Input) -> Result<out::Observation, Error> {
        let (input, prior) = Input::<R>::applied(input)?;
        R::read(&input, &prior)?.wire()
    }

    fn find(&self, input: &wire::Input) -> Result<out::Finding, Error> {
        R::find(&Input::desired(input)?)?.wire()
    }

    fn update(&self, input: &wire::Input) -> Result<out::Progress, Error> {
        let prior = Prior::parse(input.prior.as_ref().ok_or_else(no_prior)?)?;
        R::update(&Input::desired(input)?, &prior)?.wire()
    }

    fn delete(&self, input: &wire::Input) -> Result<out::Removal, Error> {
        let (input, prior) = Input::<R>::applied(input)?;
        Ok(R::delete(&input, &prior)?.wire())
    }

    fn adopt(&self, input: &wire::Input, external_id: String) -> Result<out::Observed, Error> {
        R::adopt(&Adoption::parse(input, external_id)?)?.wire()
    }

    fn discover(&self, input: &wire::Input, page_token: Option<String>) -> Result<discovery::Page, Error> {
        Ok(R::discover(&Discovery::parse(input, page_token)?)?.wire())
    }

    fn migrate(&self, from: u32, to: u32, state: &str) -> Result<String, Error> {
        if from == to {
            return Ok(state.to_owned());
        }
        Ok(R::migrate(from, to, stored("state", state)?)?.to_string())
    }
}

/// What is asked, in its normal form.
fn desired<R: Resource>(input: &wire::Input) -> Result<Documents, Error> {
    let params = stored("params", &validate::normal_form::<R>(input)?)?;
    Ok(Documents { params, config: normal_config::<R>(&input.config)? })
}

/// What was applied, in today's normal form; as it stands where today's types cannot read it.
fn made<R: Resource>(prior: &wire::Prior) -> Result<Made, Error> {
    let as_desired = wire::Input {
        params: prior.params.clone(),
        config: prior.config.clone(),
        resource_id: String::new(),
        incarnation: 0,
        resource_type: String::new(),
        labels: Vec::new(),
        unknown: Vec::new(),
        prior: None,
        continuation: None,
        context: "{}".into(),
    };
    let params = validate::normal_form::<R>(&as_desired).unwrap_or_else(|_| prior.params.clone());
    let config = normal_config::<R>(&prior.config).or_else(|_| stored::<Value>("config", &prior.config))?;
    let outputs: Map<String, Value> = stored("outputs", &prior.outputs)?;
    Ok(Made { documents: Documents { params: stored("params", &params)?, config }, outputs })
}

fn normal_config<R: Resource>(config: &str) -> Result<Value, Error> {
    let config: R::Config = validate::parse("/config", config)?;
    stored("config", &json(&config)?)
}

fn with<T>(driver: &Driver, name: &str, call: impl FnOnce(&dyn Verbs) -> Result<T, Error>) -> Result<T, Error> {
    let verbs = driver.types.get(name);
    let verbs = verbs.ok_or_else(|| Error::unsupported(format!("resource type `{name}`")))?;
    call(verbs.as_ref())
}

impl<T: Exported + 'static> out::Guest for T {
    fn describe() -> String {
        T::driver().document().to_string()
    }

    fn validate(input: wire::Input) -> Result<String, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.validate(&input))
    }

    fn plan(input: wire::Input) -> Result<out::Planned, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.plan(&input))
    }

    fn create(input: wire::Input) -> Result<out::Progress, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.create(&input))
    }

    fn read(input: wire::Input) -> Result<out::Observation, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.read(&input))
    }

    fn find(input: wire::Input) -> Result<out::Finding, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.find(&input))
    }

    fn update(input: wire::Input) -> Result<out::Progress, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.update(&input))
    }

    fn delete(input: wire::Input) -> Result<out::Removal, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.delete(&input))
    }

    fn adopt(input: wire::Input, external_id: String) -> Result<out::Observed, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.adopt(&input, external_id))
    }

    fn migrate(resource_type: String, from: u32, to: u32, state: String) -> Result<String, Error> {
        with(&T::driver(), &resource_type, |verbs| verbs.migrate(from, to, &state))
    }
}

impl<T: Exported + 'static> discovery::Guest for T {
    fn discover(input: wire::Input, page_token: Option<String>) -> Result<discovery::Page, Error> {
        with(&T::driver(), &input.resource_type, |verbs| verbs.discover(&input, page_token))
    }
}
