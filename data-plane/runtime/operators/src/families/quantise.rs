//! Numbers as scaled integers, and back; products of such integers.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::conv::{biased, by_channel, convolved};
use super::geometry::Geometry;
use super::linear::{product, shifted};
use crate::Inputs;
use crate::array::expanded;
use crate::compile::{Entry, Node};
use crate::constant::data_type;
use crate::convert::of_doubles;
use crate::number::{FLOATS, INTEGERS};
use crate::rule::{Built, Rule, computed, computed_many, moved};
use crate::size::axis;
use crate::{Type, cell};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("DequantizeLinear", 10, dequantize),
    Entry::onnx("DynamicQuantizeLinear", 11, |_| {
        let rules = [DataType::Uint8, DataType::Fp32, DataType::Uint8];
        computed_many(FLOATS, rules.map(Rule::Is).to_vec(), dynamic)
    }),
    Entry::onnx("QLinearConv", 10, convolve),
    Entry::onnx("QLinearMatMul", 10, |_| moved(Rule::Like(7), multiply)),
    Entry::onnx("QuantizeLinear", 10, quantize),
];

/// How scales lie beside a tensor: one, one for each index of an axis, or one for each block.
#[derive(Clone, Copy)]
struct Grain {
    axis: i64,
    block: usize,
}

impl Grain {
    fn of(node: &Node<'_>) -> Result<Self> {
        let block = node.attributes.int_or("block_size", 0)?;
        Ok(Self {
            axis: node.attributes.int_or("axis", 1)?,
            block: usize::try_from(block)
                .map_err(|_| Error::model("attribute `block_size` is negative"))?,
        })
    }

    /// One number for every element of `tensor`.
    fn laid(self, tensor: &Tensor, numbers: &Tensor) -> Result<Tensor> {
        let shape = tensor.shape();
        if numbers.len() == 1 {
            return expanded(&numbers.clone().reshape([])?, shape);
        }
        let at = axis(self.axis, shape.len())?;
        if self.block == 0 {
            let mut beside = vec![1; shape.len()];
            beside[at] = numbers.len();
            return expanded(&numbers.clone().reshape(beside)?, shape);
        }
        let blocks = numbers.shape().get(at).copied().unwrap_or(0);
        if blocks * self.block < shape[at] {
            return Err(Error::invalid(format!(
                "{blocks} scales for blocks of {} do not cover {} elements",
                self.block, shape[at]
            )));
        }
        let places: Vec<_> = (0..shape[at])
            .map(|place| Some(place / self.block))
            .collect();
        expanded(&cell::taken(numbers, at, &places, None)?, shape)
    }
}

/// Rounded to the nearest, halves to the even one, and held at the limits of the type.
fn saturated(shape: &[usize], to: DataType, values: impl Iterator<Item = f64>) -> Result<Tensor> {
    of_doubles(shape, to, values.collect())
}

/// As single precision divides, which other engines do.
fn steps(value: f64, scale: f64) -> f64 {
    f64::from((value as f32 / scale as f32).round_ties_even())
}

fn quantize(node: &mut Node<'_>) -> Built {
    let grain = Grain::of(node)?;
    let named = node
        .attributes
        .int("output_dtype")?
        .filter(|&elem| elem != 0);
    let named = named.map(|elem| {
        let known = i32::try_from(elem).ok().and_then(data_type);
        known.filter(|dtype| dtype.is_integer()).ok_or_else(|| {
            Error::model(format!(
                "attribute `output_dtype`: {elem} is no integer type of tensors"
            ))
        })
    });
    let named = named.transpose()?;
    let rule = if node.inputs > 2 {
        Rule::By(|inputs| inputs.get(2).cloned().flatten())
    } else {
        Rule::Is(named.unwrap_or(DataType::Uint8))
    };
    computed(QUANTIZED, rule, move |inputs| {
        let (tensor, scale) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let zero = inputs.optional(2)?;
        let to = zero.map(Tensor::dtype).or(named).unwrap_or(DataType::Uint8);
        let scale = grain.laid(tensor, scale)?.to_f64()?;
        let zero = zeros(grain, tensor, zero)?;
        let values = tensor.to_f64()?;
        let pairs = values.into_iter().zip(scale.into_iter().zip(zero));
        let made = pairs.map(|(value, (scale, zero))| steps(value, scale) + zero);
        saturated(tensor.shape(), to, made)
    })
}

/// What is quantised: floats, and sums of products.
const QUANTIZED: &[DataType] = &[
    DataType::Fp16,
    DataType::Bf16,
    DataType::Fp32,
    DataType::Fp64,
    DataType::Int32,
];

fn zeros(grain: Grain, tensor: &Tensor, zero: Option<&Tensor>) -> Result<Vec<f64>> {
    match zero {
        Some(zero) => grain.laid(tensor, zero)?.to_f64(),
        None => Ok(vec![0.0; tensor.len()]),
    }
}

