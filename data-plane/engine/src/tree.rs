//! From the nodes of a plan to a graph of units.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_core::Unit;
use hari_error::{Error, Result};
use hari_graph::{Calls, Graph, Node, builtin};
use hari_plan::bound::{
    BoundDeployment, BoundNode, BoundPredictor, Builtin, Calls as BoundCalls, ModelSource,
    OnFailure, Placement, Policy, Runtime,
};

use crate::assemble::Workshop;
use crate::report::NodeReport;
use crate::{learner, load, python, remote, triton, trusted, warm, watch};

/// Where a node comes from.
pub(crate) struct Origin<'a> {
    pub(crate) deployment: &'a BoundDeployment,
    pub(crate) predictor: &'a BoundPredictor,
    pub(crate) base: &'a Path,
    pub(crate) workshop: &'a Workshop,
}

/// The graph of a predictor, with a report for each node.
pub(crate) async fn build(origin: &Origin<'_>) -> Result<(Graph, Vec<NodeReport>)> {
    let mut reports = Vec::new();
    let root = node(origin, &origin.predictor.graph, &mut reports).await?;
    let graph = Graph::new(origin.predictor.name.clone(), root);
    Ok((graph, reports))
}

type Building<'a> = Pin<Box<dyn Future<Output = Result<Node>> + Send + 'a>>;

fn node<'a>(
    origin: &'a Origin<'_>,
    bound: &'a BoundNode,
    reports: &'a mut Vec<NodeReport>,
) -> Building<'a> {
    Box::pin(async move {
        let unit = match &bound.placement {
            Placement::InProcess(source) => Some(model(origin, bound, source, reports).await?),
            Placement::Builtin(kind) => {
                reports.push(report(origin, bound, builtin_name(kind)));
                builtin_unit(origin, kind, bound)?
            }
            Placement::Remote(remote) => {
                reports.push(report(origin, bound, "remote"));
                Some(remote::unit(origin, bound, remote)?)
            }
            Placement::Child(source) => {
                let (unit, line) =
                    python::unit(origin, bound, source, python::Needs::Installed).await?;
                reports.push(line);
                Some(unit)
            }
        };
        // A node without a unit is no stop on the way of a request.
        let image = match (&bound.placement, &unit, reports.last()) {
            (Placement::Remote(remote), ..) => remote.image.clone(),
            (_, Some(_), Some(report)) => report.runtime.clone(),
            _ => String::new(),
        };
        let mut children = Vec::with_capacity(bound.children.len());
        for child in &bound.children {
            children.push(node(origin, child, reports).await?);
        }
        Ok(Node {
            name: bound.name.clone(),
            calls: calls(bound.calls),
            unit,
            children,
            image,
            watch: watch::of(origin, bound)?,
            optional: bound.on_failure == OnFailure::Continue,
        })
    })
}

async fn model(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    reports: &mut Vec<NodeReport>,
) -> Result<Arc<dyn Unit>> {
    let made = match source.runtime {
        Runtime::Triton => repository(origin, bound, source, reports).await,
        _ => single(origin, bound, source, reports).await,
    };
    made.map_err(|error| error.at_node(&bound.name))
}

async fn single(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    reports: &mut Vec<NodeReport>,
) -> Result<Arc<dyn Unit>> {
    let started = Instant::now();
    let loaded = match load::load(&bound.name, source, origin.base, origin.workshop).await {
        Ok(loaded) => loaded,
        Err(error) => {
            let (unit, line) = trusted::unit(origin, bound, source, error).await?;
            reports.push(line);
            return Ok(unit);
        }
    };
    for one in &loaded {
        warm::with_zeros(&one.model).await?;
    }
    let took = started.elapsed();
    let Some(newest) = loaded.first() else {
        return Err(Error::internal("nothing was loaded"));
    };
    let line = NodeReport {
        version: Some(newest.metadata.versions.join(", ")).filter(|text| !text.is_empty()),
        load_time: took,
        memory_bytes: loaded.iter().map(|one| one.model.memory_bytes()).sum(),
        ..report(origin, bound, newest.model.platform())
    };
    let folders: Vec<_> = loaded.iter().map(|one| one.folder.clone()).collect();
    let versions = newest.metadata.versions.clone();
    let unit = load::unit(origin, bound, source, loaded, took);
    for (at, folder) in folders.iter().enumerate() {
        warm::with_requests(&*unit, versions.get(at), folder).await?;
    }
    reports.push(line);
    Ok(unit)
}

async fn repository(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    reports: &mut Vec<NodeReport>,
) -> Result<Arc<dyn Unit>> {
    let (unit, lines) = triton::load(origin, bound, source).await?;
    reports.extend(lines);
    Ok(unit)
}

pub(crate) fn report(origin: &Origin<'_>, bound: &BoundNode, runtime: &str) -> NodeReport {
    NodeReport {
        predictor: origin.predictor.name.clone(),
        traffic: origin.predictor.traffic,
        shadow: origin.predictor.shadow,
        node: bound.name.clone(),
        runtime: runtime.to_owned(),
        version: None,
        load_time: Duration::ZERO,
        memory_bytes: 0,
    }
}

fn builtin_unit(
    origin: &Origin<'_>,
    kind: &Builtin,
    bound: &BoundNode,
) -> Result<Option<Arc<dyn Unit>>> {
    let name = &bound.name;
    Ok(match kind {
        Builtin::SimpleModel => Some(Arc::new(builtin::SimpleModel::new(name))),
        Builtin::SimpleRouter => Some(Arc::new(builtin::SimpleRouter::new(name))),
        Builtin::RandomAbTest { ratio_a } => {
            Some(Arc::new(builtin::RandomAbTest::new(name, *ratio_a)))
        }
        Builtin::Learner(settings) => Some(learner::unit(origin, bound, settings)?),
        Builtin::AverageCombiner => Some(Arc::new(builtin::AverageCombiner::new(name))),
        Builtin::PassThrough => None,
    })
}

pub(crate) fn builtin_name(kind: &Builtin) -> &'static str {
    match kind {
        Builtin::SimpleModel => "simple_model",
        Builtin::SimpleRouter => "simple_router",
        Builtin::RandomAbTest { .. } => "random_abtest",
        Builtin::Learner(settings) => match settings.policy {
            Policy::EpsilonGreedy { .. } => "epsilon_greedy",
            Policy::ThompsonSampling => "thompson_sampling",
            Policy::Ucb => "ucb",
        },
        Builtin::AverageCombiner => "average_combiner",
        Builtin::PassThrough => "pass_through",
    }
}

fn calls(bound: BoundCalls) -> Calls {
    Calls {
        predict: bound.predict,
        transform_input: bound.transform_input,
        transform_output: bound.transform_output,
        route: bound.route,
        aggregate: bound.aggregate,
        feedback: bound.feedback,
    }
}
