//! How resources are at their backends: asked now and then, or because somebody wants to know; compared with what was applied, and kept.
//!
//! `compare`, `keep` and `line` are pure. Nothing is changed at a backend from here; `correct` asks the queue to.

pub mod compare;
pub mod keep;
pub mod line;
pub mod look;
pub mod tell;
pub mod run;

pub use compare::Refreshed;
