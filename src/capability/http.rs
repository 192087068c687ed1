//! `vend:driver/http-read` and `http-write`: linked, and without a backend behind them, because no connection type speaks HTTP.

use crate::domain::contract::{Error, ErrorKind};
use crate::wit::vend::driver::http_types::{Request, Response};
use crate::wit::vend::driver::types::{Error as WitError, Semantics};
use crate::wit::vend::driver::{http_read, http_write};

use super::convert::error_to_wit;
use super::host::Live;

type Answer = wasmtime::Result<Result<Response, WitError>>;

impl http_read::Host for Live<'_> {
    async fn fetch(&mut self, _req: Request) -> Answer {
        Ok(Err(unsupported()))
    }
}

impl http_write::Host for Live<'_> {
    async fn send(&mut self, _req: Request, _semantics: Semantics) -> Answer {
        Ok(Err(unsupported()))
    }
}

fn unsupported() -> WitError {
    error_to_wit(Error::new(ErrorKind::Unsupported, "HTTP_UNSUPPORTED", "this vend has no HTTP connections"))
}
