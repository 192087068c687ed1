//! The one integration binary: vend from its edges.

mod store;
mod support;
