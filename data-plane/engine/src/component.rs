//! One Python class served by itself, as in a container of its own: every method is answered,
//! whatever its type.

use std::path::Path;
use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};
use hari_graph::{Calls, Graph, Node};
use hari_ingress::Deployment;
use hari_plan::bound::{BoundDeployment, BoundNode, Placement};

use crate::assemble::{Assembled, Workshop, serve};
use crate::tree::Origin;
use crate::{python, watch};

/// Starts the class that is the only node of `bound`, in the interpreter that is there: a container
/// has what its class needs, and nothing is installed.
///
/// # Errors
/// Why the class cannot be started; `Internal` if `bound` is anything else.
pub async fn assemble_component(
    bound: &BoundDeployment,
    base: &Path,
    workshop: &Workshop,
) -> Result<Assembled> {
    let [predictor] = bound.predictors.as_slice() else {
        return Err(Error::internal("a component has one predictor"));
    };
    let node = &predictor.graph;
    let Placement::Child(source) = &node.placement else {
        return Err(Error::internal("a component is a Python class"));
    };
    let origin = Origin {
        deployment: bound,
        predictor,
        base,
        workshop,
    };
    let (unit, line) = python::unit(&origin, node, source, python::Needs::Present).await?;
    let component = Component::new(&origin, node, &unit, &line.runtime)?;
    let (namespace, name) = (bound.namespace.clone(), bound.name.clone());
    Ok(Assembled {
        deployment: Arc::new(Deployment {
            namespace,
            name,
            predictors: vec![Arc::new(serve(predictor, None, Arc::new(component)))],
        }),
        nodes: vec![line],
        misfits: Vec::new(),
    })
}

/// One unit as two graphs: a walk asks a node for one thing on its way down, so that one is for
/// predictions and the other for all else.
struct Component {
    predicts: Graph,
    rest: Graph,
}

impl Component {
    fn new(
        origin: &Origin<'_>,
        bound: &BoundNode,
        unit: &Arc<dyn Unit>,
        image: &str,
    ) -> Result<Self> {
        let graph = |calls| {
            let node = Node {
                name: bound.name.clone(),
                calls,
                unit: Some(unit.clone()),
                image: image.to_owned(),
                watch: watch::of(origin, bound)?,
                ..Node::default()
            };
            Ok(Graph::new(origin.predictor.name.clone(), node))
        };
        Ok(Self {
            predicts: graph(Calls {
                predict: true,
                ..Calls::default()
            })?,
            rest: graph(Calls {
                predict: false,
                transform_input: true,
                transform_output: true,
                route: true,
                aggregate: true,
                feedback: true,
            })?,
        })
    }
}

impl Unit for Component {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match method {
            Method::Predict => self.predicts.call(method, input, context),
            _ => self.rest.call(method, input, context),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.predicts.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.predicts.metadata()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        self.predicts.metadata_of(target)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        self.predicts.find(name)
    }

    fn names(&self) -> Vec<String> {
        self.predicts.names()
    }
}
