//! Proof from outside: the program itself, killed and started again; what happened is counted on the servers it talked to.

pub mod core;
pub mod numbers;

mod adopting;
mod cascade;
mod demo;
pub mod fakecloud;
mod history;
mod restore;
mod linkage;
mod postgres;
mod powerdns;
mod rabbitmq;
mod score;
mod shop;
mod sqlite;
mod telemetry;
mod template;
mod upgrading;
mod waiting;
mod withdrawals;
