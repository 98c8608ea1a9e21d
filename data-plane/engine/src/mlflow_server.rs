//! MLflow folders: `MLmodel` says which model lies there and what it takes; the model is served
//! natively, and requests are held to the signature as MLflow holds them.

mod classes;
mod enforce;
mod mlmodel;
mod params;
mod schema;

use std::path::Path;
use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::{
    BoxFuture, Context, DataType, Dim, Input, Message, Method, Model, ModelMetadata, NamedTensor,
    Payload, Signature, Spoken, Target, Unit,
};
use hari_error::Result;
use hari_onnx::{OnnxModel, Options};
use hari_plan::bound::ModelSource;
use hari_trees::Prediction;

use crate::computing::computing;
use crate::load::{Front, Loaded, describe, string};
use crate::sklearn_server;
use crate::table::{Matrix, Naming, Table};
use crate::table_server::{self, Opened, TableServer, Tabular, away, rows};
use classes::Classes;
use mlmodel::{Flavour, MlModel};
use params::Param;
use schema::Schema;

/// What `MLmodel` says beside where the model is.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// What the model takes, if it is asked with tables.
    tabular: Option<Tabular>,
    /// What requests are held to, if there is a signature.
    schema: Option<Schema>,
    params: Vec<Param>,
    /// Whether all names of columns count, as in a data frame.
    frame: bool,
}

/// A folder that was read.
pub(crate) struct Folder {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) described: Described,
    flavour: Flavour,
    mlflow_version: String,
}

/// What an MLflow folder says of itself.
#[derive(Clone, Debug)]
pub struct MlflowInspection {
    /// The flavour that is served.
    pub flavour: &'static str,
    /// Version of MLflow that wrote it; empty if it does not say.
    pub version: String,
    /// Names of the columns of a request.
    pub columns: Vec<String>,
    /// The kind of model inside.
    pub platform: String,
    /// Ways to call it.
    pub signatures: Vec<Signature>,
    /// Bytes of the model's file.
    pub bytes: u64,
}

/// Says what lies in a folder with `MLmodel`, by loading it.
///
/// # Errors
/// As for serving it.
pub fn inspect_mlflow(folder: &Path, options: &Options) -> Result<MlflowInspection> {
    let found = open(folder, options)?;
    let size = std::fs::metadata(found.flavour.path());
    Ok(MlflowInspection {
        flavour: found.flavour.name(),
        version: found.mlflow_version,
        columns: found.described.columns(),
        platform: found.model.platform().to_owned(),
        signatures: found.model.signatures().to_vec(),
        bytes: size.map_or(0, |size| size.len()),
    })
}

/// Loads the folder that was picked.
pub(crate) async fn load(name: &str, source: &ModelSource, picked: &Picked) -> Result<Loaded> {
    let options = computing(&source.parameters)?;
    let path = picked.path.clone();
    let folder = away(move || open(&path, &options)).await?;
    let frame = string(source, "xtype").is_some_and(|xtype| xtype != "ndarray");
    let mut metadata = ModelMetadata {
        columns: folder.described.columns(),
        ..describe(name, &*folder.model, picked.version)
    };
    let version = ("mlflow_version".to_owned(), folder.mlflow_version);
    metadata.custom.extend([version]);
    Ok(Loaded {
        model: folder.model,
        metadata,
        folder: picked.path.clone(),
        front: Front::Mlflow(Described {
            frame,
            ..folder.described
        }),
    })
}

/// Reads a folder with `MLmodel`.
///
/// # Errors
/// What is wrong with `MLmodel`, a flavour that is not served with what to do, and what the reader
/// of the model says.
pub(crate) fn open(folder: &Path, options: &Options) -> Result<Folder> {
    let MlModel {
        flavour,
        schema,
        params,
        mlflow_version,
    } = MlModel::read(folder)?;
    let (model, tabular) = model(&flavour, schema.as_ref(), options)?;
    Ok(Folder {
        model,
        described: Described {
            tabular,
            schema,
            params,
            frame: false,
        },
        flavour,
        mlflow_version,
    })
}

