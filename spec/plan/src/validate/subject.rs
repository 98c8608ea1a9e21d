//! What the rules look at: the deployment as written and as defaulted, taken apart once.

use std::collections::HashMap;

use hari_api::k8s_openapi::api::core::v1::Container;
use hari_api::path::{field, item};
use hari_api::{PredictiveUnit, PredictorSpec, SeldonDeployment, SeldonPodSpec};

use crate::installation::Installation;

/// A deployment under examination.
pub(super) struct Subject<'a> {
    /// As the user wrote it.
    pub(super) written: &'a SeldonDeployment,
    /// With its defaults.
    pub(super) resource: &'a SeldonDeployment,
    pub(super) installation: &'a Installation,
    pub(super) predictors: Vec<Predictor<'a>>,
}

/// A predictor under examination.
pub(super) struct Predictor<'a> {
    /// `spec.predictors[0]`
    pub(super) path: String,
    pub(super) spec: &'a PredictorSpec,
    pub(super) units: Vec<Unit<'a>>,
    /// Containers by name, defaults filled in.
    pub(super) containers: HashMap<&'a str, &'a Container>,
}

/// A unit under examination.
pub(super) struct Unit<'a> {
    /// `spec.predictors[0].graph.children[1]`
    pub(super) path: String,
    /// With its defaults.
    pub(super) spec: &'a PredictiveUnit,
    /// As the user wrote it.
    pub(super) written: &'a PredictiveUnit,
    /// The root has 1.
    pub(super) depth: usize,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        written: &'a SeldonDeployment,
        resource: &'a SeldonDeployment,
        installation: &'a Installation,
    ) -> Self {
        let pairs = written
            .spec
            .predictors
            .iter()
            .zip(&resource.spec.predictors);
        let predictor = |(index, (written, spec))| Predictor::new(index, written, spec);
        Self {
            written,
            resource,
            installation,
            predictors: pairs.enumerate().map(predictor).collect(),
        }
    }

    /// Every unit of every predictor.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit<'a>> {
        self.predictors
            .iter()
            .flat_map(|predictor| &predictor.units)
    }
}

impl<'a> Predictor<'a> {
    fn new(index: usize, written: &'a PredictorSpec, spec: &'a PredictorSpec) -> Self {
        let path = item("spec.predictors", index);
        let containers = spec
            .component_specs
            .iter()
            .flat_map(SeldonPodSpec::containers);
        Self {
            units: units(field(&path, "graph"), &written.graph, &spec.graph),
            path,
            spec,
            containers: containers
                .map(|container| (container.name.as_str(), container))
                .collect(),
        }
    }

    /// Path of a field of the predictor.
    pub(super) fn field(&self, name: &str) -> String {
        field(&self.path, name)
    }
}

/// The units of a graph, each before its children.
fn units<'a>(path: String, written: &'a PredictiveUnit, spec: &'a PredictiveUnit) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    let mut stack = vec![Unit {
        path,
        spec,
        written,
        depth: 1,
    }];
    while let Some(unit) = stack.pop() {
        stack.extend(unit.children().into_iter().rev());
        units.push(unit);
    }
    units
}

impl<'a> Unit<'a> {
    fn children(&self) -> Vec<Unit<'a>> {
        let below = self.field("children");
        let pairs = self.written.children.iter().zip(&self.spec.children);
        let child = |(index, (written, spec))| Unit {
            path: item(&below, index),
            spec,
            written,
            depth: self.depth + 1,
        };
        pairs.enumerate().map(child).collect()
    }

    /// Path of a field of the unit.
    pub(super) fn field(&self, name: &str) -> String {
        field(&self.path, name)
    }

    /// `implementation`, or `""`.
    pub(super) fn implementation(&self) -> &'a str {
        self.spec.implementation.as_deref().unwrap_or_default()
    }
}
