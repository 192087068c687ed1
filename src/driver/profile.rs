//! A component linked three times, once per profile; after that an attempt only instantiates.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::capability::linker;
use crate::domain::contract::Profile;
use crate::wit::DriverPre;
use crate::wit::discoverer::DiscovererPre;

use super::state::State;
use super::wasi;

pub struct Profiles {
    pure: DriverPre<State>,
    observe: DriverPre<State>,
    apply: DriverPre<State>,
    /// In the observe profile; `None`: the component does not export it.
    discover: Option<DiscovererPre<State>>,
}

impl Profiles {
    pub fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let link = |profile| {
            let mut linker = Linker::new(engine);
            linker::link(&mut linker, profile)?;
            wasi::link(&mut linker, component)?;
            linker.instantiate_pre(component)
        };
        let observe = link(Profile::Observe)?;
        Ok(Self {
            pure: DriverPre::new(link(Profile::Pure)?)?,
            discover: DiscovererPre::new(observe.clone()).ok(),
            observe: DriverPre::new(observe)?,
            apply: DriverPre::new(link(Profile::Apply)?)?,
        })
    }

    pub fn discover(&self) -> Option<&DiscovererPre<State>> {
        self.discover.as_ref()
    }

    pub fn of(&self, profile: Profile) -> &DriverPre<State> {
        match profile {
            Profile::Pure => &self.pure,
            Profile::Observe => &self.observe,
            Profile::Apply => &self.apply,
        }
    }
}
