//! Which recipe makes what, where.

use serde_json::{Value, json};

use super::super::Wanted;
use super::super::criteria::{fit, specificity};
use super::super::matching::{Why, check_class, choose, ties};
use super::{name, of, record, told};
use crate::domain::document::{Criteria, Document, Manifest, ResourceType};
use crate::domain::name::{Key, SharedId};

fn recipe(recipe: &str, criteria: Value) -> Document {
    record(json!({ "name": recipe, "type": "db", "driver": "d", "match": criteria }))
}

/// A `db` in the order `checkout` of `shop/live`.
fn wanted(class: Option<&str>, environment_type: &str) -> Wanted {
    Wanted {
        resource_type: name("db"),
        class: class.map(name),
        project: name("shop"),
        environment: name("live"),
        environment_type: name(environment_type),
        order: Some(name("checkout")),
        key: Some(Key::from(name("main"))),
        id: Some(SharedId::new("orders").expect("an id")),
    }
}

fn stock() -> Vec<Document> {
    vec![
        recipe("anywhere", json!([])),
        recipe("small-anywhere", json!([{ "class": "small" }])),
        recipe("in-dev", json!([{ "environment-type": "dev" }, { "environment-type": "test", "class": "small" }])),
        recipe("ha-in-prod", json!([{ "environment-type": "prod", "class": "ha" }])),
        recipe("never-matches-first", json!([{ "environment-type": "prod" }, {"environment-type": "edge"}])),
    ]
}

#[test]
fn the_most_specific_wins() {
    for (class, place, expected) in [
        (None, "dev", "in-dev"),
        (Some("small"), "dev", "in-dev"),
        (None, "test", "anywhere"),
        (Some("small"), "test", "in-dev"),
        (Some("ha"), "test", "anywhere"),
        (Some("ha"), "prod", "ha-in-prod"),
        (None, "prod", "never-matches-first"),
        (Some("small"), "prod", "never-matches-first"),
        (Some("small"), "elsewhere", "small-anywhere"),
        (None, "elsewhere", "anywhere"),
    ] {
        for turned in [false, true] {
            let mut stock = stock();
            if turned {
                stock.reverse();
            }
            let chosen = choose(&stock, &wanted(class, place)).expect("a match");
            assert_eq!(chosen.recipe.meta.name.as_str(), expected, "{class:?} {place}");
            assert_eq!(chosen.losers.len(), 4);
            assert_eq!(chosen.document.version, 3);
        }
    }
}

#[test]
fn the_first_difference_decides() {
    let order = [
        json!({ "resource": "checkout/main" }),
        json!({ "resource": "orders", "environment": "live", "project": "shop", "environment-type": "prod", "class": "ha" }),
        json!({ "resource": "orders" }),
        json!({ "environment": "live", "project": "shop", "environment-type": "prod", "class": "ha" }),
        json!({ "environment": "live", "class": "ha" }),
        json!({ "environment": "live" }),
        json!({ "project": "shop", "environment-type": "prod", "class": "ha" }),
        json!({ "project": "shop" }),
        json!({ "environment-type": "prod", "class": "ha" }),
        json!({ "environment-type": "prod" }),
        json!({ "class": "ha" }),
        json!({}),
    ];
    let wanted = wanted(Some("ha"), "prod");
    for first in 0..order.len() {
        let mut stock: Vec<_> =
            (first..order.len()).map(|i| recipe(&format!("r{i}"), json!([order[i].clone()]))).collect();
        stock.reverse();
        let chosen = choose(&stock, &wanted).expect("a match");
        assert_eq!(chosen.recipe.meta.name.as_str(), format!("r{first}"), "{}", order[first]);
        assert!(chosen.losers.iter().all(|it| matches!(it.why, Why::LessSpecific { .. })));
    }
}

#[test]
fn values_are_exact_and_all_must_fit() {
    for (criteria, expected) in [
        (json!({ "resource": "checkout/main" }), true),
        (json!({ "resource": "checkout/mai" }), false),
        (json!({ "resource": "main" }), false),
        (json!({ "resource": "checkout" }), false),
        (json!({ "resource": "orders" }), true),
        (json!({ "resource": "checkout/orders" }), false),
        (json!({ "project": "shop", "environment": "live" }), true),
        (json!({ "project": "shop", "environment": "dev" }), false),
        (json!({ "project": "sho" }), false),
        (json!({ "environment-type": "live" }), false),
        (json!({ "class": "ha", "environment-type": "prod" }), true),
        (json!({ "class": "small", "environment-type": "prod" }), false),
    ] {
        assert_eq!(fit(&of(criteria.clone()), &wanted(Some("ha"), "prod")), expected, "{criteria}");
    }
    let part = Wanted { key: Some(Key::parse("main/server").expect("a key")), ..wanted(None, "prod") };
    assert!(fit(&of(json!({ "resource": "checkout/main/server" })), &part));
    let nowhere = Wanted { order: None, key: None, id: None, ..wanted(None, "prod") };
    assert!(!fit(&of(json!({ "resource": "checkout/main" })), &nowhere));
}

