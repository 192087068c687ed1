//! The bad-input table: whatever is sent, the answer has a code, a stable reason and words that help, and nothing is
//! changed. `cargo test --test it bad_input -- --nocapture` prints it.
//!
//! What a hostile statement meets inside PostgreSQL is `sql_postgres/`; here stands what comes through the API.

mod dump;
mod table;
mod standing;
mod stock;
mod drivers;
mod documents;
mod orders;
mod plans;
mod operations;
mod calls;
mod deletions;
mod process;
mod exits;
mod backups;

use table::Table;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_typed_answer_and_changes_nothing() {
    let mut table = Table::new(stock::stocked().await);
    drivers::rows(&mut table).await;
    documents::rows(&mut table).await;
    orders::rows(&mut table).await;
    plans::rows(&mut table).await;
    calls::rows(&mut table).await;
    deletions::rows(&mut table).await;
    backups::rows(&mut table);
    process::rows(&mut table).await;
    operations::rows(&mut table).await;
    standing::rows(&mut table).await;
    exits::rows(&mut table);
    table.has_all_that_is_answered_at_once();
    table.end().await;
}
