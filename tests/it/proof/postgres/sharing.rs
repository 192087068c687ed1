//! One database of two orders, as `docs/documents.md` has it.

use super::server::{ask, login, server, stock};
use crate::proof::core::Core;

/// The example of that section, with names of this test.
fn orders() -> (String, String) {
    let text = std::fs::read_to_string("docs/documents.md").expect("the guide");
    let section = text.split("### What is shared\n").nth(1).expect("the section");
    let example = section.split("```yaml\n").nth(1).and_then(|it| it.split("```").next()).expect("an example");
    let example = example.replace("company.ledger", "ledger.of-two").replace("name: ledger }", "name: ledger-of-two }");
    let (first, second) = example.split_once("---\n").expect("two orders");
    (first.to_owned(), second.to_owned())
}

#[test]
fn two_orders_have_one_database() {
    let core = Core::start(&["postgres"]);
    stock(&core, server().port);
    let (invoices, reports) = orders();
    let (invoices, reports) = (core.file("invoices.yaml", &invoices), core.file("reports.yaml", &reports));
    let apply = |file: &str| core.run(&["apply", "-f", file, "--wait", "--timeout", "2m"]);
    apply(&invoices);
    let planned = core.run(&["plan", "-f", &reports]);
    for told in [
        "* record ledger  postgres-database",
        "is the resource of invoices/store, shared as ledger.of-two",
        "1 to create",
    ] {
        assert!(planned.contains(told), "{told}: {planned}");
    }
    apply(&reports);

    let tree = core.run(&["tree", "reports"]);
    assert!(tree.contains("is invoices/store, shared as ledger.of-two"), "{tree}");
    let described = core.run(&["describe", "order", "reports"]);
    assert!(described.contains("reports/ledger") && described.contains("reports/reader"), "{described}");
    let home = core.json(&["get", "resource", "invoices/store"]);
    assert_eq!(home["shared-with"], serde_json::json!(["reports/ledger"]), "{home}");
    assert_eq!(core.json(&["get", "resource", "reports/ledger"])["id"], home["id"]);
    let url = |of: &str| core.json(&["outputs", of, "--reveal"])["url"].as_str().expect("a URL").to_owned();
    assert_eq!(url("invoices/store"), url("reports/ledger"));
    login(&url("reports/ledger"), "CREATE TABLE note (id INT)").expect("the owner writes");
    assert_eq!(login(&url("reports/reader"), "SELECT count(*) FROM note"), Ok("0".into()));

    // The order that has made it goes: the other one has it on.
    let own = "  own: { type: postgres-database, params: { name: own-of-two } }\n";
    apply(&core.file("invoices.yaml", &(orders().0 + own)));
    let asked = core.try_run(&["delete", "order", "invoices"]);
    for told in ["- delete invoices/own", "* stays  invoices/store", "as reports/ledger\n", "\n1 to delete."] {
        assert!(asked.status != 0 && asked.stderr.contains(told), "{told}: {asked:?}");
    }
    core.delete("invoices");
    assert_eq!(core.json(&["get", "resource", "reports/ledger"])["name"], "reports/ledger");
    assert_eq!(login(&url("reports/reader"), "SELECT count(*) FROM note"), Ok("0".into()));
    assert!(core.run(&["plan", "-f", &reports]).ends_with("nothing to do\n"));
    core.delete("reports");
    let both = format!("{}---\n{}", orders().0, orders().1);
    apply(&core.file("both.yaml", &both));
    assert_eq!(core.json(&["get", "resource", "invoices/store"])["shared-with"], serde_json::json!(["reports/ledger"]));
    core.delete("reports");
    core.delete("invoices");
    assert_eq!(ask(server(), "SELECT count(*) FROM pg_database WHERE datname = 'ledger-of-two'"), "0");
}
