//! `vend history`, and the way back.

use super::core::{Core, demo_platform};

fn order(databases: &[&str]) -> String {
    let one = |name: &&str| format!("{name}: {{ type: sqlite-database, params: {{ name: {name} }} }}");
    let all: Vec<_> = databases.iter().map(one).collect();
    format!("{{ apiVersion: vend/v1, kind: Order, name: past, resources: {{ {} }} }}\n", all.join(", "))
}

#[test]
fn an_order_goes_back_to_what_it_was() {
    let core = Core::start(&["sqlite"]);
    core.apply(&demo_platform("sqlite"));
    for databases in [&["one"][..], &["one", "two"]] {
        core.run(&["apply", "-f", &core.file("order.yaml", &order(databases)), "--wait"]);
    }
    let listed = core.json(&["history", "past"]);
    let generations: Vec<_> = listed.as_array().expect("a list").iter().map(|it| it["generation"].clone()).collect();
    assert_eq!(generations, [2, 1]);
    assert_eq!((&listed[0]["source"], &listed[0]["state"]), (&"tests".into(), &"succeeded".into()));
    let table = core.run(&["history", "past"]);
    assert!(table.contains("1 create"), "{table}");
    let plan = core.run(&["history", "past", "--generation", "2", "--plan"]);
    assert!(plan.contains("+ create two") && !plan.contains("create one"), "{plan}");

    let first = core.run(&["history", "past", "--generation", "1"]);
    let back = core.with_input(&["apply", "-f", "-", "--allow-destroy", "--wait", "--take-over"], &first);
    assert_eq!(back.status, 0, "{back:?}");
    let left = core.json(&["get", "resources", "--order", "past"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(core.json(&["history", "past"])[0]["generation"], 3);

    let unknown = core.try_run(&["history", "past", "--generation", "9"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("kept are 1 to 3"), "{unknown:?}");
    let nobody = core.try_run(&["history", "nobody"]);
    assert!(nobody.status == 1 && nobody.stderr.contains("(NOT_FOUND)"), "{nobody:?}");
}
