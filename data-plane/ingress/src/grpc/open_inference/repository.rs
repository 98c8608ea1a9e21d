//! The models that are served, as an index; they are changed by changing the deployment.

use hari_core::Unit;
use hari_error::Error;
use hari_proto::inference::RepositoryIndexResponse;
use hari_proto::inference::repository_index_response::ModelIndex;

use crate::directory::Directory;

/// Every version of every unit that can be named; or only those that are ready.
pub(super) async fn index(directory: &Directory, only_ready: bool) -> RepositoryIndexResponse {
    let mut models = Vec::new();
    for deployment in directory.all() {
        for predictor in &deployment.predictors {
            let unit = &predictor.unit;
            for named in unit.names().iter().filter_map(|name| unit.find(name)) {
                models.extend(entries(&*named, only_ready).await);
            }
        }
    }
    RepositoryIndexResponse { models }
}

async fn entries(unit: &dyn Unit, only_ready: bool) -> Vec<ModelIndex> {
    let (state, reason) = match unit.ready().await {
        Ok(()) => ("READY", String::new()),
        Err(_) if only_ready => return Vec::new(),
        Err(error) => ("UNAVAILABLE", error.to_string()),
    };
    let metadata = unit.metadata();
    let entry = |version: &String| ModelIndex {
        name: metadata.name.clone(),
        version: version.clone(),
        state: state.to_owned(),
        reason: reason.clone(),
    };
    match &*metadata.versions {
        [] => vec![entry(&String::new())],
        versions => versions.iter().map(entry).collect(),
    }
}

/// Why a model is not loaded or unloaded by a call.
pub(super) fn declared() -> Error {
    Error::unimplemented(
        "models are loaded and unloaded by changing the deployment, not by this call",
    )
}
