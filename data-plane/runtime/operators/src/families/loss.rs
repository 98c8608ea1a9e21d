//! Losses over classes, which exported evaluation graphs hold.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{along, ints};
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed, computed_many};
use crate::size::index;
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("NegativeLogLikelihoodLoss", 12, |node| {
        let loss = Loss::of(node)?;
        computed(FLOATS, Rule::Like(0), move |inputs| {
            loss.run(inputs.tensor(0)?, inputs)
        })
    }),
    Entry::onnx("SoftmaxCrossEntropyLoss", 12, cross_entropy),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    Each,
    Sum,
    Mean,
}

struct Loss {
    reduction: Reduction,
    ignored: Option<i64>,
}

fn cross_entropy(node: &mut Node<'_>) -> Built {
    let loss = Loss::of(node)?;
    computed_many(FLOATS, vec![Rule::Like(0); 2], move |inputs| {
        let scores = inputs.tensor(0)?;
        let wide = Tensor::from_vec(scores.shape(), scores.to_f64()?)?;
        if wide.shape().len() < 2 {
            return Err(Error::invalid("expected scores of a batch and of classes"));
        }
        let logs = along(&wide, 1, wide.shape()[1], |line: &[f64], made| {
            let most = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum = line.iter().map(|x| (x - most).exp()).sum::<f64>().ln();
            made.extend(line.iter().map(|x| x - most - sum));
        })?;
        let logs = of_doubles(logs.shape(), scores.dtype(), logs.to_f64()?)?;
        Ok(vec![loss.run(&logs, inputs)?.into(), logs.into()])
    })
}

impl Loss {
    fn of(node: &Node<'_>) -> Result<Self> {
        let reduction = match node.attributes.text("reduction")?.unwrap_or("mean") {
            "none" => Reduction::Each,
            "sum" => Reduction::Sum,
            "mean" => Reduction::Mean,
            other => {
                return Err(Error::model(format!(
                    "attribute `reduction`: expected none, sum or mean, found `{other}`"
                )));
            }
        };
        Ok(Self {
            reduction,
            ignored: node.attributes.int("ignore_index")?,
        })
    }

    /// The negative of the number of each target's class, weighted by class.
    fn run(&self, logs: &Tensor, inputs: Inputs<'_>) -> Result<Tensor> {
        let (targets, shape) = (inputs.tensor(1)?, logs.shape());
        let &[batch, classes, ref rest @ ..] = shape else {
            return Err(Error::invalid("expected a batch and classes"));
        };
        if *targets.shape() != [&[batch], rest].concat() {
            return Err(Error::invalid(format!(
                "targets of shape {:?} do not fit scores of shape {shape:?}",
                targets.shape()
            )));
        }
        let weights = inputs.optional(2)?.map(Tensor::to_f64).transpose()?;
        let weights = weights.unwrap_or_else(|| vec![1.0; classes]);
        let turned = View::of(shape)
            .moved(1, shape.len() - 1)
            .copy(logs)?
            .to_f64()?;
        let (mut losses, mut sum) = (Vec::new(), 0.0);
        for (row, target) in turned.chunks(classes.max(1)).zip(ints(targets)?) {
            if Some(target) == self.ignored {
                losses.push(0.0);
                continue;
            }
            let class = index(target, classes)?;
            let weight = weights.get(class).copied();
            let weight = weight.ok_or_else(|| Error::invalid("fewer weights than classes"))?;
            losses.push(-row[class] * weight);
            sum += weight;
        }
        let total: f64 = losses.iter().sum();
        match self.reduction {
            Reduction::Each => of_doubles(targets.shape(), logs.dtype(), losses),
            Reduction::Sum => of_doubles(&[], logs.dtype(), vec![total]),
            Reduction::Mean => of_doubles(&[], logs.dtype(), vec![total / sum]),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn weights_and_ignored_classes() {
        let logs = singles(&[2, 2], &[-1.0, -2.0, -3.0, -4.0]);
        let inputs = [logs, longs(&[2], &[0, 1]), singles(&[2], &[1.0, 3.0])];
        let run = |attributes: &[(&str, Attr)]| {
            first("NegativeLogLikelihoodLoss", 13, attributes, &inputs).unwrap()
        };
        assert_eq!(run(&[]), singles(&[], &[13.0 / 4.0]));
        assert_eq!(
            run(&[("reduction", Attr::Text("none"))]),
            singles(&[2], &[1.0, 12.0])
        );
        assert_eq!(run(&[("ignore_index", Attr::Int(1))]), singles(&[], &[1.0]));
    }

    #[test]
    fn scores_become_logarithms_first() {
        let inputs = [singles(&[1, 2], &[5.0, 5.0]), longs(&[1], &[1])];
        let made = first("SoftmaxCrossEntropyLoss", 13, &[], &inputs).unwrap();
        assert_eq!(made, singles(&[], &[std::f32::consts::LN_2]));
        let outside = [inputs[0].clone(), longs(&[1], &[2])];
        assert!(first("SoftmaxCrossEntropyLoss", 13, &[], &outside).is_err());
    }
}
