//! Ensembles of trees: flat nodes, rows in blocks.

mod aggregate;
mod flat;
mod parse;
mod score;
mod set;

use hari_core::{DataType, Tensor};
use hari_error::Result;

use super::INPUTS;
use super::labels::Labels;
use super::transform::Transform;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};
use aggregate::{Aggregate, Finish, Sides};
use score::Forest;

struct Regressor {
    forest: Forest,
    finish: Finish,
}

pub(super) fn regressor(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let targets = attributes.int_or("n_targets", 1)?;
    let parsed = parse::parse(attributes, "target", targets)?;
    operator(Regressor {
        finish: Finish {
            aggregate: Aggregate::of(attributes)?,
            transform: Transform::of(attributes)?,
            base: parse::base_values(attributes)?,
            trees: parsed.roots(),
        },
        forest: Forest::new(parsed),
    })
}

/// `TreeEnsemble`: the newer form, of the same type as its input.
pub(super) fn ensemble(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let parsed = set::parse(attributes)?;
    operator(Same(Regressor {
        finish: Finish {
            aggregate: Aggregate::numbered(attributes.int_or("aggregate_function", 1)?)?,
            transform: Transform::numbered(attributes.int_or("post_transform", 0)?)?,
            base: Vec::new(),
            trees: parsed.roots(),
        },
        forest: Forest::new(parsed),
    }))
}

impl Regressor {
    fn scores(&self, x: &Tensor) -> Result<Tensor> {
        let finish = &self.finish;
        self.forest
            .run(x, finish.aggregate, |row| finish.regression(row))
    }
}

impl Kernel for Regressor {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let scores = self.scores(inputs.tensor(0)?)?;
        Ok(vec![rounded(&scores)?])
    }
}

/// A regressor whose output has the type of its input.
struct Same(Regressor);

impl Kernel for Same {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        let floats = [DataType::Fp32, DataType::Fp64, DataType::Fp16];
        Ok(vec![inputs.one_of(0, &floats)?])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        Ok(vec![self.0.scores(x)?.cast(x.dtype())?])
    }
}

struct Classifier {
    forest: Forest,
    finish: Finish,
    labels: Labels,
    sides: Sides,
}

pub(super) fn classifier(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let labels = Labels::of(attributes, "classlabels_int64s")?;
    let classes = i64::try_from(labels.len()).unwrap_or(i64::MAX);
    let parsed = parse::parse(attributes, "class", classes)?;
    operator(Classifier {
        finish: Finish {
            aggregate: Aggregate::Sum,
            transform: Transform::of(attributes)?,
            base: parse::base_values(attributes)?,
            trees: parsed.roots(),
        },
        sides: Sides::of(&parsed, labels.len()),
        labels,
        forest: Forest::new(parsed),
    })
}

impl Kernel for Classifier {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(self.labels.dtype()), Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let mut picks = Vec::new();
        let scores = self.forest.run(inputs.tensor(0)?, Aggregate::Sum, |row| {
            let (class, scores) = self.finish.classification(row, self.sides);
            picks.push(class);
            scores
        })?;
        Ok(vec![self.labels.pick(&picks)?, rounded(&scores)?])
    }
}

/// As FP32, whatever was computed with.
fn rounded(scores: &Tensor) -> Result<Tensor> {
    let singles = scores.to_f64()?.iter().map(|&score| score as f32).collect();
    Tensor::from_vec::<f32>(scores.shape().to_vec(), singles)
}