/// The type is that of the scale, or the one of the attribute.
fn dequantize(node: &mut Node<'_>) -> Built {
    let grain = Grain::of(node)?;
    let named = node
        .attributes
        .int("output_dtype")?
        .filter(|&elem| elem != 0);
    let named = named.and_then(|elem| i32::try_from(elem).ok().and_then(data_type));
    let rule = named.map_or(Rule::Like(1), |dtype| {
        Rule::Known(Some(Type::Tensor(dtype)))
    });
    computed(INTEGERS, rule, move |inputs| {
        let (tensor, scale) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let to = named.unwrap_or(scale.dtype());
        let zero = zeros(grain, tensor, inputs.optional(2)?)?;
        let scale = grain.laid(tensor, scale)?.to_f64()?;
        let values = tensor.to_f64()?;
        let pairs = values.into_iter().zip(scale.into_iter().zip(zero));
        let made = pairs.map(|(value, (scale, zero))| (value - zero) * scale);
        of_doubles(tensor.shape(), to, made.collect())
    })
}

/// Scale and zero point from the range of the values, zero included.
fn dynamic(inputs: Inputs<'_>) -> Result<Vec<crate::Value>> {
    let tensor = inputs.tensor(0)?;
    let values = tensor.values::<f32>()?;
    let low = values.iter().copied().fold(0.0_f32, f32::min);
    let high = values.iter().copied().fold(0.0_f32, f32::max);
    let scale = if high > low {
        (high - low) / 255.0
    } else {
        1.0
    };
    let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0);
    let made = values
        .iter()
        .map(|value| ((value / scale).round_ties_even() + zero) as u8);
    Ok(vec![
        Tensor::from_vec(tensor.shape(), made.collect())?.into(),
        Tensor::from_vec([], vec![scale])?.into(),
        Tensor::from_vec([], vec![zero as u8])?.into(),
    ])
}

/// The one number of a scale.
fn scale_of(inputs: Inputs<'_>, at: usize) -> Result<f64> {
    crate::array::scalar(inputs.tensor(at)?)
}

/// The scales of the left side are one or one for each row, of the right side one or one for each
/// column.
fn multiply(inputs: Inputs<'_>) -> Result<Tensor> {
    let a = shifted(inputs.tensor(0)?, inputs.optional(2)?, true)?;
    let b = shifted(inputs.tensor(3)?, inputs.optional(5)?, false)?;
    let sums = product(&a, &b)?;
    let rows = match inputs.tensor(1)? {
        scale if scale.shape().len() == 1 && scale.len() > 1 => {
            scale.clone().reshape([scale.len(), 1])?
        }
        scale => scale.clone(),
    };
    let rows = expanded_or_one(&rows, sums.shape())?;
    let columns = expanded_or_one(inputs.tensor(4)?, sums.shape())?;
    let scales = rows.iter().zip(&columns).map(|(a, b)| a * b);
    requantized(&sums, scales, inputs, [6, 7])
}

fn expanded_or_one(scale: &Tensor, shape: &[usize]) -> Result<Vec<f64>> {
    let scale = match scale.len() {
        1 => scale.clone().reshape([])?,
        _ => scale.clone(),
    };
    expanded(&scale, shape)?.to_f64()
}

/// Sums of products of integers, each with its scale, as integers of the output.
fn requantized(
    sums: &Tensor,
    scales: impl Iterator<Item = f64>,
    inputs: Inputs<'_>,
    [scale, zero]: [usize; 2],
) -> Result<Tensor> {
    let scale = scale_of(inputs, scale)?;
    let zero = inputs.tensor(zero)?;
    let point = crate::array::scalar(zero)?;
    let values = sums.to_f64()?;
    let made = values
        .iter()
        .zip(scales)
        .map(|(sum, factor)| (sum * factor / scale).round_ties_even() + point);
    saturated(sums.shape(), zero.dtype(), made)
}

fn convolve(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let groups = node.attributes.int_or("group", 1)?;
    let groups = usize::try_from(groups).ok().filter(|&groups| groups > 0);
    let groups = groups.ok_or_else(|| Error::model("attribute `group` is not positive"))?;
    moved(Rule::Like(7), move |inputs| {
        let x = shifted(inputs.tensor(0)?, inputs.optional(2)?, false)?;
        let w = inputs.tensor(3)?;
        let rank = w.shape().len();
        let zero = inputs
            .optional(5)?
            .map(|zero| by_channel(zero, rank))
            .transpose()?;
        let sums = convolved(&x, &shifted(w, zero.as_ref(), false)?, &geometry, groups)?;
        let sums = biased(sums, inputs.optional(8)?)?;
        let x_scale = scale_of(inputs, 1)?;
        let w_scale = inputs.tensor(4)?;
        let channels = w_scale.len();
        let mut beside = vec![1; rank];
        beside[1] = channels;
        let w_scale = w_scale.clone().reshape(beside)?;
        let w_scale = expanded(&w_scale, sums.shape())?.to_f64()?;
        requantized(
            &sums,
            w_scale.iter().map(|scale| scale * x_scale),
            inputs,
            [6, 7],
        )
    })
}

