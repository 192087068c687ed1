//! Who orders over gRPC, as any frontend would.

use std::ops::Deref;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use vend::pb;
use vend::pb::operation::State;

use crate::caller::{Caller, caller, source};

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Cheap to clone; all clones share a connection.
#[derive(Clone)]
pub struct Customer(Caller);

impl Deref for Customer {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Customer {
    pub async fn at(url: &str, token: &str) -> Self {
        Self(caller(url, token).await.expect("connected"))
    }

    pub async fn install(&self, component: &[u8]) {
        let part = |bytes: &[u8]| pb::InstallDriverRequest { chunk: bytes.to_vec(), ..Default::default() };
        let parts: Vec<_> = component.chunks(1 << 20).map(part).collect();
        self.drivers().install_driver(tokio_stream::iter(parts)).await.expect("installed");
    }

    /// Accepted when it returns; the operation's id.
    pub async fn order(&self, document: &str) -> String {
        let request = pb::ApplyOrderRequest {
            source: Some(source("bench.yaml", document)),
            project: "default".into(),
            environment: "dev".into(),
            ..Default::default()
        };
        let answer = self.orders().apply_order(request).await.unwrap_or_else(|status| panic!("{status:?}"));
        answer.into_inner().operation.expect("there is something to do").id
    }

    /// Until it is gone.
    pub async fn delete(&self, order: &str) {
        let request = pb::DeleteOrderRequest {
            name: format!("projects/default/environments/dev/orders/{order}"),
            allow_destroy: true,
            ..Default::default()
        };
        let answer = self.orders().delete_order(request).await.unwrap_or_else(|status| panic!("{status:?}"));
        self.ready(&answer.into_inner().operation.expect("there is something to do").id).await;
    }

    /// What is to be done for it, after everything was looked at; the number of resources that would change.
    pub async fn plan(&self, document: &str) -> usize {
        let request = pb::PlanOrderRequest {
            source: Some(source("bench.yaml", document)),
            project: "default".into(),
            environment: "dev".into(),
            ..Default::default()
        };
        let answer = self.orders().plan_order(request).await.unwrap_or_else(|status| panic!("{status:?}"));
        let plan = answer.into_inner().plan.expect("a plan");
        let none = pb::planned_resource::Action::None;
        plan.resources.iter().filter(|it| it.action() != none).count()
    }

    /// Until the operation has ended well.
    pub async fn ready(&self, operation: &str) {
        let begun = Instant::now();
        loop {
            let request = pb::WaitOperationRequest { id: operation.to_owned(), ..Default::default() };
            let answer = self.operations().wait_operation(request).await.unwrap_or_else(|status| panic!("{status:?}"));
            let operation = answer.into_inner().operation.expect("an operation");
            if operation.done {
                assert_eq!(operation.state(), State::Succeeded, "{operation:?}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{operation:?}");
        }
    }

    /// Until the operation has ended, however.
    pub async fn ended(&self, operation: &str) {
        let request = pb::WaitOperationRequest { id: operation.to_owned(), ..Default::default() };
        // Whoever waits for it may be stopped first.
        let _ = self.operations().wait_operation(request).await;
    }

    pub async fn status(&self) -> pb::GetStatusResponse {
        self.system().get_status(pb::GetStatusRequest {}).await.expect("a status").into_inner()
    }

    /// Until no operation is under way.
    pub async fn quiet(&self) {
        let begun = Instant::now();
        while self.status().await.operations.values().sum::<i64>() > 0 {
            assert!(begun.elapsed() < PATIENCE, "it does not come to rest");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Resources that are Ready, of all there are.
    pub async fn count_ready(&self) -> (usize, usize) {
        let (mut ready, mut all, mut page_token) = (0, 0, String::new());
        loop {
            let request = pb::ListResourcesRequest {
                project: "default".into(),
                page_size: 1_000,
                page_token,
                ..Default::default()
            };
            let page = self.resources().list_resources(request).await.expect("listed").into_inner();
            all += page.resources.len();
            ready += page.resources.iter().filter(|it| it.state == "ready").count();
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return (ready, all);
            }
        }
    }

    /// So many orders of one thing, so many calls at once, until each is accepted; how long each call took, milliseconds.
    pub async fn many(&self, prefix: &str, orders: usize, at_once: usize) -> Vec<f64> {
        let place = |number: usize| async move {
            let begun = Instant::now();
            self.order(&one(&format!("{prefix}-{number}"), "")).await;
            begun.elapsed().as_secs_f64() * 1_000.0
        };
        futures::stream::iter((0..orders).map(place)).buffer_unordered(at_once).collect().await
    }
}

/// An order of one thing that bears its name; `params` stand behind the name: `, rounds: 10`.
pub fn one(name: &str, params: &str) -> String {
    format!(
        "{{ apiVersion: vend/v1, kind: Order, name: {name}, resources: {{ thing: {{ type: thing, params: {{ name: {name}{params} }} }} }} }}\n"
    )
}

/// An order of so many things.
pub fn large(name: &str, things: usize) -> String {
    large_of(name, things, "")
}

/// An order of so many things, each of which refers to others.
pub fn referring(name: &str, things: usize, others: impl Fn(usize) -> Vec<usize>) -> String {
    let thing = |number: usize| {
        let of: Vec<_> = others(number).iter().map(|it| format!(r#""${{resources.t{it}.outputs.tag}}""#)).collect();
        format!("  t{number}: {{ type: thing, params: {{ name: {name}-{number}, of: [{}] }} }}\n", of.join(", "))
    };
    let things: String = (0..things).map(thing).collect();
    format!("apiVersion: vend/v1\nkind: Order\nname: {name}\nresources:\n{things}")
}

/// `params` as for [`one`].
pub fn large_of(name: &str, things: usize, params: &str) -> String {
    let thing =
        |number: usize| format!("  t{number}: {{ type: thing, params: {{ name: {name}-{number}{params} }} }}\n");
    let things: String = (0..things).map(thing).collect();
    format!("apiVersion: vend/v1\nkind: Order\nname: {name}\nresources:\n{things}")
}
