//! Convolutions as products of matrices, transposed ones too, and `Col2Im`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::geometry::{Auto, Axis, Geometry, counts, padded, pictures, windows};
use super::linear::shifted;
use crate::Inputs;
use crate::array::{ints, pair, zip};
use crate::compile::{Entry, Node};
use crate::matrix::Matrix;
use crate::number::{FLOATS, INTEGERS, Number, by_number};
use crate::rule::{Built, Rule, computed, moved};
use crate::size::{self, sizes};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Col2Im", 18, col2im),
    Entry::onnx("Conv", 1, conv),
    Entry::onnx("ConvInteger", 10, conv_integer),
    Entry::onnx("ConvTranspose", 1, conv_transpose),
];

fn groups(node: &Node<'_>) -> Result<usize> {
    let groups = node.attributes.int_or("group", 1)?;
    usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| Error::model(format!("attribute `group` is {groups}, not positive")))
}

fn conv(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let groups = groups(node)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let made = convolved(inputs.tensor(0)?, inputs.tensor(1)?, &geometry, groups)?;
        biased(made, inputs.optional(2)?)
    })
}

/// Integers less their zero points; padding stands for zero.
fn conv_integer(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let groups = groups(node)?;
    computed(INTEGERS, Rule::Is(DataType::Int32), move |inputs| {
        let x = shifted(inputs.tensor(0)?, inputs.optional(2)?, false)?;
        let zero = inputs
            .optional(3)?
            .map(|zero| by_channel(zero, x.shape().len()));
        let w = shifted(inputs.tensor(1)?, zero.transpose()?.as_ref(), false)?;
        convolved(&x, &w, &geometry, groups)
    })
}

/// One number, or one for each output channel, laid beside weights.
pub(super) fn by_channel(zero: &Tensor, rank: usize) -> Result<Tensor> {
    match zero.len() {
        1 => Ok(zero.clone()),
        channels => {
            let mut shape = vec![1; rank];
            shape[0] = channels;
            zero.clone().reshape(shape)
        }
    }
}

/// The tensor with one number added to each channel.
pub(super) fn biased(tensor: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let Some(bias) = bias else {
        return Ok(tensor);
    };
    let mut shape = vec![1; tensor.shape().len()];
    shape[1] = bias.len();
    let (_, _, channels) = (tensor.shape()[0], tensor.shape()[1], bias.len());
    if channels != tensor.shape()[1] {
        return Err(Error::invalid(format!(
            "expected {} numbers of bias, found {channels}",
            tensor.shape()[1]
        )));
    }
    let bias = crate::array::expanded(&bias.clone().reshape(shape)?, tensor.shape())?;
    let (shape, a, b) = pair(&tensor, &bias)?;
    by_number!(a.dtype(), T => {
        Tensor::from_vec(shape, zip(&a.values::<T>()?, &b.values::<T>()?, T::plus))
    })
}

/// Weights of shape output channels, channels of a group, kernel.
pub(super) fn convolved(
    x: &Tensor,
    w: &Tensor,
    geometry: &Geometry,
    groups: usize,
) -> Result<Tensor> {
    crate::cell::alike(&[x, w])?;
    by_number!(x.dtype(), T => in_groups::<T>(x, w, geometry, groups))
}

fn in_groups<T: Matrix>(
    x: &Tensor,
    w: &Tensor,
    geometry: &Geometry,
    groups: usize,
) -> Result<Tensor> {
    let (batch, channels, sizes) = pictures(x)?;
    let (filters, inner, kernel) = pictures(w)?;
    if channels != inner * groups || filters % groups != 0 {
        return Err(Error::invalid(format!(
            "weights of shape {:?} in {groups} groups do not fit {channels} channels",
            w.shape()
        )));
    }
    let axes = geometry.axes(sizes, kernel)?;
    let count = counts(&axes);
    let shape = [&[batch, filters], count.as_slice()].concat();
    let total = size::count(&shape, x.dtype())?;
    let places: usize = count.iter().product();
    let (depth, rows) = (inner * kernel.iter().product::<usize>(), filters / groups);
    size::count(&[depth, places], x.dtype())?;
    let (x, w) = (padded(x, &axes, None)?, w.values::<T>()?);
    let x = x.values::<T>()?;
    let view = columns(&[batch, channels], &axes);
    let mut made = Vec::with_capacity(total);
    for item in 0..batch {
        for group in 0..groups {
            let view = view
                .clone()
                .cut(0, item, 1, 1)
                .cut(1, group * inner, 1, inner);
            let columns = view.pick(&x, depth * places);
            let filters = &w[group * rows * depth..][..rows * depth];
            made.extend(T::multiply(filters, &columns, [rows, depth, places])?);
        }
    }
    Tensor::from_vec(shape, made)
}

