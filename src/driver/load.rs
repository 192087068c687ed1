//! From bytes to a driver: what is no driver is refused here, with what is wrong and what would help.

use bytes::Bytes;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::capability::convert::line;
use crate::capability::{digest, linker};
use crate::domain::contract::Violation;

use super::attempt::Failure;
use super::component::Driver;
use super::describe;
use super::inspect;
use super::profile::Profiles;
use super::runtime::Runtime;
use super::wasi;

pub const LARGEST_COMPONENT: usize = 64 << 20;
/// Of what the engine says of a component: it quotes names from it.
const LONGEST_SAID: usize = 2 << 10;

/// Interfaces, and what is in them together: all of WASI and the contract are a third of that.
const MOST_IMPORTS: usize = 100;
const MOST_FUNCTIONS: usize = 1_000;

const PACKAGE: &str = "vend:driver/";
const VERSION: &str = "0.1.0";
const LIFECYCLE: &str = "vend:driver/lifecycle@0.1.0";

/// Why bytes are no driver. All of these are the driver author's to mend, but `Host`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    #[error("the component has {bytes} bytes, {max} are the most")]
    TooLarge { bytes: usize, max: usize },
    #[error("this is no WebAssembly")]
    NotWasm,
    #[error(
        "this is a core WebAssembly module, not a component: build for the target wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    #[error("the component is not valid: {0}")]
    Invalid(String),
    #[error("the component is too much: {0}")]
    TooMuch(inspect::Refused),
    #[error("the component imports `{import}`, which is not given to drivers: {hint}")]
    ForeignImport { import: String, hint: &'static str },
    #[error("the component speaks `{found}`, this vend speaks version {VERSION} of the contract")]
    OtherVersion { found: String },
    #[error("the component exports no `{LIFECYCLE}`; it exports {exports}")]
    NoLifecycle { exports: String },
    #[error("the component does not fit the contract: {0}")]
    Contract(String),
    #[error("describe failed")]
    Describe(#[source] Failure),
    /// Pointers are into the document that describe returned.
    #[error("describe returned no valid description: {}", list(violations))]
    Description { violations: Vec<Violation> },
    #[error("cannot load the component: {0}")]
    Host(String),
}

pub(super) async fn load(runtime: &Runtime, bytes: Bytes) -> Result<Driver, LoadError> {
    check_header(&bytes)?;
    let shared = runtime.0.clone();
    // One at a time: compiling takes all processors, and memory that no limit counts.
    let turn = shared.compiling.clone().acquire_owned().await.expect("nobody closes the semaphore");
    let compiling = tokio::task::spawn_blocking(move || -> Result<_, LoadError> {
        let _turn = turn;
        let digest = format!("sha256:{}", digest::sha256_hex(&bytes));
        let component = match shared.cache.as_ref().and_then(|cache| cache.get(&shared.engine, &digest)) {
            Some(component) => component,
            None => {
                inspect::check(&bytes)?;
                let component = Component::from_binary(&shared.engine, &bytes)
                    .map_err(|error| LoadError::Invalid(line(format!("{error:#}"), LONGEST_SAID)))?;
                if let Some(Err(error)) =
                    shared.cache.as_ref().map(|cache| cache.put(&shared.engine, &digest, &component))
                {
                    tracing::warn!(driver.digest = digest, %error, "a compiled driver could not be kept");
                }
                component
            }
        };
        let imports = check_imports(&component)?;
        check_exports(&component)?;
        let profiles = Profiles::link(&shared.engine, &component)
            .map_err(|error| LoadError::Contract(line(format!("{error:#}"), LONGEST_SAID)))?;
        Ok((digest, imports, profiles))
    });
    let (digest, imports, profiles) = compiling.await.map_err(|error| LoadError::Host(error.to_string()))??;
    describe::complete(runtime, digest, imports, profiles).await
}

fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > LARGEST_COMPONENT {
        return Err(LoadError::TooLarge { bytes: bytes.len(), max: LARGEST_COMPONENT });
    }
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => Ok(()),
        _ => Err(LoadError::NotWasm),
    }
}

/// The imports, in their order.
fn check_imports(component: &Component) -> Result<Vec<String>, LoadError> {
    let mut imports = Vec::new();
    let mut functions = 0;
    for (import, item) in component.component_type().imports(component.engine()) {
        if let ComponentItem::ComponentInstance(instance) = &item.ty {
            functions += instance.exports(component.engine()).count();
        }
        if imports.len() == MOST_IMPORTS || functions > MOST_FUNCTIONS {
            return Err(inspect::Refused::Imports { interfaces: MOST_IMPORTS, items: MOST_FUNCTIONS }.into());
        }
        let is_instance = matches!(item.ty, ComponentItem::ComponentInstance(_));
        let ours = import.strip_prefix(PACKAGE).map(|rest| rest.split_once('@').unwrap_or((rest, "")));
        match ours {
            Some((interface, VERSION)) if is_instance && linker::INTERFACES.contains(&interface) => {}
            Some((_, version)) if version != VERSION => {
                return Err(LoadError::OtherVersion { found: line(import.to_owned(), LONGEST_SAID) });
            }
            None if is_instance && wasi::provides(import) => {}
            _ => {
                let hint = hint(import);
                return Err(LoadError::ForeignImport { import: line(import.to_owned(), LONGEST_SAID), hint });
            }
        }
        imports.push(import.to_owned());
    }
    Ok(imports)
}

fn hint(import: &str) -> &'static str {
    match import {
        _ if import.starts_with("wasi:http/") => {
            "use vend:driver/http-read and http-write; with componentize-js pass `-d http`"
        }
        _ if import.starts_with("wasi:sockets/") => {
            "a driver reaches its backend through http-read, http-write, sql-read and sql-write only"
        }
        _ if import.starts_with("wasi:cli/") || import.starts_with("wasi:clocks/") => {
            "build for WASI 0.2 and none of its drafts"
        }
        _ if import.starts_with("wasi:") => {
            "drivers get cli, io, clocks, random and an empty filesystem of WASI 0.2, and nothing real"
        }
        _ if import.starts_with(PACKAGE) => "the contract has no such interface",
        _ => {
            "a driver imports vend:driver and the harmless part of WASI 0.2; compose other dependencies into the component"
        }
    }
}

fn check_exports(component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let exports: Vec<&str> = ty.exports(component.engine()).map(|(name, _)| name).collect();
    if exports.contains(&LIFECYCLE) {
        return Ok(());
    }
    if let Some(other) = exports.iter().find(|name| name.starts_with("vend:driver/lifecycle@")) {
        return Err(LoadError::OtherVersion { found: line((*other).to_owned(), LONGEST_SAID) });
    }
    let exports = if exports.is_empty() { "nothing".to_owned() } else { format!("`{}`", exports.join("`, `")) };
    Err(LoadError::NoLifecycle { exports: line(exports, LONGEST_SAID) })
}

impl From<inspect::Refused> for LoadError {
    fn from(refused: inspect::Refused) -> Self {
        match refused {
            inspect::Refused::Malformed(why) => Self::Invalid(line(why, LONGEST_SAID)),
            other => Self::TooMuch(other),
        }
    }
}

fn list(violations: &[Violation]) -> String {
    let shown: Vec<String> = violations
        .iter()
        .map(|v| format!("{}: {}", if v.pointer.is_empty() { "/" } else { &v.pointer }, v.message))
        .collect();
    shown.join("; ")
}
