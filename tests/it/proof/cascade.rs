//! Environments and projects deleted with everything inside; resources released; orders taken over: at the command line.

use super::core::{Core, demo_platform};

fn order(name: &str, more: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, \
         resources: {{ db: {{ type: sqlite-database, params: {{ name: {name} }}{more} }} }} }}\n"
    )
}

#[test]
fn an_environment_goes_with_everything_inside() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    for name in ["one", "two"] {
        core.apply(&order(name, ""));
        core.ready(name);
    }
    let refused = core.try_run(&["delete", "environment", "dev"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("(NOT_EMPTY)") && refused.stderr.contains("--cascade"), "{refused:?}");
    let unasked = core.try_run(&["delete", "environment", "dev", "--cascade"]);
    assert_eq!(unasked.status, 3, "{unasked:?}");
    assert!(
        unasked.stderr.contains("- delete one/db") && unasked.stderr.contains("2 resources in 2 orders"),
        "{unasked:?}"
    );
    assert!(unasked.stderr.contains("(PLAN_REQUIRED)"), "{unasked:?}");

    core.apply(&order("two", ", protect: true"));
    core.ready("two");
    let guarded = core.try_run(&["delete", "project", "default", "--cascade", "--yes"]);
    assert_eq!(guarded.status, 3, "{guarded:?}");
    assert!(guarded.stderr.contains("(RESOURCE_PROTECTED)") && guarded.stderr.contains("two/db"), "{guarded:?}");
    core.apply(&order("two", ", protect: false"));
    let said = core.run(&["delete", "project", "default", "--cascade", "--yes", "--timeout", "2m"]);
    for line in ["order/one deleted", "order/two deleted", "environment/dev deleted", "project/default deleted"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn what_is_released_is_forgotten_and_stays() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    core.apply(&order("one", ""));
    core.ready("one");
    let unasked = core.try_run(&["release", "one/db"]);
    assert_eq!(unasked.status, 3, "{unasked:?}");
    assert!(unasked.stderr.contains("--yes"), "{unasked:?}");
    let said = core.run(&["release", "one/db", "--yes"]);
    assert!(said.contains("resource/one/db released"), "{said}");
    assert_eq!(core.json(&["get", "resources"]), serde_json::json!([]));
    let shown = core.json(&["get", "order", "one"]);
    assert!(shown["resources"].as_object().is_none_or(|it| it.is_empty()), "{shown}");
    assert!(core.data().join("databases/one.db").exists(), "its file");
}

#[test]
fn another_source_takes_an_order_over_only_if_it_says_so() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    core.apply(&order("one", ""));
    core.ready("one");
    let file = core.file("more.yaml", &order("one", ", on-remove: retain"));
    let refused = core.try_run(&["apply", "-f", &file, "--source", "elsewhere"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    for words in ["(ORDER_CONFLICT)", "`tests`", "`elsewhere`", "--take-over"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    core.run(&["apply", "-f", &file, "--source", "elsewhere", "--take-over"]);
    assert_eq!(core.json(&["get", "order", "one"])["status"]["source"], "elsewhere");
}
