//! OpenTelemetry traces over OTLP, switched on by the standard environment variables.

use hari_error::{Error, Result};
use hari_settings as settings;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue, global, propagation::Extractor};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::Registry;

/// Sends what is left when it goes.
#[derive(Default)]
pub struct Guard(Option<SdkTracerProvider>);

impl Guard {
    /// Whether traces leave this process.
    #[must_use]
    pub fn on(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            // The exporter may be unreachable at the end; there is nobody left to tell.
            let _ = provider.shutdown();
        }
    }
}

type TraceLayer = OpenTelemetryLayer<Registry, opentelemetry_sdk::trace::Tracer>;

/// The layer that turns spans into traces, if the settings ask for it.
pub(crate) fn layer() -> Result<(Option<TraceLayer>, Guard)> {
    if !wanted()? {
        return Ok((None, Guard::default()));
    }
    let service = settings::OTEL_SERVICE
        .get()
        .unwrap_or_else(|| "hari".to_owned());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter()?, Tokio).build())
        .with_resource(
            Resource::builder()
                .with_service_name(service)
                .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                .build(),
        )
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("hari"));
    Ok((Some(layer), Guard(Some(provider))))
}

fn wanted() -> Result<bool> {
    let disabled = settings::OTEL_DISABLED.parse::<bool>()?.unwrap_or(false);
    let endpoint = settings::OTLP_ENDPOINT
        .get()
        .or_else(|| settings::OTLP_TRACES_ENDPOINT.get());
    Ok(!disabled && endpoint.is_some())
}

fn exporter() -> Result<SpanExporter> {
    let protocol = settings::OTLP_PROTOCOL
        .get()
        .unwrap_or_else(|| "grpc".to_owned());
    let built = match protocol.as_str() {
        "grpc" => SpanExporter::builder().with_tonic().build(),
        "http/protobuf" => SpanExporter::builder().with_http().build(),
        other => {
            return Err(Error::invalid(format!(
                "environment variable OTEL_EXPORTER_OTLP_PROTOCOL: found `{other}`, use `grpc` or \
                 `http/protobuf`"
            )));
        }
    };
    built.map_err(|error| {
        Error::invalid(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")).with_source(error)
    })
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// Makes `span` the child of the trace that the headers carry (`traceparent`), if any.
pub fn continue_from(span: &tracing::Span, headers: &http::HeaderMap) {
    if !headers.contains_key("traceparent") {
        return;
    }
    let parent: Context =
        global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    // Fails only where no trace layer is installed: then there is nothing to continue.
    let _ = span.set_parent(parent);
}
