//! Convolutions over one or two dimensions, plain, per channel and transposed.

use super::{Channels, Context, Lowered, Operator, dilation, lowered};
use crate::emit::{Builder, Id, Padding, Pads, Window};
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
    let (sizes, kernel, x) = (c.first()?, c.input(1)?, c.input(2)?);
    let channels = Channels::of(c.node)?;
    let [height, width, ..] = kernel_sizes(c, kernel)?;
    let window = window(c.node, channels, vec![height, width])?;
    let unknown = || Refusal::new("the size of its output is not known");
    let sizes = channels.spatial(&c.builder.content(sizes).ok_or_else(unknown)?);
    if sizes.iter().any(|size| {
        !size
            .known()
            .is_some_and(|size| (0..=MAX_SIZE).contains(&size))
    }) {
        return Err(unknown());
    }
    let Pads::Fixed(pads) = window.pads(&sizes) else {
        return Err(unknown());
    };
    let x = channels.second(c.builder, x)?;
    let kernel = c.builder.transpose(kernel, &[3, 2, 0, 1])?;
    let y = c
        .builder
        .transposed_convolution(x, kernel, &window, (&sizes, &pads))?;
    Ok(vec![channels.restored(c.builder, y)?])
}
