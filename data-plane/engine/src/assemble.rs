//! All predictors of a deployment, loaded side by side; the first failure fails the whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hari_batch::Pool;
use hari_error::Result;
use hari_ingress::{Deployment, Inlet, Predictor};
use hari_plan::bound::{BoundDeployment, BoundPredictor};

use crate::neighbours::{self, Misfit};
use crate::payload_log::PayloadLogs;
use crate::report::NodeReport;
use crate::{topics, tree};

/// What loading needs and models share.
#[derive(Clone)]
pub struct Workshop {
    /// The threads that models run on.
    pub pool: Arc<Pool>,
    /// Where fetched models are kept.
    pub cache: PathBuf,
    /// Which hosts models may be fetched from.
    pub policy: hari_artifacts::Policy,
    /// Told about downloads.
    pub progress: Option<Arc<dyn hari_artifacts::Progress>>,
    /// Keeps requests with what every node saw of them.
    pub recorder: Option<hari_recorder::Recorder>,
    /// Where payloads are logged.
    pub payload_logs: PayloadLogs,
    /// Variables of Kafka that win over those of documents and environment; with a broker among
    /// them every predictor reads requests.
    pub kafka: BTreeMap<&'static str, String>,
    /// Most bytes of what a node elsewhere, or in another process, answers.
    pub max_body: usize,
    /// Whether nodes elsewhere are asked for their health, or a connection is enough.
    pub full_health_checks: bool,
}

/// A deployment that is ready for traffic.
pub struct Assembled {
    /// What answers.
    pub deployment: Arc<Deployment>,
    /// One line for each node.
    pub nodes: Vec<NodeReport>,
    /// Nodes that cannot take what their neighbours give them: requests that come by them fail.
    pub misfits: Vec<Misfit>,
}

/// Loads everything that `bound` names. A relative `modelUri` is relative to `base`.
///
/// # Errors
/// The first model that cannot be fetched or loaded, named by its node.
pub async fn assemble(
    bound: &BoundDeployment,
    base: &Path,
    workshop: &Workshop,
) -> Result<Assembled> {
    let mut predictors = Vec::new();
    let mut nodes = Vec::new();
    let mut misfits = Vec::new();
    for predictor in &bound.predictors {
        let origin = tree::Origin {
            deployment: bound,
            predictor,
            base,
            workshop,
        };
        let (graph, reports) = tree::build(&origin).await?;
        misfits.extend(neighbours::misfits(&graph, &predictor.graph));
        let inlet = topics::inlet(bound, predictor, &workshop.kafka)?;
        predictors.push(Arc::new(serve(predictor, inlet, Arc::new(graph))));
        nodes.extend(reports);
    }
    let (namespace, name) = (bound.namespace.clone(), bound.name.clone());
    Ok(Assembled {
        deployment: Arc::new(Deployment {
            namespace,
            name,
            predictors,
        }),
        nodes,
        misfits,
    })
}

pub(crate) fn serve(
    bound: &BoundPredictor,
    inlet: Option<Inlet>,
    unit: Arc<dyn hari_core::Unit>,
) -> Predictor {
    Predictor {
        name: bound.name.clone(),
        version: bound.labels.get("version").unwrap_or(&bound.name).clone(),
        traffic: bound.traffic,
        shadow: bound.shadow,
        rest_timeout: bound.rest_timeout,
        grpc_timeout: bound.grpc_timeout,
        inlet,
        unit,
    }
}
