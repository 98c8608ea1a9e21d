//! Neighbours that cannot fit: what one node gives is nothing that the next one takes.
//!
//! Only what is sure to fail is said. A node of which nothing is known, a dimension that may be
//! anything, a branch whose reply may be one of several: all these fit.

mod average;
mod chain;

use hari_core::{Method, TensorSpec};

use crate::tree::Step;

/// What is known of the messages that a node takes and gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// Nothing that can be relied on.
    #[default]
    Nothing,
    /// It takes and gives the tensors of its first signature.
    Tensors,
    /// It gives the tensors of its first signature; of its input the number of columns is sure.
    Table,
    /// It takes the mean of its children's tensors.
    Average,
}

/// A node that cannot take what is given to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The node that takes.
    pub node: String,
    /// Both nodes, what one gives and the other takes, and why that fails.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What goes from one node to the next.
#[derive(Clone, Copy)]
enum Flow<'a> {
    /// Something that nothing is known of.
    Unknown,
    /// The outputs of this node.
    Made {
        by: &'a str,
        outputs: &'a [TensorSpec],
    },
}

/// Every misfit from `root` down, in the order of the graph. `known` tells of a node, by its name.
pub(crate) fn misfits(root: &Step, known: &dyn Fn(&str) -> Known) -> Vec<Misfit> {
    let mut survey = Survey {
        known,
        found: Vec::new(),
    };
    survey.node(root, Flow::Unknown);
    survey.found
}

struct Survey<'a> {
    known: &'a dyn Fn(&str) -> Known,
    found: Vec<Misfit>,
}

impl Survey<'_> {
    /// What `step` answers, with all that is below it.
    fn node<'a>(&mut self, step: &'a Step, given: Flow<'a>) -> Flow<'a> {
        let input = match step.calls.transform_input {
            true => Method::TransformInput,
            false => Method::Predict,
        };
        let given = self.call(step, input, given);
        let below = self.children(step, given);
        self.call(step, Method::TransformOutput, below)
    }

    fn children<'a>(&mut self, step: &'a Step, given: Flow<'a>) -> Flow<'a> {
        if step.children.is_empty() {
            return given;
        }
        let replies = step.children.iter();
        let replies: Vec<_> = replies.map(|child| self.node(child, given)).collect();
        if step.unit_for(Method::Aggregate).is_some() {
            if (self.known)(&step.name) == Known::Average {
                self.found.extend(average::misfit(&step.name, &replies));
            }
            return Flow::Unknown;
        }
        let sure = step.unit_for(Method::Route).is_none() && !step.children[0].optional;
        replies
            .first()
            .copied()
            .filter(|_| sure)
            .unwrap_or(Flow::Unknown)
    }

    fn call<'a>(&mut self, step: &'a Step, method: Method, given: Flow<'a>) -> Flow<'a> {
        if step.unit_for(method).is_none() {
            return given;
        }
        let known = (self.known)(&step.name);
        let signature = step.metadata.signatures.first();
        let Some(signature) = signature.filter(|_| known != Known::Nothing) else {
            return Flow::Unknown;
        };
        if let Flow::Made { by, outputs } = given {
            self.found
                .extend(chain::misfit(&step.name, known, signature, (by, outputs)));
        }
        match step.optional && method != Method::Predict {
            true => Flow::Unknown,
            false => Flow::Made {
                by: &step.name,
                outputs: &signature.outputs,
            },
        }
    }
}

/// Tensors for a message: `` `x` FP32 [-1, 4], `y` INT64 [-1] ``.
fn listed(specs: &[TensorSpec]) -> String {
    match specs {
        [] => "no tensors".to_owned(),
        specs => {
            let each: Vec<_> = specs.iter().map(ToString::to_string).collect();
            each.join(", ")
        }
    }
}
