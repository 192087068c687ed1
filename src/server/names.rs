//! Resource names (AIP-122) as calls give them, taken apart.

use tonic::Status;

use crate::domain::contract::Violation;
use crate::domain::document::Kind;
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::{EnvironmentName, Key, Name, OrderName, ResourceName};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// A resource by its id or its name, or all of an order.
#[derive(Debug, PartialEq)]
pub enum Target {
    Id(ResourceId),
    Resource(ResourceName),
    Order(OrderName),
}

/// What of a field is not as it must be.
pub fn field(field: &str, message: impl Into<String>) -> Status {
    let message = message.into();
    let violation = Violation { pointer: field.to_owned(), message: message.clone() };
    Refusal::new(Reason::RequestInvalid, format!("`{field}`: {message}")).violations(vec![violation]).into()
}

/// The name in `field`, which must be given.
pub fn name(at: &str, text: &str) -> Result<Name, Status> {
    if text.is_empty() {
        return Err(field(at, "is required"));
    }
    Name::new(text).map_err(|error| field(at, error.to_string()))
}

/// The name in `field`, if it is given.
pub fn optional(at: &str, text: &str) -> Result<Option<Name>, Status> {
    if text.is_empty() { Ok(None) } else { name(at, text).map(Some) }
}

const ORDER: &str = "projects/*/environments/*/orders/*";

pub fn order(text: &str) -> Result<OrderName, Status> {
    match text.split('/').count() {
        6 => match target(text)? {
            Target::Order(name) => Ok(name),
            _ => Err(expected(text, ORDER)),
        },
        _ => Err(expected(text, ORDER)),
    }
}

pub fn resource(text: &str) -> Result<Target, Status> {
    match target(text)? {
        Target::Order(_) => Err(expected(text, "res_… or projects/*/environments/*/orders/*/resources/*")),
        found => Ok(found),
    }
}

pub fn target(text: &str) -> Result<Target, Status> {
    if text.starts_with("res_") {
        return ResourceId::parse(text).map(Target::Id).map_err(|error| field("name", error.to_string()));
    }
    let part = |text: &str| Name::new(text).map_err(|error| field("name", error.to_string()));
    let parts: Vec<&str> = text.split('/').collect();
    let ["projects", project, "environments", environment, "orders", order, rest @ ..] = parts.as_slice() else {
        return Err(expected(text, "res_… or projects/*/environments/*/orders/*[/resources/*]"));
    };
    let order = OrderName { project: part(project)?, environment: part(environment)?, order: part(order)? };
    match rest {
        [] => Ok(Target::Order(order)),
        ["resources", key @ ..] if !key.is_empty() => {
            let key = Key::parse(&key.join("/")).map_err(|error| field("name", error.to_string()))?;
            Ok(Target::Resource(order.resource(key)))
        }
        _ => Err(expected(text, "projects/*/environments/*/orders/*/resources/*")),
    }
}

pub fn operation(text: &str) -> Result<OperationId, Status> {
    OperationId::parse(text).map_err(|error| field("id", error.to_string()))
}

pub fn resource_id(at: &str, text: &str) -> Result<ResourceId, Status> {
    ResourceId::parse(text).map_err(|error| field(at, error.to_string()))
}

/// A document's name: its kind, its project (empty for the platform's own) and its own name.
pub fn document(text: &str) -> Result<(Kind, String, Name), Status> {
    let part = |text: &str| Name::new(text).map_err(|error| field("name", error.to_string()));
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", name] => Ok((Kind::Project, (*name).to_owned(), part(name)?)),
        ["projects", project, "environments", name] => {
            let of = EnvironmentName { project: part(project)?, environment: part(name)? };
            Ok((Kind::Environment, of.project.to_string(), of.environment))
        }
        ["resourceTypes", name] => Ok((Kind::ResourceType, String::new(), part(name)?)),
        ["connections", name] => Ok((Kind::Connection, String::new(), part(name)?)),
        ["recipes", name] => Ok((Kind::Recipe, String::new(), part(name)?)),
        _ => Err(expected(text, "projects/*, projects/*/environments/*, resourceTypes/*, connections/* or recipes/*")),
    }
}

fn expected(text: &str, shape: &str) -> Status {
    let shown: String = text.chars().take(200).collect();
    field("name", format!("`{shown}` is no name of the form {shape}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let order = order("projects/shop/environments/dev/orders/checkout").expect("an order");
        assert_eq!(order.to_string(), "projects/shop/environments/dev/orders/checkout");
        let found = target("projects/shop/environments/dev/orders/checkout/resources/db").expect("a resource");
        assert!(matches!(found, Target::Resource(name) if name.key.as_str() == "db"));
        let (kind, project, name) = document("projects/shop/environments/dev").expect("an environment");
        assert_eq!((kind, project.as_str(), name.as_str()), (Kind::Environment, "shop", "dev"));
        let (kind, project, _) = document("recipes/shared").expect("a recipe");
        assert_eq!((kind, project.as_str()), (Kind::Recipe, ""));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "projects/".to_owned() + &"x".repeat(10_000);
        for bad in [
            "",
            "projects",
            "projects//environments/dev/orders/x",
            "res_1",
            "projects/A/environments/b/orders/c",
            &long,
        ] {
            assert!(target(bad).is_err(), "{bad}");
            assert!(order(bad).is_err() && resource(bad).is_err(), "{bad}");
        }
        assert!(resource("projects/shop/environments/dev/orders/checkout").is_err());
        for bad in ["", "orders/x", "recipes/", "recipes/a/b", "projects/a/environments/", &long] {
            assert!(document(bad).is_err(), "{bad}");
        }
    }
}
