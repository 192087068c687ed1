//! Everything a core keeps, and everything its drivers made, as something that can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// A digest by table of the store, and by file of the databases that drivers make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump(BTreeMap<String, String>);

impl Dump {
    /// Every row of every table, nothing left out, in an order of their own.
    pub fn of(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(data.join("store.db"), flags).expect("the store can be read");
        // One transaction: all tables as of one moment.
        connection.execute_batch("BEGIN").expect("a transaction");
        let mut found = BTreeMap::new();
        for table in tables(&connection) {
            let mut rows = rows(&connection, &table);
            rows.sort();
            found.insert(format!("table {table}"), digest(&rows.join("\n").into_bytes()));
        }
        for entry in std::fs::read_dir(data.join("databases")).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let content = std::fs::read(&path).expect("a file");
            found.insert(format!("file {}", path.file_name().unwrap_or_default().display()), digest(&content));
        }
        Self(found)
    }

    /// What is not as it was in `before`.
    pub fn since(&self, before: &Dump) -> Vec<String> {
        let all: std::collections::BTreeSet<_> = self.0.keys().chain(before.0.keys()).collect();
        all.into_iter().filter(|key| self.0.get(*key) != before.0.get(*key)).cloned().collect()
    }
}

fn tables(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut statement = connection.prepare(sql).expect("the schema");
    let names = statement.query_map([], |row| row.get(0)).expect("its tables");
    names.collect::<Result<_, _>>().expect("names")
}

fn rows(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).expect("a table");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("its rows");
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let cell = |at| match row.get_ref(at).expect("a cell") {
            ValueRef::Blob(bytes) if bytes.len() > 256 => digest(bytes),
            value => format!("{value:?}"),
        };
        found.push((0..columns).map(cell).collect::<Vec<_>>().join("|"));
    }
    found
}

fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
