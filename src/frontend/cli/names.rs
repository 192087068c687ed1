//! Names as typed and names as the API has them (AIP-122).

use super::connect::Session;
use super::error::Failure;
use super::kind::Kind;

/// The full name of what was typed. What already is a full name or an id stays as it is.
pub fn full(session: &Session, kind: Kind, typed: &str) -> Result<String, Failure> {
    let settings = &session.settings;
    let typed = bare(kind, typed);
    if typed.is_empty() {
        return Err(Failure::usage(format!("the name of the {} is empty", kind.word())));
    }
    if typed.starts_with("projects/") || kind.is_id(typed) {
        return Ok(typed.to_owned());
    }
    if let Some(collection) = kind.collection() {
        let prefix = format!("{collection}/");
        return Ok(if typed.starts_with(&prefix) { typed.to_owned() } else { prefix + typed });
    }
    match kind {
        Kind::Environment => Ok(format!("projects/{}/environments/{typed}", settings.project()?)),
        Kind::Order => order(settings.project()?, settings.environment()?, typed),
        Kind::Resource => match typed.split_once('/') {
            Some((name, key)) => {
                let order = order(settings.project()?, settings.environment()?, name)?;
                Ok(format!("{order}/resources/{key}"))
            }
            None => Err(Failure::usage(format!("`{typed}` names no resource"))
                .with_hint("write ORDER/RESOURCE, or its id: `vend get resources` shows both")),
        },
        _ => Ok(typed.to_owned()),
    }
}

/// Without the `KIND/` that `-o name` puts before it.
fn bare(kind: Kind, typed: &str) -> &str {
    let rest = typed.strip_prefix(kind.word()).and_then(|rest| rest.strip_prefix('/'));
    // `resource/x` may be the key x of an order called resource; `resource/demo/x` is a reference.
    match rest {
        Some(rest) if kind != Kind::Resource || rest.contains('/') || kind.is_id(rest) => rest,
        _ => typed,
    }
}

fn order(project: &str, environment: &str, name: &str) -> Result<String, Failure> {
    if name.contains('/') {
        return Err(Failure::usage(format!("`{name}` names no order"))
            .with_hint("an order's name has no slash; project and environment are given with -p and -e"));
    }
    Ok(format!("projects/{project}/environments/{environment}/orders/{name}"))
}

/// The last part of a full name: `projects/shop/environments/dev` → `dev`; of a resource, `ORDER/KEY`.
pub fn short(name: &str) -> &str {
    if let Some((_, rest)) = name.split_once("/orders/") {
        // Keys of composite parts have slashes of their own.
        return rest;
    }
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// As `short`, with `checkout/resources/db` written `checkout/db`.
pub fn short_resource(name: &str) -> String {
    short(name).replacen("/resources/", "/", 1)
}

/// Project, environment and order of a full name, as far as it has them.
pub fn scope(name: &str) -> (String, String, String) {
    let mut parts = name.split('/');
    let mut found = (String::new(), String::new(), String::new());
    while let (Some(collection), Some(id)) = (parts.next(), parts.next()) {
        match collection {
            "projects" => found.0 = id.to_owned(),
            "environments" => found.1 = id.to_owned(),
            "orders" => found.2 = id.to_owned(),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::cli::settings::Settings;
    use crate::frontend::cli::terminal::Terminal;

    #[tokio::test]
    async fn full_names() {
        let settings = Settings {
            server: "http://127.0.0.1:1".to_owned(),
            origin: String::new(),
            project: "shop".to_owned(),
            environment: "dev".to_owned(),
            ..Settings::default()
        };
        let session = Session::new(settings, Terminal::of_tests()).expect("a session");
        for (kind, typed, expected) in [
            (Kind::Project, "shop", "projects/shop"),
            (Kind::Environment, "dev", "projects/shop/environments/dev"),
            (Kind::Environment, "projects/a/environments/b", "projects/a/environments/b"),
            (Kind::ResourceType, "dns-record", "resourceTypes/dns-record"),
            (Kind::Connection, "connections/pg", "connections/pg"),
            (Kind::Order, "checkout", "projects/shop/environments/dev/orders/checkout"),
            (Kind::Resource, "checkout/db", "projects/shop/environments/dev/orders/checkout/resources/db"),
            (Kind::Resource, "checkout/db/part", "projects/shop/environments/dev/orders/checkout/resources/db/part"),
            (Kind::Resource, "res_01", "res_01"),
            (Kind::Operation, "op_01", "op_01"),
            (Kind::Operation, "operation/op_01", "op_01"),
            (Kind::Order, "order/checkout", "projects/shop/environments/dev/orders/checkout"),
            (Kind::Resource, "resource/checkout/db", "projects/shop/environments/dev/orders/checkout/resources/db"),
            (Kind::Resource, "resource/db", "projects/shop/environments/dev/orders/resource/resources/db"),
            (Kind::Recipe, "recipe/shared", "recipes/shared"),
            (Kind::Driver, "postgres@0.1.0", "drivers/postgres@0.1.0"),
            (Kind::Driver, "sha256:ab", "sha256:ab"),
        ] {
            assert_eq!(full(&session, kind, typed).expect("a name"), expected);
        }
        assert!(full(&session, Kind::Resource, "db").is_err());
        assert!(full(&session, Kind::Order, "a/b").is_err());
    }

    #[test]
    fn short_names() {
        assert_eq!(short("projects/shop/environments/dev"), "dev");
        assert_eq!(short("recipes/shared"), "shared");
        assert_eq!(short("projects/a/environments/b/orders/checkout"), "checkout");
        assert_eq!(short_resource("projects/a/environments/b/orders/checkout/resources/db/part"), "checkout/db/part");
        assert_eq!(scope("projects/a/environments/b/orders/c/resources/d"), ("a".into(), "b".into(), "c".into()));
    }
}
