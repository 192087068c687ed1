//! What the resources of an order have to do with one another: what refers to what, in which order they come, and what stands behind a
//! reference by the time it is needed.

pub mod expand;
pub mod needs;
mod filled;
pub mod composite;
pub mod outputs;
pub mod waits;
pub mod whole;
pub mod params;
mod bind;
mod handover;
