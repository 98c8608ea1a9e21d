//! Convolutions and pools over three dimensions, as sums over two-dimensional ones.
//!
//! The engine moves windows over at most two dimensions. A window over `[depth, height, width]` is
//! one two-dimensional window for each step in its depth, over every depth at once.

use hari_core::Tensor;

use super::{Channels, Context, Lowered, Operator, convolution, lowered, pooling};
use crate::emit::{Id, Padding, Pads, Range, Window};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Conv3D", convolve),
    lowered("Conv3DBackpropInputV2", transposed),
    lowered("MaxPool3D", |c| pool(c, "MaxPool")),
    lowered("AvgPool3D", |c| pool(c, "AveragePool")),
];

/// `[batch, depth, height, width, channels]`, cut for the depths of the window.
struct Volume {
    x: Id,
    batch: Dim,
    /// Height, width and channels.
    plane: [Dim; 3],
    steps: Vec<Range>,
    outputs: i64,
}

/// Steps of a window in its depth: as many convolutions are made.
const MAX_STEPS: i64 = 1 << 10;

fn unknown() -> Refusal {
    Refusal::new("the size of its input is not known")
}

/// The window's depth and the window over each plane.
fn divide(window: &Window) -> Result<(Window, Window), Refusal> {
    let part = |range: std::ops::Range<usize>| {
        let cut = |numbers: &[i64]| numbers.get(range.clone()).map(<[i64]>::to_vec);
        Some(Window {
            size: cut(&window.size)?,
            strides: cut(&window.strides)?,
            dilations: cut(&window.dilations)?,
            padding: match &window.padding {
                Padding::Explicit(pads) => Padding::Explicit(pads.get(range.clone())?.to_vec()),
                other => other.clone(),
            },
        })
    };
    part(0..1)
        .zip(part(1..3))
        .ok_or_else(|| Refusal::new("its window is not of rank 3"))
}

/// Padding before and after the depth, and the number of depths of the result.
fn depths(depth: &Window, size: i64) -> Result<((i64, i64), i64), Refusal> {
    depth.check(1)?;
    let Pads::Fixed(pads) = depth.pads(&[Dim::Known(size)]) else {
        return Err(unknown());
    };
    let (&[(before, after)], &[count], &[stride], &[dilation]) = (
        pads.as_slice(),
        depth.size.as_slice(),
        depth.strides.as_slice(),
        depth.dilations.as_slice(),
    ) else {
        return Err(unknown());
    };
    let room = size + before + after - ((count - 1) * dilation + 1);
    if room < 0 || count > MAX_STEPS {
        return Err(Refusal::new("its window is larger than its input"));
    }
    Ok(((before, after), room / stride + 1))
}

/// Pads the depth with `filler` (0 if none) and finds which depths each step of the window reads.
fn cut(c: &mut Context<'_>, x: Id, depth: &Window, filler: Option<f32>) -> Result<Volume, Refusal> {
    let dims = c.builder.dims(x)?;
    let [batch, Dim::Known(size), plane @ ..] = dims.as_slice() else {
        return Err(unknown());
    };
    let plane = plane.try_into().map_err(|_| unknown())?;
    let ((before, after), outputs) = depths(depth, *size)?;
    let filler = filler.map(|filler| c.builder.floats(&[], vec![filler]));
    let filler = filler.transpose()?;
    let pads = [0, before, 0, 0, 0, 0, after, 0, 0, 0];
    let x = c.builder.pad(x, &pads, "constant", filler)?;
    let first = |numbers: &[i64]| numbers.first().copied().unwrap_or(1);
    let (stride, dilation) = (first(&depth.strides), first(&depth.dilations));
    let step = |index: i64| Range {
        axis: 1,
        start: index * dilation,
        end: index * dilation + (outputs - 1) * stride + 1,
        step: stride,
    };
    let steps = (0..first(&depth.size)).map(step).collect();
    Ok(Volume {
        x,
        batch: *batch,
        plane,
        steps,
        outputs,
    })
}

impl Volume {
    /// Every depth that one step reads, as a batch of images with channels first.
    fn images(&self, c: &mut Context<'_>, step: &Range) -> Result<Id, Refusal> {
        let slab = c.builder.slice(self.x, &[*step])?;
        let images = c
            .builder
            .symbols
            .product(&[self.batch, Dim::Known(self.outputs)]);
        let [height, width, channels] = self.plane;
        let flat = c
            .builder
            .reshape_to(slab, &[images, height, width, channels])?;
        Channels::Last.second(c.builder, flat)
    }

