//! Logs, traces and metrics. One trace goes from the first call through events to the last consumer; metrics are read
//! at the admin port. A collector that is down harms neither start, nor calls, nor stop.

use std::{
    io::IsTerminal as _,
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{SpanContext, TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tonic::metadata::{MetadataMap, MetadataValue};
use tracing::{Span, field, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, TelemetrySettings};

/// Metadata key and event field of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// Bounds of every duration's histogram, in seconds: from a look-up to the longest deadline.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// How long stopping waits for spans to leave.
const FLUSH: Duration = Duration::from_secs(2);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
static TRACES: RwLock<Option<SdkTracerProvider>> = RwLock::new(None);

/// Starts logs, traces and metrics of this process; must be called inside the tokio runtime. A second call changes
/// nothing: several services in one process share one telemetry.
///
/// # Errors
///
/// When a setting cannot be used. A collector that does not answer is no error.
pub fn start(process: &str, settings: &TelemetrySettings) -> anyhow::Result<()> {
    let mut traces = TRACES.write().unwrap_or_else(PoisonError::into_inner);
    if traces.is_some() {
        return Ok(());
    }
    metrics_handle()?;
    let provider = provider(process, settings)?;
    let filter: EnvFilter = settings.log_filter.parse().context("telemetry.log_filter cannot be read")?;
    let log = match settings.log_format {
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Human => {
            fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).boxed()
        }
    };
    // What the exporter itself does must not be traced: it would never end.
    let quiet = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry", "opentelemetry_sdk"];
    let traced = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(quiet.map(|target| (target, LevelFilter::OFF)))
        .with_target("sqlx", LevelFilter::OFF);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("aftercare"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(traced);
    // Tests may have set a subscriber of their own.
    let _ = tracing_subscriber::registry().with(log.with_filter(filter)).with(spans).try_init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(place = panic.location().map(field::display), "panic: {}", message(panic.payload()));
    }));
    *traces = Some(provider);
    Ok(())
}

/// What a panic said.
#[must_use]
pub fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Sends what is still to be sent, for two seconds at the most. Call it last.
pub async fn stop() {
    let provider = TRACES.write().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(provider) = provider {
        // The exporter blocks its caller.
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        let _ = tokio::time::timeout(FLUSH + Duration::from_secs(1), flushed).await;
    }
}

fn provider(process: &str, settings: &TelemetrySettings) -> anyhow::Result<SdkTracerProvider> {
    let resource = Resource::builder()
        .with_service_name(process.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    if settings.otlp_endpoint.is_empty() {
        // Ids for logs and events cost little; nothing is recorded.
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&settings.otlp_endpoint)
        .with_timeout(FLUSH)
        .build()
        .context("telemetry.otlp_endpoint cannot be used")?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    Ok(builder.with_batch_exporter(exporter).with_sampler(sampler).build())
}

/// The metrics of this process, started on first use.
///
/// # Errors
///
/// When another recorder was set before.
pub fn metrics_handle() -> anyhow::Result<&'static PrometheusHandle> {
    if let Some(handle) = METRICS.get() {
        return Ok(handle);
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .build_recorder();
    let handle = METRICS.get_or_init(|| recorder.handle());
    // Two starts at once: the loser's recorder is dropped.
    if let Err(error) = metrics::set_global_recorder(recorder) {
        tracing::debug!(%error, "metrics were already started");
    }
    Ok(handle)
}

/// The span of one RPC, a child of the caller's.
#[must_use]
pub fn rpc_span(method: &'static str, metadata: &MetadataMap) -> Span {
    let span = tracing::info_span!("rpc", otel.name = method, otel.kind = "server", method, trace_id = field::Empty);
    let traceparent = metadata.get(TRACEPARENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    set_parent(&span, traceparent);
    span
}

/// Makes `span` a child of the span that a W3C `traceparent` names, in another process or of an event, and notes the
/// trace's id in its field `trace_id`. Call it before the span is entered.
pub fn set_parent(span: &Span, traceparent: &str) {
    if !traceparent.is_empty() {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(traceparent));
        let _ = span.set_parent(parent);
    }
    let context = span.context();
    let known = context.span();
    let trace = known.span_context();
    if trace.is_valid() {
        span.record("trace_id", field::display(trace.trace_id()));
    }
}

/// Ties a span to another trace that it is also about.
pub fn add_link(span: &Span, traceparent: &str) {
    let other = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(traceparent));
    let context = other.span().span_context().clone();
    if context.is_valid() {
        span.add_link(context);
    }
}

/// The present trace context as a W3C `traceparent`; empty when there is none.
#[must_use]
pub fn current_traceparent() -> String {
    let context = Span::current().context();
    let span = context.span();
    traceparent(span.span_context())
}

fn traceparent(span: &SpanContext) -> String {
    if !span.is_valid() {
        return String::new();
    }
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

/// Passes the present trace context on to the service that is called.
pub fn inject(metadata: &mut MetadataMap) {
    if let Ok(value) = MetadataValue::try_from(current_traceparent())
        && !value.is_empty()
    {
        metadata.insert(TRACEPARENT, value);
    }
}

/// A lone `traceparent`, as the propagator wants to read it.
struct Carrier<'a>(&'a str);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn traced(sampler: Sampler, test: impl FnOnce()) {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        with_default(tracing_subscriber::registry().with(layer), test);
    }

    #[test]
    fn a_trace_goes_on_from_call_to_event_to_consumer() {
        for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
            traced(sampler, || {
                let mut metadata = MetadataMap::new();
                metadata.insert(TRACEPARENT, MetadataValue::from_static(PARENT));
                let call = rpc_span("/a.B/C", &metadata);
                let event = call.in_scope(current_traceparent);
                assert_eq!(event.get(3..35), PARENT.get(3..35), "the trace is the caller's");
                assert_ne!(event.get(36..52), PARENT.get(36..52), "the span is our own");
                let consumer = tracing::info_span!("event", trace_id = field::Empty);
                set_parent(&consumer, &event);
                let onward = consumer.in_scope(|| {
                    let mut metadata = MetadataMap::new();
                    inject(&mut metadata);
                    metadata.get(TRACEPARENT).unwrap().to_str().unwrap().to_owned()
                });
                assert_eq!(onward.get(3..35), PARENT.get(3..35));
            });
        }
    }

    #[test]
    fn without_a_caller_a_trace_begins_and_nonsense_begins_one_too() {
        traced(Sampler::AlwaysOn, || {
            for given in ["", "nonsense", "00-00000000000000000000000000000000-0000000000000000-01"] {
                let span = tracing::info_span!("rpc", trace_id = field::Empty);
                set_parent(&span, given);
                let present = span.in_scope(current_traceparent);
                assert_eq!(present.len(), PARENT.len(), "{given}: {present}");
            }
        });
    }

    #[test]
    fn without_tracing_there_is_no_context() {
        with_default(tracing::subscriber::NoSubscriber::new(), || assert_eq!(current_traceparent(), ""));
    }

    #[tokio::test]
    async fn a_dead_collector_delays_neither_start_nor_stop() {
        let mut settings = crate::config::Settings::defaults("test").unwrap().telemetry;
        settings.otlp_endpoint = "http://127.0.0.1:1".to_owned();
        let begin = std::time::Instant::now();
        start("test", &settings).unwrap();
        tracing::info_span!("work").in_scope(|| tracing::info!("done"));
        stop().await;
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    }
}
