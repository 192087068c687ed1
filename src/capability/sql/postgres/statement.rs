//! What may be sent at all: rules that are decided from a statement's text, before anything leaves.
//!
//! The server parses for real; these rules only have to be right about how a statement begins.

use crate::capability::sql::{Statement, Value};
use crate::domain::contract::{Error, ErrorKind};

use super::lexer::{Kind, Token, tokens};
use super::literal;

/// A statement as it goes to the server.
#[derive(Debug)]
pub struct Ready<'a> {
    pub sql: String,
    /// Empty if they were written into the text.
    pub params: &'a [Value],
    /// Has to answer with columns.
    pub read: bool,
    /// Carries a secret: answers without rows.
    pub confidential: bool,
    /// A secret stands in this call, here or elsewhere: no error may quote what the server says.
    pub guarded: bool,
}

impl<'a> Ready<'a> {
    /// One statement that begins like a read.
    pub fn read(statement: &'a Statement) -> Result<Self, Error> {
        if statement.confidential {
            return Err(Error::new(ErrorKind::Denied, "SECRET_IN_QUERY", "a query carries no secrets"));
        }
        let ready = Self::any(statement)?;
        if !begins_like_a_read(&ready.sql) {
            return Err(not_a_read());
        }
        Ok(Self { read: true, ..ready })
    }

    /// The statements of one transaction. Once a secret is in its tables, any of its errors might quote it.
    pub fn writes(statements: &'a [Statement]) -> Result<Vec<Self>, Error> {
        let guarded = statements.iter().any(|statement| statement.confidential);
        statements.iter().map(|statement| Ok(Self { guarded, ..Self::write(statement)? })).collect()
    }

    /// One statement that leaves transactions and the protocol alone.
    pub fn write(statement: &'a Statement) -> Result<Self, Error> {
        let ready = Self::any(statement)?;
        if is_transaction_control(&ready.sql) {
            return Err(Error::new(
                ErrorKind::Denied,
                "TRANSACTION_CONTROL",
                "transactions are the host's: leave BEGIN, COMMIT, SAVEPOINT and the like out",
            ));
        }
        if is_copy_through_the_client(&ready.sql) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "COPY_UNSUPPORTED",
                "COPY from STDIN or to STDOUT is not available: use INSERT or SELECT",
            ));
        }
        Ok(ready)
    }

    fn any(statement: &'a Statement) -> Result<Self, Error> {
        if statement.sql.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "STATEMENT_INVALID",
                "the statement contains a NUL character",
            ));
        }
        let is_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        if let Some(index) = statement.params.iter().position(is_nul) {
            return Err(bad_parameter(&literal::Bad::Nul(index + 1)));
        }
        let (sql, params) = if statement.inline {
            (literal::inline(&statement.sql, &statement.params).map_err(|bad| bad_parameter(&bad))?, &[][..])
        } else {
            (statement.sql.clone(), statement.params.as_slice())
        };
        if significant(&sql).next().is_none() {
            return Err(Error::new(ErrorKind::InvalidInput, "STATEMENT_INVALID", "the statement is empty"));
        }
        Ok(Self { sql, params, read: false, confidential: statement.confidential, guarded: statement.confidential })
    }
}

pub fn not_a_read() -> Error {
    Error::new(
        ErrorKind::Denied,
        "NOT_A_READ",
        "a query is one SELECT, WITH … SELECT, VALUES, TABLE, SHOW or EXPLAIN; what changes something goes through transact or execute",
    )
}

fn bad_parameter(bad: &literal::Bad) -> Error {
    Error::new(ErrorKind::InvalidInput, "PARAMETER_INVALID", bad.to_string())
}

/// Whether something stands behind a `;`. Right for everything but SQL-standard function bodies, so it explains a refusal
/// of the server and never refuses by itself.
pub fn looks_like_several(sql: &str) -> bool {
    significant(sql).skip_while(|token| token.kind != Kind::Semicolon).any(|token| token.kind != Kind::Semicolon)
}

fn begins_like_a_read(sql: &str) -> bool {
    let first = significant(sql).find(|token| token.text != "(");
    matches!(first.map(lower).as_deref(), Some("select" | "with" | "values" | "table" | "show" | "explain"))
}

