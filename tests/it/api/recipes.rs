//! Recipes through the API: which one serves and why, what they take of connections, and what changing them concerns.

use tonic_types::StatusExt;
use vend::domain::principal::Role;
use vend::pb;
use vend::pb::operation::State;
use vend::pb::planned_resource::Action;

use crate::support::core::{Caller, Core, reason, source};
use crate::support::drivers::component;

const STOCK: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
classes: [{ name: large }]
params:
  type: object
  required: [name]
  additionalProperties: false
  properties: { name: { type: string }, schema: { type: array, items: { type: string } } }
outputs: { type: object, required: [name], properties: { name: { type: string }, path: { type: string } } }
"#;

fn connection(facts: &str) -> String {
    format!(
        "apiVersion: vend/v1\nkind: Connection\nname: files\ntype: sqlite\nendpoint: databases\nallow: {{ databases: [\"*\"] }}\nfacts: {facts}\n"
    )
}

fn recipe(name: &str, matching: &str, more: &str) -> String {
    format!(
        "apiVersion: vend/v1\nkind: Recipe\nname: {name}\ntype: sqlite-database\nmatch: [{matching}]\ndriver: sqlite@^0.1\nconnections: {{ server: files }}\n{more}"
    )
}

const CONFIG: &str = "config: { directory: \"/srv/${connections.server.facts.mount.name}/$${db}\" }\n";

async fn stocked() -> Core {
    let core = Core::start().await;
    std::fs::create_dir_all(core.data().join("databases")).expect("a directory");
    let infra = core.caller(&[Role::Infra]).await;
    let chunks: Vec<_> = component("sqlite")
        .chunks(1 << 20)
        .map(|chunk| pb::InstallDriverRequest { chunk: chunk.to_vec(), file_name: "sqlite.wasm".into() })
        .collect();
    infra.drivers().install_driver(tokio_stream::iter(chunks)).await.expect("installed");
    let documents = [
        STOCK.to_owned(),
        connection("{ mount: { name: ssd, size: 5 } }"),
        recipe("anywhere", "", ""),
        recipe("here", "{ project: default, environment-type: development }", CONFIG),
        recipe("large", "{ class: large }", ""),
        recipe("one", "{ resource: checkout/main }", ""),
        recipe("by-id", "{ resource: orders }", ""),
        recipe("elsewhere", "{ environment: live, project: shop }, { project: blog }", ""),
    ];
    core.admin().apply(&documents.join("---\n")).await.expect("stocked");
    core
}

fn ask(class: &str, order: &str, key: &str, id: &str) -> pb::MatchRecipeRequest {
    pb::MatchRecipeRequest {
        project: "default".into(),
        environment: "dev".into(),
        resource_type: "sqlite-database".into(),
        class: class.into(),
        order: order.into(),
        key: key.into(),
        id: id.into(),
    }
}

async fn order(caller: &Caller, params: &str) -> Result<pb::ApplyOrderResponse, tonic::Status> {
    let text = format!(
        "apiVersion: vend/v1\nkind: Order\nname: notes\nresources:\n  db: {{ type: sqlite-database, params: {params} }}\n"
    );
    let request = pb::ApplyOrderRequest {
        source: Some(source("notes.yaml", &text)),
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    };
    Ok(caller.orders().apply_order(request).await?.into_inner())
}

