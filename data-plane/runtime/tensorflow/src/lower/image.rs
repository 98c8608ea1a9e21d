//! Images: boxes, crops, patches, morphology, contrast.

use super::{Context, Lowered, Operator, convolution, lowered};
use crate::dtype::DataType;
use crate::emit::{Id, Pads, Range, Window};
use crate::refusal::Refusal;
use crate::shape::Dim;

/// Places of a window that are taken one by one.
const MAX_PLACES: i64 = 1 << 10;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("AdjustContrastv2", contrast),
    lowered("CropAndResize", crop),
    lowered("Dilation2D", dilate),
    lowered("ExtractImagePatches", patches),
    lowered("NonMaxSuppression", |c| suppress(c, None)),
    lowered("NonMaxSuppressionV2", |c| suppress(c, None)),
    lowered("NonMaxSuppressionV3", |c| suppress(c, Some(4))),
    lowered("NonMaxSuppressionV4", |c| suppress(c, Some(4))),
    lowered("NonMaxSuppressionV5", |c| suppress(c, Some(4))),
];

/// `(x - mean) * factor + mean`, the mean of each channel of each image.
fn contrast(c: &mut Context<'_>) -> Lowered {
    let (x, factor) = c.pair()?;
    let mean = c.builder.reduce("ReduceMean", x, &[-3, -2], true)?;
    let apart = c.builder.binary("Sub", x, mean)?;
    let factor = c.builder.cast(factor, c.dtype(0)?)?;
    let scaled = c.builder.binary("Mul", apart, factor)?;
    Ok(vec![c.builder.binary("Add", scaled, mean)?])
}

/// The images padded, and for each place of the window what lies there in every window.
struct Places {
    /// `[batch, rows, columns, channels]`, row by row.
    all: Vec<Id>,
}

fn window(c: &Context<'_>, size: Vec<i64>, strides: &str, rates: &str) -> Result<Window, Refusal> {
    let spatial = |name: &str| match *c.node.attrs.ints(name).as_slice() {
        [1, rows, columns, 1] => Ok(vec![rows, columns]),
        ref other => Err(Refusal::new(format!("{name} {other:?}"))),
    };
    Ok(Window {
        size,
        strides: spatial(strides)?,
        dilations: spatial(rates)?,
        padding: convolution::padding(c.node, super::Channels::Last)?,
    })
}

fn places(c: &mut Context<'_>, window: &Window, filler: Option<Id>) -> Result<Places, Refusal> {
    let x = c.first()?;
    let dims = c.builder.dims(x)?;
    let [_, Dim::Known(height), Dim::Known(width), _] = *dims.as_slice() else {
        return Err(Refusal::new("the size of the image is not known"));
    };
    window.check(2)?;
    let Pads::Fixed(pads) = window.pads(&[Dim::Known(height), Dim::Known(width)]) else {
        return Err(Refusal::new("its padding is not known"));
    };
    let [(top, bottom), (left, right)] = *pads.as_slice() else {
        return Err(Refusal::new("its padding is not known"));
    };
    let x = c.builder.pad(
        x,
        &[0, top, left, 0, 0, bottom, right, 0],
        "constant",
        filler,
    )?;
    let sizes = [height + top + bottom, width + left + right];
    let (Some(rows), Some(columns)) = (steps(window, 0, sizes[0]), steps(window, 1, sizes[1]))
    else {
        return Err(Refusal::new(
            "its window is larger than its input, or too large",
        ));
    };
    let mut all = Vec::new();
    for row in &rows {
        for column in &columns {
            all.push(c.builder.slice(x, &[*row, *column])?);
        }
    }
    Ok(Places { all })
}

/// For each place of the window along one dimension, where it lies in every window.
fn steps(window: &Window, dimension: usize, padded: i64) -> Option<Vec<Range>> {
    let (&size, &stride, &rate) = (
        window.size.get(dimension)?,
        window.strides.get(dimension)?,
        window.dilations.get(dimension)?,
    );
    let room = padded - ((size - 1) * rate + 1);
    let count = (room >= 0 && size <= MAX_PLACES).then(|| room / stride + 1)?;
    let range = |place: i64| Range {
        axis: dimension + 1,
        start: place * rate,
        end: place * rate + (count - 1) * stride + 1,
        step: stride,
    };
    Some((0..size).map(range).collect())
}

