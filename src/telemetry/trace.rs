//! Spans for an OpenTelemetry collector: an order, its operations, their steps, each call to a backend, in one trace.
//!
//! A trace outlives this process: where one goes on is kept with the operation, as a W3C `traceparent`, and the span of an operation has
//! its number before it has ended. So spans are made by hand when they end, and go to the exporter as they are.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks,
    SpanProcessor,
};

use crate::domain::time::Timestamp;

/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 8_192;
/// The longest a span waits.
const DELAY: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
#[error("cannot send traces to `{endpoint}`: {why}")]
pub struct Error {
    endpoint: String,
    why: String,
}

static EXPORT: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Spans go to this collector from now on, over OTLP/gRPC. In a process that sends them already, nothing changes. Needs a tokio runtime.
pub fn export_to(endpoint: &str) -> Result<(), Error> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(TIMEOUT).build();
    let exporter = exporter.map_err(|error| Error { endpoint: endpoint.into(), why: error.to_string() })?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(DELAY).build();
    let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let about = [
        KeyValue::new("service.name", "vend"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    processor.set_resource(&Resource::builder().with_attributes(about).build());
    let _ = EXPORT.set(processor);
    Ok(())
}

/// Sends what waits. Takes a few seconds at most, on this thread.
pub fn flush() {
    if let Some(processor) = EXPORT.get()
        && let Err(error) = processor.force_flush()
    {
        tracing::debug!(%error, "traces are lost");
    }
}

pub fn is_on() -> bool {
    EXPORT.get().is_some()
}

/// Trace, span and whether it is recorded; as `00-TRACE-SPAN-FLAGS` in a `traceparent`.
fn parse(traceparent: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut parts = traceparent.split('-').skip(1);
    let mut hex = |length: usize| parts.next().filter(|text| text.len() == length);
    let trace = TraceId::from_hex(hex(32)?).ok().filter(|id| *id != TraceId::INVALID)?;
    let span = SpanId::from_hex(hex(16)?).ok().filter(|id| *id != SpanId::INVALID)?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some((trace, span, TraceFlags::new(flags)))
}

fn write(trace: TraceId, span: SpanId, flags: TraceFlags) -> String {
    format!("00-{trace}-{span}-{:02x}", flags.to_u8())
}

/// A place for a span below `parent`, to be filled when it has ended; `parent` itself while nothing is exported. Without a parent it is
/// the first of a trace.
pub fn below(parent: &str) -> String {
    if !is_on() {
        return parent.to_owned();
    }
    let ids = RandomIdGenerator::default();
    match parse(parent) {
        Some((trace, _, flags)) => write(trace, ids.new_span_id(), flags),
        None => write(ids.new_trace_id(), ids.new_span_id(), TraceFlags::SAMPLED),
    }
}

/// Something that takes time, from now on.
pub struct Span {
    parent: String,
    own: String,
    start: SystemTime,
    attributes: Vec<KeyValue>,
}

impl Span {
    pub fn begin(parent: &str) -> Self {
        Self { parent: parent.to_owned(), own: below(parent), start: now(), attributes: Vec::new() }
    }

    /// Where what happens within goes on.
    pub fn context(&self) -> &str {
        &self.own
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if is_on() {
            self.attributes.push(KeyValue::new(name, value.into()));
        }
        self
    }

    /// `failed`: why, if it did.
    pub fn end(self, name: impl Into<String>, failed: Option<&str>) {
        tell(&self.parent, &self.own, name.into(), (self.start, now()), self.attributes, failed);
    }
}

/// A span that is told as a whole: its place was kept by somebody since it began.
pub fn ended(
    parent: &str,
    own: &str,
    name: impl Into<String>,
    (start, end): (Timestamp, Timestamp),
    attributes: &[(&'static str, &str)],
    failed: Option<&str>,
) {
    let at = |time: Timestamp| SystemTime::UNIX_EPOCH + Duration::from_millis(time.ms());
    let attributes = attributes.iter().map(|(name, value)| KeyValue::new(*name, (*value).to_owned())).collect();
    tell(parent, own, name.into(), (at(start), at(end)), attributes, failed);
}

fn tell(
    parent: &str,
    own: &str,
    name: String,
    (start_time, end_time): (SystemTime, SystemTime),
    attributes: Vec<KeyValue>,
    failed: Option<&str>,
) {
    let Some(processor) = EXPORT.get() else { return };
    let Some((trace, span, flags)) = parse(own).filter(|(_, _, flags)| flags.is_sampled()) else { return };
    let parent = parse(parent).filter(|(_, above, _)| *above != span).map_or(SpanId::INVALID, |(_, above, _)| above);
    processor.on_end(SpanData {
        span_context: SpanContext::new(trace, span, flags, false, TraceState::default()),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time,
        end_time,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: failed.map_or(Status::Ok, |why| Status::error(why.to_owned())),
        instrumentation_scope: InstrumentationScope::builder("vend").build(),
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "a collector puts spans of many machines side by side: only the real time will do"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_comes_back_as_it_was_and_rubbish_is_none() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (trace, span, flags) = parse(text).expect("one");
        assert_eq!(write(trace, span, flags), text);
        for bad in ["", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-x-y-z", "00-0af7-b7ad-01"]
        {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn while_nothing_is_exported_contexts_are_passed_on_as_they_are() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!((below(text), below("")), (text.to_owned(), String::new()));
        assert_eq!(Span::begin(text).with("a", "b").context(), text);
    }
}
