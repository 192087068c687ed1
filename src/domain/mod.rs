//! The words of the product: records, their states and their rules.
//!
//! No I/O, no async, no wire formats, no clock: whatever moves comes in as an argument.

pub mod id;
pub mod time;
pub mod json;
pub mod marker;
pub mod name;
pub mod principal;
pub mod reason;
pub mod refusal;
pub mod sealed;
pub mod secret;
pub mod suspect;
pub mod observation;
pub mod meta;
pub mod document;
pub mod care;
pub mod connection;
pub mod description;
pub mod contract;
pub mod effect;
pub mod limits;
pub mod driver;
pub mod requirement;
pub mod upgrade;
pub mod order;
pub mod generation;
pub mod resource;
pub mod placeholder;
pub mod reference;
pub mod levels;
pub mod plan;
pub mod operation;
pub mod hold;
pub mod event;
