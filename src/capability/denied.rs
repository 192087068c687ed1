//! What an interface is linked to where its profile denies it: an implementation that has nothing but a refusal.

use crate::domain::contract::{Error, ErrorKind};
use crate::wit::vend::driver::http_types::{Request, Response};
use crate::wit::vend::driver::secrets::{Part, Policy};
use crate::wit::vend::driver::sql_types::{Rows, Statement};
use crate::wit::vend::driver::types::{Claim, Error as WitError, Semantics};
use crate::wit::vend::driver::{claims, http_read, http_write, secrets, sql_read, sql_write};

use super::abort::Abort;
use super::convert::error_to_wit;
use super::host::Host;

type Answer<T> = wasmtime::Result<Result<T, WitError>>;

/// Refuses everything.
pub struct Denied<'a> {
    pub host: &'a mut Host,
    /// `pure` or `observe`.
    pub profile: &'static str,
}

pub struct HasDenied;

impl wasmtime::component::HasData for HasDenied {
    type Data<'a> = Denied<'a>;
}

impl Denied<'_> {
    fn error(&mut self, function: &str) -> Error {
        self.host.denied += 1;
        let (code, allowed) = match self.profile {
            "pure" => ("DENIED_IN_PURE", "this verb may call nothing"),
            _ => ("DENIED_IN_OBSERVE", "this verb may only read"),
        };
        Error::new(ErrorKind::Denied, code, format!("{function} is denied: {allowed}"))
    }

    fn refuse<T>(&mut self, function: &str) -> Answer<T> {
        Ok(Err(error_to_wit(self.error(function))))
    }
}

impl claims::Host for Denied<'_> {
    async fn checkpoint(&mut self, _claim: Claim) -> Answer<()> {
        self.refuse("claims.checkpoint")
    }

    /// Has no way to answer with an error: the attempt ends with it.
    async fn key(&mut self, _name: String) -> wasmtime::Result<String> {
        Err(Abort::Denied(self.error("claims.key")).into())
    }
}

impl secrets::Host for Denied<'_> {
    async fn generate(&mut self, _name: String, _policy: Policy) -> Answer<String> {
        self.refuse("secrets.generate")
    }

    async fn compose(&mut self, _parts: Vec<Part>) -> Answer<String> {
        self.refuse("secrets.compose")
    }
}

impl sql_read::Host for Denied<'_> {
    async fn query(&mut self, _connection: String, _database: Option<String>, _statement: Statement) -> Answer<Rows> {
        self.refuse("sql-read.query")
    }
}

impl sql_write::Host for Denied<'_> {
    async fn transact(
        &mut self,
        _connection: String,
        _database: Option<String>,
        _statements: Vec<Statement>,
    ) -> Answer<Vec<Rows>> {
        self.refuse("sql-write.transact")
    }

    async fn execute(
        &mut self,
        _connection: String,
        _database: Option<String>,
        _statement: Statement,
        _semantics: Semantics,
    ) -> Answer<Rows> {
        self.refuse("sql-write.execute")
    }
}

impl http_read::Host for Denied<'_> {
    async fn fetch(&mut self, _req: Request) -> Answer<Response> {
        self.refuse("http-read.fetch")
    }
}

impl http_write::Host for Denied<'_> {
    async fn send(&mut self, _req: Request, _semantics: Semantics) -> Answer<Response> {
        self.refuse("http-write.send")
    }
}

/// Secrets while observing: parts can be put together, values do not come to be.
pub struct Observing<'a>(pub &'a mut Host);

pub struct HasObserving;

impl wasmtime::component::HasData for HasObserving {
    type Data<'a> = Observing<'a>;
}

impl secrets::Host for Observing<'_> {
    async fn generate(&mut self, name: String, policy: Policy) -> Answer<String> {
        Denied { host: self.0, profile: "observe" }.generate(name, policy).await
    }

    async fn compose(&mut self, parts: Vec<Part>) -> Answer<String> {
        Ok(self.0.compose(parts)?.map_err(error_to_wit))
    }
}