fn patches(c: &mut Context<'_>) -> Lowered {
    let size = match *c.node.attrs.ints("ksizes").as_slice() {
        [1, rows, columns, 1] if rows.saturating_mul(columns) <= MAX_PLACES => vec![rows, columns],
        ref other => return Err(Refusal::new(format!("patches of {other:?}"))),
    };
    let window = window(c, size, "strides", "rates")?;
    let places = places(c, &window, None)?;
    Ok(vec![c.builder.concat(&places.all, 3)?])
}

/// The greatest sum of pixel and filter in each window.
fn dilate(c: &mut Context<'_>) -> Lowered {
    let filter = c.input(1)?;
    let [rows, columns, _] = *c.builder.sizes(filter)?.as_slice() else {
        return Err(Refusal::new("its filter is not of rank 3"));
    };
    if rows.saturating_mul(columns) > MAX_PLACES {
        return Err(Refusal::new(format!("a filter of {rows} times {columns}")));
    }
    let window = window(c, vec![rows, columns], "strides", "rates")?;
    let filler = c.like(f64::NEG_INFINITY)?;
    let places = places(c, &window, Some(filler))?;
    let mut greatest = None;
    for (place, &x) in (0..rows * columns).zip(&places.all) {
        let row = c
            .builder
            .integers(DataType::DtInt64, &[], &[place / columns])?;
        let column = c
            .builder
            .integers(DataType::DtInt64, &[], &[place % columns])?;
        let term = c.builder.gather(filter, row, 0)?;
        let term = c.builder.gather(term, column, 0)?;
        let sum = c.builder.binary("Add", x, term)?;
        greatest = Some(match greatest {
            Some(other) => c.builder.binary("Max", other, sum)?,
            None => sum,
        });
    }
    Ok(vec![
        greatest.ok_or_else(|| Refusal::new("its filter is empty"))?,
    ])
}

/// Boxes by score, without those that overlap a better one too much.
fn suppress(c: &mut Context<'_>, scored: Option<usize>) -> Lowered {
    let soft = c
        .inputs
        .get(5)
        .filter(|_| c.node.op == "NonMaxSuppressionV5");
    if let Some(&sigma) = soft
        && c.builder.constant_floats(sigma).is_none_or(|sigma| {
            sigma
                .values::<f32>()
                .is_ok_and(|sigma| sigma.iter().any(|&sigma| sigma != 0.0))
        })
    {
        return Err(Refusal::new("its scores are lowered and not only compared"));
    }
    let (boxes, scores, count) = (c.first()?, c.input(1)?, c.input(2)?);
    let overlap = match c.inputs.get(3) {
        Some(&overlap) => overlap,
        None => c
            .builder
            .floats(&[], vec![c.node.attrs.float("iou_threshold")?])?,
    };
    let one = c.builder.int64s(&[1])?;
    let mut inputs = vec![
        Some(c.builder.unsqueeze(boxes, &[0])?),
        Some(c.builder.unsqueeze(scores, &[0, 1])?),
    ];
    let most = c.builder.cast(count, DataType::DtInt64)?;
    for scalar in [
        Some(most),
        Some(overlap),
        scored.and_then(|index| c.input(index).ok()),
    ] {
        inputs.push(
            scalar
                .map(|scalar| c.builder.reshape(scalar, one))
                .transpose()?,
        );
    }
    let found = vec![c.builder.symbols.fresh(), Dim::Known(3)];
    let kind = (DataType::DtInt64, Some(found));
    let found = c
        .builder
        .node_with_outputs("NonMaxSuppression", inputs, Vec::new(), vec![kind]);
    let found = *found
        .first()
        .ok_or_else(|| Refusal::new("nothing was made"))?;
    let at = c.builder.integers(DataType::DtInt64, &[], &[2])?;
    let picked = c.builder.gather(found, at, 1)?;
    results(c, picked, count)
}

