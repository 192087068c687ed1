//! Resources that are made of others.

use vend::domain::operation::OperationState;
use vend::domain::plan::PlannedAction;
use vend::domain::reason::Reason;
use vend::domain::resource::ResourceState;

use crate::support::bench::{Bench, DATABASES, admin, applying, manifests, order};
use crate::support::shelf::{self, Shelf};

/// A pair of databases, of which the second is named after the first; and a pair of pairs.
const PAIRS: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: pair
params:
  type: object
  additionalProperties: false
  required: [name]
  properties: { name: { type: string }, suffix: { type: string, default: spare } }
outputs: { type: object, additionalProperties: false, required: [first, both], properties: { first: { type: string }, both: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: pairs
type: pair
resources:
  main: { type: sqlite-database, params: { name: "${context.environment}-${params.name}" } }
  other: { type: sqlite-database, params: { name: "${resources.main.outputs.name}-${params.suffix}" } }
outputs: { first: "${resources.main.outputs.name}", both: "${resources.main.outputs.name}+${resources.other.outputs.name}" }
---
apiVersion: vend/v1
kind: ResourceType
name: pairs
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [all], properties: { all: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: pair-of-pairs
type: pairs
resources:
  a: { type: pair, params: { name: "${params.name}" } }
  b: { type: pair, params: { name: "${resources.a.outputs.first}", suffix: x } }
outputs: { all: "${resources.a.outputs.both} ${resources.b.outputs.both}" }
"#;

async fn bench() -> Bench {
    let bench = Bench::new(&["sqlite"]).await;
    bench.documents(DATABASES).await;
    bench.documents(PAIRS).await;
    bench
}

fn notes(resources: &str) -> String {
    format!("{{ apiVersion: vend/v1, kind: Order, name: notes, resources: {{ {resources} }} }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_is_its_parts_and_their_outputs() {
    let bench = bench().await;
    let text = notes(
        r#"all: { type: pairs, params: { name: "${resources.seed.outputs.name}" } },
           seed: { type: sqlite-database, params: { name: seed } },
           last: { type: sqlite-database, params: { name: "${resources.all/a.outputs.first}-last" } }"#,
    );
    let refused = bench.core.engine.plan(order(&text), &admin()).await;
    assert!(refused.is_ok(), "parts can be referred to by their key: {refused:?}");
    let text = notes(
        r#"all: { type: pairs, params: { name: "${resources.seed.outputs.name}" } },
           seed: { type: sqlite-database, params: { name: seed } }"#,
    );
    let made = bench.apply(&text).await.expect("accepted");
    let made = bench.settled(&made).await;
    assert_eq!(made.state, OperationState::Succeeded, "{:?}", bench.children(&made).await);
    assert_eq!(
        bench.databases(),
        ["dev-dev-seed", "dev-dev-seed-x", "dev-seed", "dev-seed-spare", "seed"],
        "params travel down, outputs up"
    );
    let keys: Vec<_> = bench.resources().await.iter().map(|it| it.name.key.to_string()).collect();
    assert_eq!(keys, ["all", "all/a", "all/a/main", "all/a/other", "all/b", "all/b/main", "all/b/other", "seed"]);
    let all = bench.resources().await.remove(0);
    let view = bench.core.engine.view(&all).expect("a view");
    assert_eq!(view.outputs["all"], "dev-seed+dev-seed-spare dev-dev-seed+dev-dev-seed-x");
    assert_eq!(all.state, ResourceState::Ready);

    let again = bench.core.engine.apply(applying(&text)).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);

    // What is live stays as it was made when its recipe changes, parts included.
    let changed = PAIRS.replace("suffix: { type: string, default: spare }", "suffix: { type: string, default: other }");
    bench.documents(&changed).await;
    let again = bench.core.engine.plan(order(&text), &admin()).await.expect("a plan");
    let touched: Vec<_> = again.resources.iter().filter(|it| it.action != PlannedAction::None).collect();
    assert!(touched.iter().all(|it| it.key.as_str() != "all/b/main"), "{touched:?}");

    let deleted = bench.delete("notes").await;
    let deleted = bench.settled(&deleted).await;
    assert_eq!(deleted.state, OperationState::Succeeded, "{:?}", bench.children(&deleted).await);
    assert!(bench.databases().is_empty() && bench.resources().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_that_cannot_work_is_refused_when_it_is_applied() {
    let bench = bench().await;
    let recipe = |parts: &str, outputs: &str| {
        format!(
            "{{ apiVersion: vend/v1, kind: Recipe, name: odd, type: pair, match: [{{ environment-type: production }}], \
             resources: {{ {parts} }}, outputs: {{ {outputs} }} }}"
        )
    };
    let good = r#"main: { type: sqlite-database, params: { name: "${params.name}" } }"#;
    let outputs = r#"first: "${resources.main.outputs.name}", both: x"#;
    for (parts, outputs, words) in [
        ("main: { type: sqlite-databas }", outputs, "did you mean `sqlite-database`?"),
        (good, "first: x", "requires the outputs `both`"),
        (good, r#"first: x, both: y, third: z"#, "has no output `third`"),
        (good, r#"first: "${resources.man.outputs.name}", both: x"#, "did you mean `main`?"),
        (good, r#"first: "${resources.main.outputs.nam}", both: x"#, "did you mean `name`?"),
        (r#"main: { type: sqlite-database, params: { name: "${params.nam}" } }"#, outputs, "did you mean `name`?"),
        (r#"main: { type: sqlite-database, params: { name: "${context.team}" } }"#, outputs, "a context has"),
        (
            r#"main: { type: sqlite-database, params: { name: "${resources.main.outputs.name}" } }"#,
            outputs,
            "in a circle",
        ),
    ] {
        let refused = bench.core.stock.apply(manifests(&recipe(parts, outputs)), &admin(), Default::default()).await;
        let text = format!("{:?}", refused.expect_err(words));
        assert!(text.contains(words) && text.contains("RecipeUnfit"), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_that_is_made_of_itself_is_refused() {
    let bench = bench().await;
    let recipe = r#"
apiVersion: vend/v1
kind: Recipe
name: endless
type: pair
match: [{ environment-type: development }]
resources: { again: { type: pair, params: { name: "${params.name}" } } }
outputs: { first: "${resources.again.outputs.first}", both: "${resources.again.outputs.both}" }
"#;
    bench.documents(recipe).await;
    let refused = bench.apply(&notes("p: { type: pair, params: { name: x } }")).await.expect_err("endless");
    assert!(
        matches!(&refused, vend::engine::Error::Refused(it) if it.reason == Reason::RecipeUnfit && it.message.contains("for ever")),
        "{refused:?}"
    );
}

/// A database in a directory that is named after another one, which has to be there first.
const ON_ORDERED: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: inner-database
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
---
apiVersion: vend/v1
kind: Connection
name: in-ordered
type: sqlite
filled-from: { type: sqlite-database }
endpoint: "databases/${outputs.name}.d"
allow: { databases: ["*"] }
---
apiVersion: vend/v1
kind: Recipe
name: outer
type: pair
match: [{ environment-type: development }]
resources:
  server: { type: sqlite-database, params: { name: "${params.name}" } }
  db: { type: sqlite-database, class: inner, params: { name: inside }, connections: { server: server } }
outputs: { first: "${resources.server.outputs.name}", both: "${resources.db.outputs.name}" }
---
apiVersion: vend/v1
kind: ResourceType
name: sqlite-database
params: { type: object, required: [name], properties: { name: { type: string } } }
outputs: { type: object, required: [name], properties: { name: { type: string } } }
classes: [{ name: inner }]
---
apiVersion: vend/v1
kind: Recipe
name: inner
type: sqlite-database
match: [{ class: inner }]
driver: sqlite@^0.1
connections: { server: in-ordered }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_made_at_a_backend_that_is_another_part() {
    let bench = bench().await;
    bench.documents(ON_ORDERED).await;
    let text = notes("p: { type: pair, params: { name: area } }");
    let plan = bench.core.engine.plan(order(&text), &admin()).await.expect("a plan");
    let db = plan.resources.iter().find(|it| it.key.as_str() == "p/db").expect("a part");
    assert_eq!((db.action, db.unknown.as_slice()), (PlannedAction::Create, &[String::new()][..]), "nobody was asked");
    let made = bench.apply(&text).await.expect("accepted");
    let made = bench.settled(&made).await;
    assert_eq!(made.state, OperationState::Succeeded, "{:?}", bench.children(&made).await);
    assert!(bench.dir.path().join("databases/area.d/inside.db").exists());
    let again = bench.core.engine.apply(applying(&text)).await.expect("accepted");
    assert!(again.operation.is_none(), "{:?}", again.plan);

    let alone = bench.apply(&notes("x: { type: sqlite-database, class: inner, params: { name: x } }")).await;
    let alone = alone.expect_err("it leads nowhere");
    assert!(alone.to_string().contains("nothing says from which"), "{alone}");

    let deleted = bench.delete("notes").await;
    let deleted = bench.settled(&deleted).await;
    assert_eq!(deleted.state, OperationState::Succeeded, "{:?}", bench.children(&deleted).await);
    assert!(!bench.dir.path().join("databases/area.d/inside.db").exists() && bench.databases().is_empty());
}

/// Two things, of which one is named after a tag that not every recipe takes.
const TAGGED: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: two
params: { type: object, required: [tag], properties: { tag: { type: string } } }
outputs: { type: object, properties: { tag: { type: string } } }
---
apiVersion: vend/v1
kind: Recipe
name: two
type: two
params:
  constraints:
    - { rule: 'params.tag != "t2"', message: things tagged t2 are not for sale }
resources:
  plain: { type: thing, params: { name: k-p-x } }
  tagged: { type: thing, params: { name: "k-t-${params.tag}" } }
outputs: { tag: "${params.tag}" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_composite_hold_for_what_is_known_late() {
    let (bench, shelf) = (Bench::new(&["shelf"]).await, Shelf::default());
    bench.documents(&format!("{}---{TAGGED}", shelf::platform(shelf.serve().await, 4))).await;
    // Nobody knows a tag before a thing has it.
    let text = |size: u32| {
        notes(&format!(
            r#"seed: {{ type: thing, params: {{ name: k-s-x, size: {size} }} }},
               two: {{ type: two, params: {{ tag: "${{resources.seed.outputs.tag}}" }} }}"#
        ))
    };
    let ended = async |size| {
        let mut request = applying(&text(size));
        request.allow_destroy = true;
        let operation = bench.core.engine.apply(request).await.expect("accepted").operation.expect("there is work");
        (bench.settled(&operation).await.state, bench.children(&operation).await)
    };
    let names = || shelf.things("k").into_keys().collect::<Vec<_>>();

    let (state, children) = ended(2).await;
    assert_eq!((state, names()), (OperationState::Failed, vec!["k-s-x".to_owned()]), "no part of it was made");
    for key in ["two/plain", "two/tagged"] {
        let part = children.iter().find(|it| it.resource_key == key).expect("a part");
        assert_eq!(part.reason, Some(Reason::ParamsInvalid), "{part:?}");
        assert!(part.message.contains("things tagged t2 are not for sale"), "{part:?}");
    }
    let (state, children) = ended(1).await;
    assert_eq!(state, OperationState::Succeeded, "{children:?}");
    assert_eq!(names(), ["k-p-x", "k-s-x", "k-t-t1"]);
    assert!(bench.core.engine.apply(applying(&text(1))).await.expect("accepted").operation.is_none());

    let (state, children) = ended(2).await;
    let tagged = children.iter().find(|it| it.resource_key == "two/tagged").expect("a part");
    assert_eq!((state, tagged.reason), (OperationState::Failed, Some(Reason::ParamsInvalid)), "{children:?}");
    assert_eq!(names(), ["k-p-x", "k-s-x", "k-t-t1"], "what there is stays");

    // By now the tag is known: who asks is told at once.
    match bench.core.engine.plan(order(&text(2)), &admin()).await {
        Err(vend::engine::Error::Refused(refusal)) => {
            assert_eq!(refusal.reason, Reason::ParamsInvalid, "{refusal:?}");
            let wrong = &refusal.violations[0];
            assert!(wrong.pointer.starts_with("/resources/two/params"), "{refusal:?}");
            assert!(wrong.message.contains("things tagged t2 are not for sale"), "{refusal:?}");
        }
        other => panic!("{other:?}"),
    }

    // What leads nowhere is told of the composite, where it was written.
    let astray = text(1).replace("resources.seed.", "resources.sead.");
    match bench.core.engine.plan(order(&astray), &admin()).await {
        Err(vend::engine::Error::Refused(refusal)) => {
            assert_eq!(refusal.reason, Reason::UnresolvedReference, "{refusal:?}");
            let places: Vec<_> = refusal.violations.iter().map(|it| it.pointer.as_str()).collect();
            assert_eq!(places, ["/resources/two/params/tag"], "{refusal:?}");
            assert!(refusal.message.contains("did you mean `seed`?"), "{refusal:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// What exists already: nothing is made, its outputs are told.
const STATIC: &str = r#"
apiVersion: vend/v1
kind: ResourceType
name: mail
params: { type: object, additionalProperties: false, properties: { from: { type: string, default: shop } } }
outputs:
  type: object
  required: [host, port, sender, url]
  properties:
    host: { type: string }
    port: { type: integer }
    sender: { type: string }
    url: { type: string, x-vend-secret: true }
---
apiVersion: vend/v1
kind: Recipe
name: company-mail
type: mail
outputs:
  host: mail.example.com
  port: 587
  sender: "${params.from}@${context.project}.example.com"
  url: "smtp://shop:${secrets.mail-password}@mail.example.com"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_already_is_offered_as_it_is() {
    let bench = bench().await;
    let set = async |value: &str| {
        let (name, value) = (crate::support::bench::name("mail-password"), vend::domain::secret::Plain::new(value));
        bench.core.stock.set_secret(&name, value, &admin()).await.expect("set");
    };
    bench.documents(STATIC).await;
    let text = notes(
        "m: { type: mail, params: { from: orders } }, db: { type: sqlite-database, params: { name: \"port-${resources.m.outputs.port}\" } }",
    );
    let refused = bench.apply(&text).await.expect_err("no secret");
    assert!(refused.to_string().contains("vend secret set mail-password"), "{refused}");
    set("hunter2").await;
    let made = bench.apply(&text).await.expect("accepted");
    let made = bench.settled(&made).await;
    let m = bench.resources().await.into_iter().find(|it| it.name.key.as_str() == "m").expect("it is there");
    assert_eq!(m.state, ResourceState::Ready, "{made:?}");
    let view = bench.core.engine.view(&m).expect("a view");
    assert_eq!((&view.outputs["sender"], &view.outputs["port"]), (&"orders@default.example.com".into(), &587.into()));
    assert_eq!(view.outputs["url"], "[secret]");
    let reveal = async || {
        let m = bench.core.store.resource(&m.id).await.expect("the store answers").expect("it is there");
        let revealed = bench.core.engine.reveal(&[(m.name.key.clone(), m)], "m", &admin()).await.expect("revealed");
        revealed[0].1["url"].clone()
    };
    assert_eq!(reveal().await, "smtp://shop:hunter2@mail.example.com");
    assert!(bench.core.engine.apply(applying(&text)).await.expect("accepted").operation.is_none());
    set("hunter3").await;
    let again = bench.apply(&text).await.expect("another secret is another output");
    bench.settled(&again).await;
    assert_eq!(reveal().await, "smtp://shop:hunter3@mail.example.com");

    // A secret is for whoever writes recipes to offer, not for whoever orders to ask for.
    bench
        .documents(
            r#"{ apiVersion: vend/v1, kind: Recipe, name: other-mail, type: mail, match: [{ resource: others/m }],
           outputs: { host: h, port: 1, sender: s, url: "smtp://${params.from}@mail.example.com" } }"#,
        )
        .await;
    for asked in ["secrets.mail-password", "context.project", "params.from", "connections.server.facts.host"] {
        let asking =
            notes(&format!("m: {{ type: mail, params: {{ from: '${{{asked}}}' }} }}")).replace("notes", "others");
        match bench.core.engine.apply(applying(&asking)).await {
            Err(vend::engine::Error::Refused(refusal)) => {
                assert_eq!(refusal.reason, Reason::UnresolvedReference, "{refusal:?}");
                assert_eq!(refusal.violations[0].pointer, "/resources/m/params/from", "{refusal:?}");
                assert!(refusal.message.contains("refers to nothing that an order has"), "{refusal:?}");
            }
            other => panic!("{asked}: {other:?}"),
        }
    }

    let connection = "{ apiVersion: vend/v1, kind: Connection, name: mailer, type: http, endpoint: \"https://mail.example.com\", \
        credential: { bearer: { secret: mail-password } }, read-credential: same, allow: { reads: [{ path: \"/**\" }] } }";
    let refused =
        bench.core.stock.apply(manifests(connection), &admin(), Default::default()).await.expect_err("it is offered");
    assert!(refused.to_string().contains("offers it as an output"), "{refused}");
}
