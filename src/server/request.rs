//! Parts that many requests have in common.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tonic::Status;

use crate::domain::name::{Key, OrderName};
use crate::domain::upgrade::Towards;
use crate::engine::{Upgrading, Which};
use crate::store::Filter;

use super::names;

const REQUEST_ID_CHARS: usize = 128;
const SOURCE_BYTES: usize = 1_024;
const MOST_LABELS: usize = 64;
const LABEL_BYTES: usize = 256;

/// A request id (AIP-155): any text of up to 128 characters; empty for none.
pub fn id(text: String) -> Result<String, Status> {
    if text.chars().count() > REQUEST_ID_CHARS {
        return Err(names::field("request_id", format!("is longer than {REQUEST_ID_CHARS} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(names::field("request_id", "has control characters"));
    }
    Ok(text)
}

/// Where an order is kept: one line.
pub fn source(text: String) -> Result<String, Status> {
    if text.len() > SOURCE_BYTES {
        return Err(names::field("order_source", format!("is longer than {SOURCE_BYTES} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(names::field("order_source", "has control characters"));
    }
    Ok(text)
}

/// What of an order is to be moved, and what to.
pub fn upgrading(resources: Vec<String>, to: &str) -> Result<Upgrading, Status> {
    let mut keys = BTreeSet::new();
    for text in resources {
        keys.insert(Key::parse(&text).map_err(|error| names::field("resources", error.to_string()))?);
    }
    let to = Towards::parse(to)
        .map_err(|error| names::field("to", format!("is neither RECIPE@REVISION nor DRIVER@VERSION: {error}")))?;
    Ok(Upgrading { which: if keys.is_empty() { Which::All } else { Which::Of(keys) }, to })
}

/// What a field says; an empty one says nothing.
pub fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The version that an entity tag stands for, as `convert::etag` writes it; `None` if the call does not say.
pub fn etag(text: &str) -> Result<Option<u64>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).and_then(|it| it.parse().ok());
    version.map(Some).ok_or_else(|| names::field("etag", "is none of ours: send it as it came, quotes included"))
}

/// What a call is about that names only a place, as `policy` is asked; nothing of it needs to exist.
pub fn place(project: &str, environment: &str) -> String {
    match (project, environment) {
        ("", _) => String::new(),
        (project, "") => format!("projects/{project}"),
        (project, environment) => format!("projects/{project}/environments/{environment}"),
    }
}

pub fn labels(given: HashMap<String, String>) -> Result<BTreeMap<String, String>, Status> {
    if given.len() > MOST_LABELS || given.iter().any(|(key, value)| key.len() + value.len() > LABEL_BYTES) {
        return Err(names::field(
            "labels",
            format!("has more than {MOST_LABELS} labels, or one over {LABEL_BYTES} bytes"),
        ));
    }
    Ok(given.into_iter().collect())
}

/// Everything that narrows a list, for its page tokens.
pub fn bound(list: &str, parts: &[&str], labels: &BTreeMap<String, String>) -> Vec<String> {
    let mut bound = vec![list.to_owned()];
    bound.extend(parts.iter().map(|part| (*part).to_owned()));
    bound.extend(labels.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
    bound
}

pub fn of_order(order: &OrderName) -> Filter {
    Filter {
        project: Some(order.project.to_string()),
        environment: Some(order.environment.to_string()),
        order: Some(order.order.to_string()),
        ..Filter::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_a_short_line() {
        assert_eq!(id(String::new()).expect("none"), "");
        assert!(id("x".repeat(128)).is_ok());
        assert!(id("é".repeat(128)).is_ok());
        assert!(id("x".repeat(129)).is_err());
        assert!(id("a\nb".into()).is_err());
    }

    #[test]
    fn a_source_is_a_line() {
        assert_eq!(source("https://git.example.com/shop.git//order.yaml".into()).ok().map(|it| it.len()), Some(44));
        assert!(source("x".repeat(1_025)).is_err());
        assert!(source("a\nb".into()).is_err());
    }

    #[test]
    fn an_etag_is_a_version_in_quotes() {
        assert_eq!(etag("").expect("none"), None);
        assert_eq!(etag(&super::super::convert::etag(7)).expect("ours"), Some(7));
        for bad in ["7", "\"", "\"\"", "\"x\"", "W/\"7\"", "\"-1\""] {
            assert!(etag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn policy_is_asked_about_a_place() {
        assert_eq!(place("", "dev"), "");
        assert_eq!(place("shop", ""), "projects/shop");
        assert_eq!(place("shop", "dev"), "projects/shop/environments/dev");
    }
}
