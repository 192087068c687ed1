//! Which implementation each import gets in which profile: denial is by linkage, not by a question asked at run time.

use wasmtime::component::Linker;

use crate::domain::contract::Profile;
use crate::wit::vend::driver::{claims, context, http_read, http_write, secrets, sql_read, sql_write};

use super::denied::{Denied, HasDenied, HasObserving, Observing};
use super::host::{HasLive, Hosted, Live};

/// Every interface of ours that a component may import.
pub const INTERFACES: [&str; 10] = [
    "types",
    "context",
    "claims",
    "secrets",
    "http-types",
    "http-read",
    "http-write",
    "sql-types",
    "sql-read",
    "sql-write",
];

/// Adds every interface of the contract to `linker`, real or refusing.
pub fn link<T: Hosted>(linker: &mut Linker<T>, profile: Profile) -> wasmtime::Result<()> {
    context::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
    match profile {
        Profile::Pure => {
            secrets::add_to_linker::<T, HasDenied>(linker, pure)?;
            sql_read::add_to_linker::<T, HasDenied>(linker, pure)?;
            http_read::add_to_linker::<T, HasDenied>(linker, pure)?;
            claims::add_to_linker::<T, HasDenied>(linker, pure)?;
            sql_write::add_to_linker::<T, HasDenied>(linker, pure)?;
            http_write::add_to_linker::<T, HasDenied>(linker, pure)
        }
        Profile::Observe => {
            secrets::add_to_linker::<T, HasObserving>(linker, |data| Observing(data.host()))?;
            sql_read::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            http_read::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            claims::add_to_linker::<T, HasDenied>(linker, observe)?;
            sql_write::add_to_linker::<T, HasDenied>(linker, observe)?;
            http_write::add_to_linker::<T, HasDenied>(linker, observe)
        }
        Profile::Apply => {
            secrets::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            sql_read::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            http_read::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            claims::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            sql_write::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))?;
            http_write::add_to_linker::<T, HasLive>(linker, |data| Live(data.host()))
        }
    }
}

fn pure<T: Hosted>(data: &mut T) -> Denied<'_> {
    Denied { host: data.host(), profile: "pure" }
}

fn observe<T: Hosted>(data: &mut T) -> Denied<'_> {
    Denied { host: data.host(), profile: "observe" }
}
