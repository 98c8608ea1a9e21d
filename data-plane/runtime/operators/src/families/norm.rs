//! Normalisation, computed in double precision and rounded once.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::geometry::pictures;
use crate::Inputs;
use crate::array::{along, expanded};
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed, computed_many};
use crate::size::axis;
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("BatchNormalization", 1, batch),
    Entry::onnx("GroupNormalization", 18, group),
    Entry::onnx("InstanceNormalization", 1, instance),
    Entry::onnx("LRN", 1, local_response),
    Entry::onnx("LayerNormalization", 17, layer),
    Entry::onnx("LpNormalization", 1, lp),
    Entry::onnx("MeanVarianceNormalization", 9, mean_variance),
    Entry::onnx("RMSNormalization", 23, root_mean_square),
];

fn epsilon(node: &Node<'_>) -> Result<f64> {
    Ok(node.attributes.float_or("epsilon", 1e-5)?.into())
}

/// One number for each of `channels`.
fn by_channel(inputs: Inputs<'_>, at: usize, channels: usize) -> Result<Vec<f64>> {
    let values = inputs.tensor(at)?.to_f64()?;
    if values.len() == channels {
        return Ok(values);
    }
    Err(Error::invalid(format!(
        "input {at}: expected {channels} numbers, one for each channel, found {}",
        values.len()
    )))
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / count)
}

/// Means and variances are inputs; those of a batch belong to training.
fn batch(node: &mut Node<'_>) -> Built {
    let epsilon = epsilon(node)?;
    if node.attributes.flag("training_mode", false)? {
        return Err(Error::model(
            "batch normalisation in training is not served",
        ));
    }
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let channels = tensor.shape().get(1).copied().unwrap_or(1);
        let of = |at| by_channel(inputs, at, channels);
        let (scale, bias, mean, variance) = (of(1)?, of(2)?, of(3)?, of(4)?);
        let plane: usize = tensor.shape().iter().skip(2).product();
        let mut values = tensor.to_f64()?;
        for (number, plane) in values.chunks_mut(plane.max(1)).enumerate() {
            let at = number % channels;
            let factor = scale[at] / (variance[at] + epsilon).sqrt();
            plane
                .iter_mut()
                .for_each(|x| *x = (*x - mean[at]) * factor + bias[at]);
        }
        of_doubles(tensor.shape(), tensor.dtype(), values)
    })
}

/// Each channel of each picture alone.
fn instance(node: &mut Node<'_>) -> Built {
    let epsilon = epsilon(node)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (_, channels, _) = pictures(tensor)?;
        let (scale, bias) = (
            by_channel(inputs, 1, channels)?,
            by_channel(inputs, 2, channels)?,
        );
        grouped(tensor, channels, epsilon, |channel| {
            (scale[channel], bias[channel])
        })
    })
}

/// Channels in groups. Before version 21 there is a scale for each group, later for each channel.
fn group(node: &mut Node<'_>) -> Built {
    let epsilon = epsilon(node)?;
    let groups = node.attributes.int_or("num_groups", 0)?;
    let groups = usize::try_from(groups).ok().filter(|&groups| groups > 0);
    let groups = groups.ok_or_else(|| Error::model("attribute `num_groups` is not positive"))?;
    let by_group = node.version < 21;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (_, channels, _) = pictures(tensor)?;
        if channels % groups != 0 {
            return Err(Error::invalid(format!(
                "{channels} channels in {groups} groups"
            )));
        }
        let scales = if by_group { groups } else { channels };
        let (scale, bias) = (
            by_channel(inputs, 1, scales)?,
            by_channel(inputs, 2, scales)?,
        );
        grouped(tensor, groups, epsilon, |channel| {
            let at = if by_group {
                channel * groups / channels
            } else {
                channel
            };
            (scale[at], bias[at])
        })
    })
}

/// Each group of channels of each picture less its mean, over its deviation, then scaled and
/// shifted by channel.
fn grouped(
    tensor: &Tensor,
    groups: usize,
    epsilon: f64,
    channel: impl Fn(usize) -> (f64, f64),
) -> Result<Tensor> {
    let (_, channels, sizes) = pictures(tensor)?;
    let plane: usize = sizes.iter().product();
    let size = (channels / groups.max(1)) * plane;
    let mut values = tensor.to_f64()?;
    for (number, group) in values.chunks_mut(size.max(1)).enumerate() {
        let (mean, variance) = mean_and_variance(group);
        let deviation = (variance + epsilon).sqrt();
        let first = number % groups * (channels / groups);
        for (at, plane) in group.chunks_mut(plane.max(1)).enumerate() {
            let (scale, bias) = channel(first + at);
            plane
                .iter_mut()
                .for_each(|x| *x = (*x - mean) / deviation * scale + bias);
        }
    }
    of_doubles(tensor.shape(), tensor.dtype(), values)
}

