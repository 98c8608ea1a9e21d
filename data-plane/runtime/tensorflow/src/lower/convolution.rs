//! Convolutions over one or two dimensions, plain, per channel and transposed.

use super::{Channels, Context, Lowered, Operator, dilation, lowered};
use crate::dtype::DataType;
use crate::emit::{Builder, END, Id, Padding, Pads, Range, Window};
use crate::graph::Node;
use crate::refusal::Refusal;
use crate::shape::{Dim, MAX_SIZE};

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Conv2D", convolution),
    lowered("DepthwiseConv2dNative", depthwise),
    lowered("Conv2DBackpropInput", transposed),
];

/// The padding that the attributes name.
pub(super) fn padding(node: &Node<'_>, channels: Channels) -> Result<Padding, Refusal> {
    match node.attrs.text("padding")? {
        "SAME" => Ok(Padding::Same),
        "VALID" => Ok(Padding::Valid),
        "EXPLICIT" => {
            let numbers = node.attrs.ints("explicit_paddings");
            let (pairs, _) = numbers.as_chunks::<2>();
            let pairs: Vec<_> = pairs
                .iter()
                .map(|&[before, after]| (before, after))
                .collect();
            Ok(Padding::Explicit(channels.spatial(&pairs)))
        }
        other => Err(Refusal::new(format!("padding {other}"))),
    }
}

/// The window of a convolution with a kernel of these sizes.
pub(super) fn window(
    node: &Node<'_>,
    channels: Channels,
    size: Vec<i64>,
) -> Result<Window, Refusal> {
    let listed = node.attrs.ints("dilations");
    let dilations = if listed.is_empty() {
        vec![1; size.len()]
    } else {
        channels.spatial(&listed)
    };
    Ok(Window {
        strides: channels.spatial(&node.attrs.ints("strides")),
        dilations,
        padding: padding(node, channels)?,
        size,
    })
}

/// Height, width, inputs and outputs of a kernel as TensorFlow keeps it.
fn kernel_sizes(c: &Context<'_>, kernel: Id) -> Result<[i64; 4], Refusal> {
    let sizes = c.builder.sizes(kernel)?;
    sizes
        .try_into()
        .map_err(|_| Refusal::new("its kernel is not of rank 4"))
}

/// A convolution without its input.
#[derive(Clone)]
pub(super) struct Convolution {
    /// `[outputs, inputs / groups, height, width]`
    kernel: Id,
    groups: i64,
    channels: Channels,
    pub(super) window: Window,
}

impl Convolution {
    /// The convolution of `x` with this window.
    pub(super) fn emit(
        &self,
        builder: &mut Builder,
        x: Id,
        window: &Window,
    ) -> Result<Id, Refusal> {
        let x = self.channels.second(builder, x)?;
        let y = builder.convolution(x, self.kernel, window, self.groups)?;
        self.channels.restored(builder, y)
    }

    fn lower(self, c: &mut Context<'_>) -> Lowered {
        let x = c.first()?;
        let y = self.emit(c.builder, x, &self.window)?;
        dilation::note_convolution(c, self, y);
        Ok(vec![y])
    }
}

fn convolution(c: &mut Context<'_>) -> Lowered {
    let (x, kernel) = c.pair()?;
    let channels = Channels::of(c.node)?;
    let [height, width, inputs, _] = kernel_sizes(c, kernel)?;
    let dims = c.builder.dims(x)?;
    let all = match channels {
        Channels::Last => dims.last(),
        Channels::First => dims.get(1),
    };
    let groups = match all {
        Some(&Dim::Known(all)) => all
            .checked_div(inputs)
            .filter(|&groups| groups * inputs == all),
        _ => Some(1),
    };
    let groups = groups.ok_or_else(|| Refusal::new("its kernel is for other channels"))?;
    let kernel = c.builder.transpose(kernel, &[3, 2, 0, 1])?;
    let window = window(c.node, channels, vec![height, width])?;
    Convolution {
        kernel,
        groups,
        channels,
        window,
    }
    .lower(c)
}

/// Each channel has kernels of its own: a convolution with as many groups as channels.
fn depthwise(c: &mut Context<'_>) -> Lowered {
    let (_, kernel) = c.pair()?;
    let channels = Channels::of(c.node)?;
    let [height, width, groups, each] = kernel_sizes(c, kernel)?;
    let window = window(c.node, channels, vec![height, width])?;
    let kernel = c.builder.transpose(kernel, &[2, 3, 0, 1])?;
    let outputs = groups.checked_mul(each);
    let outputs = outputs.ok_or_else(|| Refusal::new("its kernel is too large"))?;
    let sizes = [outputs, 1, height, width].map(Dim::Known);
    let kernel = c.builder.reshape_to(kernel, &sizes)?;
    Convolution {
        kernel,
        groups,
        channels,
        window,
    }
    .lower(c)
}

