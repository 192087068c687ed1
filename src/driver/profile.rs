//! A component linked three times, once per profile; after that an attempt only instantiates.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::capability::linker;
use crate::domain::contract::Profile;
use crate::wit::DriverPre;

use super::state::State;
use super::wasi;

pub struct Profiles {
    pure: DriverPre<State>,
    observe: DriverPre<State>,
    apply: DriverPre<State>,
}

impl Profiles {
    pub fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let link = |profile| {
            let mut linker = Linker::new(engine);
            linker::link(&mut linker, profile)?;
            wasi::link(&mut linker, component)?;
            DriverPre::new(linker.instantiate_pre(component)?)
        };
        Ok(Self { pure: link(Profile::Pure)?, observe: link(Profile::Observe)?, apply: link(Profile::Apply)? })
    }

    pub fn of(&self, profile: Profile) -> &DriverPre<State> {
        match profile {
            Profile::Pure => &self.pure,
            Profile::Observe => &self.observe,
            Profile::Apply => &self.apply,
        }
    }
}
