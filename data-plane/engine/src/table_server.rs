//! Models of tables behind the forms in which callers send rows; how boosters are loaded.

use std::path::Path;
use std::sync::Arc;

use hari_artifacts::Picked;
use hari_core::{
    BoxFuture, Context, DataType, Input, Message, Method, Model, ModelMetadata, NamedTensor,
    Payload, Signature, Spoken, Target, Tensor, Unit,
};
use hari_error::{Error, Result};
use hari_plan::bound::{ModelSource, ParameterValue, Runtime};
use hari_trees::{Family, Options, TreeModel};

use crate::load::{Front, Loaded, describe};
use crate::table::{Column, Kind, Matrix, Table};

/// The family of boosters that a runtime reads.
pub(crate) fn family(runtime: Runtime) -> Option<Family> {
    match runtime {
        Runtime::Xgboost => Some(Family::Xgboost),
        Runtime::Lightgbm => Some(Family::Lightgbm),
        Runtime::Catboost => Some(Family::Catboost),
        _ => None,
    }
}

/// What is asked with tables: what it takes, and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tabular {
    pub(crate) table: Table,
    /// The output of the signature [`ALL`] that is answered to callers who name none, unless they
    /// speak Seldon's protocol.
    pub(crate) plain: Option<String>,
}

/// The signature with every method of a model.
pub(crate) const ALL: &str = "all";

impl Tabular {
    /// What answers its first signature to all callers.
    pub(crate) fn of(table: Table) -> Self {
        Self { table, plain: None }
    }
}

/// A model that was read, with what it takes.
pub(crate) struct Opened {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) tabular: Tabular,
}

/// Reads a booster.
///
/// # Errors
/// What the reader says of the file.
pub(crate) fn open(file: &Path, family: Family, options: &Options) -> Result<Opened> {
    let model = hari_trees::load(file, family, options)?;
    let table = taken(&model);
    Ok(Opened {
        model: Arc::new(model),
        tabular: Tabular::of(table),
    })
}

/// What a booster takes: a matrix, or columns if some are of categories.
fn taken(model: &TreeModel) -> Table {
    if model.takes_columns() {
        let columns = model.columns().iter().map(|one| Column {
            name: one.name.clone(),
            kind: match one.categorical {
                true => Kind::Category,
                false => Kind::Number,
            },
        });
        return Table::Columns(columns.collect());
    }
    let input = model.signatures().first();
    let input = input.and_then(|one| one.inputs.first());
    Table::Matrix(Matrix {
        input: input.map(|input| input.name.clone()).unwrap_or_default(),
        dtype: input.map_or(DataType::Fp32, |input| input.dtype),
        width: Some(model.features()),
        columns: model.feature_names().to_vec(),
    })
}

/// Loads the booster that was picked.
pub(crate) async fn load(
    name: &str,
    source: &ModelSource,
    picked: &Picked,
    family: Family,
) -> Result<Loaded> {
    let best = source.parameters.get("best_iteration");
    let options = Options {
        best_iteration: best == Some(&ParameterValue::Bool(true)),
        ..Options::default()
    };
    let file = picked.file.clone();
    if file.extension().is_some_and(|ending| ending == "bst") {
        tracing::warn!(
            model = name,
            "`model.bst` is an old form: save the booster as `model.json`"
        );
    }
    let opened = away(move || open(&file, family, &options)).await?;
    Ok(loaded(name, picked, opened))
}

/// Does the work of a loader away from the async threads.
///
/// # Errors
/// What `work` says.
pub(crate) async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let loading = tokio::task::spawn_blocking(work);
    loading.await.map_err(|error| {
        Error::model("the model could not be loaded: the loader crashed").with_source(error)
    })?
}

/// What was opened, as a version of a model.
pub(crate) fn loaded(name: &str, picked: &Picked, opened: Opened) -> Loaded {
    let Opened { model, tabular } = opened;
    let metadata = ModelMetadata {
        columns: tabular.table.names(),
        ..describe(name, &*model, picked.version)
    };
    Loaded {
        model,
        metadata,
        folder: picked.path.clone(),
        front: Front::Table(tabular),
    }
}

/// A unit in front of a model that takes a table.
pub(crate) struct TableServer {
    inner: Arc<dyn Unit>,
    tabular: Tabular,
}

impl TableServer {
    pub(crate) fn new(inner: Arc<dyn Unit>, tabular: Tabular) -> Self {
        Self { inner, tabular }
    }

    /// The message with what the model takes.
    pub(crate) fn fit(&self, message: Message) -> Result<Message> {
        let tensors = rows(message.payload)?;
        Ok(Message {
            payload: Payload::Tensors(self.tabular.table.fit(tensors)?),
            ..message
        })
    }

    /// The same request, aimed at the methods that are asked for.
    fn aimed(&self, context: &Context) -> Option<Context> {
        let target = &context.target;
        let metadata = self.inner.metadata();
        let first = metadata.signatures.first()?;
        let all = metadata.signatures.iter().any(|one| one.name == ALL);
        if target.signature.is_some() || !all {
            return None;
        }
        let given = |name: &String| first.outputs.iter().any(|output| output.name == *name);
        let outputs = match (&*target.outputs, &self.tabular.plain) {
            ([], Some(plain)) if target.spoken != Spoken::Seldon => vec![plain.clone()],
            (outputs, _) if outputs.iter().all(given) => return None,
            (outputs, _) => outputs.to_vec(),
        };
        Some(context.clone().aimed(Target {
            signature: Some(ALL.to_owned()),
            outputs,
            ..Target::clone(target)
        }))
    }
}

/// The rows of a payload: tensors, a text, or a table in JSON.
pub(crate) fn rows(payload: Payload) -> Result<Vec<NamedTensor>> {
    match payload {
        Payload::Tensors(tensors) => Ok(tensors),
        Payload::Text(text) => {
            let tensor = Tensor::from_strings([1], vec![text.into()])?;
            Ok(vec![NamedTensor::new("", tensor)])
        }
        Payload::Json(value) => {
            let limits = hari_core::Limits::default();
            hari_protocol::mlflow::read_table(&value, &limits)
        }
        other => Err(Error::invalid(format!(
            "expected rows for the model, found {}",
            other.kind()
        ))),
    }
}

/// Metadata in which the first signature is the one that callers of `target`'s protocol get.
fn described(
    metadata: Arc<ModelMetadata>,
    plain: Option<&str>,
    spoken: Spoken,
) -> Arc<ModelMetadata> {
    let all = metadata.signatures.iter().find(|one| one.name == ALL);
    let (Some(plain), Some(all), false) = (plain, all, spoken == Spoken::Seldon) else {
        return metadata;
    };
    let first = Signature {
        name: Signature::DEFAULT.to_owned(),
        outputs: all
            .outputs
            .iter()
            .filter(|one| one.name == plain)
            .cloned()
            .collect(),
        ..all.clone()
    };
    let mut described = ModelMetadata::clone(&metadata);
    if let Some(place) = described.signatures.first_mut() {
        *place = first;
    }
    Arc::new(described)
}

impl Unit for TableServer {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            let input = match input {
                Input::One(message) => Input::One(self.fit(message)?),
                other => other,
            };
            match self.aimed(context) {
                Some(context) => self.inner.call(method, input, &context).await,
                None => self.inner.call(method, input, context).await,
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.inner.metadata()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        let metadata = self.inner.metadata_of(target);
        described(metadata, self.tabular.plain.as_deref(), target.spoken)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        self.inner.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }
}
