//! What is on offer: which recipe makes a resource, with which params, and whether a recipe can work at all.
//!
//! Must never know orders as records or protobuf.

pub mod requirement;
pub mod matching;
pub mod schema;
pub mod params;
mod merge;
pub mod fit;
mod shape;
pub mod compatible;
#[cfg(test)]
mod tests;

pub use compatible::{Live, compatible};
pub use fit::{Fit, fit};
pub use matching::{Ambiguous, Chosen, UnknownClass, Unmatched, check_class, choose, ties};
pub use params::{Asked, fill};
pub use requirement::newest;
pub use schema::Schemas;
