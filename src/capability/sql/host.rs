//! `vend:driver/sql-read` and `sql-write`: from what a driver asks to what a backend is sent, and back.
//!
//! In this order: replay → grant → secrets → intent → backend → scrubbing → outcome. Whatever is refused before the backend was
//! asked is recorded as well, so that a grant given later does not change what a replay sees.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::capability::abort::Abort;
use crate::capability::backend::Backend;
use crate::capability::book::not_listed;
use crate::capability::convert::{class, error_to_wit, secret_use};
use crate::capability::grants::{Grant, Grants};
use crate::capability::host::{self, Live};
use crate::capability::journal;
use crate::capability::scrub::Scrubber;
use crate::capability::standing::Sight;
use crate::capability::tape::Asked;
use crate::domain::contract::{Error, ErrorKind};
use crate::domain::description::Access;
use crate::domain::effect::{Class, Outcome, Proof, Request};
use crate::domain::secret::Handle;
use crate::wit::vend::driver::sql_types as wit;
use crate::wit::vend::driver::types::{Error as WitError, Semantics};
use crate::wit::vend::driver::{sql_read, sql_write};

use super::{Failure, Rows, Sql, Statement, Transaction, Value, wire};

const MOST_STATEMENTS: usize = 1000;

type Answer<T> = wasmtime::Result<Result<T, WitError>>;

impl sql_read::Host for Live<'_> {
    async fn query(
        &mut self,
        connection: String,
        database: Option<String>,
        statement: wit::Statement,
    ) -> Answer<wit::Rows> {
        let _paused = self.0.watch.pause();
        let target = Target { connection, database };
        let outcome = self.0.query(target, statement).await?;
        Ok(one(outcome)?.map_err(error_to_wit))
    }
}

impl sql_write::Host for Live<'_> {
    async fn transact(
        &mut self,
        connection: String,
        database: Option<String>,
        statements: Vec<wit::Statement>,
    ) -> Answer<Vec<wit::Rows>> {
        let _paused = self.0.watch.pause();
        let target = Target { connection, database };
        let outcome = self.0.transact(target, statements).await?;
        Ok(many(outcome)?.map_err(error_to_wit))
    }

    async fn execute(
        &mut self,
        connection: String,
        database: Option<String>,
        statement: wit::Statement,
        semantics: Semantics,
    ) -> Answer<wit::Rows> {
        let _paused = self.0.watch.pause();
        let target = Target { connection, database };
        let outcome = self.0.execute(target, statement, class(semantics)).await?;
        Ok(one(outcome)?.map_err(error_to_wit))
    }
}

/// Where a statement goes.
struct Target {
    connection: String,
    database: Option<String>,
}

impl host::Host {
    async fn query(&mut self, target: Target, statement: wit::Statement) -> Result<Outcome, Abort> {
        let arguments = json!({ "connection": target.connection, "database": target.database, "statement": wire::statement(&statement) });
        let ticket =
            match self.tape.next(Request { function: "sql-read.query".to_owned(), class: Class::Read, arguments })? {
                Asked::Recorded(outcome) => return Ok(outcome),
                Asked::Live(ticket) => ticket,
            };
        let ready = self.backend(&target.connection, Access::Read).and_then(|to| Ok((to, readable(statement)?)));
        let outcome = match ready {
            Err(error) => Outcome::Refused(self.deny(error)),
            Ok(((sql, grant), statement)) => {
                let measured = self.measure(&grant.connection, "sql-read.query");
                let answer = match grant.standing.check(&grant.connection) {
                    Ok(()) => sql.query(target.database.as_deref(), &statement).await,
                    Err(error) => Err(error),
                };
                measured.end(if answer.is_ok() { "answered" } else { "refused" });
                self.saw(&grant, answer.as_ref().map(drop));
                let scrubber = self.book.scrubber();
                match answer {
                    Ok(rows) => Outcome::Applied(wire::rows_to_json(&clean(rows, false, &scrubber))),
                    Err(error) => Outcome::Refused(self.clean_error(error, false, &scrubber)),
                }
            }
        };
        self.tape.note(ticket, outcome)
    }

    async fn transact(&mut self, target: Target, statements: Vec<wit::Statement>) -> Result<Outcome, Abort> {
        let listed: Vec<Json> = statements.iter().map(wire::statement).collect();
        let arguments = json!({ "connection": target.connection, "database": target.database, "statements": listed });
        let request = Request { function: "sql-write.transact".to_owned(), class: Class::Transactional, arguments };
        self.write(target, statements, request, true).await
    }

    async fn execute(&mut self, target: Target, statement: wit::Statement, class: Class) -> Result<Outcome, Abort> {
        let arguments = json!({ "connection": target.connection, "database": target.database, "statement": wire::statement(&statement) });
        let request = Request { function: "sql-write.execute".to_owned(), class, arguments };
        self.write(target, vec![statement], request, false).await
    }

