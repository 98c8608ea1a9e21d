//! A deployment made up for a bare model: one node, of the runtime that takes it.

use std::path::{Path, PathBuf};

use hari_api::{Document, Parameter, SeldonDeployment};
use hari_artifacts::{FetchOptions, Format, ModelUri, fetch, probe};
use hari_error::{Error, Result};

use crate::source::Source;

/// A model with nothing written about it.
#[derive(Clone, Debug, Default)]
pub struct BareModel {
    /// Name of the deployment and of its node.
    pub name: String,
    /// Implementation, if the user says it; else it is read off the artifact.
    pub implementation: Option<String>,
    /// Where it lies.
    pub model_uri: String,
    /// Parameters of the server.
    pub parameters: Vec<Parameter>,
    /// Deployment that the model is a node of; else its own name.
    pub deployment: Option<String>,
    /// Predictor of that deployment.
    pub predictor: Option<String>,
}

/// The deployment for `model`.
///
/// # Errors
/// If what lies at the URI is not known to any runtime of this build.
pub fn deployment_of(model: &BareModel) -> Result<SeldonDeployment> {
    let implementation = match &model.implementation {
        Some(implementation) => implementation.clone(),
        None => implementation_of(&model.model_uri)?.to_owned(),
    };
    let uri = model.model_uri.clone();
    let parameters = model.parameters.clone();
    let mut made = hari_plan::single_node(&model.name, &implementation, &uri, parameters);
    if let Some(deployment) = &model.deployment {
        made.metadata.name = Some(deployment.clone());
    }
    if let (Some(name), Some(predictor)) = (&model.predictor, made.spec.predictors.first_mut()) {
        predictor.name.clone_from(name);
    }
    Ok(made)
}

pub(crate) async fn source(input: &str, options: &FetchOptions) -> Result<Source> {
    let name = name_of(input);
    let model = BareModel {
        name,
        model_uri: input.to_owned(),
        ..BareModel::default()
    };
    Source::bare(&model.recognised(options).await?)
}

impl BareModel {
    /// The model with its implementation. One that lies elsewhere is fetched into the cache to be
    /// looked at, where loading it finds it again.
    ///
    /// # Errors
    /// As [`fetch`] and [`probe`].
    pub async fn recognised(mut self, options: &FetchOptions) -> Result<Self> {
        if self.implementation.is_some() {
            return Ok(self);
        }
        let uri = ModelUri::parse(&self.model_uri, Path::new(""))?;
        let format = match uri.local_path() {
            Some(path) => probe(path)?,
            None => probe(&fetch(&uri, options).await?.root)?,
        };
        self.implementation = Some(server_of(format)?.to_owned());
        Ok(self)
    }
}

impl Source {
    /// A bare model as a source.
    ///
    /// # Errors
    /// As [`deployment_of`].
    pub fn bare(model: &BareModel) -> Result<Self> {
        let deployment = deployment_of(model)?;
        let value = serde_json::to_value(&deployment).map_err(|error| {
            Error::internal("the deployment cannot be written").with_source(error)
        })?;
        let documents = vec![Document::from_value(value)];
        let (name, base) = (model.model_uri.clone(), PathBuf::new());
        Ok(Self {
            name,
            file: None,
            base,
            documents,
        })
    }
}

/// Which implementation takes what lies at `uri`. What lies elsewhere is told by its name.
fn implementation_of(uri: &str) -> Result<&'static str> {
    let parsed = ModelUri::parse(uri, Path::new(""))?;
    if let Some(local) = parsed.local_path() {
        return server_of(probe(local)?);
    }
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    Ok(match () {
        () if ends(&[".onnx"]) => "ONNX_SERVER",
        () if ends(&["/model.json", ".ubj", ".bst"]) => "XGBOOST_SERVER",
        () if ends(&["/model.txt", ".lgb"]) => "LIGHTGBM_SERVER",
        () if ends(&[".cbm"]) => "CATBOOST_SERVER",
        () if ends(&[".joblib", ".pkl", ".pickle", ".skops"]) => "SKLEARN_SERVER",
        () => "TENSORFLOW_SERVER",
    })
}

fn server_of(format: Format) -> Result<&'static str> {
    match format {
        Format::SavedModel => Ok("TENSORFLOW_SERVER"),
        Format::Onnx => Ok("ONNX_SERVER"),
        Format::Transformers => Ok("HUGGINGFACE_SERVER"),
        Format::Xgboost => Ok("XGBOOST_SERVER"),
        Format::Lightgbm => Ok("LIGHTGBM_SERVER"),
        Format::Catboost => Ok("CATBOOST_SERVER"),
        Format::Sklearn => Ok("SKLEARN_SERVER"),
        Format::Mlflow => Ok("MLFLOW_SERVER"),
        Format::Repository => Ok("TRITON_SERVER"),
        other => Err(Error::invalid(format!(
            "{}: no server takes it yet",
            other.name()
        ))),
    }
}

/// A name that Kubernetes would take: the file's stem, or its folder's if that says more.
fn name_of(input: &str) -> String {
    let path = input
        .split(['?', '#'])
        .next()
        .unwrap_or(input)
        .trim_end_matches('/');
    let mut pieces = path.rsplit('/').filter(|piece| !piece.is_empty());
    let last = pieces.next().unwrap_or("model");
    let stem = last.split('.').next().unwrap_or(last);
    let generic = ["model", "saved_model", "1"].contains(&stem);
    let word = if generic {
        pieces.next().unwrap_or(stem)
    } else {
        stem
    };
    let clean: String = word
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    match clean.trim_matches('-') {
        "" => "model".to_owned(),
        clean => clean
            .chars()
            .take(40)
            .collect::<String>()
            .trim_matches('-')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_says_most() {
        assert_eq!(name_of("digits.onnx"), "digits");
        assert_eq!(name_of("/models/Mnist_CNN/model.onnx"), "mnist-cnn");
        assert_eq!(name_of("examples/mnist/model/"), "mnist");
        assert_eq!(name_of("https://host/a/resnet.onnx?sig=1"), "resnet");
        assert_eq!(name_of("..."), "model");
    }

    #[test]
    fn a_remote_model_is_told_by_its_name() {
        assert_eq!(
            implementation_of("https://host/m.onnx?x=1").unwrap(),
            "ONNX_SERVER"
        );
        for (uri, server) in [
            ("s3://bucket/a/model.json", "XGBOOST_SERVER"),
            ("s3://bucket/income.ubj", "XGBOOST_SERVER"),
            ("s3://bucket/a/model.txt", "LIGHTGBM_SERVER"),
        ] {
            assert_eq!(implementation_of(uri).unwrap(), server, "{uri}");
        }
        assert_eq!(
            implementation_of("https://host/m.tar.gz").unwrap(),
            "TENSORFLOW_SERVER"
        );
    }
}
