//! Proof from outside: the program itself, killed and started again; what happened is counted on the servers it talked to.

mod core;
mod gate;
mod server;

mod canary;
mod demo;
mod kill;
mod linkage;
mod postgres;
mod sqlite;
mod template;
