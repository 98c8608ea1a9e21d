//! Which deployment a request is for: by name, or because there is only one, or by its model.

use std::sync::Arc;

use hari_core::{ModelMetadata, Target, Unit};
use hari_error::{Error, Result};

use crate::directory::{Deployment, Directory, Predictor};

/// What a request says of its deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// From the URL or the metadata; `default` if only the name is given.
    pub(crate) namespace: Option<String>,
    /// From the URL or the metadata.
    pub(crate) name: Option<String>,
    /// From a message of a topic, which is one predictor's.
    pub(crate) predictor: Option<String>,
    /// From the URL or the message.
    pub(crate) model: Option<String>,
}

impl Selector {
    /// The same, for this model.
    pub(crate) fn of_model(&self, model: Option<&str>) -> Self {
        Self {
            model: model.filter(|model| !model.is_empty()).map(str::to_owned),
            ..self.clone()
        }
    }
}

/// The deployment that `selector` says.
///
/// # Errors
/// `NotFound`, naming what was asked for and what there is.
pub(crate) fn select(directory: &Directory, selector: &Selector) -> Result<Arc<Deployment>> {
    let deployment = match &selector.name {
        Some(name) => directory.get(selector.namespace.as_deref().unwrap_or("default"), name)?,
        None => unnamed(directory, selector.model.as_deref())?,
    };
    match &selector.model {
        Some(model) if !deployment.knows_model(model) => Err(unknown_model(&deployment, model)),
        _ => Ok(deployment),
    }
}

fn unnamed(directory: &Directory, model: Option<&str>) -> Result<Arc<Deployment>> {
    let sole = directory.sole();
    let (Err(_), Some(model)) = (&sole, model) else {
        return sole;
    };
    let mut knowing = directory
        .all()
        .into_iter()
        .filter(|one| one.knows_model(model));
    match (knowing.next(), knowing.next()) {
        (Some(only), None) => Ok(only),
        _ => sole,
    }
}

fn unknown_model(deployment: &Deployment, model: &str) -> Error {
    let mut known: Vec<String> = deployment
        .predictors
        .iter()
        .flat_map(|predictor| predictor.unit.names())
        .collect();
    known.sort_unstable();
    known.dedup();
    Error::not_found(format!(
        "no model `{model}` in deployment `{}`: it has {}",
        deployment.name,
        known
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    ))
}

/// The unit that `target` names, else the whole graph; and what it says of the version asked for.
///
/// # Errors
/// `NotFound` if there is no such version of it.
pub(crate) fn addressed(
    predictor: &Predictor,
    target: &Target,
) -> Result<(Arc<dyn Unit>, Arc<ModelMetadata>)> {
    let named = target.model.as_deref();
    let unit = named.and_then(|model| predictor.unit.find(model));
    let unit = unit.unwrap_or_else(|| predictor.unit.clone());
    check_version(&unit.metadata(), target)?;
    let metadata = unit.metadata_of(target);
    Ok((unit, metadata))
}

/// Checks that the version or label that the caller names is served.
///
/// # Errors
/// `NotFound`, naming the versions and labels there are.
fn check_version(metadata: &ModelMetadata, target: &Target) -> Result<()> {
    if let Some(label) = &target.label
        && !metadata.labels.contains_key(label)
    {
        let known: Vec<_> = metadata.labels.keys().map(String::as_str).collect();
        return Err(unknown(metadata, "version label", label, &known));
    }
    if let Some(version) = target
        .version
        .as_ref()
        .filter(|version| !version.is_empty())
        && !metadata.versions.contains(version)
    {
        let known: Vec<_> = metadata.versions.iter().map(String::as_str).collect();
        return Err(unknown(metadata, "version", version, &known));
    }
    Ok(())
}

/// The version that answers a request for `target`: the named one, the labelled one, the newest.
pub(crate) fn version_of<'a>(metadata: &'a ModelMetadata, target: &'a Target) -> Option<&'a str> {
    let labelled = || {
        target
            .label
            .as_ref()
            .and_then(|label| metadata.labels.get(label))
    };
    let version = target
        .version
        .as_ref()
        .or_else(labelled)
        .or(metadata.versions.first());
    version.map(String::as_str)
}

/// The versions that a question for `target` is about: the named one, the labelled one, else all.
pub(crate) fn versions_of(metadata: &ModelMetadata, target: &Target) -> Vec<String> {
    if target.version.is_none() && target.label.is_none() {
        return metadata.versions.clone();
    }
    let one = version_of(metadata, target);
    one.map(str::to_owned).into_iter().collect()
}

fn unknown(metadata: &ModelMetadata, what: &str, found: &str, known: &[&str]) -> Error {
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Error::not_found(format!(
        "model `{}`: no {what} `{found}`; served: {known}",
        metadata.name
    ))
}
