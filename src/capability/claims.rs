//! `vend:driver/claims`: what the core keeps for a resource while a step is under way. Apply only.

use crate::domain::contract::{Claim, Error, ErrorKind};
use crate::domain::secret::Handle;
use crate::wit::vend::driver::claims::Host;
use crate::wit::vend::driver::types;

use super::convert::{check_external_id, error_to_wit, json_object};
use super::host::Live;

const LARGEST_STATE: usize = 1 << 20;

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
    let state = json_object("the state of a claim", &claim.state)?;
    // Of the value, not of the text: JSON can write a letter in more than one way.
    if !Handle::scan(&state.to_string()).is_empty() {
        return Err("the state of a claim holds no secret handles: ask for the secret by its name again".to_owned());
    }
    claim.external_id.as_deref().map_or(Ok(()), check_external_id)?;
    Ok(Claim { external_id: claim.external_id, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_small_flat_and_without_handles() {
        let parse = |external_id: Option<&str>, state: String| {
            parse(types::Claim { external_id: external_id.map(str::to_owned), state })
        };
        let sized = |bytes: usize| format!(r#"{{"x":"{}"}}"#, "y".repeat(bytes - 8));
        assert!(parse(Some("id"), sized(LARGEST_STATE)).is_ok() && parse(None, "{}".to_owned()).is_ok());
        let handle = Handle::from_bytes(&[7; 32]).to_string();
        let escaped = handle.replacen('v', r"\u0076", 1);
        for (id, state, why) in [
            (None, sized(LARGEST_STATE + 1), "bytes at most"),
            (None, "[]".to_owned(), "JSON object"),
            (None, "{".to_owned(), "not JSON"),
            (None, format!("{{\"x\":{}1{}}}", "[".repeat(64), "]".repeat(64)), "deeper"),
            (None, format!(r#"{{"x":"{handle}"}}"#), "no secret handles"),
            (None, format!(r#"{{"x":"{escaped}"}}"#), "no secret handles"),
            (Some(handle.as_str()), "{}".to_owned(), "external id"),
            (Some("a\u{1b}[2J"), "{}".to_owned(), "control characters"),
        ] {
            let error = parse(id, state.clone()).expect_err(&state);
            assert!(error.contains(why), "{error}");
        }
    }
}