/// The windows with their inside first: batch, channels, kernel, places.
fn columns(outer: &[usize], axes: &[Axis]) -> View {
    let (skip, rank) = (outer.len(), axes.len());
    let order = (0..skip)
        .chain(skip + rank..skip + 2 * rank)
        .chain(skip..skip + rank);
    windows(outer, axes).permuted(&order.collect::<Vec<_>>())
}

/// Adds each element of columns (channels, kernel, places) to where it lies in a padded picture.
fn added<T: Number>(columns_of: &[T], channels: usize, axes: &[Axis], onto: &mut [T]) {
    let view = columns(&[channels], axes);
    for (place, &value) in view.offsets().zip(columns_of) {
        onto[place] = onto[place].plus(value);
    }
}

/// The padded pictures without their padding.
fn cropped(tensor: &Tensor, axes: &[Axis]) -> Result<Tensor> {
    let first = tensor.shape().len() - axes.len();
    let mut view = View::of(tensor.shape());
    for (at, axis) in axes.iter().enumerate() {
        view = view.cut(first + at, axis.before, 1, axis.size);
    }
    view.copy(tensor)
}

/// Weights of shape input channels, output channels of a group, kernel.
fn conv_transpose(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let groups = groups(node)?;
    let sizes_of = |name| node.attributes.ints(name)?.map(sizes).transpose();
    let (extra, wanted) = (sizes_of("output_padding")?, sizes_of("output_shape")?);
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let (x, w) = (inputs.tensor(0)?, inputs.tensor(1)?);
        crate::cell::alike(&[x, w])?;
        let axes = transposed_axes(x, w, &geometry, [extra.as_deref(), wanted.as_deref()])?;
        let made = by_number!(x.dtype(), T => spread::<T>(x, w, &axes, groups))?;
        biased(made, inputs.optional(2)?)
    })
}

/// The windows over the output, which the input has one element for each.
fn transposed_axes(
    x: &Tensor,
    w: &Tensor,
    geometry: &Geometry,
    [extra, wanted]: [Option<&[usize]>; 2],
) -> Result<Vec<Axis>> {
    let (_, _, inputs) = pictures(x)?;
    let (_, _, kernel) = pictures(w)?;
    let of = |list: Option<&[usize]>, at: usize| {
        let skipped = list.map_or(0, |list| list.len().saturating_sub(inputs.len()));
        list.and_then(|list| list.get(skipped + at).copied())
    };
    // Any picture that is as large as the kernel tells strides, dilations and pads.
    let reach = kernel
        .iter()
        .map(|&size| size.saturating_mul(1 << 16))
        .collect::<Vec<_>>();
    let plain = geometry.axes(&reach, kernel)?;
    let axis = |at: usize| {
        let mut axis = plain[at];
        axis.window.count = inputs[at];
        let full = inputs[at].saturating_sub(1) * axis.window.step
            + axis.extent()
            + of(extra, at).unwrap_or(0);
        let same = matches!(geometry.auto(), Auto::Upper | Auto::Lower);
        let size = of(wanted, at).or(same.then(|| inputs[at] * axis.window.step));
        axis.size = match size {
            Some(size) => {
                let all = full.saturating_sub(size);
                let less = all / 2;
                axis.before = if geometry.auto() == Auto::Upper {
                    less
                } else {
                    all - less
                };
                axis.after = all - axis.before;
                size
            }
            None => full.checked_sub(axis.before + axis.after).ok_or_else(|| {
                Error::invalid(format!(
                    "pads take away more than the {full} elements there are"
                ))
            })?,
        };
        Ok(axis)
    };
    (0..inputs.len()).map(axis).collect()
}

