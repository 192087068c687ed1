//! SQL values in three forms: the guest's, the backend's and the journal's JSON.
//!
//! In JSON a null, boolean, integer or text stands for itself; `{"double": "1.5"}`, `{"bytes": "…"}` (base 64) and
//! `{"secret": "vsec_…", "encoding": "plain"}` for the rest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::wit::vend::driver::sql_types as wit;

use super::{Rows, Value};

/// Something in the journal that was never written there by this code.
#[derive(Debug, PartialEq, Eq)]
pub struct NotRows;

pub fn argument(value: &wit::Value) -> Json {
    match value {
        wit::Value::Secret(of) => json!({ "secret": of.handle, "encoding": of.encoding }),
        wit::Value::Null => Json::Null,
        wit::Value::Boolean(value) => json!(value),
        wit::Value::Integer(value) => json!(value),
        wit::Value::Double(value) => double(*value),
        wit::Value::Bytes(value) => bytes(value),
        wit::Value::Text(value) => json!(value),
    }
}

pub fn statement(statement: &wit::Statement) -> Json {
    let params: Vec<Json> = statement.params.iter().map(argument).collect();
    json!({ "sql": statement.sql, "params": params, "inline": statement.inline })
}

pub fn rows_to_json(rows: &Rows) -> Json {
    let lines: Vec<Json> = rows.rows.iter().map(|row| row.iter().map(value_to_json).collect()).collect();
    json!({ "columns": rows.columns, "rows": lines, "affected": rows.affected })
}

pub fn rows_from_json(json: &Json) -> Result<wit::Rows, NotRows> {
    let columns = list(&json["columns"])?
        .iter()
        .map(|name| name.as_str().map(str::to_owned).ok_or(NotRows))
        .collect::<Result<_, _>>()?;
    let rows = list(&json["rows"])?
        .iter()
        .map(|row| list(row)?.iter().map(value_from_json).collect::<Result<Vec<_>, _>>())
        .collect::<Result<_, _>>()?;
    Ok(wit::Rows { columns, rows, affected: json["affected"].as_u64().ok_or(NotRows)? })
}

pub fn list(json: &Json) -> Result<&Vec<Json>, NotRows> {
    json.as_array().ok_or(NotRows)
}

fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Double(value) => double(*value),
        Value::Bytes(value) => bytes(value),
        Value::Text(value) => json!(value),
    }
}

fn value_from_json(json: &Json) -> Result<wit::Value, NotRows> {
    Ok(match json {
        Json::Null => wit::Value::Null,
        Json::Bool(value) => wit::Value::Boolean(*value),
        Json::Number(value) => wit::Value::Integer(value.as_i64().ok_or(NotRows)?),
        Json::String(value) => wit::Value::Text(value.clone()),
        Json::Object(value) => match (value.get("double"), value.get("bytes")) {
            (Some(Json::String(text)), None) => wit::Value::Double(text.parse().map_err(|_| NotRows)?),
            (None, Some(Json::String(text))) => wit::Value::Bytes(STANDARD.decode(text).map_err(|_| NotRows)?),
            _ => return Err(NotRows),
        },
        Json::Array(_) => return Err(NotRows),
    })
}

/// As text: JSON has neither NaN nor infinities, and Rust reads back exactly what it writes.
fn double(value: f64) -> Json {
    json!({ "double": value.to_string() })
}

fn bytes(value: &[u8]) -> Json {
    json!({ "bytes": STANDARD.encode(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_from_the_journal_as_they_went_in() {
        let values = vec![
            Value::Null,
            Value::Boolean(true),
            Value::Integer(i64::MIN),
            Value::Double(0.1),
            Value::Double(f64::NEG_INFINITY),
            Value::Bytes(vec![0, 255]),
            Value::Text("{\"bytes\": 1}".to_owned()),
        ];
        let rows = Rows { columns: vec!["a".to_owned(); 7], rows: vec![values], affected: 3 };
        let text = rows_to_json(&rows).to_string();
        let back = rows_from_json(&serde_json::from_str(&text).expect("JSON")).expect("rows");
        assert_eq!((back.columns.len(), back.affected), (7, 3));
        let shown: Vec<String> = back.rows[0].iter().map(|value| format!("{value:?}")).collect();
        for (value, part) in
            shown.iter().zip(["Null", "true", "-9223372036854775808", "0.1", "-inf", "[0, 255]", "bytes"])
        {
            assert!(value.contains(part), "{value} has no {part}");
        }
    }

    #[test]
    fn what_are_no_rows_is_said_so() {
        for json in [
            json!(null),
            json!({}),
            json!({ "columns": [], "rows": [[[]]], "affected": 0 }),
            json!({ "columns": [], "rows": [] }),
        ] {
            assert_eq!(rows_from_json(&json).err(), Some(NotRows), "{json}");
        }
    }
}
