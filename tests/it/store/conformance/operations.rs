//! Operations: put and listed.

use vend::domain::effect::Effect;
use vend::domain::operation::{Budget, Operation, OperationState, OperationVerb, Stage};
use vend::domain::reason::Reason;
use vend::store::{Filter, Paging};

use super::{Home, assert_conflict, operation, pages_of, put, scene, try_put};
use crate::support::records::Records;

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let child = &scene.children[0];
    for it in [&scene.parent, child] {
        assert_eq!(store.operation(&it.id).await.expect("read").as_ref(), Some(it));
    }
    let full = Operation {
        verb: OperationVerb::Replace,
        generation: 2,
        state: OperationState::NeedsAttention,
        reason: Some(Reason::CreateOutcomeUnknown),
        message: "the answer was lost".into(),
        effect: Effect::Unknown,
        status: "waits for a person".into(),
        principal: "system:engine".into(),
        stage: Stage::DeleteFormer,
        step: 2,
        continuation: Some(records.sealed("cookie")),
        attempts: 3,
        budget: Budget { attempts: 4, time_ms: 5 },
        due: records.tick(),
        cancel_requested: true,
        superseded_by: Some(scene.parent.id.clone()),
        driver_digest: "sha256:dd".into(),
        version: 2,
        update_time: records.tick(),
        end_time: Some(records.tick()),
        ..child.clone()
    };
    put(&*store, vec![operation(&full)]).await;
    assert_eq!(store.operation(&child.id).await.expect("read"), Some(full.clone()));
    assert_conflict(try_put(&*store, vec![operation(&full)]).await, child.id.as_str());
    let parent = Operation { plan_digest: "sha256:ee".into(), version: 2, ..scene.parent };
    put(&*store, vec![operation(&parent)]).await;
    assert_eq!(store.operation(&parent.id).await.expect("read"), Some(parent));
}

pub async fn lists_newest_first(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let first = scene(&*store, &records, "first", &["a", "b"]).await;
    let second = scene(&*store, &records, "second", &["c"]).await;
    let (p1, p2) = (&first.parent, &second.parent);
    let (a, b, c) = (&first.children[0], &first.children[1], &second.children[0]);
    let base = Filter { project: Some("shop".into()), ..Filter::default() };
    let cases = [
        (base.clone(), vec![c, p2, b, a, p1]),
        (Filter { children: Some(false), ..base.clone() }, vec![p2, p1]),
        (Filter { children: Some(true), ..base.clone() }, vec![c, b, a]),
        (Filter { order: Some("first".into()), environment: Some("dev".into()), ..base.clone() }, vec![b, a, p1]),
        (Filter { parent: Some(p1.id.clone()), ..Filter::default() }, vec![b, a]),
        (Filter { resource: b.resource.clone(), ..Filter::default() }, vec![b]),
        (Filter { project: Some("blog".into()), ..Filter::default() }, vec![]),
    ];
    for (filter, expected) in cases {
        let found = store.operations(&filter, &Paging::all()).await.expect("list").items;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let page = store.operations(&base, &pages_of(2)).await.expect("list");
    let rest = store.operations(&base, &Paging { limit: 5, after: page.next }).await.expect("list");
    assert_eq!(rest.items.iter().collect::<Vec<_>>(), [b, a, p1]);
    assert_eq!(rest.next, None);
}

pub async fn opens_are_those_that_are_not_terminal(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let resource = &scene.resources[0];
    let mut open = Vec::new();
    for (generation, state) in (2..).zip(OperationState::ALL) {
        let it = Operation { generation, state, ..records.child(&scene.parent, resource) };
        put(&*store, vec![operation(&it)]).await;
        if !state.is_terminal() {
            open.push(it);
        }
    }
    open.insert(0, scene.children[0].clone());
    assert_eq!(store.open_operations(&resource.id).await.expect("read"), open);
}