fn spread<T: Matrix>(x: &Tensor, w: &Tensor, axes: &[Axis], groups: usize) -> Result<Tensor> {
    let (batch, channels, sizes) = pictures(x)?;
    let (found, filters, kernel) = pictures(w)?;
    if found != channels || channels % groups != 0 {
        return Err(Error::invalid(format!(
            "weights of shape {:?} in {groups} groups do not fit {channels} channels",
            w.shape()
        )));
    }
    let (places, depth) = (sizes.iter().product::<usize>(), channels / groups);
    let rows = filters * kernel.iter().product::<usize>();
    size::count(&[rows, places], x.dtype())?;
    let lengths: Vec<usize> = axes.iter().map(Axis::length).collect();
    let plane: usize = lengths.iter().product();
    let shape = [&[batch, filters * groups], lengths.as_slice()].concat();
    let mut made = vec![T::default(); size::count(&shape, x.dtype())?];
    let (x, w) = (x.values::<T>()?, w.values::<T>()?);
    for item in 0..batch {
        for group in 0..groups {
            let weights = &w[group * depth * rows..][..depth * rows];
            let turned = View::of(&[depth, rows])
                .permuted(&[1, 0])
                .pick(weights, depth * rows);
            let given = &x[(item * channels + group * depth) * places..][..depth * places];
            let columns = T::multiply(&turned, given, [rows, depth, places])?;
            let first = (item * groups + group) * filters * plane;
            added(
                &columns,
                filters,
                axes,
                &mut made[first..first + filters * plane],
            );
        }
    }
    cropped(&Tensor::from_vec(shape, made)?, axes)
}

/// Columns of blocks put together to pictures; where blocks overlap they are added.
fn col2im(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    moved(Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        if tensor.dtype().size() == Some(2) && tensor.dtype().is_float() {
            let wide = crate::convert::convert(tensor, DataType::Fp32)?;
            let made = put_together(&wide, inputs, &geometry)?;
            return crate::convert::convert(&made, tensor.dtype());
        }
        put_together(tensor, inputs, &geometry)
    })
}

