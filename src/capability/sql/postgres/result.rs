//! Rows as they arrive, within bounds.

use std::pin::pin;

use futures::TryStreamExt;
use tokio_postgres::{Column, RowStream};

use crate::capability::sql::{Rows, Value};

use super::cell::{Form, Raw};
use super::error::Trouble;

/// The most that the rows of one call may hold, in bytes.
pub(super) const ROWS_LIMIT: usize = 8 << 20;
/// What a row and a cell weigh beside their content.
const ROW_BYTES: usize = 24;
const CELL_BYTES: usize = 8;

/// What is left of `ROWS_LIMIT` over the statements of one call.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(ROWS_LIMIT)
    }

    /// What the server may send for the next statement: the protocol's own bytes, and wide forms of short values.
    pub(super) fn wire_bytes(&self) -> usize {
        ROWS_LIMIT + 2 * self.0
    }

    fn take(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.0 = self.0.checked_sub(bytes).ok_or(Trouble::TooLarge)?;
        Ok(())
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => CELL_BYTES + text.len(),
        Value::Bytes(bytes) => CELL_BYTES + bytes.len(),
        _ => CELL_BYTES,
    }
}

/// All rows of one statement. Stops reading at the first that is too much; the session is of no use then.
pub(super) async fn collect(
    stream: RowStream,
    columns: &[Column],
    forms: &[Form],
    guarded: bool,
    budget: &mut Budget,
) -> Result<Rows, Trouble> {
    let broken = |error: tokio_postgres::Error| Trouble::of(&error, guarded);
    let mut rows = Rows { columns: columns.iter().map(|column| column.name().to_owned()).collect(), ..Rows::default() };
    let mut stream = pin!(stream);
    while let Some(row) = stream.try_next().await.map_err(broken)? {
        budget.take(ROW_BYTES)?;
        let mut values = Vec::with_capacity(forms.len());
        for (index, form) in forms.iter().enumerate() {
            let Raw(raw) = row.try_get(index).map_err(broken)?;
            let value = match raw {
                None => Value::Null,
                Some(raw) => form.read(raw).map_err(|_| Trouble::Broken(malformed(&columns[index])))?,
            };
            budget.take(weight(&value))?;
            values.push(value);
        }
        rows.rows.push(values);
    }
    rows.affected = stream.rows_affected().unwrap_or(0);
    Ok(rows)
}

fn malformed(column: &Column) -> String {
    format!("column `{}` holds what is no {}, or too much of it", column.name(), column.type_())
}
