//! The driver contract as Rust types, generated from `wit/`. Nothing else lives here.