fn is_transaction_control(sql: &str) -> bool {
    // An empty statement in front counts for nothing: `; commit` is a COMMIT.
    let mut words = significant(sql).skip_while(|token| token.kind == Kind::Semicolon).map(lower);
    let mut next = || words.next().unwrap_or_default();
    match next().as_str() {
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => true,
        "prepare" => next() == "transaction",
        "set" => match next().as_str() {
            "transaction" => true,
            "session" | "local" => matches!(next().as_str(), "transaction" | "characteristics"),
            _ => false,
        },
        _ => false,
    }
}

fn is_copy_through_the_client(sql: &str) -> bool {
    let mut words = significant(sql).skip_while(|token| token.kind == Kind::Semicolon).map(lower);
    words.next().as_deref() == Some("copy") && words.any(|word| word == "stdin" || word == "stdout")
}

fn significant(sql: &str) -> impl Iterator<Item = Token<'_>> {
    tokens(sql).filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment))
}

fn lower(token: Token<'_>) -> String {
    token.text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str) -> Statement {
        Statement { sql: sql.to_owned(), params: Vec::new(), inline: false, confidential: false }
    }

    fn code(result: Result<Ready<'_>, Error>) -> String {
        result.map_or_else(|error| error.code, |_| "ok".to_owned())
    }

    #[test]
    fn a_read_begins_like_one() {
        for (sql, expected) in [
            ("select 1", "ok"),
            ("SeLeCt 1", "ok"),
            ("  /* c /* d */ */ -- e\n ((select 1))", "ok"),
            ("with x as (select 1) table x", "ok"),
            ("values (1)", "ok"),
            ("table pg_class", "ok"),
            ("show all", "ok"),
            ("explain select 1", "ok"),
            ("insert into t values (1)", "NOT_A_READ"),
            ("copy t to program 'x'", "NOT_A_READ"),
            ("do $$ begin end $$", "NOT_A_READ"),
            ("set x = 1", "NOT_A_READ"),
            ("commit", "NOT_A_READ"),
            ("call p()", "NOT_A_READ"),
            ("execute s", "NOT_A_READ"),
            ("/* select */ delete from t", "NOT_A_READ"),
            ("-- select\rdelete from t", "NOT_A_READ"),
            ("; select 1", "NOT_A_READ"),
            ("selects", "NOT_A_READ"),
            ("'select'", "NOT_A_READ"),
            ("\"select\"", "NOT_A_READ"),
            ("", "STATEMENT_INVALID"),
            ("  -- nothing", "STATEMENT_INVALID"),
            ("select '\0'", "STATEMENT_INVALID"),
        ] {
            assert_eq!(code(Ready::read(&statement(sql))), expected, "{sql}");
        }
    }

    #[test]
    fn transactions_are_the_hosts() {
        for (sql, refused) in [
            ("begin", true),
            ("START TRANSACTION", true),
            ("commit", true),
            ("/* x */ CoMmIt and chain", true),
            ("-- x\n; ; commit", true),
            ("end", true),
            ("rollback to a", true),
            ("abort", true),
            ("savepoint a", true),
            ("release a", true),
            ("prepare transaction 'x'", true),
            ("prepare /* */ transaction 'x'", true),
            ("commit prepared 'x'", true),
            ("rollback prepared 'x'", true),
            ("set transaction read only", true),
            ("set local transaction read only", true),
            ("set session characteristics as transaction read only", true),
            ("set local statement_timeout = 1", false),
            ("set session authorization x", false),
            ("set role x", false),
            ("prepare x as select 1", false),
            ("create table \"commit\" ()", false),
            ("do $$ begin commit; end $$", false),
            ("committed", false),
        ] {
            let expected = if refused { "TRANSACTION_CONTROL" } else { "ok" };
            assert_eq!(code(Ready::write(&statement(sql))), expected, "{sql}");
        }
    }

    #[test]
    fn copy_through_the_client_is_refused() {
        for (sql, expected) in [
            ("copy t from stdin", "COPY_UNSUPPORTED"),
            (";copy (select 1) to /* */ STDOUT", "COPY_UNSUPPORTED"),
            ("copy t from 'stdin'", "ok"),
        ] {
            assert_eq!(code(Ready::write(&statement(sql))), expected, "{sql}");
        }
    }

    #[test]
    fn several_statements_are_recognised() {
        for (sql, several) in [
            ("select 1", false),
            ("select 1;", false),
            ("select 1; ; -- x", false),
            ("select ';'; /* ; */", false),
            ("select 1; select 2", true),
            ("select 1;commit", true),
        ] {
            assert_eq!(looks_like_several(sql), several, "{sql}");
        }
    }
}
