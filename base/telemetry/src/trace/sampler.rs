//! Which traces are kept: decided at their beginning, by the standard settings.

use hari_error::{Error, Result};
use hari_settings as settings;
use opentelemetry_sdk::trace::Sampler;

/// The sampler of `OTEL_TRACES_SAMPLER` and its argument.
///
/// # Errors
/// If there is no such sampler, or its share is no number from 0 to 1.
pub(super) fn of_settings() -> Result<Sampler> {
    let name = settings::TRACES_SAMPLER.get();
    let share = settings::TRACES_SAMPLER_ARG.get();
    named(
        name.as_deref().unwrap_or("parentbased_always_on"),
        share.as_deref(),
    )
}

fn named(name: &str, share: Option<&str>) -> Result<Sampler> {
    if let Some(own) = name.strip_prefix("parentbased_") {
        return Ok(Sampler::ParentBased(Box::new(plain(own, share, name)?)));
    }
    plain(name, share, name)
}

fn plain(kind: &str, share: Option<&str>, name: &str) -> Result<Sampler> {
    match kind {
        "always_on" => Ok(Sampler::AlwaysOn),
        "always_off" => Ok(Sampler::AlwaysOff),
        "traceidratio" => Ok(Sampler::TraceIdRatioBased(ratio(share)?)),
        _ => Err(Error::invalid(format!(
            "environment variable OTEL_TRACES_SAMPLER: found `{name}`, use `always_on`, \
             `always_off` or `traceidratio`, each also with `parentbased_` before it"
        ))),
    }
}

/// All of them without an argument, as the specification says.
fn ratio(share: Option<&str>) -> Result<f64> {
    let Some(text) = share else { return Ok(1.0) };
    let share = text.trim().parse::<f64>().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| {
            Error::invalid(format!(
                "environment variable OTEL_TRACES_SAMPLER_ARG: found `{text}`, use a number from 0 \
                 to 1"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, share: Option<&str>) -> String {
        match named(name, share) {
            Ok(sampler) => format!("{sampler:?}"),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn the_samplers_of_the_specification() {
        assert_eq!(shown("always_off", None), "AlwaysOff");
        assert_eq!(
            shown("parentbased_always_on", None),
            "ParentBased(AlwaysOn)"
        );
        let ratio = "TraceIdRatioBased(0.25)";
        assert_eq!(shown("traceidratio", Some("0.25")), ratio);
        let kept = format!("ParentBased({ratio})");
        assert_eq!(shown("parentbased_traceidratio", Some(" 0.25")), kept);
        assert_eq!(shown("traceidratio", None), "TraceIdRatioBased(1.0)");
    }

    #[test]
    fn a_sampler_that_is_not_there_is_named() {
        assert!(shown("xray", None).contains("`xray`"));
        assert!(shown("parentbased_jaeger_remote", None).contains("`parentbased_jaeger_remote`"));
        for share in ["half", "1.5", "-1", "NaN"] {
            assert!(
                shown("traceidratio", Some(share)).contains(share),
                "{share}"
            );
        }
    }
}
