//! Statements for PostgreSQL: the first line holds text parameters with tabs between them, the rest is the statement. Tokens have
//! no gaps, and a parameter written into a statement stays within its literal.

use vend::capability::sql::postgres::lexer::{Kind, tokens};
use vend::capability::sql::postgres::literal::inline;
use vend::capability::sql::postgres::statement::{Ready, looks_like_several};
use vend::capability::sql::{Statement, Value};

use super::input::{line, text};

pub fn target(bytes: &[u8]) {
    let (params, rest) = line(bytes);
    let sql = text(rest);
    let joined: String = tokens(&sql).map(|token| token.text).collect();
    assert_eq!(joined, sql, "tokens leave nothing out");
    assert!(tokens(&sql).all(|token| !token.text.is_empty()));

    let params: Vec<Value> = params.split('\t').filter(|it| !it.is_empty()).map(value).collect();
    if let Ok(written) = inline(&sql, &params) {
        let parameter = |kind: Kind| matches!(kind, Kind::Parameter(_));
        assert!(!tokens(&written).any(|token| parameter(token.kind)), "a parameter is left: {written}");
        assert_eq!(shape(&written, false), shape(&sql, true), "{params:?} changes {sql:?} into {written:?}");
    }

    let statement = Statement { sql, params, inline: true, confidential: false };
    let read = Ready::read(&statement);
    let write = Ready::write(&statement);
    if let Ok(ready) = &read {
        let first = tokens(&ready.sql).find(|it| !matches!(it.kind, Kind::Space | Kind::Comment) && it.text != "(");
        let first = first.map(|it| it.text.to_ascii_lowercase()).unwrap_or_default();
        assert!(["select", "with", "values", "table", "show", "explain"].contains(&&*first), "{first} is a read");
        // What is read may be tried as a write, too: it controls no transaction.
        assert!(write.as_ref().is_ok() || write.as_ref().is_err_and(|it| it.code != "TRANSACTION_CONTROL"));
    }
    for ready in [read, write].into_iter().flatten() {
        assert!(!ready.sql.contains('\0') && ready.params.is_empty());
        let alone = Statement { sql: ready.sql, params: Vec::new(), inline: false, confidential: false };
        assert_eq!(looks_like_several(&alone.sql), looks_like_several(&statement.sql), "{:?}", statement.params);
    }
}

fn value(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => Value::Boolean(true),
        _ if text.starts_with('#') => Value::Bytes(text.as_bytes().to_vec()),
        _ => Value::Text(text.to_owned()),
    }
}

/// What a statement is made of beside its literals: words, semicolons and single characters, in order. `NULL` and truth values,
/// which a parameter may become, are left out, as are comments: a literal behind one stands in another line at most.
fn shape(sql: &str, parameters: bool) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens(sql) {
        match token.kind {
            Kind::Space | Kind::Comment | Kind::Quoted => {}
            Kind::Parameter(_) if parameters => {}
            Kind::Word if matches!(token.text, "NULL" | "TRUE" | "FALSE") => {}
            _ => found.push(token.text.to_owned()),
        }
    }
    found
}
