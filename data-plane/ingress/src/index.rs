//! The models that are served, as the open inference protocol's index has them. They are changed by
//! changing the deployment.

use hari_core::{ModelMetadata, Unit};

use crate::directory::Directory;

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) name: String,
    /// Empty if the model has no versions.
    pub(crate) version: String,
    /// Why it is not ready, if it is not; never empty.
    pub(crate) unready: Option<String>,
}

impl Indexed {
    /// The protocol's word for it.
    pub(crate) fn state(&self) -> &'static str {
        match self.unready {
            None => "READY",
            Some(_) => "UNAVAILABLE",
        }
    }
}

/// Every version of every model that can be named; or only those that are ready. A node that has
/// models inside and is none itself is left out.
pub(crate) async fn of(directory: &Directory, only_ready: bool) -> Vec<Indexed> {
    let mut models = Vec::new();
    for deployment in directory.all() {
        for predictor in &deployment.predictors {
            let unit = &predictor.unit;
            for named in unit.names().iter().filter_map(|name| unit.find(name)) {
                models.extend(versions(&*named).await);
            }
        }
    }
    models.retain(|model| !only_ready || model.unready.is_none());
    models
}

async fn versions(unit: &dyn Unit) -> Vec<Indexed> {
    let metadata = unit.metadata();
    if metadata.platform == ModelMetadata::REPOSITORY {
        return Vec::new();
    }
    let unready = unit.ready().await.err().map(|error| error.to_string());
    let entry = |version: &str| Indexed {
        name: metadata.name.clone(),
        version: version.to_owned(),
        unready: unready.clone(),
    };
    match &*metadata.versions {
        [] => vec![entry("")],
        versions => versions.iter().map(|version| entry(version)).collect(),
    }
}