/// The gradient of a convolution as to its input: what Keras calls a transposed convolution.
fn transposed(c: &mut Context<'_>) -> Lowered {
    let (target, kernel, x) = (c.first()?, c.input(1)?, c.input(2)?);
    let channels = Channels::of(c.node)?;
    let mut size = c.builder.sizes(kernel)?;
    let spatial = size.len().saturating_sub(2);
    size.truncate(spatial);
    let window = window(c.node, channels, size)?;
    let order: Vec<_> = [spatial + 1, spatial]
        .into_iter()
        .chain(0..spatial)
        .collect();
    let x = channels.second(c.builder, x)?;
    let kernel = c.builder.transpose(kernel, &order)?;
    let sizes = c
        .builder
        .content(target)
        .map(|sizes| channels.spatial(&sizes));
    let sane = |size: &Dim| {
        size.known()
            .is_some_and(|size| (0..=MAX_SIZE).contains(&size))
    };
    let known = sizes.filter(|sizes| sizes.len() == spatial && sizes.iter().all(sane));
    if let Some(sizes) = known
        && let Pads::Fixed(pads) = window.pads(&sizes)
        && c.builder.dims(x)?.iter().skip(2).all(sane)
    {
        let y = c
            .builder
            .transposed_convolution(x, kernel, &window, (&sizes, &pads))?;
        return Ok(vec![channels.restored(c.builder, y)?]);
    }
    let first = if channels == Channels::Last { 1 } else { 2 };
    let range = Range {
        axis: 0,
        start: first,
        end: first + spatial as i64,
        step: 1,
    };
    let target = c.builder.slice(target, &[range])?;
    let target = c.builder.cast(target, DataType::DtInt64)?;
    let y = of_any_size(c, (x, kernel), &window, target)?;
    Ok(vec![channels.restored(c.builder, y)?])
}

/// A transposed convolution to a size that is known only when a request comes: the whole of it,
/// and then the part that the padding of the convolution that it reverses leaves.
fn of_any_size(
    c: &mut Context<'_>,
    (x, kernel): (Id, Id),
    window: &Window,
    target: Id,
) -> Result<Id, Refusal> {
    let spatial = window.size.len();
    let whole = c.builder.whole_transposed_convolution(x, kernel, window)?;
    let zero = c.builder.int64s(&[0])?;
    let start = match &window.padding {
        Padding::Valid => c.builder.int64s(&vec![0; spatial])?,
        Padding::Explicit(pads) => {
            let before: Vec<_> = pads.iter().map(|pad| pad.0).collect();
            c.builder.int64s(&before)?
        }
        Padding::Same => {
            let sizes = c.builder.shape_of(x, DataType::DtInt64)?;
            let range = Range {
                axis: 0,
                start: 2,
                end: END,
                step: 1,
            };
            let inputs = c.builder.slice(sizes, &[range])?;
            let strides = c.builder.int64s(&window.strides)?;
            let reach: Vec<_> = window
                .reach()
                .zip(&window.strides)
                .map(|(r, s)| r - s)
                .collect();
            let rest = c.builder.int64s(&reach)?;
            let covered = c.builder.binary("Mul", inputs, strides)?;
            let covered = c.builder.binary("Add", covered, rest)?;
            let total = c.builder.binary("Sub", covered, target)?;
            let total = c.builder.binary("Max", total, zero)?;
            let two = c.builder.int64s(&[2])?;
            c.builder.binary("Div", total, two)?
        }
    };
    // No more than a step is beyond what any window reaches.
    let more = window.strides.iter().map(|stride| stride - 1);
    let pads: Vec<_> = vec![0; spatial + 4].into_iter().chain(more).collect();
    let padded = c.builder.pad(whole, &pads, "constant", None)?;
    let end = c.builder.binary("Add", start, target)?;
    let axes: Vec<_> = (2..2 + spatial as i64).collect();
    let axes = c.builder.int64s(&axes)?;
    let mut dims: Vec<_> = c.builder.dims(padded)?.into_iter().take(2).collect();
    dims.extend((0..spatial).map(|_| c.builder.symbols.fresh()));
    let kind = (c.builder.dtype(x), Some(dims));
    Ok(c.builder
        .node("Slice", &[padded, start, end, axes], Vec::new(), kind))
}
