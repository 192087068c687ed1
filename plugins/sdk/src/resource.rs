//! The trait a driver implements for each resource type, with defaults for everything that has a sane one.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    Adoption, Discovered, Discovery, Error, Finding, Input, Observation, Observed, Plan, Prior, Progress, Removal, Type,
};

/// A document with a schema: params, config, outputs.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {}
impl<T: Serialize + DeserializeOwned + JsonSchema> Document for T {}

/// A document without members, for types without config, outputs or state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// One resource type. Every function is one bounded step in a fresh instance: it must not wait, and it may be called again
/// with the same input.
pub trait Resource: Sized + 'static {
    /// The name of the resource type, e.g. `postgres-database`.
    const NAME: &'static str;

    /// What the developer asks. Its members are the params schema; unknown ones should be denied.
    type Params: Document;
    /// What the platform team fixes in the recipe.
    type Config: Document;
    /// What the driver wants to remember. Never a copy of inputs.
    type State: Serialize + DeserializeOwned;
    /// What the resource offers to whoever ordered it.
    type Outputs: Document;

    /// Markers the schemas cannot carry: create-only params, natural key, identity, settle time.
    fn describe() -> Type;

    /// Pure. Rules the schema cannot say, and the normal form of the params; doing it twice changes nothing.
    /// Pointers of violations lead into the input: `/params/name`.
    fn validate(params: Self::Params, config: &Self::Config) -> Result<Self::Params, Error> {
        let _ = config;
        Ok(params)
    }

    /// Observes. `derived` is what prior and markers say; refine it by looking at the backend. Not called while some params
    /// are still unknown: then `derived` stands, and of what changes every output is unknown as well.
    fn plan(derived: Plan, input: &Input<Self>) -> Result<Plan, Error> {
        let _ = input;
        Ok(derived)
    }

    /// Applies. Makes what is missing; with a prior it completes it. However often it is called for one generation, there is
    /// at most one external object; a foreign one of that name is an error.
    fn create(input: &Input<Self>) -> Result<Progress<Self>, Error>;

    /// Observes. Any error means "inconclusive", never "absent". `input` holds params and config as last applied.
    fn read(input: &Input<Self>, prior: &Prior<Self>) -> Result<Observation<Self>, Error> {
        let _ = (input, prior);
        Err(Error::unsupported("read"))
    }

    /// Observes. Everything that carries our labels, complete or not. Settles a create whose answer was lost.
    fn find(input: &Input<Self>) -> Result<Finding<Self>, Error> {
        let _ = input;
        Err(Error::unsupported("find"))
    }

    /// Applies. Converges from whatever is there; the external id stays.
    fn update(input: &Input<Self>, prior: &Prior<Self>) -> Result<Progress<Self>, Error> {
        let _ = (input, prior);
        Err(Error::unsupported("update"))
    }

    /// Applies. Absent is success; works from prior alone, also from an unfinished one. `input` holds params and config as
    /// last applied.
    fn delete(input: &Input<Self>, prior: &Prior<Self>) -> Result<Removal, Error>;

    /// Observes. An existing object by its reference alone. Types that have it say so with [`Type::adoptable`].
    fn adopt(adoption: &Adoption<Self>) -> Result<Observed<Self>, Error> {
        let _ = adoption;
        Err(Error::unsupported("adopt"))
    }

    /// Observes. A page of all objects that carry the labels asked for, whatever else they carry; of all there are, if none are asked for. Types that have it say so with [`Type::discoverable`], and their driver is exported with `discover`.
    fn discover(discovery: &Discovery<Self>) -> Result<Discovered, Error> {
        let _ = discovery;
        Err(Error::unsupported("discover"))
    }

    /// Pure. State between neighbouring versions, both ways. Called only where the versions differ.
    fn migrate(from: u32, to: u32, state: serde_json::Value) -> Result<serde_json::Value, Error> {
        let _ = state;
        Err(Error::unsupported(format!("moving state from version {from} to {to}")))
    }
}
