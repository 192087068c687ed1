//! The host against small drivers, good and hostile ones.

mod limits;
mod loading;
mod profiles;
mod replaying;
mod secrets;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use serde_json::json;

use super::fixture::{Fixture, description};
use super::{Attempt, Driver, LoadError, Report, Runtime, RuntimeConfig};
use crate::capability::backend::Backend;
use crate::capability::grants::{Grant, Grants};
use crate::capability::journal::memory::MemoryJournal;
use crate::capability::sql::{Failure, Fate, Rows, Sql, Statement, Transaction, Value};
use crate::capability::testing::{Counter, Ticking};
use crate::domain::contract::{Call, Error, ErrorKind, Input};
use crate::domain::description::Access;
use crate::domain::limits::Limits;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new(config()).expect("an engine starts"));

fn config() -> RuntimeConfig {
    RuntimeConfig {
        cache_dir: None,
        max_instances: 8,
        max_limits: Limits::default(),
        entropy: Arc::new(Counter::new(42)),
    }
}

async fn load(fixture: &Fixture) -> Result<Driver, LoadError> {
    RUNTIME.load(fixture.build()).await
}

/// A fixture whose create is `body`.
fn creating(body: impl FnOnce(&mut Fixture) -> String) -> Fixture {
    Fixture::new().describe(&description()).verb("create", body)
}

/// A database that does what the text of a statement says: `refuse`, `lose`, `hang`; anything else is applied. Keeps what it got.
#[derive(Default)]
struct Told {
    asked: Mutex<Vec<String>>,
}

impl Told {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics holding it").clone()
    }

    async fn answer(&self, statement: &Statement) -> Result<Rows, Failure> {
        let mut text = statement.sql.clone();
        for param in &statement.params {
            if let Value::Text(param) = param {
                text = format!("{text} {param}");
            }
        }
        self.asked.lock().expect("no test panics holding it").push(text);
        match statement.sql.as_str() {
            sql if sql.starts_with("refuse") => {
                Err(Failure::Refused(Error::new(ErrorKind::Conflict, "TOLD", "as told")))
            }
            sql if sql.starts_with("lose") => Err(Failure::Lost("as told".to_owned())),
            sql if sql.starts_with("hang") => std::future::pending().await,
            _ => Ok(Rows { columns: vec!["a".to_owned()], rows: vec![vec![Value::Integer(1)]], affected: 1 }),
        }
    }
}

/// Commits, or loses the answer to it.
struct Open {
    rows: Vec<Rows>,
    lost: Option<String>,
}

#[async_trait]
impl Transaction for Open {
    fn proof(&self) -> Option<(&str, &[Rows])> {
        Some(("1", &self.rows))
    }

    async fn commit(self: Box<Self>) -> Result<Vec<Rows>, Failure> {
        self.lost.map_or(Ok(self.rows), |why| Err(Failure::Lost(why)))
    }
}

#[async_trait]
impl Sql for Told {
    async fn query(&self, _database: Option<&str>, statement: &Statement) -> Result<Rows, Error> {
        match self.answer(statement).await {
            Ok(rows) => Ok(rows),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(why)) => Err(Error::new(ErrorKind::Unavailable, "LOST", why)),
        }
    }

    async fn begin(&self, _database: Option<&str>, statements: &[Statement]) -> Result<Box<dyn Transaction>, Error> {
        let (mut rows, mut lost) = (Vec::new(), None);
        for statement in statements {
            match self.answer(statement).await {
                Ok(answer) => rows.push(answer),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Lost(why)) => lost = Some(why),
            }
        }
        Ok(Box::new(Open { rows, lost }))
    }

    async fn fate(&self, _transaction: &str) -> Result<Fate, Error> {
        Ok(Fate::Unknown)
    }

    async fn execute(&self, _database: Option<&str>, statement: &Statement) -> Result<Rows, Failure> {
        self.answer(statement).await
    }

    async fn identity(&self) -> Result<String, Error> {
        Ok("told".to_owned())
    }

    async fn check(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

/// What attempts of one step share.
struct Step {
    backend: Arc<Told>,
    journal: Arc<MemoryJournal>,
    limits: Limits,
    access: Access,
}

impl Step {
    fn new() -> Self {
        Self { backend: Arc::default(), journal: Arc::default(), limits: Limits::default(), access: Access::ReadWrite }
    }

    fn with_journal(journal: MemoryJournal) -> Self {
        Self { journal: Arc::new(journal), ..Self::new() }
    }

    fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::new() }
    }

    fn attempt(&self, call: Call) -> Attempt {
        let backend = Backend::Sql(self.backend.clone());
        let grant = Grant {
            access: self.access,
            connection: "told".to_owned(),
            reads_apart: true,
            backend,
            asked: Vec::new(),
            standing: Default::default(),
        };
        let record = self.journal.record();
        Attempt {
            call,
            grants: Grants { slots: BTreeMap::from([("db".to_owned(), grant)]) },
            limits: self.limits.clone(),
            past: self.journal.past(),
            trace: String::new(),
            journal: self.journal.clone(),
            secrets: record.secrets.into_iter().map(|fresh| (fresh.handle, fresh.value)).collect(),
            handle_key: [3; 32],
            seed: [4; 32],
            clock: Arc::new(Ticking::from_ms(1_000_000 * (record.commits as u64 + 1))),
            entropy: Arc::new(Counter::new(record.commits as u64)),
        }
    }

    async fn create(&self, driver: &Driver) -> Report {
        driver.run(self.attempt(Call::Create(input()))).await
    }
}

fn input() -> Input {
    Input {
        resource_id: "res_1".to_owned(),
        incarnation: 1,
        resource_type: "thing".to_owned(),
        labels: vec![("vend/resource".to_owned(), "res_1".to_owned())],
        config: json!({}),
        params: json!({ "name": "x" }),
        unknown: Vec::new(),
        prior: None,
        continuation: None,
        context: json!({ "generation": 1 }),
    }
}

/// Loads and creates once.
async fn create(fixture: &Fixture, step: &Step) -> Report {
    let driver = load(fixture).await.expect("the fixture is a driver");
    step.create(&driver).await
}