    /// The images of the result, as volumes again.
    fn volumes(&self, c: &mut Context<'_>, images: Id) -> Result<Id, Refusal> {
        let images = Channels::Last.restored(c.builder, images)?;
        let dims = c.builder.dims(images)?;
        let front = [self.batch, Dim::Known(self.outputs)];
        let dims: Vec<_> = front.into_iter().chain(dims.into_iter().skip(1)).collect();
        c.builder.reshape_to(images, &dims)
    }
}

/// The value as `[batch, depth, height, width, channels]`, and back.
fn channels_last(c: &mut Context<'_>, x: Id, channels: Channels) -> Result<Id, Refusal> {
    if channels == Channels::Last {
        Ok(x)
    } else {
        Channels::Last.restored(c.builder, x)
    }
}

fn as_given(c: &mut Context<'_>, y: Id, channels: Channels) -> Lowered {
    if channels == Channels::Last {
        return Ok(vec![y]);
    }
    Ok(vec![Channels::Last.second(c.builder, y)?])
}

fn convolve(c: &mut Context<'_>) -> Lowered {
    let (x, kernel) = c.pair()?;
    let channels = Channels::of(c.node)?;
    let kernel = c.builder.value(kernel).constant.clone();
    let kernel = kernel.ok_or_else(|| Refusal::new("its kernel is not a constant"))?;
    let kernels = planes(&kernel)?;
    let size: Vec<_> = kernel
        .shape()
        .iter()
        .take(3)
        .map(|&size| size as i64)
        .collect();
    let (depth, flat) = divide(&convolution::window(c.node, channels, size)?)?;
    let x = channels_last(c, x, channels)?;
    let volume = cut(c, x, &depth, None)?;
    let mut sum = None;
    for (step, kernel) in volume.steps.iter().zip(&kernels) {
        let images = volume.images(c, step)?;
        let kernel = c.builder.transposed_constant(kernel, &[3, 2, 0, 1])?;
        let part = c.builder.convolution(images, kernel, &flat, 1)?;
        sum = Some(match sum {
            Some(sum) => c.builder.binary("Add", sum, part)?,
            None => part,
        });
    }
    let sum = sum.ok_or_else(unknown)?;
    let y = volume.volumes(c, sum)?;
    as_given(c, y, channels)
}

/// A transposed convolution: each step of the kernel in its depth is a two-dimensional one, whose
/// results lie a stride apart, the steps one behind the other.
fn transposed(c: &mut Context<'_>) -> Lowered {
    let (kernel, x) = (c.input(1)?, c.input(2)?);
    let channels = Channels::of(c.node)?;
    let kernel = c.builder.value(kernel).constant.clone();
    let kernel = kernel.ok_or_else(|| Refusal::new("its kernel is not a constant"))?;
    let size = kernel.shape().iter().take(3).map(|&size| size as i64);
    let window = convolution::window(c.node, channels, size.collect())?;
    window.check(3)?;
    let sizes = c.builder.content(c.first()?).ok_or_else(unknown)?;
    let sizes = channels.spatial(&sizes);
    let Pads::Fixed(pads) = window.pads(&sizes) else {
        return Err(unknown());
    };
    let (flat, &[Dim::Known(depth), ref plane @ ..], &[(before, _), ref pads @ ..]) =
        (divide(&window)?.1, sizes.as_slice(), pads.as_slice())
    else {
        return Err(unknown());
    };
    let x = channels_last(c, x, channels)?;
    let (images, volume) = flattened(c, x)?;
    let mut sum = None;
    for (step, kernel) in planes(&kernel)?.iter().enumerate() {
        let kernel = c.builder.transposed_constant(kernel, &[3, 2, 0, 1])?;
        let part = c
            .builder
            .transposed_convolution(images, kernel, &flat, (plane, pads))?;
        let part = volume.spread(c, part, (&window, step as i64))?;
        sum = Some(match sum {
            Some(sum) => c.builder.binary("Add", sum, part)?,
            None => part,
        });
    }
    let range = Range {
        axis: 1,
        start: before,
        end: before + depth,
        step: 1,
    };
    let y = c.builder.slice(sum.ok_or_else(unknown)?, &[range])?;
    as_given(c, y, channels)
}

/// The batch and the depths of a volume whose planes were put into one batch.
struct Flattened {
    batch: Dim,
    depths: i64,
}

/// All planes of `[batch, depth, height, width, channels]` as images with channels first.
fn flattened(c: &mut Context<'_>, x: Id) -> Result<(Id, Flattened), Refusal> {
    let dims = c.builder.dims(x)?;
    let &[batch, Dim::Known(depths), height, width, channels] = dims.as_slice() else {
        return Err(unknown());
    };
    let images = c.builder.symbols.product(&[batch, Dim::Known(depths)]);
    let flat = c
        .builder
        .reshape_to(x, &[images, height, width, channels])?;
    Ok((
        Channels::Last.second(c.builder, flat)?,
        Flattened { batch, depths },
    ))
}

