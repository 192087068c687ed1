//! A database file with the schema that was ordered, seen without vend.

use super::core::{Core, demo_platform};

#[test]
fn the_ordered_schema_is_in_the_file_and_the_file_goes() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    core.run(&[
        "order",
        "sqlite-database",
        "notes",
        "--set",
        "name=notes",
        "--set",
        "schema=CREATE TABLE note (id INTEGER PRIMARY KEY)",
        "--wait",
    ]);
    let file = core.data().join("databases/notes.db");
    let database = rusqlite::Connection::open(&file).expect("the file");
    let sql: String = database
        .query_row("SELECT sql FROM sqlite_master WHERE name = 'note'", [], |row| row.get(0))
        .expect("the table");
    assert_eq!(sql, "CREATE TABLE note (id INTEGER PRIMARY KEY)");
    drop(database);
    core.delete("notes");
    assert!(!file.exists());
}
