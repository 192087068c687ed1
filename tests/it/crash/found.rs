//! What the public API tells, read page by page.

use std::collections::BTreeMap;
use std::future::Future;

use tonic::Status;
use vend::pb;

use super::door::Door;
use crate::support::core::Caller;

const PAGE: i32 = 500;

/// Everything of the project as it is told at one time, when nothing moves any more.
#[derive(Debug, Default)]
pub struct Found {
    /// By id.
    pub resources: BTreeMap<String, pb::Resource>,
    /// By id.
    pub operations: BTreeMap<String, pb::Operation>,
    /// Of each operation on a resource.
    pub journals: BTreeMap<String, Vec<pb::JournalLine>>,
}

impl Found {
    pub async fn read(door: &Door) -> Self {
        let mut found = Self {
            resources: resources(door).await.into_iter().map(|it| (it.id.clone(), it)).collect(),
            operations: operations(door).await.into_iter().map(|it| (it.id.clone(), it)).collect(),
            journals: BTreeMap::new(),
        };
        let children = found.operations.values().filter(|it| !it.parent.is_empty());
        let children: Vec<String> = children.map(|it| it.id.clone()).collect();
        for id in children {
            let request = pb::GetJournalRequest { id: id.clone() };
            let call = |caller: Caller| {
                let request = request.clone();
                async move { caller.operations().get_journal(request).await }
            };
            let lines = door.ask("journal", call).await.lines;
            found.journals.insert(id, lines);
        }
        found
    }

    /// The resource of an order, which has one.
    pub fn resource_of(&self, order: &str) -> Option<&pb::Resource> {
        let part = format!("/orders/{order}/");
        self.resources.values().find(|it| it.name.contains(&part))
    }
}

pub async fn resources(door: &Door) -> Vec<pb::Resource> {
    let call = |caller: Caller, page_token: String| async move {
        let request =
            pb::ListResourcesRequest { project: "default".into(), page_size: PAGE, page_token, ..Default::default() };
        let page = caller.resources().list_resources(request).await?.into_inner();
        Ok((page.resources, page.next_page_token))
    };
    all(door, call).await
}

pub async fn operations(door: &Door) -> Vec<pb::Operation> {
    let call = |caller: Caller, page_token: String| async move {
        let request =
            pb::ListOperationsRequest { project: "default".into(), page_size: PAGE, page_token, ..Default::default() };
        let page = caller.operations().list_operations(request).await?.into_inner();
        Ok((page.operations, page.next_page_token))
    };
    all(door, call).await
}

async fn all<T, F>(door: &Door, call: impl Fn(Caller, String) -> F) -> Vec<T>
where
    F: Future<Output = Result<(Vec<T>, String), Status>>,
{
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = call(door.caller().await, token).await.expect("a core that is not killed answers");
        found.extend(page.0);
        token = page.1;
        if token.is_empty() {
            return found;
        }
    }
}
