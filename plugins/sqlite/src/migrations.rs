//! The schema of a database: a list of statements that only ever grows. What ran is kept beside its result, in the same
//! transaction, so that nothing runs twice.

use vend_sdk::{Error, Sql, Statement};

pub fn table() -> Statement {
    Statement::new("CREATE TABLE vend_schema (position INTEGER PRIMARY KEY, statement TEXT NOT NULL)")
}

/// The statements that ran, in order.
pub fn applied(database: &Sql) -> Result<Vec<String>, Error> {
    database.query("SELECT statement FROM vend_schema ORDER BY position")?.column("statement")
}

/// Runs what has not run yet: all of it or nothing.
pub fn apply(database: &Sql, wanted: &[String]) -> Result<(), Error> {
    let applied = applied(database)?;
    let missing = missing(&applied, wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let statements = missing.iter().zip(applied.len()..).flat_map(|(statement, position)| {
        let note = Statement::new("INSERT INTO vend_schema (position, statement) VALUES (?1, ?2)")
            .bind(position as i64)
            .bind(statement);
        [Statement::new(statement), note]
    });
    database.transact(statements)?;
    Ok(())
}

/// What of `wanted` has not run. What has run cannot be taken back.
pub fn missing<'a>(applied: &[String], wanted: &'a [String]) -> Result<&'a [String], Error> {
    wanted.strip_prefix(applied).ok_or_else(|| {
        let message = "statements that ran cannot be changed or left out; add new ones at the end";
        Error::invalid("/params/schema", message)
    })
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_schema_only_grows() {
        let list = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(missing(&list("a"), &list("a b c")).unwrap(), list("b c"));
        assert!(missing(&list("a b"), &list("a b")).unwrap().is_empty());
        assert_eq!(missing(&list("a b"), &list("a")).unwrap_err().violations[0].pointer, "/params/schema");
        assert!(missing(&list("a"), &list("b")).is_err());
    }
}
