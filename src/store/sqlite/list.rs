//! Lists: a filter becomes a WHERE clause, a page its LIMIT and its token.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::row::{Columns, all};
use crate::store::page::{self, MAX_LIMIT};
use crate::store::{Error, Page, Paging};

/// Terms that must all hold, with the values of their question marks.
#[derive(Default)]
pub struct Where {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    pub fn term(&mut self, sql: &str) {
        self.terms.push(sql.to_owned());
    }

    pub fn value(&mut self, sql: &str, value: impl Into<Value>) {
        self.terms.push(sql.to_owned());
        self.values.push(value.into());
    }

    pub fn optional(&mut self, sql: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.value(sql, value.to_owned());
        }
    }

    /// All of these, in the column `labels`.
    pub fn labels(&mut self, labels: &BTreeMap<String, String>) {
        for (key, value) in labels {
            self.terms.push("EXISTS (SELECT 1 FROM json_each(labels) WHERE json_each.key = ? AND value = ?)".into());
            self.values.extend([Value::from(key.clone()), Value::from(value.clone())]);
        }
    }

    fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!(" WHERE {}", self.terms.join(" AND ")) }
    }
}

/// What to list, and in which order.
pub struct List<'a, const KEYS: usize> {
    pub what: &'static str,
    /// `SELECT … FROM …`.
    pub select: &'a str,
    pub filter: Where,
    /// Unique together; the pages are cut along them.
    pub order: [&'static str; KEYS],
    pub descending: bool,
}

impl<const KEYS: usize> List<'_, KEYS> {
    pub fn page<T>(
        mut self,
        connection: &Connection,
        paging: &Paging,
        read: impl Fn(&mut Columns<'_>) -> Result<T, Error>,
        key: impl Fn(&T) -> [String; KEYS],
    ) -> Result<Page<T>, Error> {
        let (compare, direction) = if self.descending { ("<", " DESC") } else { (">", "") };
        if let Some(token) = &paging.after {
            let marks = vec!["?"; KEYS].join(", ");
            self.filter.terms.push(format!("({}) {compare} ({marks})", self.order.join(", ")));
            self.filter.values.extend(page::parse_token::<KEYS>(token)?.map(Value::from));
        }
        let limit = paging.limit.clamp(1, MAX_LIMIT) as usize;
        let order = self.order.map(|column| format!("{column}{direction}")).join(", ");
        let sql = format!("{}{} ORDER BY {order} LIMIT {}", self.select, self.filter.sql(), limit + 1);
        let mut items = all(connection, self.what, &sql, params_from_iter(self.filter.values), read)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| page::token(&key(last)));
        Ok(Page { items, next })
    }
}
