//! Which recipe makes what, where.

use serde_json::{Value, json};

use super::super::matching::{Why, check_class, choose, ties};
use super::{name, of, record, told};
use crate::domain::document::{Criteria, Document, Manifest, ResourceType};

fn recipe(recipe: &str, criteria: Value) -> Document {
    record(json!({ "name": recipe, "type": "db", "driver": "d", "match": criteria }))
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
            let class = class.map(name);
            let chosen = choose(&stock, &name("db"), class.as_ref(), &name(place)).expect("a match");
            assert_eq!(chosen.recipe.meta.name.as_str(), expected, "{class:?} {place}");
            assert_eq!(chosen.losers.len(), 4);
            assert_eq!(chosen.document.version, 3);
        }
    }
}

#[test]
fn losers_say_why() {
    let stock = stock();
    let chosen = choose(&stock, &name("db"), None, &name("dev")).expect("a match");
    assert_eq!(chosen.criteria, Criteria { environment_type: Some(name("dev")), class: None });
    let anywhere = chosen.losers.iter().find(|it| it.recipe.as_str() == "anywhere").expect("a loser");
    assert_eq!(anywhere.why, Why::LessSpecific(Criteria::default()));
    let ha = chosen.losers.iter().find(|it| it.recipe.as_str() == "ha-in-prod").expect("a loser");
    assert!(matches!(&ha.why, Why::Elsewhere(all) if all.len() == 1));
}

#[test]
fn no_match_says_where_recipes_serve() {
    let stock = &stock()[2..4];
    for (kind, class, expected) in [
        (
            "db",
            None,
            "no recipe makes `db` for environment type `prod`; recipes of this type serve: `in-dev` for environment type `dev`, for environment type `test` and class `small`; `ha-in-prod` for environment type `prod` and class `ha`",
        ),
        (
            "dns",
            Some(name("ha")),
            "no recipe makes `dns` of class `ha` for environment type `prod`: there is none of this type",
        ),
    ] {
        let error = choose(stock, &name(kind), class.as_ref(), &name("prod")).expect_err("no match");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_tie_is_refused_at_apply_and_at_match() {
    let stock = [
        recipe("a", json!([{ "class": "small" }, { "environment-type": "dev" }])),
        recipe("b", json!([{ "environment-type": "dev" }])),
    ];
    let error = choose(&stock, &name("db"), None, &name("dev")).expect_err("a tie");
    assert_eq!(
        error.to_string(),
        "recipes `a` and `b` both make `db` for environment type `dev`: remove one, or match something else"
    );
    assert!(choose(&stock, &name("db"), Some(&name("small")), &name("test")).is_ok());
    let tied = |one: usize| match &stock[one].manifest {
        Manifest::Recipe(recipe) => told(&ties(recipe, stock.iter().map(|it| &it.manifest))),
        _ => unreachable!("recipes only"),
    };
    assert_eq!(
        tied(0),
        "/match/1: recipes `a` and `b` both make `db` for environment type `dev`: remove one, or match something else"
    );
    assert_eq!(
        tied(1),
        "/match/0: recipes `b` and `a` both make `db` for environment type `dev`: remove one, or match something else"
    );
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
