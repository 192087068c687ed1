//! kill -9 of the core while an operation waits for what takes its time, counted in the file that was made.

use super::core::{Core, demo_platform};

#[test]
fn killed_while_it_waits_for_what_takes_its_time() {
    let mut core = Core::start(&["slow"]);
    core.apply(&demo_platform("slow"));
    core.apply(
        "{ apiVersion: vend/v1, kind: Order, name: tortoise, \
         resources: { db: { type: slow-database, params: { name: tortoise, seconds: 4 } } } }",
    );
    core.until("tortoise", "waiting");
    core.kill();
    core.restart();
    core.ready("tortoise");
    let file = rusqlite::Connection::open(core.data().join("databases/tortoise.db")).expect("the database");
    let made: i64 = file.query_row("SELECT count(*) FROM created", [], |row| row.get(0)).expect("counted");
    assert_eq!(made, 1);
}