/// Elements of each line, and the shape with the axes from `axis` on of size one.
fn lines(tensor: &Tensor, at: i64) -> Result<(usize, Vec<usize>)> {
    let at = axis(at, tensor.shape().len())?;
    let mut shape = tensor.shape().to_vec();
    shape.iter_mut().skip(at).for_each(|size| *size = 1);
    Ok((tensor.shape().iter().skip(at).product(), shape))
}

/// The numbers of an input repeated to the shape of a tensor; `default` where it is absent.
fn beside(tensor: &Tensor, input: Option<&Tensor>, default: f64) -> Result<Vec<f64>> {
    match input {
        Some(input) => expanded(input, tensor.shape())?.to_f64(),
        None => Ok(vec![default; tensor.len()]),
    }
}

/// Outputs: the normalised, the means, and one over the deviations.
fn layer(node: &mut Node<'_>) -> Built {
    let epsilon = epsilon(node)?;
    let at = node.attributes.int_or("axis", -1)?;
    let single = Rule::Is(hari_core::DataType::Fp32);
    let rules = vec![Rule::Like(0), single.clone(), single];
    computed_many(FLOATS, rules, move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (size, kept) = lines(tensor, at)?;
        let scale = beside(tensor, inputs.optional(1)?, 1.0)?;
        let bias = beside(tensor, inputs.optional(2)?, 0.0)?;
        let mut values = tensor.to_f64()?;
        let (mut means, mut inverses) = (Vec::new(), Vec::new());
        for line in values.chunks_mut(size.max(1)) {
            let (mean, variance) = mean_and_variance(line);
            let inverse = (variance + epsilon).sqrt().recip();
            line.iter_mut().for_each(|x| *x = (*x - mean) * inverse);
            means.push(mean);
            inverses.push(inverse);
        }
        scaled(&mut values, &scale, &bias);
        let stashed = hari_core::DataType::Fp32;
        Ok(vec![
            of_doubles(tensor.shape(), tensor.dtype(), values)?.into(),
            of_doubles(&kept, stashed, means)?.into(),
            of_doubles(&kept, stashed, inverses)?.into(),
        ])
    })
}

fn scaled(values: &mut [f64], scale: &[f64], bias: &[f64]) {
    for ((value, scale), bias) in values.iter_mut().zip(scale).zip(bias) {
        *value = *value * scale + bias;
    }
}

fn root_mean_square(node: &mut Node<'_>) -> Built {
    let epsilon = epsilon(node)?;
    let at = node.attributes.int_or("axis", -1)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let (size, _) = lines(tensor, at)?;
        let scale = beside(tensor, inputs.optional(1)?, 1.0)?;
        let mut values = tensor.to_f64()?;
        for line in values.chunks_mut(size.max(1)) {
            let squares: f64 = line.iter().map(|x| x * x).sum();
            let inverse = (squares / line.len() as f64 + epsilon).sqrt().recip();
            line.iter_mut().for_each(|x| *x *= inverse);
        }
        let bias = vec![0.0; values.len()];
        scaled(&mut values, &scale, &bias);
        of_doubles(tensor.shape(), tensor.dtype(), values)
    })
}

/// Each element over a power of the squares of the channels around it.
fn local_response(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let alpha = f64::from(attributes.float_or("alpha", 1e-4)?);
    let beta = f64::from(attributes.float_or("beta", 0.75)?);
    let bias = f64::from(attributes.float_or("bias", 1.0)?);
    let size = attributes.int_or("size", 1)?;
    let size = usize::try_from(size).ok().filter(|&size| size > 0);
    let size = size.ok_or_else(|| Error::model("attribute `size` is not positive"))?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        pictures(tensor)?;
        let wide = Tensor::from_vec(tensor.shape(), tensor.to_f64()?)?;
        let channels = tensor.shape()[1];
        let made = along(&wide, 1, channels, |line: &[f64], made| {
            for at in 0..line.len() {
                let first = at.saturating_sub((size - 1) / 2);
                let last = (at + size / 2).min(line.len() - 1);
                let squares: f64 = line[first..=last].iter().map(|x| x * x).sum();
                made.push(line[at] / (bias + alpha / size as f64 * squares).powf(beta));
            }
        })?;
        of_doubles(tensor.shape(), tensor.dtype(), made.to_f64()?)
    })
}

/// Lines along an axis over their norm; a norm of zero gives zeros.
fn lp(node: &mut Node<'_>) -> Built {
    let at = node.attributes.int_or("axis", -1)?;
    let power = node.attributes.int_or("p", 2)? as f64;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let at = axis(at, tensor.shape().len())?;
        let wide = Tensor::from_vec(tensor.shape(), tensor.to_f64()?)?;
        let made = along(&wide, at, wide.shape()[at], |line: &[f64], made| {
            let sum: f64 = line.iter().map(|x| x.abs().powf(power)).sum();
            let norm = sum.powf(power.recip());
            made.extend(
                line.iter()
                    .map(|x| if norm == 0.0 { 0.0 } else { x / norm }),
            );
        })?;
        of_doubles(tensor.shape(), tensor.dtype(), made.to_f64()?)
    })
}