fn model(
    flavour: &Flavour,
    schema: Option<&Schema>,
    options: &Options,
) -> Result<(Arc<dyn Model>, Option<Tabular>)> {
    let of = |opened: Opened| (opened.model, Some(opened.tabular));
    match flavour {
        Flavour::Sklearn { file, method } => sklearn_server::open(file, Some(*method)).map(of),
        Flavour::Booster {
            file,
            family,
            labels,
            prediction,
            best_iteration,
        } => {
            let options = booster_options(*best_iteration, *prediction);
            let opened = table_server::open(file, *family, &options)?;
            Ok(of(match labels {
                true => Classes::before(opened),
                false => opened,
            }))
        }
        Flavour::Onnx { file } => {
            let model: Arc<dyn Model> = Arc::new(OnnxModel::load_file(file, options)?);
            let tabular = matrix_of(&*model, schema);
            Ok((model, tabular))
        }
        Flavour::SavedModel { folder } => {
            let model: Arc<dyn Model> = Arc::new(hari_tensorflow::load(folder, options)?);
            let tabular = matrix_of(&*model, schema);
            Ok((model, tabular))
        }
    }
}

fn booster_options(best_iteration: bool, prediction: Prediction) -> hari_trees::Options {
    hari_trees::Options {
        best_iteration,
        prediction,
        ..hari_trees::Options::default()
    }
}

/// The matrix that a network takes in place of named columns, if it takes one of two dimensions.
fn matrix_of(model: &dyn Model, schema: Option<&Schema>) -> Option<Tabular> {
    let columns = schema?.names()?;
    let [only] = model.signatures().first()?.inputs.as_slice() else {
        return None;
    };
    let width = match only.shape.as_deref()? {
        [_, Dim::Fixed(width)] => Some(*width),
        [_, Dim::Dynamic(_)] => None,
        _ => return None,
    };
    (only.dtype != DataType::Bytes).then(|| {
        Tabular::of(Table::Matrix(Matrix {
            input: only.name.clone(),
            dtype: only.dtype,
            width,
            columns,
        }))
    })
}

impl Described {
    /// Names of the columns: the signature's, else the model's own.
    fn columns(&self) -> Vec<String> {
        let own = || self.tabular.as_ref().map(|tabular| tabular.table.names());
        let written = self.schema.as_ref().and_then(Schema::names);
        written.or_else(own).unwrap_or_default()
    }

    /// What is wrong with a request, or its tensors as the signature says.
    fn enforced(&self, tensors: Vec<NamedTensor>, context: &Context) -> Result<Vec<NamedTensor>> {
        if context.target.spoken == Spoken::Mlflow {
            params::check(&self.params, &context.target.parameters)?;
        }
        let Some(schema) = &self.schema else {
            return Ok(tensors);
        };
        let names = schema.names().unwrap_or_default();
        let all = self.frame || context.target.spoken == Spoken::Mlflow;
        let naming = match all {
            true => Naming::All,
            false => Naming::Known(&names),
        };
        enforce::enforce(schema, tensors, naming)
    }
}

/// A unit in front of the model of a folder.
pub(crate) struct MlflowServer {
    inner: Arc<dyn Unit>,
    described: Described,
}

impl MlflowServer {
    /// The unit in front of `model`.
    pub(crate) fn before(model: Arc<dyn Unit>, described: Described) -> Arc<dyn Unit> {
        let inner = match &described.tabular {
            Some(tabular) => Arc::new(TableServer::new(model, tabular.clone())),
            None => model,
        };
        Arc::new(Self { inner, described })
    }
}

impl Unit for MlflowServer {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            let input = match input {
                Input::One(message) => {
                    let tensors = self.described.enforced(rows(message.payload)?, context)?;
                    Input::One(Message {
                        payload: Payload::Tensors(tensors),
                        ..message
                    })
                }
                other => other,
            };
            self.inner.call(method, input, context).await
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        self.inner.metadata_of(target)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        self.inner.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }
}

#[cfg(test)]
mod tests;
