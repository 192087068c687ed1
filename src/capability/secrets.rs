//! `vend:driver/secrets`: handles for values that the guest never sees.
//!
//! Nothing is waited for here, and nothing counted but secrets that are made: the time it takes is the guest's.

use crate::domain::contract::Error;
use crate::domain::secret::{Fresh, Handle};
use crate::wit::vend::driver::secrets::{Host, Part as WitPart, Policy as WitPolicy};
use crate::wit::vend::driver::types;

use super::abort::Abort;
use super::book::Part;
use super::convert::{error_to_wit, secret_use};
use super::host::{self, Live};
use super::password::Policy;

type Answer = wasmtime::Result<Result<String, types::Error>>;

impl Host for Live<'_> {
    async fn generate(&mut self, name: String, policy: WitPolicy) -> Answer {
        let policy =
            Policy { length: policy.length, alphabet: policy.alphabet, at_least_one_of: policy.at_least_one_of };
        let made = self.0.book.generate(&name, &policy);
        Ok(self.0.keep(made)?.map_err(error_to_wit))
    }

    async fn compose(&mut self, parts: Vec<WitPart>) -> Answer {
        Ok(self.0.compose(parts)?.map_err(error_to_wit))
    }
}

impl host::Host {
    pub(super) fn compose(&mut self, parts: Vec<WitPart>) -> Result<Result<String, Error>, Abort> {
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|part| match part {
                WitPart::Text(text) => Part::Text(text),
                WitPart::Secret(of) => Part::Secret(secret_use(of)),
            })
            .collect();
        let made = self.book.compose(&parts);
        self.keep(made)
    }

    /// A new secret waits for the next commit: it is durable before anything that holds its handle is sent.
    fn keep(&mut self, made: Result<(Handle, Option<Fresh>), Error>) -> Result<Result<String, Error>, Abort> {
        match made {
            Ok((handle, fresh)) => {
                if let Some(fresh) = fresh {
                    self.tape.keep_secret(fresh)?;
                }
                Ok(Ok(handle.to_string()))
            }
            Err(error) => Ok(Err(self.deny(error))),
        }
    }
}