#[cfg(test)]
mod tests {
    use hari_core::Element;

    use super::*;
    use crate::testing::{Attr, first, run, singles};

    fn bytes<T: Element>(shape: &[usize], values: &[T]) -> Tensor {
        Tensor::from_vec(shape, values.to_vec()).unwrap()
    }

    #[test]
    fn values_are_held_at_the_limits_of_the_type() {
        let inputs = [
            singles(&[4], &[-1.0, 0.25, 0.75, 1000.0]),
            singles(&[], &[0.5]),
            bytes(&[], &[1_u8]),
        ];
        let made = first("QuantizeLinear", 19, &[], &inputs).unwrap();
        assert_eq!(made.to_vec::<u8>().unwrap(), [0, 1, 3, 255]);
        let back = first(
            "DequantizeLinear",
            19,
            &[],
            &[made, inputs[1].clone(), inputs[2].clone()],
        );
        assert_eq!(back.unwrap(), singles(&[4], &[-0.5, 0.0, 1.0, 127.0]));
    }

    #[test]
    fn scales_by_axis_and_by_block() {
        let x = bytes(&[2, 2], &[1_i8, 2, 3, 4]);
        let rows = [("axis", Attr::Int(0))];
        let scale = singles(&[2], &[1.0, 10.0]);
        let made = first("DequantizeLinear", 19, &rows, &[x.clone(), scale]).unwrap();
        assert_eq!(made, singles(&[2, 2], &[1.0, 2.0, 30.0, 40.0]));
        let blocks = [("axis", Attr::Int(1)), ("block_size", Attr::Int(2))];
        let scale = singles(&[2, 1], &[1.0, 10.0]);
        let made = first("DequantizeLinear", 21, &blocks, &[x.clone(), scale]).unwrap();
        assert_eq!(made, singles(&[2, 2], &[1.0, 2.0, 30.0, 40.0]));
        let few = [("axis", Attr::Int(1)), ("block_size", Attr::Int(1))];
        let scale = singles(&[2, 1], &[1.0, 10.0]);
        assert!(first("DequantizeLinear", 21, &few, &[x, scale]).is_err());
    }

    #[test]
    fn the_range_holds_zero() {
        let made = run(
            "DynamicQuantizeLinear",
            11,
            &[],
            &[singles(&[2], &[0.0, 2.55])],
        )
        .unwrap();
        assert_eq!(made[0].tensor().unwrap().to_vec::<u8>().unwrap(), [0, 255]);
        assert_eq!(made[2].tensor().unwrap().to_vec::<u8>().unwrap(), [0]);
        let zeros = run("DynamicQuantizeLinear", 11, &[], &[singles(&[1], &[0.0])]).unwrap();
        assert_eq!(zeros[0].tensor().unwrap().to_vec::<u8>().unwrap(), [0]);
    }

    #[test]
    fn products_are_scaled_once() {
        let one = |value| singles(&[], &[value]);
        let inputs = [
            bytes(&[1, 2], &[3_u8, 5]),
            one(0.5),
            bytes(&[], &[1_u8]),
            bytes(&[2, 1], &[10_u8, 20]),
            one(0.1),
            bytes(&[], &[0_u8]),
            one(0.25),
            bytes(&[], &[7_u8]),
        ];
        let made = first("QLinearMatMul", 10, &[], &inputs[..6]);
        assert!(made.is_err());
        let made = crate::testing::built("QLinearMatMul", 10, &[]).unwrap();
        let inputs: Vec<_> = inputs
            .iter()
            .cloned()
            .map(|tensor| Some(tensor.into()))
            .collect();
        let made = made.run(Inputs(&inputs)).unwrap();
        assert_eq!(made[0].tensor().unwrap().to_vec::<u8>().unwrap(), [27]);
    }

    #[test]
    fn a_convolution_with_one_scale_for_each_filter() {
        let one = |value| Some(singles(&[], &[value]).into());
        let zero = || Some(bytes(&[], &[0_u8]).into());
        let inputs = [
            Some(bytes(&[1, 1, 1], &[4_u8]).into()),
            one(1.0),
            zero(),
            Some(bytes(&[2, 1, 1], &[1_u8, 1]).into()),
            Some(singles(&[2], &[1.0, 2.0]).into()),
            zero(),
            one(1.0),
            zero(),
        ];
        let made = crate::testing::built("QLinearConv", 10, &[]).unwrap();
        let made = made.run(Inputs(&inputs)).unwrap();
        assert_eq!(made[0].tensor().unwrap().to_vec::<u8>().unwrap(), [4, 8]);
    }
}
