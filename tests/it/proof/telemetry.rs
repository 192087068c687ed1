//! What an operator sees: one trace over two processes, at a collector that speaks the official protocol; numbers that Prometheus takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use serde_json::json;
use tonic::{Request, Response, Status};

use vend::telemetry::metrics::{Metrics, Snapshot};

use super::core::{Core, until};
use super::numbers;
use crate::support::call::try_call;
use crate::support::fakecloud::{Cloud, TYPES, order};

/// A span as it came in.
#[derive(Debug, Clone)]
struct Seen {
    process: i64,
    trace: Vec<u8>,
    span: Vec<u8>,
    parent: Vec<u8>,
    name: String,
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of in request.into_inner().resource_spans {
            let process = of.resource.as_ref().and_then(|it| number(&it.attributes, "process.pid")).unwrap_or(0);
            for span in of.scope_spans.into_iter().flat_map(|it| it.spans) {
                let (trace, parent) = (span.trace_id, span.parent_span_id);
                self.0.lock().expect("no panic").push(Seen {
                    process,
                    trace,
                    span: span.span_id,
                    parent,
                    name: span.name,
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    let value = attributes.iter().find(|it| it.key == key)?.value.clone()?.value?;
    match value {
        Value::IntValue(number) => Some(number),
        _ => None,
    }
}

impl Collector {
    /// Takes spans until the test's process ends.
    fn start() -> (Self, u16) {
        let collector = Self::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        listener.set_nonblocking(true).expect("asynchronous");
        let service = TraceServiceServer::new(collector.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
                let server = tonic::transport::Server::builder().add_service(service);
                server.serve_with_incoming(incoming).await.expect("it serves");
            });
        });
        (collector, port)
    }

    fn seen(&self) -> Vec<Seen> {
        self.0.lock().expect("no panic").clone()
    }
}

#[test]
fn one_trace_over_two_processes() {
    let (collector, port) = Collector::start();
    let cloud = Cloud::start(&[]);
    let mut core = Core::idle();
    core.environment = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}"))];
    core.restart();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    core.apply(&order("traced", &TYPES[..1], |_| "name: traced, size: 1, provision-ms: 3000".into()));
    core.until("traced", "waiting");
    until("the first process has told of a call to the backend", || {
        collector.seen().iter().any(|it| it.name == "http-write.send")
    });
    core.kill();
    core.restart();
    core.ready("traced");
    until("the operation's span is there", || collector.seen().iter().any(|it| it.name == "operation create"));

    let seen = collector.seen();
    let operation = seen.iter().find(|it| it.name == "operation create").expect("it is there");
    let of_trace: Vec<_> = seen.iter().filter(|it| it.trace == operation.trace).collect();
    let processes: BTreeSet<i64> = of_trace.iter().map(|it| it.process).collect();
    assert_eq!(processes.len(), 2, "{seen:#?}");
    // order → operation → step → effect, each below the one before.
    let by_id: BTreeMap<&[u8], &Seen> = of_trace.iter().map(|it| (it.span.as_slice(), *it)).collect();
    let effect = of_trace.iter().find(|it| it.name == "http-write.send").expect("a write");
    let mut path = vec![effect.name.as_str()];
    let mut at = *effect;
    while let Some(above) = by_id.get(at.parent.as_slice()) {
        path.push(&above.name);
        at = above;
    }
    assert_eq!(path, ["http-write.send", "step create", "operation create", "orders.apply"], "{of_trace:#?}");
    assert_eq!(at.parent, Vec::<u8>::new(), "the first of its trace");
}

#[test]
fn numbers_for_prometheus() {
    let cloud = Cloud::start(&[]);
    let core = numbers::core();
    core.install(&["fakecloud"]);
    core.apply(&cloud.platform());
    for (kind, collection) in TYPES {
        let name = format!("counted-{collection}");
        core.apply(&order(&name, &[(kind, collection)], |_| format!("name: {name}, size: 1")));
        core.ready(&name);
    }
    cloud.set_faults(&json!({ "rules": [{ "method": "POST", "path-prefix": "/v1/blind", "skip": 0, "times": 1, "fault": "drop-after" }] }));
    core.apply(&order("lost", &TYPES[3..], |_| "name: lost, size: 1".into()));
    core.until("lost", "needs-attention");

    let (page, values) = numbers::scrape(&core);
    let is = |name: &str| values.get(name).copied().unwrap_or_else(|| panic!("no {name} in\n{page}"));
    assert_eq!(is("vend_operations_ended_total{verb=\"create\",state=\"succeeded\"}"), 4.0);
    assert_eq!(is("vend_operations{state=\"needs-attention\"}"), 1.0);
    assert_eq!(is("vend_operations_in_doubt"), 1.0);
    assert_eq!(is("vend_looks_total{how=\"find\",proved=\"nothing\"}"), 1.0);
    assert!(is("vend_step_seconds_count{driver=\"fakecloud\",verb=\"create\",outcome=\"done\"}") >= 4.0);
    let writes = "{connection=\"cloud\",function=\"http-write.send\",outcome=\"answered\"}";
    assert!(is(&format!("vend_effect_seconds_count{writes}")) >= 4.0);
    assert!(is("vend_resident_memory_bytes") > 1_000_000.0);
    assert!(is("vend_commits_per_batch_count") > 10.0);
    for secret in cloud.ledger().iter().filter_map(|it| it["password"].as_str()) {
        assert!(!page.contains(secret), "a secret stands among the numbers");
    }
    assert!(!page.contains("counted-"), "names of what was ordered would be without number");

    let status = core.json(&["status"]);
    assert_eq!((&status["operations"]["needs-attention"], &status["operations-in-doubt"]), (&json!(1), &json!(1)));
    let all = counted_once();
    let names: BTreeSet<&str> =
        all.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for file in ["deploy/alerts.yaml", "deploy/dashboard.json"] {
        let text = std::fs::read_to_string(file).expect("it is there");
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("vend_")) {
            let base =
                ["_total", "_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            assert!(names.contains(base) || names.contains(word), "{file} asks for `{word}`, which there is not");
        }
    }
    let elsewhere = try_call(numbers::port(&core), "GET", "/", "Accept: text/plain", "").expect("it answers");
    assert_eq!(elsewhere.status, 404);
}

/// All that can be counted, counted once in this process.
fn counted_once() -> String {
    let all = Metrics::default();
    let took = std::time::Duration::from_millis(1);
    all.call("a", "b", took);
    all.accepted("a");
    all.ended("a", "b");
    all.step("a", "b", "c", took);
    all.denied("a", 1);
    all.effect("a", "b", "c", took);
    all.look("a", "b");
    all.batch(1, took);
    all.read("key");
    all.wrote(1);
    let now = Snapshot { operations: vec![("a", 1)], holds: vec![("a", 1)], ..Snapshot::default() };
    all.page(&now).expect("text")
}

/// `promtool` is part of Prometheus.
fn promtool(arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("promtool: apt-get install prometheus");
    process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = process.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
fn promtool_takes_numbers_and_alerts() {
    let (page, _) = numbers::scrape(&numbers::core());
    assert_eq!(promtool(&["check", "metrics"], &page), "");
    assert_eq!(promtool(&["check", "metrics"], &counted_once()), "", "with a sample of each");
    assert!(promtool(&["check", "rules", "deploy/alerts.yaml"], "").contains("SUCCESS"));
}