/// The indices, and what each version gives beside them.
fn results(c: &mut Context<'_>, picked: Id, count: Id) -> Lowered {
    let indices = c.builder.cast(picked, DataType::DtInt32)?;
    let valid = c.builder.size_of_axis(indices, 0, DataType::DtInt32)?;
    let scores = match c.node.op {
        "NonMaxSuppressionV5" => {
            let scores = c.input(1)?;
            Some(c.builder.gather(scores, indices, 0)?)
        }
        _ => None,
    };
    let padded = c.node.op != "NonMaxSuppressionV3"
        && c.node.attrs.bool("pad_to_max_output_size").unwrap_or(false);
    let mut outputs = Vec::new();
    for output in [Some(indices), scores].into_iter().flatten() {
        outputs.push(if padded {
            pad_to(c, output, (valid, count))?
        } else {
            output
        });
    }
    if c.node.outputs > outputs.len() {
        outputs.push(valid);
    }
    Ok(outputs)
}

/// A vector with zeros behind it, up to so many elements.
fn pad_to(c: &mut Context<'_>, x: Id, (own, wanted): (Id, Id)) -> Result<Id, Refusal> {
    let missing = c.builder.binary("Sub", wanted, own)?;
    let missing = c.builder.unsqueeze(missing, &[0])?;
    let missing = c.builder.cast(missing, DataType::DtInt64)?;
    let zero = c.builder.scalar(c.builder.dtype(x), 0.0)?;
    let zeros = c.builder.expand(zero, missing)?;
    c.builder.concat(&[x, zeros], 0)
}

/// Parts of images in one size. A place outside of the image is `extrapolation_value`.
fn crop(c: &mut Context<'_>) -> Lowered {
    let (images, boxes, which) = (c.first()?, c.input(1)?, c.input(2)?);
    let size = c.numbers(3, "size")?;
    let [rows, columns] = *size.as_slice() else {
        return Err(Refusal::new("its size is not two numbers"));
    };
    let nearest = c.node.attrs.text("method")? == "nearest";
    let dims = c.builder.dims(images)?;
    let [_, Dim::Known(height), Dim::Known(width), _] = *dims.as_slice() else {
        return Err(Refusal::new("the size of the image is not known"));
    };
    let images = c.builder.cast(images, DataType::DtFloat)?;
    let images = c.builder.gather(images, which, 0)?;
    let y = Axis::of(c, boxes, (0, 2), (height, rows))?;
    let x = Axis::of(c, boxes, (1, 3), (width, columns))?;
    let mut result = if nearest {
        let (y, x) = (y.rounded(c)?, x.rounded(c)?);
        pixels(c, images, (y, x))?
    } else {
        between(c, images, (&y, &x))?
    };
    let inside = both(c, y.inside, x.inside)?;
    let outside = c.node.attrs.float("extrapolation_value")?;
    let outside = c.builder.floats(&[], vec![outside])?;
    result = c.builder.choose(inside, result, outside)?;
    Ok(vec![result])
}

/// The places of a crop along one axis: `[boxes, size]`.
struct Axis {
    place: Id,
    /// Whether it is within the image.
    inside: Id,
    last: i64,
}

impl Axis {
    /// `start * (n - 1) + i * (end - start) * (n - 1) / (m - 1)`; the middle if there is only one.
    fn of(
        c: &mut Context<'_>,
        boxes: Id,
        (start, end): (i64, i64),
        (size, count): (i64, i64),
    ) -> Result<Self, Refusal> {
        let last = c.builder.floats(&[], vec![(size - 1) as f32])?;
        let mut column = |at: i64| {
            let at = c.builder.integers(DataType::DtInt64, &[1], &[at])?;
            c.builder.gather(boxes, at, 1)
        };
        let (start, end) = (column(start)?, column(end)?);
        let place = if count > 1 {
            let span = c.builder.binary("Sub", end, start)?;
            let span = c.builder.binary("Mul", span, last)?;
            let steps = c.builder.floats(&[], vec![(count - 1) as f32])?;
            let step = c.builder.binary("Div", span, steps)?;
            let from = c.builder.binary("Mul", start, last)?;
            let indices = (0..count).map(|index| index as f32).collect::<Vec<_>>();
            let indices = c.builder.floats(&[1, indices.len()], indices)?;
            let along = c.builder.binary("Mul", indices, step)?;
            c.builder.binary("Add", from, along)?
        } else {
            let half = c.builder.floats(&[], vec![0.5])?;
            let sum = c.builder.binary("Add", start, end)?;
            let middle = c.builder.binary("Mul", sum, half)?;
            c.builder.binary("Mul", middle, last)?
        };
        let zero = c.builder.floats(&[], vec![0.0])?;
        let above = c.builder.compare("GreaterOrEqual", place, zero)?;
        let below = c.builder.compare("LessOrEqual", place, last)?;
        let inside = c.builder.binary("And", above, below)?;
        Ok(Self {
            place,
            inside,
            last: size - 1,
        })
    }

