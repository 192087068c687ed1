//! Components that come under somebody else's name, or change their minds about who they are.

use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use vend::pb;
use vend::pb::operation::State;

use super::cases::Cases;
use super::fixture::{Fixture, description};
use super::stocked::{accepted, install, order, rests, start, until};
use crate::support::core::{Caller, reason};
use crate::support::drivers::component;

/// A driver that says it is the probe, of this version, and crashes at whatever it is asked.
fn impostor(version: &str) -> Vec<u8> {
    let mut document = description();
    document["name"] = json!("probe");
    document["version"] = json!(version);
    let thing = document["types"]["thing"].take();
    document["types"] = json!({ "probe": thing });
    document["slots"] = json!({ "server": { "types": ["sqlite"], "access": "read-write" } });
    document["types"]["probe"]["outputs"] = json!({
        "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } },
    });
    Fixture::new().describe(&document).verb("validate", |f| f.ok_text(r#"{"name":"taken"}"#)).build()
}

fn told(status: &Status) -> String {
    let details = status.get_error_details();
    let hint = details.error_info().and_then(|info| info.metadata.get("hint")).cloned().unwrap_or_default();
    format!("{}: {} ({hint})", reason(status), status.message())
}

async fn resource(caller: &Caller, order: &str) -> pb::Resource {
    let name = format!("projects/default/environments/dev/orders/{order}/resources/it");
    let request = pb::GetResourceRequest { name };
    caller.resources().get_resource(request).await.expect("it is there").into_inner().resource.expect("a resource")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_a_drivers_name_or_what_it_has_made() {
    let mut cases = Cases::new("names");
    let core = start(|_| {}).await;
    let admin = core.admin();
    let made = accepted(&admin, &order("standing", "")).await;
    let made = until(&admin, &made, rests).await;
    assert_eq!(made.state(), State::Succeeded, "{made:?}");
    let before = resource(&admin, "standing").await;

    let probe_version = "0.1.0";
    for (case, version) in [
        ("a driver under another one's name and version", probe_version.to_owned()),
        ("the same with build metadata", format!("{probe_version}+better")),
    ] {
        let refused = install(&admin, &impostor(&version)).await.err();
        let outcome = refused.as_ref().map_or("installed".to_owned(), told);
        let words = ["ALREADY_EXISTS", "`probe@0.1.0", "is another component: sha256:", "higher version"];
        cases.row(case, &words, refused.is_some(), &outcome, "—");
    }
    let again = install(&admin, &component("probe")).await.map(|it| it.unchanged);
    cases.check("the very same component", matches!(again, Ok(true)), again);

    // A higher version is another driver, and says so: what stands stays with the one that made it.
    let case = "a driver under another one's name and a higher version";
    let installed = install(&admin, &impostor("0.1.9")).await.map(|it| it.driver.expect("a driver"));
    cases.check(case, installed.is_ok(), &installed);
    let after = resource(&admin, "standing").await;
    let refreshed = admin.resources().refresh_resource(pb::RefreshResourceRequest { name: after.name.clone() }).await;
    let stays =
        after.driver_digest == before.driver_digest && after.driver_digest != installed.expect("installed").digest;
    let works = refreshed.as_ref().is_ok_and(|it| it.get_ref().presence == "ready");
    let outcome = "an explicit version; the live resource stays with its own digest, and is refreshed by it";
    cases.row(case, &["stays with its own digest"], stays && works, outcome, "—");
    let deleted = admin
        .orders()
        .delete_order(pb::DeleteOrderRequest {
            name: "projects/default/environments/dev/orders/standing".into(),
            allow_destroy: true,
            ..Default::default()
        })
        .await
        .expect("accepted")
        .into_inner()
        .operation
        .expect("work");
    let deleted = until(&admin, &deleted.id, rests).await;
    cases.check(case, deleted.state() == State::Succeeded, &deleted);
    core.stop().await;
    cases.end();
}

/// What a driver can see of the world beyond the contract is how much memory it gets.
fn two_faced() -> Fixture {
    let face = |access: &str, title: &str| -> Value {
        let mut document = description();
        document["name"] = json!("two-faced");
        document["title"] = json!(title);
        document["slots"]["db"]["access"] = json!(access);
        document
    };
    let (modest, greedy) = (face("read", "Modest").to_string(), face("read-write", "Greedy").to_string());
    Fixture::new().verb("describe", |f| {
        let (modest, greedy) = (f.text(&modest), f.text(&greedy));
        format!(
            "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then (return (call $answer_text {greedy})))) \
             (call $answer_text {modest})"
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_becomes_another_one_is_not_run() {
    let mut cases = Cases::new("faces");
    let case = "a driver that describes itself otherwise after a restart";
    let core = start(|_| {}).await;
    let installed = install(&core.admin(), &two_faced().build()).await.expect("installed").driver.expect("a driver");
    cases.check(case, installed.title == "Modest", &installed);
    let types =
        "apiVersion: vend/v1\nkind: ResourceType\nname: thing\nparams: { type: object }\noutputs: { type: object }\n";
    let recipe =
        "apiVersion: vend/v1\nkind: Recipe\nname: thing\ntype: thing\ndriver: two-faced\nconnections: { db: files }\n";
    core.admin().apply(&format!("{types}---\n{recipe}")).await.expect("stocked");
    // Less memory than it looks for.
    let core = core.restart_with(|settings| settings.limits.memory_bytes = 32 << 20).await;
    let text = "apiVersion: vend/v1\nkind: Order\nname: two\nresources: { it: { type: thing, params: {} } }\n";
    let refused = super::stocked::apply(&core.admin(), text).await.err();
    let outcome = refused.as_ref().map_or("accepted".to_owned(), told);
    let words = ["DRIVER_INVALID", "`two-faced@1.2.3` does not describe itself as it did when it was installed"];
    cases.row(case, &words, refused.is_some(), &outcome, "—");
    // The neighbour runs on.
    let neighbour = accepted(&core.admin(), &order("neighbour", "")).await;
    let neighbour = until(&core.admin(), &neighbour, rests).await;
    cases.check(case, neighbour.state() == State::Succeeded, &neighbour);
    core.stop().await;
    cases.end();
}