    async fn write(
        &mut self,
        target: Target,
        statements: Vec<wit::Statement>,
        request: Request,
        together: bool,
    ) -> Result<Outcome, Abort> {
        let ticket = match self.tape.next(request)? {
            Asked::Recorded(outcome) => return Ok(outcome),
            Asked::Live(ticket) => ticket,
        };
        let ready =
            self.backend(&target.connection, Access::ReadWrite).and_then(|to| Ok((to, self.writable(statements)?)));
        let ((sql, grant), statements) = match ready {
            Ok(ready) => ready,
            Err(error) => {
                let refusal = Outcome::Refused(self.deny(error));
                return self.tape.note(ticket, refusal);
            }
        };
        let database = target.database.as_deref();
        let function = if together { "sql-write.transact" } else { "sql-write.execute" };
        let measured = self.measure(&grant.connection, function);
        let (sent, answer) = match together {
            true => match self.begin(&sql, &grant, database, &statements).await {
                // What was not committed did not happen: it needs no intent.
                Err(error) => {
                    self.saw(&grant, Err(&error));
                    measured.end("refused");
                    let refusal = Outcome::Refused(self.refused(error, &statements));
                    return self.tape.note(ticket, refusal);
                }
                Ok((transaction, proof)) => {
                    let sent = self.tape.intend(ticket, proof).await?;
                    let answer = match grant.standing.check(&grant.connection) {
                        Ok(()) => transaction.commit().await,
                        Err(error) => Err(Failure::Refused(error)),
                    };
                    (sent, answer)
                }
            },
            false => {
                let sent = self.tape.intend(ticket, None).await?;
                let answer = match grant.standing.check(&grant.connection) {
                    Ok(()) => sql.execute(database, &statements[0]).await.map(|rows| vec![rows]),
                    Err(error) => Err(Failure::Refused(error)),
                };
                (sent, answer)
            }
        };
        measured.end(match &answer {
            Ok(_) => "answered",
            Err(Failure::Refused(_)) => "refused",
            Err(Failure::Lost(_)) => "lost",
        });
        match &answer {
            Ok(_) => self.saw(&grant, Ok(())),
            Err(Failure::Refused(error)) => self.saw(&grant, Err(error)),
            Err(Failure::Lost(_)) => {}
        }
        let outcome = match answer {
            Ok(answers) => {
                let mut rows = self.told(&answers, &statements);
                Outcome::Applied(if together { Json::Array(rows) } else { rows.swap_remove(0) })
            }
            Err(Failure::Refused(error)) => Outcome::Refused(self.refused(error, &statements)),
            Err(Failure::Lost(_)) => return Err(self.tape.lost(sent)),
        };
        self.tape.conclude(sent, outcome).await
    }

    /// Everything but the commit, and how its fate can be asked should its answer be lost.
    async fn begin(
        &self,
        sql: &Arc<dyn Sql>,
        grant: &Grant,
        database: Option<&str>,
        statements: &[Statement],
    ) -> Result<(Box<dyn Transaction>, Option<Proof>), Error> {
        grant.standing.check(&grant.connection)?;
        // Asked before a session is taken: it may need the only one there is.
        let system = sql.identity().await?;
        let transaction = sql.begin(database, statements).await?;
        let proof = transaction.proof().map(|(number, rows)| Proof {
            system,
            transaction: number.to_owned(),
            answer: Json::Array(self.told(rows, statements)),
        });
        Ok((transaction, proof))
    }

    /// What the driver gets of the answers: no rows of what carries a secret, and no secret of the others.
    fn told(&self, answers: &[Rows], statements: &[Statement]) -> Vec<Json> {
        let scrubber = self.book.scrubber();
        let secret = |at: usize| statements.get(at).is_none_or(|statement| statement.confidential);
        let clean = |(at, rows): (usize, &Rows)| wire::rows_to_json(&clean(rows.clone(), secret(at), &scrubber));
        answers.iter().enumerate().map(clean).collect()
    }

    fn refused(&mut self, error: Error, statements: &[Statement]) -> Error {
        let confidential = statements.iter().any(|statement| statement.confidential);
        let scrubber = self.book.scrubber();
        self.clean_error(error, confidential, &scrubber)
    }

    fn backend(&self, slot: &str, access: Access) -> Result<(Arc<dyn Sql>, Grant), Error> {
        let grant = self.grants.get(slot, access)?;
        match &grant.backend {
            Backend::Sql(sql) => Ok((sql.clone(), grant.clone())),
            Backend::Http(_) => Err(Grants::other_protocol(slot, "SQL")),
        }
    }

    /// What the answer says about the backend.
    fn saw(&self, grant: &Grant, answer: Result<(), &Error>) {
        let sight = answer.map_or_else(Sight::Failed, |()| Sight::Served);
        grant.standing.saw(sight, self.tape.now());
    }