    fn clamped(&self, c: &mut Context<'_>, place: Id) -> Result<Id, Refusal> {
        let place = c.builder.cast(place, DataType::DtInt64)?;
        let low = c.builder.integers(DataType::DtInt64, &[], &[0])?;
        let high = c.builder.integers(DataType::DtInt64, &[], &[self.last])?;
        let place = c.builder.binary("Max", place, low)?;
        c.builder.binary("Min", place, high)
    }

    /// The nearest pixel, halves away from zero.
    fn rounded(&self, c: &mut Context<'_>) -> Result<Id, Refusal> {
        let half = c.builder.floats(&[], vec![0.5])?;
        let later = c.builder.binary("Add", self.place, half)?;
        let whole = c.builder.unary("Floor", later);
        self.clamped(c, whole)
    }

    /// The pixels on both sides, and how far the place is from the first.
    fn sides(&self, c: &mut Context<'_>) -> Result<(Id, Id, Id), Refusal> {
        let low = c.builder.unary("Floor", self.place);
        let high = c.builder.unary("Ceil", self.place);
        let part = c.builder.binary("Sub", self.place, low)?;
        Ok((self.clamped(c, low)?, self.clamped(c, high)?, part))
    }
}

/// Whether a pixel is inside in both directions: `[boxes, rows, columns, 1]`.
fn both(c: &mut Context<'_>, y: Id, x: Id) -> Result<Id, Refusal> {
    let y = c.builder.unsqueeze(y, &[2, 3])?;
    let x = c.builder.unsqueeze(x, &[1, 3])?;
    c.builder.binary("And", y, x)
}

/// `images[box, y[box, i], x[box, j], :]`.
fn pixels(c: &mut Context<'_>, images: Id, (y, x): (Id, Id)) -> Result<Id, Refusal> {
    let rows = c.builder.gather_batched(images, y, (1, 1))?;
    c.builder.gather_batched(rows, x, (2, 1))
}

/// The pixels around each place, weighted by how near they are.
fn between(c: &mut Context<'_>, images: Id, (y, x): (&Axis, &Axis)) -> Result<Id, Refusal> {
    let (top, bottom, down) = y.sides(c)?;
    let (left, right, across) = x.sides(c)?;
    let down = c.builder.unsqueeze(down, &[2, 3])?;
    let across = c.builder.unsqueeze(across, &[1, 3])?;
    let upper = [
        pixels(c, images, (top, left))?,
        pixels(c, images, (top, right))?,
    ];
    let lower = [
        pixels(c, images, (bottom, left))?,
        pixels(c, images, (bottom, right))?,
    ];
    let upper = mixed(c, upper, across)?;
    let lower = mixed(c, lower, across)?;
    mixed(c, [upper, lower], down)
}

/// `a + (b - a) * part`.
fn mixed(c: &mut Context<'_>, [a, b]: [Id; 2], part: Id) -> Result<Id, Refusal> {
    let apart = c.builder.binary("Sub", b, a)?;
    let moved = c.builder.binary("Mul", apart, part)?;
    c.builder.binary("Add", a, moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::Padding;

    #[test]
    fn every_place_of_a_window_is_in_every_window() {
        let window = Window {
            size: vec![2],
            strides: vec![3],
            dilations: vec![2],
            padding: Padding::Valid,
        };
        let ranges = steps(&window, 0, 9).unwrap();
        let found: Vec<_> = ranges
            .iter()
            .map(|range| (range.start, range.end))
            .collect();
        assert_eq!(found, [(0, 7), (2, 9)]);
        assert!(
            ranges
                .iter()
                .all(|range| range.axis == 1 && range.step == 3)
        );
        assert!(steps(&window, 0, 2).is_none());
    }
}
