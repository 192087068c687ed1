//! Variables as lines for a shell: `set -a; . ./FILE` reads them back. Pure.

use super::fill::Container;
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::exit::Exit;
use crate::frontend::cli::outputs;

pub fn render(containers: &[Container]) -> Result<String, Failure> {
    let mut text = String::new();
    for (name, value) in containers.iter().flat_map(|container| &container.variables) {
        let first = name.chars().next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic());
        let refused = if !first || !name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric()) {
            "has no name that a shell knows"
        } else if value.contains('\0') {
            "has a value with a NUL in it"
        } else {
            text.push_str(&format!("{name}={}\n", outputs::quote(value)));
            continue;
        };
        return Err(Failure::new(Exit::Failed, format!("the variable `{name}` {refused}"))
            .with_hint("-o json and -o k8s-secret have it"));
    }
    Ok(text)
}