impl Flattened {
    /// The images as a volume again, `stride` apart in depth, where the kernel's step puts them.
    fn spread(
        &self,
        c: &mut Context<'_>,
        images: Id,
        (window, step): (&Window, i64),
    ) -> Result<Id, Refusal> {
        let first = |numbers: &[i64]| numbers.first().copied().unwrap_or(1);
        let (count, stride) = (first(&window.size), first(&window.strides));
        let dilation = first(&window.dilations);
        let images = Channels::Last.restored(c.builder, images)?;
        let plane: Vec<_> = c.builder.dims(images)?.into_iter().skip(1).collect();
        let dims = |depths: &[i64]| {
            let depths = depths.iter().copied().map(Dim::Known);
            [self.batch]
                .into_iter()
                .chain(depths)
                .chain(plane.clone())
                .collect::<Vec<_>>()
        };
        let apart = c.builder.reshape_to(images, &dims(&[self.depths, 1]))?;
        let pads = [0, 0, 0, 0, 0, 0, 0, 0, stride - 1, 0, 0, 0];
        let apart = c.builder.pad(apart, &pads, "constant", None)?;
        let together = c
            .builder
            .reshape_to(apart, &dims(&[self.depths * stride]))?;
        let (before, after) = (step * dilation, (count - 1 - step) * dilation);
        c.builder.pad(
            together,
            &[0, before, 0, 0, 0, 0, after, 0, 0, 0],
            "constant",
            None,
        )
    }
}

/// The two-dimensional kernel of each depth.
fn planes(kernel: &Tensor) -> Result<Vec<Tensor>, Refusal> {
    let broken = || Refusal::new("its kernel is not of rank 5");
    let ([depth, rest @ ..], Some(bytes)) = (kernel.shape(), kernel.bytes()) else {
        return Err(broken());
    };
    if rest.len() != 4 || *depth == 0 {
        return Err(broken());
    }
    let size = bytes.len() / depth;
    let plane = |index: usize| {
        let part = bytes.slice(index * size..(index + 1) * size);
        Ok(Tensor::from_bytes(kernel.dtype(), rest, part)?)
    };
    (0..*depth).map(plane).collect()
}

fn pool(c: &mut Context<'_>, op: &'static str) -> Lowered {
    let x = c.first()?;
    let channels = Channels::of(c.node)?;
    let (size, strides) = (c.node.attrs.ints("ksize"), c.node.attrs.ints("strides"));
    let (depth, flat) = divide(&pooling::window(c.node, channels, (&size, &strides))?)?;
    let x = channels_last(c, x, channels)?;
    let is_mean = op == "AveragePool";
    let size = c
        .builder
        .dims(x)?
        .get(1)
        .copied()
        .and_then(Dim::known)
        .ok_or_else(unknown)?;
    let volume = cut(c, x, &depth, (!is_mean).then_some(f32::NEG_INFINITY))?;
    let join = if is_mean { "Add" } else { "Max" };
    let mut all = None;
    for step in &volume.steps {
        let images = volume.images(c, step)?;
        let part = c.builder.pool(op, images, &flat)?;
        all = Some(match all {
            Some(all) => c.builder.binary(join, all, part)?,
            None => part,
        });
    }
    let all = all.ok_or_else(unknown)?;
    let mut y = volume.volumes(c, all)?;
    if is_mean {
        y = mean_over_depths(c, y, &counts(&volume, &depth, size)?)?;
    }
    as_given(c, y, channels)
}

/// How many depths of the input each depth of the result was summed over, padding left out.
fn counts(volume: &Volume, depth: &Window, size: i64) -> Result<Vec<f32>, Refusal> {
    let Pads::Fixed(pads) = depth.pads(&[Dim::Known(size)]) else {
        return Err(unknown());
    };
    let before = pads.first().map_or(0, |pad| pad.0);
    let inside = |output: i64| {
        let read = volume
            .steps
            .iter()
            .map(|step| step.start + output * step.step - before);
        read.filter(|index| (0..size).contains(index)).count() as f32
    };
    Ok((0..volume.outputs).map(inside).collect())
}

fn mean_over_depths(c: &mut Context<'_>, y: Id, counts: &[f32]) -> Result<Id, Refusal> {
    let shape = [counts.len(), 1, 1, 1];
    let counts = c.builder.floats(&shape, counts.to_vec())?;
    c.builder.binary("Div", y, counts)
}
