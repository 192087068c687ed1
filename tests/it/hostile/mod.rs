//! What sets out to do harm, and circumstances that nobody wishes for, case by case: each is refused in a way of its own, at a cost
//! that is known, and has a twin that does nothing wrong and succeeds. `make test` prints all cases as a table.

mod drivers;
mod backends;
mod clients;
pub mod machine;