async fn made(caller: &Caller, params: &str) -> pb::Resource {
    let id = order(caller, params).await.expect("accepted").operation.expect("work").id;
    let timeout = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = pb::WaitOperationRequest { id, timeout };
    let ended = caller.operations().wait_operation(request).await.expect("waited").into_inner().operation;
    assert_eq!(ended.as_ref().map(pb::Operation::state), Some(State::Succeeded), "{ended:?}");
    let name = "projects/default/environments/dev/orders/notes/resources/db".to_owned();
    let found = caller.resources().get_resource(pb::GetResourceRequest { name }).await.expect("there");
    found.into_inner().resource.expect("a resource")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_told_without_ordering() {
    let core = stocked().await;
    let admin = core.admin();
    let found = async |request: pb::MatchRecipeRequest| {
        admin.catalog().match_recipe(request).await.map(tonic::Response::into_inner)
    };
    for (request, expected) in [
        (ask("", "", "", ""), "here"),
        (ask("large", "", "", ""), "here"),
        (ask("", "checkout", "main", ""), "one"),
        (ask("", "checkout", "main", "orders"), "one"),
        (ask("", "checkout", "other", "orders"), "by-id"),
        (ask("large", "checkout", "main/part", ""), "here"),
    ] {
        assert_eq!(found(request.clone()).await.expect("a match").recipe, expected, "{request:?}");
    }
    let here = found(ask("", "", "", "")).await.expect("a match");
    assert_eq!((here.recipe_revision, here.driver.as_str()), (1, "sqlite@0.1.0"));
    assert_eq!((here.driver_requirement.as_str(), here.connections["server"].as_str()), ("sqlite@^0.1", "files"));
    assert_eq!(here.reason, "serves for project `default` and environment type `development`");
    let criteria = here.criteria.expect("criteria");
    assert_eq!((criteria.project.as_str(), criteria.environment_type.as_str()), ("default", "development"));
    let others: Vec<_> = here.others.iter().map(|it| (it.recipe.as_str(), it.serves, it.reason.as_str())).collect();
    assert_eq!(
        others,
        [
            ("anywhere", true, "less specific: serves everywhere, and does not name the project"),
            ("by-id", false, "serves only for id `orders`"),
            ("elsewhere", false, "serves only for environment `live` and project `shop`, for project `blog`"),
            ("large", false, "serves only for class `large`"),
            ("one", false, "serves only for resource `checkout/main`"),
        ]
    );
    for (request, expected) in [
        (ask("huge", "", "", ""), "CLASS_UNKNOWN"),
        (ask("", "", "a//b", ""), "REQUEST_INVALID"),
        (ask("", "No Name", "", ""), "REQUEST_INVALID"),
        (pb::MatchRecipeRequest { resource_type: "dream".into(), ..ask("", "", "", "") }, "RESOURCE_TYPE_UNKNOWN"),
        (pb::MatchRecipeRequest { environment: "nonesuch".into(), ..ask("", "", "", "") }, "NOT_FOUND"),
    ] {
        let status = found(request.clone()).await.expect_err("refused");
        assert_eq!(reason(&status), expected, "{request:?}");
    }
    core.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_a_connection_are_in_the_config_and_apply_at_once() {
    let core = stocked().await;
    let admin = core.admin();
    let path = |resource: &pb::Resource| {
        let outputs: serde_json::Value = serde_json::from_str(&resource.outputs_json).expect("JSON");
        outputs["path"].as_str().map(str::to_owned)
    };
    let resource = made(&admin, "{ name: notes }").await;
    assert_eq!((resource.recipe.as_str(), resource.recipe_revision), ("here", 1));
    assert_eq!(resource.recipe_criteria, "for project `default` and environment type `development`");
    assert_eq!(path(&resource).as_deref(), Some("/srv/ssd/${db}/notes.db"));

    let concerns = async |text: &str| {
        let applied = admin.apply(text).await?;
        Ok::<_, tonic::Status>(applied.into_iter().map(|it| it.concerns).collect::<Vec<_>>().join("\n"))
    };
    // A revision of the recipe moves nothing.
    let newer = recipe("here", "{ project: default }", "config: { directory: /elsewhere }\n");
    assert_eq!(
        concerns(&newer).await.expect("applied"),
        "1 resource stays pinned to revision 1; upgrading would update 1: `vend upgrade --recipe here`"
    );
    // The fact is still needed by the revision that something is pinned to.
    let status = concerns(&connection("{ mount: { size: 5 } }")).await.expect_err("needed");
    assert_eq!(reason(&status), "IN_USE");
    for words in ["recipe `here` at revision 1, to which 1 are pinned", "no fact `name`"] {
        assert!(status.message().contains(words), "{}", status.message());
    }
    let told = concerns(&connection("{ mount: { name: nvme, size: 5 } }")).await.expect("applied");
    assert_eq!(
        told,
        "credentials and limits apply to 1 resource at once: 1 by recipe `here` at revision 1; changed facts show in their next plan"
    );
    let request = pb::PlanOrderRequest {
        source: Some(source(
            "notes.yaml",
            "apiVersion: vend/v1\nkind: Order\nname: notes\nresources:\n  db: { type: sqlite-database, params: { name: notes } }\n",
        )),
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    };
    let plan = admin.orders().plan_order(request).await.expect("a plan").into_inner().plan.expect("a plan");
    let planned = &plan.resources[0];
    assert_eq!((planned.action(), planned.recipe_revision), (Action::Update, 1), "{planned:?}");
    assert_eq!(planned.changes[0].pointer, "/config/directory");
    assert_eq!(planned.recipe_reason, "pinned to revision 1");
    assert_eq!(path(&made(&admin, "{ name: notes }").await).as_deref(), Some("/srv/nvme/${db}/notes.db"));
    core.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_a_recipe_takes_stays_and_stays_fit() {
    let core = stocked().await;
    let admin = core.admin();
    for (facts, words) in [
        ("{}", "no fact `mount`"),
        ("{ mount: ssd }", "no fact `name`"),
        ("{ mount: { name: { a: 1 } } }", "is a mapping, which cannot stand within a text"),
    ] {
        let status = admin.apply(&connection(facts)).await.expect_err(facts);
        assert_eq!(reason(&status), "IN_USE", "{facts}");
        assert!(status.message().contains("the facts that recipe `here` takes"), "{}", status.message());
        assert!(status.message().contains(words), "{}", status.message());
    }
    // With the recipe in the same call it is another matter.
    let both = format!("{}---\n{}", connection("{}"), recipe("here", "{ project: default }", ""));
    admin.apply(&both).await.expect("both fit");
    core.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_recipe_hold_for_orders_and_are_explained() {
    let core = stocked().await;
    let admin = core.admin();
    let rules = "params:\n  constraints:\n    - { rule: \"!params.name.startsWith('tmp') || context['environment-type'] != 'development' || context.order == 'scratch'\", message: Temporary ones are for scratch. }\n";
    admin.apply(&recipe("here", "{ project: default }", rules)).await.expect("applied");
    let status = order(&admin, "{ name: tmp-1 }").await.expect_err("against a rule");
    assert_eq!(reason(&status), "PARAMS_INVALID");
    let details = status.get_error_details();
    let violation = &details.bad_request().expect("violations").field_violations[0];
    assert!(violation.field.ends_with("/resources/db/params/name") || violation.field.contains(':'), "{violation:?}");
    assert!(
        violation.description.contains("Temporary ones are for scratch: says recipe `here` by its rule `!params.name"),
        "{violation:?}"
    );
    made(&admin, "{ name: notes }").await;
    let request = pb::GetCatalogEntryRequest {
        project: "default".into(),
        environment: "dev".into(),
        resource_type: "sqlite-database".into(),
        class: String::new(),
    };
    let entry = admin.catalog().get_catalog_entry(request).await.expect("there").into_inner().entry.expect("an entry");
    assert_eq!(entry.constraints[0].message, "Temporary ones are for scratch.");
    core.stop().await;
}