    /// Statements with their secrets put in.
    fn writable(&self, statements: Vec<wit::Statement>) -> Result<Vec<Statement>, Error> {
        if statements.is_empty() || statements.len() > MOST_STATEMENTS {
            let message = format!("a transaction has 1 to {MOST_STATEMENTS} statements, not {}", statements.len());
            return Err(Error::new(ErrorKind::InvalidInput, "STATEMENT_COUNT", message));
        }
        let mut ready = Vec::with_capacity(statements.len());
        for statement in statements {
            if let Some(handle) = standing(&statement) {
                return Err(not_listed(&handle));
            }
            let mut confidential = false;
            let mut params = Vec::with_capacity(statement.params.len());
            for param in statement.params {
                params.push(match param {
                    wit::Value::Secret(of) => {
                        confidential = true;
                        Value::Text(self.book.write(&secret_use(of))?.reveal().to_owned())
                    }
                    other => open(other),
                });
            }
            ready.push(Statement { sql: statement.sql, params, inline: statement.inline, confidential });
        }
        Ok(ready)
    }

    /// An error of a statement with secrets keeps its kind and code and loses the backend's words, which may quote the statement.
    fn clean_error(&mut self, mut error: Error, confidential: bool, scrubber: &Scrubber) -> Error {
        if confidential {
            error.message =
                format!("the backend refused a statement that carries a secret: {}", scrubber.text(&error.code));
            error.violations.clear();
        } else {
            error.message = scrubber.text(&error.message).into_owned();
            for violation in &mut error.violations {
                violation.message = scrubber.text(&violation.message).into_owned();
            }
        }
        self.deny(error)
    }
}

/// A statement to read with: no secrets and no handles, since a backend may keep what it was asked.
fn readable(statement: wit::Statement) -> Result<Statement, Error> {
    let secret = statement.params.iter().any(|param| matches!(param, wit::Value::Secret(_)));
    if secret || standing(&statement).is_some() {
        return Err(Error::new(ErrorKind::Denied, "HANDLE_IN_QUERY", "a query holds no secrets"));
    }
    let params = statement.params.into_iter().map(open).collect();
    Ok(Statement { sql: statement.sql, params, inline: statement.inline, confidential: false })
}

/// A handle that stands in a statement as mere text.
fn standing(statement: &wit::Statement) -> Option<Handle> {
    let first = |text: &str| Handle::scan(text).into_iter().next().map(|(_, handle)| handle);
    first(&statement.sql).or_else(|| {
        statement.params.iter().find_map(|param| match param {
            wit::Value::Text(text) => first(text),
            wit::Value::Bytes(bytes) => first(&String::from_utf8_lossy(bytes)),
            _ => None,
        })
    })
}

fn open(value: wit::Value) -> Value {
    match value {
        wit::Value::Null => Value::Null,
        wit::Value::Boolean(value) => Value::Boolean(value),
        wit::Value::Integer(value) => Value::Integer(value),
        wit::Value::Double(value) => Value::Double(value),
        wit::Value::Bytes(value) => Value::Bytes(value),
        // A handle that nobody opened is a text that means nothing to a backend.
        wit::Value::Secret(of) => Value::Text(of.handle),
        wit::Value::Text(value) => Value::Text(value),
    }
}

fn clean(mut rows: Rows, confidential: bool, scrubber: &Scrubber) -> Rows {
    if confidential {
        return Rows { affected: rows.affected, ..Rows::default() };
    }
    for value in rows.rows.iter_mut().flatten() {
        match value {
            Value::Text(text) => {
                if let std::borrow::Cow::Owned(clean) = scrubber.text(text) {
                    *text = clean;
                }
            }
            Value::Bytes(bytes) => scrubber.bytes(bytes),
            _ => {}
        }
    }
    rows
}

fn one(outcome: Outcome) -> Result<Result<wit::Rows, Error>, Abort> {
    match outcome {
        Outcome::Applied(json) => wire::rows_from_json(&json).map(Ok).map_err(|_| unreadable()),
        Outcome::Refused(error) => Ok(Err(error)),
        Outcome::Declined(_) => Err(unreadable()),
    }
}

fn many(outcome: Outcome) -> Result<Result<Vec<wit::Rows>, Error>, Abort> {
    match outcome {
        Outcome::Applied(json) => {
            let rows = wire::list(&json).and_then(|all| all.iter().map(wire::rows_from_json).collect::<Result<_, _>>());
            rows.map(Ok).map_err(|_| unreadable())
        }
        Outcome::Refused(error) => Ok(Err(error)),
        Outcome::Declined(_) => Err(unreadable()),
    }
}

fn unreadable() -> Abort {
    journal::Error::Store("a recorded answer is not made of rows".to_owned()).into()
}
