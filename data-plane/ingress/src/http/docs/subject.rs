//! What a document is about: the deployments, where they are reached, and their models.

use std::sync::Arc;

use hari_core::{ModelMetadata, Signature, TensorSpec, Unit};
use hari_error::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::directory::{Deployment, Directory, Predictor};
use crate::select::Selector;

/// What may stand in a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Under which paths a document names its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// As the caller came: with the prefix, or bare if there is only one deployment.
    AsAsked,
    /// With `/seldon/<namespace>/<name>`, as through a gateway.
    Prefixed,
}

/// One deployment, as a document tells it.
pub(super) struct Subject {
    /// In front of every path: empty, or `/seldon/<namespace>/<name>`.
    pub(super) base: String,
    /// `<namespace>/<name>`
    pub(super) tag: String,
    /// The start of the names of its components: letters, digits, `.`, `-` and `_`.
    pub(super) key: String,
    /// What the whole graph says of itself.
    pub(super) whole: Arc<ModelMetadata>,
    /// Every name a caller can put for `{model}`, the deployment's own first.
    pub(super) models: Vec<Known>,
    /// Deployment, predictors and nodes, for people.
    pub(super) facts: Value,
}

/// A name for a model, and what it says of itself.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) metadata: Arc<ModelMetadata>,
}

/// What one way to call a model takes and gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tensors<'a> {
    pub(super) inputs: &'a [TensorSpec],
    pub(super) outputs: &'a [TensorSpec],
}

impl<'a> Tensors<'a> {
    /// Those of the default signature; none if the model does not know them.
    pub(super) fn of(metadata: &'a ModelMetadata) -> Self {
        let signature = metadata.signatures.first();
        signature.map_or_else(
            Self::default,
            |Signature {
                 inputs, outputs, ..
             }| Self { inputs, outputs },
        )
    }
}

/// The deployments that a request for a document is about.
///
/// # Errors
/// `NotFound` if the request names one that there is not.
pub(super) fn subjects(
    directory: &Directory,
    selector: &Selector,
    base: Base,
) -> Result<Vec<Subject>> {
    let deployments = match &selector.name {
        Some(name) => {
            vec![directory.get(selector.namespace.as_deref().unwrap_or("default"), name)?]
        }
        None => directory.all(),
    };
    let bare = base == Base::AsAsked && selector.name.is_none() && deployments.len() == 1;
    let each = |deployment: &Arc<Deployment>| Subject::of(deployment, bare);
    Ok(deployments.iter().filter_map(each).collect())
}

impl Subject {
    /// None if nothing in the deployment answers.
    fn of(deployment: &Deployment, bare: bool) -> Option<Self> {
        let live = deployment.predictors.iter().rev();
        let live = live.filter(|predictor| !predictor.shadow);
        let predictor = live.max_by_key(|predictor| predictor.traffic)?;
        let Deployment {
            namespace, name, ..
        } = deployment;
        let base = format!("/seldon/{}/{}", segment(namespace), segment(name));
        Some(Self {
            base: if bare { String::new() } else { base.clone() },
            tag: format!("{namespace}/{name}"),
            key: format!("{}.{}", key(namespace), key(name)),
            whole: predictor.unit.metadata(),
            models: models(&deployment.name, predictor),
            facts: facts(deployment, if bare { "" } else { &base }),
        })
    }

    /// The names of the models of which `keep` holds.
    pub(super) fn names(&self, keep: impl Fn(&ModelMetadata) -> bool) -> Vec<&str> {
        let kept = self.models.iter().filter(|known| keep(&known.metadata));
        kept.map(|known| &*known.name).collect()
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A part of a component's name: what may not stand there is written as its number.
fn key(text: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '.');
    text.chars()
        .map(|one| match one {
            one if plain(one) => one.to_string(),
            other => format!("_{:x}", u32::from(other)),
        })
        .collect()
}

/// The deployment's name stands for the whole graph; a node's name for the node.
fn models(deployment: &str, predictor: &Predictor) -> Vec<Known> {
    let whole = Known {
        name: deployment.to_owned(),
        metadata: match predictor.unit.find(deployment) {
            Some(unit) => unit.metadata(),
            None => predictor.unit.metadata(),
        },
    };
    let nodes = nodes(&*predictor.unit).filter(|node| node.name != deployment);
    std::iter::once(whole).chain(nodes).collect()
}

fn nodes(unit: &dyn Unit) -> impl Iterator<Item = Known> {
    unit.names().into_iter().filter_map(|name| {
        let metadata = unit.find(&name)?.metadata();
        Some(Known { name, metadata })
    })
}

fn facts(deployment: &Deployment, base: &str) -> Value {
    let predictors: Vec<_> = deployment
        .predictors
        .iter()
        .map(|predictor| {
            json!({
                "name": predictor.name,
                "version": predictor.version,
                "traffic": predictor.traffic,
                "shadow": predictor.shadow,
                "models": nodes(&*predictor.unit).map(|node| model(&node)).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "namespace": deployment.namespace,
        "name": deployment.name,
        "base": base,
        "predictors": predictors,
    })
}

fn model(Known { name, metadata }: &Known) -> Value {
    let Tensors { inputs, outputs } = Tensors::of(metadata);
    json!({
        "name": name,
        "platform": metadata.platform,
        "versions": metadata.versions,
        "labels": metadata.labels,
        "inputs": tensors(inputs),
        "outputs": tensors(outputs),
    })
}

/// Names, datatypes and shapes, `-1` for a dimension of any size.
pub(super) fn tensors(specs: &[TensorSpec]) -> Value {
    let tensor = |spec: &TensorSpec| {
        json!({
            "name": spec.name,
            "datatype": spec.dtype.name(),
            "shape": spec.shape.as_ref().map(|_| spec.wire_shape()),
        })
    };
    specs.iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_parts_of_paths_and_of_components() {
        assert_eq!(segment("a/b c"), "a%2Fb%20c");
        assert_eq!(
            (key("my-model.2"), key("a_b/ü")),
            ("my-model.2".into(), "a_5fb_2f_fc".into())
        );
    }

    #[test]
    fn a_model_without_signatures_has_no_tensors() {
        let metadata = ModelMetadata::default();
        let Tensors { inputs, outputs } = Tensors::of(&metadata);
        assert!(inputs.is_empty() && outputs.is_empty());
    }
}
