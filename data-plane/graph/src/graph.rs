//! A graph: one unit made of many.

use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};

use crate::tree::Step;
use crate::{Known, Misfit, Node, describe, neighbours, walk};

/// The units of one predictor as one unit.
///
/// Where a request goes in:
///
/// * [`Target::model`](hari_core::Target) names the node where the walk starts; a name that is no
///   node's (the predictor's, say) is the root. It never replaces the name of a node.
/// * The version, the label and the signature of the target belong to the node where the walk
///   starts and to its first call. The outputs do so only if that call is the whole walk; in a
///   larger graph the reply holds all outputs of the node that answers.
/// * Predict and send-feedback walk the tree; any other method is the entry node's alone.
///
/// To the outside the graph has the root's name, and the predictor's as a second one.
pub struct Graph {
    predictor: String,
    whole: Arc<Entry>,
    /// In the order of their numbers, so that the root is the first; then the units inside nodes
    /// that have names of their own.
    nodes: Vec<Arc<Entry>>,
}

impl Graph {
    /// A graph of the nodes from `root` down, for the predictor of this name.
    #[must_use]
    pub fn new(name: String, root: Node) -> Self {
        let root = Step::number(root, 0);
        let metadata = Arc::new(describe::graph(&root));
        let whole = Arc::new(Entry {
            step: root.clone(),
            metadata,
            whole: true,
        });
        let mut nodes = Vec::with_capacity(root.size);
        Entry::collect(&root, &mut nodes);
        Entry::collect_inner(&root, &mut nodes);
        Self {
            predictor: name,
            whole,
            nodes,
        }
    }

    /// Nodes that cannot take what their neighbours give them, in the order of the graph. `known`
    /// tells what the signature of a node says of its messages, by the node's name.
    #[must_use]
    pub fn misfits(&self, known: &dyn Fn(&str) -> Known) -> Vec<Misfit> {
        neighbours::misfits(&self.whole.step, known)
    }

    fn node(&self, name: &str) -> Option<&Arc<Entry>> {
        self.nodes.iter().find(|entry| entry.step.name == name)
    }

    fn entry(&self, model: Option<&str>) -> &Entry {
        model
            .and_then(|model| self.node(model))
            .unwrap_or(&self.whole)
    }
}

impl Unit for Graph {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        self.entry(context.target.model.as_deref())
            .call(method, input, context)
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.whole.ready()
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.whole.metadata()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        self.entry(target.model.as_deref()).metadata_of(target)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        let whole = || (name == self.predictor).then_some(&self.whole);
        let entry = self.node(name).or_else(whole)?;
        Some(entry.clone())
    }

    fn names(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|entry| entry.step.name.clone())
            .collect()
    }
}

/// A way into the graph: a node, with what is below it.
#[derive(Clone)]
struct Entry {
    step: Arc<Step>,
    metadata: Arc<ModelMetadata>,
    /// Whether it says what the whole graph does, or what the node does.
    whole: bool,
}

impl Entry {
    fn collect(step: &Arc<Step>, entries: &mut Vec<Arc<Self>>) {
        entries.push(Arc::new(Self {
            step: step.clone(),
            metadata: step.metadata.clone(),
            whole: false,
        }));
        for child in &step.children {
            Self::collect(child, entries);
        }
    }
}

impl Entry {
    /// The models of a node that serves several, each as a graph of its own. A node's name goes
    /// before theirs.
    fn collect_inner(root: &Step, entries: &mut Vec<Arc<Self>>) {
        root.each(&mut |step| {
            let Some(unit) = &step.unit else {
                return;
            };
            for name in unit.names() {
                let known = entries.iter().any(|entry| entry.step.name == name);
                let inner = unit.find(&name).filter(|_| !known);
                entries.extend(inner.map(|inner| Self::alone(name, inner, step)));
            }
        });
    }

    fn alone(name: String, unit: Arc<dyn Unit>, within: &Step) -> Arc<Self> {
        let step = Step::number(
            Node {
                name,
                calls: within.calls,
                unit: Some(unit),
                children: Vec::new(),
                image: within.image.clone(),
                watch: within.watch.clone(),
                optional: false,
            },
            0,
        );
        let metadata = step.metadata.clone();
        Arc::new(Self {
            step,
            metadata,
            whole: false,
        })
    }
}

impl Unit for Entry {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        let step = &*self.step;
        match (method, input) {
            (Method::Predict, Input::One(message)) if step.is_one_call() && !step.optional => {
                Box::pin(walk::alone(step, message, context))
            }
            (Method::Predict, Input::One(message)) => {
                Box::pin(walk::predict(step, message, context))
            }
            (Method::SendFeedback, Input::Feedback(feedback)) => {
                Box::pin(walk::feedback(step, feedback, context))
            }
            (Method::Predict | Method::SendFeedback, _) => {
                Box::pin(async move { Err(misfit(method)) })
            }
            (method, input) => Box::pin(walk::itself(step, method, input, context)),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        ready(&self.step)
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        match self.whole {
            true if self.step.changed() => Arc::new(describe::graph(&self.step)),
            true => self.metadata.clone(),
            false => self.step.described(),
        }
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        match (&self.step.unit, self.step.children.is_empty()) {
            (Some(unit), true) => {
                let of_version = unit.metadata_of(target);
                if of_version.name == self.metadata.name {
                    return of_version;
                }
                let name = self.metadata.name.clone();
                Arc::new(ModelMetadata {
                    name,
                    ..ModelMetadata::clone(&of_version)
                })
            }
            _ => self.metadata(),
        }
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        (name == self.metadata.name).then(|| Arc::new(self.clone()) as _)
    }
}

fn misfit(method: Method) -> Error {
    let wanted = match method {
        Method::SendFeedback => "a feedback",
        _ => "one message",
    };
    Error::invalid(format!("{} takes {wanted}", method.path()))
}

/// Children first; the first unit that is not ready is named. What a request can do without is not
/// waited for, as long as another child answers.
fn ready(step: &Step) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        children_ready(step).await?;
        match &step.unit {
            Some(unit) if !step.only_transforms_by_choice() => {
                unit.ready().await.map_err(|error| step.blame(error))
            }
            _ => Ok(()),
        }
    })
}

async fn children_ready(step: &Step) -> Result<()> {
    let (mut first, mut answers) = (None, step.children.is_empty());
    for child in &step.children {
        match ready(child).await {
            Ok(()) => answers = true,
            Err(error) if child.optional && step.combines() => {
                first = first.or(Some(error));
            }
            Err(error) => return Err(error),
        }
    }
    first.filter(|_| !answers).map_or(Ok(()), Err)
}