fn put_together(tensor: &Tensor, inputs: Inputs<'_>, geometry: &Geometry) -> Result<Tensor> {
    let picture = sizes(&ints(inputs.tensor(1)?)?)?;
    let block = sizes(&ints(inputs.tensor(2)?)?)?;
    let axes = geometry.axes(&picture, &block)?;
    let (inside, places) = (
        block.iter().product::<usize>(),
        counts(&axes).iter().product::<usize>(),
    );
    let &[batch, rows, found] = tensor.shape() else {
        return Err(Error::invalid(format!(
            "expected 3 dimensions, found shape {:?}",
            tensor.shape()
        )));
    };
    let channels = rows
        .checked_div(inside)
        .filter(|channels| channels * inside == rows);
    let channels = channels.filter(|_| found == places).ok_or_else(|| {
        Error::invalid(format!(
            "columns of shape {:?} do not hold {places} blocks of {inside} elements",
            tensor.shape()
        ))
    })?;
    let lengths: Vec<usize> = axes.iter().map(Axis::length).collect();
    let shape = [&[batch, channels], lengths.as_slice()].concat();
    let count = size::count(&shape, tensor.dtype())?;
    let made = by_number!(tensor.dtype(), T => {
        let mut made = vec![T::default(); count];
        let columns = tensor.values::<T>()?;
        let plane = count.checked_div(batch).unwrap_or(0).max(1);
        let parts = columns.chunks((rows * places).max(1));
        for (onto, columns) in made.chunks_mut(plane).zip(parts) {
            added(columns, channels, &axes, onto);
        }
        Tensor::from_vec(shape, made)
    })?;
    cropped(&made, &axes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles};
    use crate::view::Window;

    fn ones(shape: &[usize]) -> Tensor {
        singles(shape, &vec![1.0; shape.iter().product()])
    }

    #[test]
    fn each_window_is_summed() {
        let x = singles(
            &[1, 1, 3, 3],
            &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        );
        let made = first(
            "Conv",
            11,
            &[],
            &[x.clone(), ones(&[1, 1, 2, 2]), ones(&[1])],
        )
        .unwrap();
        assert_eq!(made, singles(&[1, 1, 2, 2], &[9.0, 13.0, 21.0, 25.0]));
        let same = [
            ("auto_pad", Attr::Text("SAME_UPPER")),
            ("strides", Attr::Ints(vec![2, 2])),
        ];
        let made = first("Conv", 11, &same, &[x, ones(&[1, 1, 2, 2])]).unwrap();
        assert_eq!(made, singles(&[1, 1, 2, 2], &[8.0, 7.0, 13.0, 8.0]));
    }

    #[test]
    fn groups_do_not_mix() {
        let x = singles(&[1, 2, 1], &[1.0, 10.0]);
        let depthwise = [("group", Attr::Int(2))];
        let made = first("Conv", 11, &depthwise, &[x.clone(), ones(&[2, 1, 1])]).unwrap();
        assert_eq!(made, singles(&[1, 2, 1], &[1.0, 10.0]));
        assert!(first("Conv", 11, &[], &[x, ones(&[2, 1, 1])]).is_err());
    }

    #[test]
    fn integers_lose_their_zero_points_before_padding() {
        let x = Tensor::from_vec([1, 1, 2], vec![3_u8, 4]).unwrap();
        let w = Tensor::from_vec([1, 1, 2], vec![1_u8, 1]).unwrap();
        let zero = Tensor::from_vec([], vec![1_u8]).unwrap();
        let pads = [("pads", Attr::Ints(vec![1, 0]))];
        let made = first("ConvInteger", 10, &pads, &[x, w, zero]).unwrap();
        assert_eq!(made.to_vec::<i32>().unwrap(), [2, 5]);
    }

    #[test]
    fn a_transposed_convolution_spreads_each_element() {
        let x = singles(&[1, 1, 2], &[1.0, 2.0]);
        let w = singles(&[1, 1, 3], &[1.0, 10.0, 100.0]);
        let stride = [("strides", Attr::Ints(vec![2]))];
        let made = first("ConvTranspose", 11, &stride, &[x.clone(), w.clone()]).unwrap();
        assert_eq!(made, singles(&[1, 1, 5], &[1.0, 10.0, 102.0, 20.0, 200.0]));
        let pads = [
            ("strides", Attr::Ints(vec![2])),
            ("pads", Attr::Ints(vec![1, 1])),
        ];
        let made = first("ConvTranspose", 11, &pads, &[x.clone(), w.clone()]).unwrap();
        assert_eq!(made, singles(&[1, 1, 3], &[10.0, 102.0, 20.0]));
        let shape = [
            ("strides", Attr::Ints(vec![2])),
            ("output_shape", Attr::Ints(vec![6])),
        ];
        assert_eq!(
            first("ConvTranspose", 11, &shape, &[x, w]).unwrap().shape(),
            [1, 1, 6]
        );
    }

    #[test]
    fn overlapping_blocks_are_added() {
        let columns = ones(&[1, 2, 3]);
        let made = first(
            "Col2Im",
            18,
            &[],
            &[columns, longs(&[1], &[4]), longs(&[1], &[2])],
        );
        assert_eq!(made.unwrap(), singles(&[1, 1, 4], &[1.0, 2.0, 2.0, 1.0]));
    }

    #[test]
    fn padding_is_cut_off() {
        let axis = Axis {
            size: 2,
            window: Window {
                count: 1,
                step: 1,
                size: 1,
                dilation: 1,
            },
            before: 1,
            after: 1,
        };
        let made = cropped(&singles(&[4], &[0.0, 1.0, 2.0, 3.0]), &[axis]).unwrap();
        assert_eq!(made, singles(&[2], &[1.0, 2.0]));
    }
}