/// Two sets of criteria that say as much and are not equal never fit one resource: equal ones are the only ties.
#[test]
fn what_says_as_much_and_is_not_equal_never_fits_the_same() {
    let values = |it: &str, all: [&str; 3]| -> Vec<Value> {
        let some = all.into_iter().map(|value| json!({ it: value }));
        std::iter::once(json!({})).chain(some).collect()
    };
    let mut all = vec![json!({})];
    for field in [
        values("resource", ["checkout/main", "orders", "shop/db"]),
        values("environment", ["live", "dev", "prod"]),
        values("project", ["shop", "live", "x"]),
        values("environment-type", ["prod", "dev", "live"]),
        values("class", ["ha", "small", "x"]),
    ] {
        let joined = |one: &Value, more: &Value| {
            let mut joined = one.clone();
            joined.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            joined
        };
        all = all.iter().flat_map(|one| field.iter().map(move |more| joined(one, more))).collect();
    }
    let all: Vec<Criteria> = all.into_iter().map(of).collect();
    let wanted = wanted(Some("ha"), "prod");
    let fitting: Vec<_> = all.iter().filter(|it| fit(it, &wanted)).collect();
    assert_eq!(fitting.len(), 3 * 16);
    for (i, one) in fitting.iter().enumerate() {
        for other in &fitting[..i] {
            assert_ne!(specificity(one), specificity(other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn losers_say_why() {
    let chosen_text = |stock: &[Document], wanted: &Wanted| choose(stock, wanted).expect("a match").to_string();
    assert_eq!(
        chosen_text(&stock(), &wanted(None, "dev")),
        "serves for environment type `dev`; \
         not `anywhere` (less specific: serves everywhere, and does not name the environment type); \
         not `ha-in-prod` (serves only for environment type `prod` and class `ha`); \
         not `never-matches-first` (serves only for environment type `prod`, for environment type `edge`); \
         not `small-anywhere` (serves only for class `small`)"
    );
    let named = [
        recipe("by-id", json!([{ "resource": "orders", "project": "shop" }])),
        recipe("by-order", json!([{ "resource": "checkout/main" }])),
        recipe("by-place", json!([{ "environment": "live", "project": "shop", "class": "ha" }])),
    ];
    assert_eq!(
        chosen_text(&named, &wanted(Some("ha"), "dev")),
        "serves for resource `checkout/main`; \
         not `by-id` (less specific: serves for id `orders` and project `shop`, and does not name the resource by its order); \
         not `by-place` (less specific: serves for environment `live`, project `shop` and class `ha`, and does not name the resource)"
    );
    let many: Vec<_> =
        (0..30).map(|i| recipe(&format!("r{i:02}"), json!([{ "project": format!("p{i}") }]))).chain(stock()).collect();
    let text = chosen_text(&many, &wanted(None, "dev"));
    assert!(text.ends_with("; nor 26 more"), "{text}");
}

#[test]
fn no_match_says_where_recipes_serve() {
    let stock = &stock()[2..4];
    for (kind, class, expected) in [
        (
            "db",
            None,
            "no recipe makes `db` in environment `live` of project `shop`, of type `prod`; recipes of this type serve: `in-dev` for environment type `dev`, for environment type `test` and class `small`; `ha-in-prod` for environment type `prod` and class `ha`",
        ),
        (
            "dns",
            Some("ha"),
            "no recipe makes `dns` of class `ha` in environment `live` of project `shop`, of type `prod`: there is none of this type",
        ),
    ] {
        let wanted = Wanted { resource_type: name(kind), ..wanted(class, "prod") };
        let error = choose(stock, &wanted).expect_err("no match");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_tie_is_refused_at_apply_and_at_match() {
    let stock = [
        recipe("a", json!([{ "class": "small" }, { "environment-type": "dev", "project": "shop" }])),
        recipe("b", json!([{ "project": "shop", "environment-type": "dev" }])),
    ];
    let both = "both make `db` for project `shop` and environment type `dev`: remove one, or match something else";
    let error = choose(&stock, &wanted(None, "dev")).expect_err("a tie");
    assert_eq!(error.to_string(), format!("recipes `a` and `b` {both}"));
    assert!(choose(&stock, &wanted(Some("small"), "test")).is_ok());
    let tied = |one: usize| match &stock[one].manifest {
        Manifest::Recipe(recipe) => told(&ties(recipe, stock.iter().map(|it| &it.manifest))),
        _ => unreachable!("recipes only"),
    };
    assert_eq!(tied(0), format!("/match/1: recipes `a` and `b` {both}"));
    assert_eq!(tied(1), format!("/match/0: recipes `b` and `a` {both}"));
    let everywhere = [recipe("a", json!([])), recipe("b", json!([{}])), recipe("c", json!([{ "class": "small" }]))];
    for (document, ties_with) in everywhere.iter().zip([1, 1, 0]) {
        let Manifest::Recipe(recipe) = &document.manifest else { unreachable!("recipes only") };
        assert_eq!(ties(recipe, everywhere.iter().map(|it| &it.manifest)).len(), ties_with, "{}", recipe.meta.name);
    }
}

#[test]
fn a_class_must_be_one_of_the_type() {
    let with =
        |classes: Value| of::<ResourceType>(json!({ "name": "db", "params": {}, "outputs": {}, "classes": classes }));
    let some = with(json!([{ "name": "small" }, { "name": "ha" }]));
    assert!(check_class(&some, None).is_ok() && check_class(&some, Some(&name("ha"))).is_ok());
    let error = check_class(&some, Some(&name("smal"))).expect_err("no class");
    assert_eq!(error.to_string(), "resource type `db` has no class `smal`: did you mean `small`?");
    let error = check_class(&with(json!([])), Some(&name("ha"))).expect_err("no class");
    assert_eq!(error.to_string(), "resource type `db` has no class `ha`");
}
