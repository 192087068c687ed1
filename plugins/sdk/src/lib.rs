//! What a Rust driver author depends on: one trait per resource type, typed connections, and the defaults that make a
//! small driver a correct one.
//!
//! A driver is a function that returns a [`Driver`], and a type implementing [`Resource`] for each resource type:
//!
//! ```ignore
//! vend_sdk::export!(driver);
//!
//! fn driver() -> vend_sdk::Driver {
//!     vend_sdk::driver!()
//!         .slot("server", Slot::read_write(["sqlite"]))
//!         .serves::<Database>()
//! }
//! ```
//!
//! The calls of the contract are bounded steps: each runs in a fresh instance, and nothing stays in memory between two of
//! them. Whatever reaches the outside goes through [`Sql`], [`Http`], [`secrets`] and [`claims`], is journaled by the host
//! and is not repeated once it has been applied; what a driver does not use, its component does not import.

mod begun;
pub mod claims;
pub mod context;
mod describe;
mod ensure;
mod error;
mod http;
mod input;
mod labels;
mod plan;
mod resource;
mod results;
mod schema;
pub mod secrets;
#[doc(hidden)]
pub mod serve;
mod sql;
mod validate;

pub use describe::{Access, Driver, Identity, Limits, Slot, Type};
pub use ensure::{Found, ensure};
pub use error::{Error, ErrorKind, Violation, Violations};
pub use http::{Capture, Http, Place, Request, Response, segment};
pub use input::{Adoption, Discovery, Input, Prior};
pub use labels::Labels;
pub use plan::{Action, Change, Plan};
pub use resource::{Document, Nothing, Resource};
pub use results::{Candidate, Discovered, Finding, Object, Observation, Observed, Progress, Removal};
pub use secrets::Secret;
pub use sql::{FromValue, Row, Rows, Sql, Statement, Value, ident};

pub use bindings::vend::driver::types::Semantics;

/// The contract in Rust, generated from the WIT that lies two levels above this crate: `wit/` beside `plugins/` in vend's own
/// sources, `wit/` beside `vendor/` in a driver project.
#[doc(hidden)]
#[allow(clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "driver",
        pub_export_macro: true,
        default_bindings_module: "vend_sdk::bindings",
        additional_derives: [PartialEq],
    });
}

/// What a driver that can list what it made exports beside.
#[doc(hidden)]
#[allow(clippy::all)]
pub mod discoverer {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "discoverer",
        pub_export_macro: true,
        default_bindings_module: "vend_sdk::discoverer",
        with: { "vend:driver/types@0.1.0": crate::bindings::vend::driver::types },
    });
}

/// Begins the description of a driver with the name, version and description of the crate that calls it.
#[macro_export]
macro_rules! driver {
    () => {
        $crate::Driver::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
    };
}

/// Makes the crate a driver: exports the contract and answers it with what the named function returns. `export!(driver, discover)` also
/// exports what lists the objects of types that are [`Type::discoverable`].
#[macro_export]
macro_rules! export {
    ($driver:path $(, $discover:ident)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;
            impl $crate::serve::Exported for Component {
                fn driver() -> $crate::Driver {
                    $driver()
                }
            }
    $crate::bindings::export!(Component with_types_in $crate::bindings);
            $($crate::export!(@$discover);)?
        };
    };
    (@discover) => {
        $crate::discoverer::export!(Component with_types_in $crate::discoverer);
    };
}
