//! The models that are served, as an index; they are changed by changing the deployment.

use hari_error::Error;
use hari_proto::inference::RepositoryIndexResponse;
use hari_proto::inference::repository_index_response::ModelIndex;

use crate::directory::Directory;
use crate::index::{self, Indexed};

/// Every version of every model; or only those that are ready.
pub(super) async fn index(directory: &Directory, only_ready: bool) -> RepositoryIndexResponse {
    let models = index::of(directory, only_ready).await;
    RepositoryIndexResponse {
        models: models.into_iter().map(entry).collect(),
    }
}

fn entry(model: Indexed) -> ModelIndex {
    ModelIndex {
        state: model.state().to_owned(),
        name: model.name,
        version: model.version,
        reason: model.unready.unwrap_or_default(),
    }
}

/// Why a model is not loaded or unloaded by a call.
pub(super) fn declared() -> Error {
    Error::unimplemented(
        "models are loaded and unloaded by changing the deployment, not by this call",
    )
}
