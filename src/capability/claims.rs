//! `vend:driver/claims`: what the core keeps for a resource while a step is under way. Apply only.

use crate::domain::contract::{Claim, Error, ErrorKind};
use crate::domain::secret::Handle;
use crate::wit::vend::driver::claims::Host;
use crate::wit::vend::driver::types;

use super::convert::error_to_wit;
use super::host::Live;

const LARGEST_STATE: usize = 1 << 20;
const LONGEST_EXTERNAL_ID: usize = 1 << 10;

impl Host for Live<'_> {
    async fn checkpoint(&mut self, claim: types::Claim) -> wasmtime::Result<Result<(), types::Error>> {
        match parse(claim) {
            Ok(claim) => {
                self.0.tape.keep_claim(claim);
                Ok(Ok(()))
            }
            Err(message) => Ok(Err(error_to_wit(Error::new(ErrorKind::InvalidInput, "CLAIM_INVALID", message)))),
        }
    }

    async fn key(&mut self, name: String) -> wasmtime::Result<String> {
        Ok(self.0.book.idempotency_key(&[self.0.scope.as_bytes(), name.as_bytes()]))
    }
}

fn parse(claim: types::Claim) -> Result<Claim, String> {
    if claim.state.len() > LARGEST_STATE {
        return Err(format!("the state of a claim has {LARGEST_STATE} bytes at most"));
    }
    let state: serde_json::Value =
        serde_json::from_str(&claim.state).map_err(|error| format!("the state of a claim is JSON: {error}"))?;
    if !state.is_object() {
        return Err("the state of a claim is a JSON object".to_owned());
    }
    if !Handle::scan(&claim.state).is_empty() {
        return Err("the state of a claim holds no secret handles: ask for the secret by its name again".to_owned());
    }
    if claim.external_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > LONGEST_EXTERNAL_ID) {
        return Err(format!("an external id has 1 to {LONGEST_EXTERNAL_ID} bytes"));
    }
    Ok(Claim { external_id: claim.external_id, state })
}
