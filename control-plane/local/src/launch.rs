//! Makes sources answer: plan, load, and only then take traffic.

use std::collections::BTreeSet;

use hari_api::{Document, Issue};
use hari_engine::{
    Assembled, Misfit, NodeReport, UnitPorts, Workshop, assemble, assemble_component,
};
use hari_error::Error;
use hari_ingress::Directory;
use hari_ingress::directory::Key;
use hari_plan::bound::BoundDeployment;
use hari_plan::rule::NODES_DO_NOT_FIT;

use crate::source::{Source, plan, predictor};

/// What answers now.
#[derive(Debug, Default)]
pub struct Launched {
    /// Namespace, name and nodes of each deployment.
    pub deployments: Vec<(Key, Vec<NodeReport>)>,
    /// What was noticed and is no error.
    pub warnings: Vec<Issue>,
}

/// Why a source does not answer.
#[derive(Debug)]
pub enum Failure {
    /// The documents are at fault.
    Issues(Vec<Issue>),
    /// A model could not be fetched or loaded.
    Load {
        /// Deployment that it belongs to.
        deployment: String,
        /// What went wrong.
        error: Error,
    },
}

/// Plans, loads and serves `source`. What was served under the same names finishes what it has
/// begun. On failure nothing changes.
///
/// # Errors
/// All issues of the documents, the first model that fails, or all neighbours that cannot fit.
pub async fn launch(
    source: &Source,
    workshop: &Workshop,
    directory: &Directory,
) -> Result<Launched, Failure> {
    let (bound, warnings) = plan(source).map_err(Failure::Issues)?;
    serve(&bound, warnings, source, workshop, directory).await
}

/// One predictor that answers as in its pod.
#[derive(Debug, Default)]
pub struct Pod {
    /// What answers now.
    pub launched: Launched,
    /// Ports of the units, if all of them are in this process.
    pub units: Vec<UnitPorts>,
}

/// Plans, loads and serves one predictor of `source`, as in its pod.
///
/// # Errors
/// As [`launch`], or there is no such predictor.
pub async fn launch_predictor(
    source: &Source,
    name: &str,
    workshop: &Workshop,
    directory: &Directory,
) -> Result<Pod, Failure> {
    let (bound, units, warnings) = predictor(source, name).map_err(Failure::Issues)?;
    let launched = serve(&[bound], warnings, source, workshop, directory).await?;
    Ok(Pod { launched, units })
}

async fn serve(
    bound: &[BoundDeployment],
    warnings: Vec<Issue>,
    source: &Source,
    workshop: &Workshop,
    directory: &Directory,
) -> Result<Launched, Failure> {
    let mut ready: Vec<Assembled> = Vec::new();
    for deployment in bound {
        ready.push(load(deployment, source, workshop).await?);
    }
    let misfits = misfits(&ready, source);
    if !misfits.is_empty() {
        return Err(Failure::Issues(misfits));
    }
    let mut deployments = Vec::new();
    for Assembled {
        deployment, nodes, ..
    } in ready
    {
        let key = (deployment.namespace.clone(), deployment.name.clone());
        directory.put(deployment);
        deployments.push((key, nodes));
    }
    Ok(Launched {
        deployments,
        warnings,
    })
}

/// Plans, starts and serves the one Python class of `source`, all methods of it.
///
/// # Errors
/// All issues of the document, or why the class cannot be started.
pub async fn launch_component(
    source: &Source,
    workshop: &Workshop,
    directory: &Directory,
) -> Result<Launched, Failure> {
    let (bound, warnings) = plan(source).map_err(Failure::Issues)?;
    let mut deployments = Vec::new();
    for deployment in &bound {
        let started = assemble_component(deployment, &source.base, workshop).await;
        let Assembled {
            deployment, nodes, ..
        } = started.map_err(|error| Failure::Load {
            deployment: deployment.name.clone(),
            error,
        })?;
        let key = (deployment.namespace.clone(), deployment.name.clone());
        directory.put(deployment);
        deployments.push((key, nodes));
    }
    Ok(Launched {
        deployments,
        warnings,
    })
}

async fn load(
    deployment: &BoundDeployment,
    source: &Source,
    workshop: &Workshop,
) -> Result<Assembled, Failure> {
    assemble(deployment, &source.base, workshop)
        .await
        .map_err(|error| Failure::Load {
            deployment: deployment.name.clone(),
            error,
        })
}

/// Neighbours of graphs that cannot fit, with their places in the documents.
fn misfits(ready: &[Assembled], source: &Source) -> Vec<Issue> {
    let of = |assembled: &Assembled| {
        let document = document(source, &assembled.deployment.name);
        let issue = |misfit: &Misfit| {
            let issue = Issue::error(NODES_DO_NOT_FIT, &misfit.path, &misfit.message);
            let issue = issue.with_hint(&misfit.hint);
            match document {
                Some(document) => document.locate(issue),
                None => issue,
            }
        };
        assembled.misfits.iter().map(issue).collect::<Vec<_>>()
    };
    ready.iter().flat_map(of).collect()
}

fn document<'a>(source: &'a Source, deployment: &str) -> Option<&'a Document> {
    source.documents.iter().find(|document| {
        let name = document.value.pointer("/metadata/name");
        name.and_then(|name| name.as_str()) == Some(deployment)
    })
}

/// The names of what `launched` serves.
pub(crate) fn keys(launched: &Launched) -> BTreeSet<Key> {
    launched
        .deployments
        .iter()
        .map(|(key, _)| key.clone())
        .collect()
}
