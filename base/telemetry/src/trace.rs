//! OpenTelemetry traces over OTLP, switched on by the standard environment variables.

mod carried;
mod forms;
mod sampler;

use hari_error::{Error, Result};
use hari_settings as settings;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use tracing::{Level, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{FilterFn, Filtered, filter_fn};
use tracing_subscriber::{Layer as _, Registry};

pub use carried::{continue_from, failed, is_header, named, on, outgoing};

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

type Spans = OpenTelemetryLayer<Registry, opentelemetry_sdk::trace::Tracer>;
type TraceLayer = Filtered<Spans, FilterFn, Registry>;

/// The layer that turns spans into traces, if the settings ask for it.
pub(crate) fn layer() -> Result<(Option<TraceLayer>, Guard)> {
    if !wanted()? {
        return Ok((None, Guard::default()));
    }
    let (forms, sampler) = (carried::wanted()?, sampler::of_settings()?);
    let service = settings::OTEL_SERVICE
        .get()
        .unwrap_or_else(|| "hari".to_owned());
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(BatchSpanProcessor::builder(exporter()?, Tokio).build())
        .with_resource(
            Resource::builder()
                .with_service_name(service)
                .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                .build(),
        )
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("hari"));
    carried::begin(forms);
    let ours: FilterFn = filter_fn(is_ours);
    let ours = ours.with_max_level_hint(Level::DEBUG);
    Ok((Some(layer.with_filter(ours)), Guard(Some(provider))))
}

/// Spans and warnings of ours; what libraries trace of themselves is no part of a request.
fn is_ours(of: &Metadata<'_>) -> bool {
    let level = if of.is_span() {
        Level::DEBUG
    } else {
        Level::WARN
    };
    *of.level() <= level && of.target().starts_with("hari")
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
