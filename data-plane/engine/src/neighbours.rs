//! What is sure of the messages of each node, so that neighbours that cannot fit are found before
//! any request is.

use hari_graph::{Graph, Known};
use hari_plan::bound::{BoundNode, Builtin, Placement, Runtime};

/// A node that cannot take what its neighbour gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Field path of the node in the document.
    pub path: String,
    /// Both nodes, what one gives and the other takes.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Every misfit of the graph whose root is `bound`.
pub(crate) fn misfits(graph: &Graph, bound: &BoundNode) -> Vec<Misfit> {
    let known = |name: &str| find(bound, name).map_or(Known::Nothing, known);
    let misfits = graph.misfits(&known).into_iter();
    misfits
        .map(|found| Misfit {
            path: find(bound, &found.node).map_or_else(String::new, |node| node.path.clone()),
            message: found.message,
            hint: found.hint,
        })
        .collect()
}

fn find<'a>(node: &'a BoundNode, name: &str) -> Option<&'a BoundNode> {
    if node.name == name {
        return Some(node);
    }
    node.children.iter().find_map(|child| find(child, name))
}

/// Servers that read texts, images or tables by their own rules are not sure, nor is what is not
/// in this process.
fn known(node: &BoundNode) -> Known {
    match &node.placement {
        Placement::InProcess(source) => match source.runtime {
            Runtime::Onnx | Runtime::Tensorflow => Known::Tensors,
            Runtime::Xgboost | Runtime::Lightgbm | Runtime::Catboost | Runtime::Sklearn => {
                Known::Table
            }
            Runtime::Triton | Runtime::Transformers | Runtime::Mlflow => Known::Nothing,
        },
        Placement::Builtin(Builtin::AverageCombiner) => Known::Average,
        Placement::Builtin(_) | Placement::Child(_) | Placement::Remote(_) => Known::Nothing,
    }
}