/// Over some axes together: less the mean, over the deviation.
fn mean_variance(node: &mut Node<'_>) -> Built {
    let axes = node.attributes.ints("axes")?.unwrap_or(&[0, 2, 3]).to_vec();
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        let gone = crate::size::axes(&axes, rank)?;
        let order = (0..rank)
            .filter(|axis| !gone.contains(axis))
            .chain(gone.iter().copied());
        let order: Vec<usize> = order.collect();
        let turned = View::of(tensor.shape()).permuted(&order).copy(tensor)?;
        let size: usize = gone.iter().map(|&axis| tensor.shape()[axis]).product();
        let mut values = turned.to_f64()?;
        for line in values.chunks_mut(size.max(1)) {
            let (mean, variance) = mean_and_variance(line);
            line.iter_mut()
                .for_each(|x| *x = (*x - mean) / (variance.sqrt() + 1e-9));
        }
        let made = of_doubles(turned.shape(), tensor.dtype(), values)?;
        let mut back = vec![0; rank];
        order
            .iter()
            .enumerate()
            .for_each(|(at, &axis)| back[axis] = at);
        View::of(made.shape()).permuted(&back).copy(&made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, run, singles};

    fn near(tensor: &Tensor, wanted: &[f64]) {
        let made = tensor.to_f64().unwrap();
        let close = made.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close && made.len() == wanted.len(), "{made:?} {wanted:?}");
    }

    #[test]
    fn a_batch_has_statistics_of_its_own() {
        let x = singles(&[1, 2, 1], &[3.0, 5.0]);
        let of = |a, b| singles(&[2], &[a, b]);
        let inputs = [x, of(1.0, 2.0), of(0.0, 1.0), of(1.0, 5.0), of(4.0, 1.0)];
        near(
            &first("BatchNormalization", 15, &[], &inputs).unwrap(),
            &[1.0, 1.0],
        );
        let training = [("training_mode", Attr::Int(1))];
        assert!(first("BatchNormalization", 15, &training, &inputs).is_err());
        let wrong = [
            inputs[0].clone(),
            singles(&[1], &[1.0]),
            of(0.0, 0.0),
            of(0.0, 0.0),
            of(1.0, 1.0),
        ];
        assert!(first("BatchNormalization", 15, &[], &wrong).is_err());
    }

    #[test]
    fn a_layer_gives_its_statistics_too() {
        let x = singles(&[2, 2], &[1.0, 3.0, 10.0, 10.0]);
        let inputs = [x, singles(&[2], &[2.0, 2.0]), singles(&[2], &[0.5, 0.5])];
        let made = run("LayerNormalization", 17, &[], &inputs).unwrap();
        near(made[0].tensor().unwrap(), &[-1.5, 2.5, 0.5, 0.5]);
        near(made[1].tensor().unwrap(), &[2.0, 10.0]);
        assert_eq!(made[2].tensor().unwrap().shape(), [2, 1]);
        near(
            &first("RMSNormalization", 23, &[], &inputs[..2]).unwrap(),
            &[0.8944, 2.6833, 2.0, 2.0],
        );
    }

    #[test]
    fn channels_alone_or_in_groups() {
        let x = singles(&[1, 2, 2], &[1.0, 3.0, 5.0, 7.0]);
        let ones = singles(&[2], &[1.0, 1.0]);
        let zeros = singles(&[2], &[0.0, 0.0]);
        let inputs = [x, ones, zeros];
        let made = first("InstanceNormalization", 6, &[], &inputs).unwrap();
        near(&made, &[-1.0, 1.0, -1.0, 1.0]);
        let one = [("num_groups", Attr::Int(1))];
        let made = first("GroupNormalization", 21, &one, &inputs).unwrap();
        near(&made, &[-1.3416, -0.4472, 0.4472, 1.3416]);
        assert!(first("GroupNormalization", 21, &[], &inputs).is_err());
    }

    #[test]
    fn neighbours_norms_and_axes() {
        let x = singles(&[1, 2, 1, 1], &[3.0, 4.0]);
        let size = [
            ("size", Attr::Int(1)),
            ("alpha", Attr::Float(1.0)),
            ("beta", Attr::Float(1.0)),
        ];
        near(
            &first("LRN", 13, &size, std::slice::from_ref(&x)).unwrap(),
            &[0.3, 4.0 / 17.0],
        );
        let channel = [("axis", Attr::Int(1))];
        near(
            &first("LpNormalization", 22, &channel, std::slice::from_ref(&x)).unwrap(),
            &[0.6, 0.8],
        );
        let zeros = singles(&[2], &[0.0, 0.0]);
        near(
            &first("LpNormalization", 22, &[], &[zeros]).unwrap(),
            &[0.0, 0.0],
        );
        let axes = [("axes", Attr::Ints(vec![1]))];
        near(
            &first("MeanVarianceNormalization", 13, &axes, &[x]).unwrap(),
            &[-1.0, 1.0],
        );
    }
}
