//! PostgreSQL: refused until it is linked in.

use async_trait::async_trait;

use crate::capability::backend::Settings;
use crate::domain::contract::{Error, ErrorKind};

use super::{Failure, Rows, Sql, Statement};

pub struct Postgres(Error);

impl Postgres {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let message = format!("connection `{}`: this vend has no PostgreSQL", settings.name);
        Ok(Self(Error::new(ErrorKind::Unsupported, "POSTGRES_UNSUPPORTED", message)))
    }
}

#[async_trait]
impl Sql for Postgres {
    async fn query(&self, _database: Option<&str>, _statement: &Statement) -> Result<Rows, Error> {
        Err(self.0.clone())
    }

    async fn transact(&self, _database: Option<&str>, _statements: &[Statement]) -> Result<Vec<Rows>, Failure> {
        Err(Failure::Refused(self.0.clone()))
    }

    async fn execute(&self, _database: Option<&str>, _statement: &Statement) -> Result<Rows, Failure> {
        Err(Failure::Refused(self.0.clone()))
    }

    async fn identity(&self) -> Result<String, Error> {
        Err(self.0.clone())
    }

    async fn check(&self) -> Result<Vec<String>, Error> {
        Err(self.0.clone())
    }
}
