//! What the user's container says of a Python class: its name, its workers, its environment.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::api::core::v1::{Container, EnvVar};
use hari_api::{PredictorSpec, SeldonPodSpec};

/// The class where nothing names one: `Model` of `Model.py`.
pub(crate) const CLASS: &str = "Model";
/// Names the class.
pub(crate) const MODEL_NAME: &str = "MODEL_NAME";
/// Counts the workers.
pub(crate) const WORKERS: &str = "GUNICORN_WORKERS";
/// Most workers of a node.
pub(crate) const MAX_WORKERS: usize = 256;

/// The container of a unit's name, if the user wrote one.
pub(crate) struct Overlay<'a>(Option<&'a Container>);

impl<'a> Overlay<'a> {
    pub(crate) fn of(predictor: &'a PredictorSpec, unit: &str) -> Self {
        let pods = predictor.component_specs.iter();
        let containers = pods.flat_map(SeldonPodSpec::containers);
        // The last of a name counts, as for its ports.
        Self(containers.rev().find(|found| found.name == unit))
    }

    /// Its variables, in order.
    pub(crate) fn variables(&self) -> &'a [EnvVar] {
        let variables = self.0.and_then(|container| container.env.as_deref());
        variables.unwrap_or_default()
    }

    /// The variables that have a value here; the last of a name counts.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        let pair = |one: &EnvVar| Some((one.name.clone(), one.value.clone()?));
        self.variables().iter().filter_map(pair).collect()
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        let named = self.variables().iter().rev().find(|one| one.name == name);
        named?.value.as_deref().filter(|value| !value.is_empty())
    }

    /// The class that `MODEL_NAME` names.
    pub(crate) fn class(&self) -> Option<&'a str> {
        self.value(MODEL_NAME)
    }

    /// How many workers `GUNICORN_WORKERS` asks for.
    ///
    /// # Errors
    /// What it holds, if that is no number from 1 to 256.
    pub(crate) fn workers(&self) -> Result<Option<usize>, &'a str> {
        let Some(text) = self.value(WORKERS) else {
            return Ok(None);
        };
        let number = text.trim().parse().ok();
        let fits = number.filter(|number| (1..=MAX_WORKERS).contains(number));
        fits.map(Some).ok_or(text)
    }

    /// Bytes that `resources.limits.memory` allows.
    ///
    /// # Errors
    /// What it holds, if that is no quantity of bytes.
    pub(crate) fn memory(&self) -> Result<Option<u64>, &'a str> {
        let resources = self.0.and_then(|container| container.resources.as_ref());
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let Some(quantity) = limits.and_then(|limits| limits.get("memory")) else {
            return Ok(None);
        };
        bytes(&quantity.0).map(Some).ok_or(quantity.0.as_str())
    }
}

/// A quantity of Kubernetes in bytes, above zero: `512Mi`, `1.5G`, `128974848`, `129e6`.
fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("m", 1e-3),
    ];
    let text = text.trim();
    let unit = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    let number = number
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    let bytes = (number * factor).ceil();
    (bytes >= 1.0 && bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_bytes() {
        for (text, expected) in [
            ("512Mi", 512 << 20),
            ("1.5G", 1_500_000_000),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("128974848000m", 128_974_848),
            ("2Gi", 2 << 30),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "0", "-1Gi", "lots", "1Zi", "inf", "NaN"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
