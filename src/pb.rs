//! The API as Rust types, generated from `proto/`. Beside them lives only how they are read from the wire.

pub mod codec;

mod generated {
    #![allow(clippy::all)]

    tonic::include_proto!("vend.v1");
}

pub use generated::*;

/// The compiled protos, for reflection and for the test that every call is authorised.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vend.v1.bin"));
