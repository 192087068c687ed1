//! What a component comes to when it is instantiated, counted before it is compiled.
//!
//! Components contain components and instantiate them as often as they like: thirty levels, each making two of the next, are a file
//! of 1.5 kB and a thousand million instances, every one of which a compiler writes out. So they are counted first, without being made.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, Instance, Parser, Payload,
};

/// Instances of components and of core modules, all of them. CPython is about 30.
const MOST_INSTANCES: u64 = 1_000;
/// Components within components.
const DEEPEST: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it comes to more than {MOST_INSTANCES} instances")]
    TooMany,
    #[error("components nest deeper than {DEEPEST} in it")]
    TooDeep,
    #[error("it instantiates a component that another one hands to it, which is not followed: compose it into one")]
    HandedOver,
    #[error("it imports more than {interfaces} interfaces, or {items} functions and types")]
    Imports { interfaces: usize, items: usize },
    #[error("{0}")]
    Malformed(String),
}

/// One component while it is read.
#[derive(Default)]
struct Scope {
    /// What each component that can be named here comes to; `None`: it comes from elsewhere.
    components: Vec<Option<u64>>,
    /// What this one comes to, itself included.
    total: u64,
}

/// `bytes` begin as a component does.
pub fn check(bytes: &[u8]) -> Result<(), Refused> {
    let mut open: Vec<Scope> = Vec::new();
    // Core modules within the innermost component: their sections are none of its own.
    let mut modules = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        match payload {
            Payload::Version { .. } if modules == 0 => {
                if open.len() >= DEEPEST {
                    return Err(Refused::TooDeep);
                }
                open.push(Scope { total: 1, ..Scope::default() });
            }
            Payload::ModuleSection { .. } => modules += 1,
            Payload::End(_) if modules > 0 => modules -= 1,
            Payload::End(_) => {
                let ended = open.pop().map_or(0, |scope| scope.total);
                if let Some(outer) = open.last_mut() {
                    outer.components.push(Some(ended));
                }
            }
            other => part(&other, &mut open)?,
        }
    }
    Ok(())
}

/// A section of the innermost component, as far as it names components or makes instances.
fn part(payload: &Payload<'_>, open: &mut [Scope]) -> Result<(), Refused> {
    match payload {
        Payload::InstanceSection(made) => {
            for instance in made.clone() {
                if matches!(instance.map_err(malformed)?, Instance::Instantiate { .. }) {
                    add(open, Some(1))?;
                }
            }
        }
        Payload::ComponentInstanceSection(made) => {
            for instance in made.clone() {
                if let ComponentInstance::Instantiate { component_index, .. } = instance.map_err(malformed)? {
                    let comes_to = named(open, 0, component_index)?;
                    add(open, comes_to)?;
                }
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports.clone() {
                names(open, import.map_err(malformed)?.ty.kind(), None);
            }
        }
        Payload::ComponentExportSection(exports) => {
            for export in exports.clone() {
                let export = export.map_err(malformed)?;
                let comes_to = match export.kind {
                    ComponentExternalKind::Component => named(open, 0, export.index)?,
                    _ => None,
                };
                names(open, export.kind, comes_to);
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases.clone() {
                match alias.map_err(malformed)? {
                    ComponentAlias::InstanceExport { kind, .. } => names(open, kind, None),
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                        let comes_to = named(open, count, index)?;
                        names(open, ComponentExternalKind::Component, comes_to);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// The innermost component can name one more component, if that is what it names.
fn names(open: &mut [Scope], kind: ComponentExternalKind, comes_to: Option<u64>) {
    if let (ComponentExternalKind::Component, Some(scope)) = (kind, open.last_mut()) {
        scope.components.push(comes_to);
    }
}

fn named(open: &[Scope], outward: u32, index: u32) -> Result<Option<u64>, Refused> {
    let scope = open.len().checked_sub(1 + outward as usize).and_then(|at| open.get(at));
    let found = scope.and_then(|scope| scope.components.get(index as usize));
    found.copied().ok_or_else(|| Refused::Malformed(format!("there is no component {index}")))
}

fn add(open: &mut [Scope], comes_to: Option<u64>) -> Result<(), Refused> {
    let comes_to = comes_to.ok_or(Refused::HandedOver)?;
    if let Some(scope) = open.last_mut() {
        scope.total = scope.total.saturating_add(comes_to);
        if scope.total > MOST_INSTANCES {
            return Err(Refused::TooMany);
        }
    }
    Ok(())
}

fn malformed(error: wasmparser::BinaryReaderError) -> Refused {
    Refused::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), Refused> {
        check(&wat::parse_str(text).expect("component text"))
    }

    /// Each level makes two of the next.
    fn doubling(levels: usize) -> String {
        let twice = |inner: String| {
            let inner = inner.replacen("(component", "(component $c", 1);
            format!("(component {inner} (instance (instantiate $c)) (instance (instantiate $c)))")
        };
        (0..levels).fold("(component)".to_owned(), |inner, _| twice(inner))
    }

    #[test]
    fn instances_are_counted_through_all_levels() {
        assert_eq!(checked(&doubling(8)), Ok(()), "511 of them");
        assert_eq!(checked(&doubling(9)), Err(Refused::TooMany), "1,023");
        assert_eq!(checked(&doubling(15)), Err(Refused::TooMany), "and without making them");
        let modules = |count: usize| {
            let made = "(core instance (instantiate $m))".repeat(count);
            format!("(component (core module $m (memory 1) (func)) {made})")
        };
        assert_eq!(checked(&modules(999)), Ok(()));
        // More than that is no valid component.
        assert_eq!(checked(&modules(1_000)), Err(Refused::TooMany));
    }

    #[test]
    fn no_way_round_the_count() {
        let aliased = "(component (component $a (core module $m) (core instance (instantiate $m)))
            (component $b (alias outer 1 $a (component $c)) (instance (instantiate $c))) (instance (instantiate $b)))";
        assert_eq!(checked(aliased), Ok(()));
        let handed = "(component (component $b (import \"c\" (component $c)) (instance (instantiate $c))))";
        assert_eq!(checked(handed), Err(Refused::HandedOver));
        let pulled = "(component (component $a (component $in) (export \"in\" (component $in)))
            (instance $i (instantiate $a)) (alias export $i \"in\" (component $c)) (instance (instantiate $c)))";
        assert_eq!(checked(pulled), Err(Refused::HandedOver));
        let deep = (0..DEEPEST).fold("(component)".to_owned(), |inner, _| format!("(component {inner})"));
        assert_eq!(checked(&deep), Err(Refused::TooDeep));
    }
}
