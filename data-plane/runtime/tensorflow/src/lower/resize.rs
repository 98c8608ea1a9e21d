//! Images in another size.

use super::{Channels, Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{Attr, Range};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("ResizeNearestNeighbor", |c| {
        // TensorFlow takes the pixel that the exact place falls into; with aligned corners or
        // half-pixel centres the nearest, the later of two.
        let rounding = match coordinates(c)? {
            "asymmetric" => "floor",
            _ => "round_prefer_ceil",
        };
        resize(c, "nearest", Some(rounding))
    }),
    lowered("ResizeBilinear", |c| resize(c, "linear", None)),
];

/// How places in the result map to places in the input, in ONNX's words.
fn coordinates(c: &Context<'_>) -> Result<&'static str, Refusal> {
    let flag = |name: &str| c.node.attrs.bool(name).unwrap_or(false);
    match (flag("align_corners"), flag("half_pixel_centers")) {
        (false, false) => Ok("asymmetric"),
        (false, true) => Ok("half_pixel"),
        (true, false) => Ok("align_corners"),
        (true, true) => Err(Refusal::new("both align_corners and half_pixel_centers")),
    }
}

fn resize(c: &mut Context<'_>, mode: &str, rounding: Option<&str>) -> Lowered {
    let (x, size) = (c.first()?, c.numbers(1, "size")?);
    let [height, width] = *size.as_slice() else {
        return Err(Refusal::new("its size is not two numbers"));
    };
    let x = c.builder.cast(x, DataType::DtFloat)?;
    let x = Channels::Last.second(c.builder, x)?;
    let shape = c.builder.shape_of(x, DataType::DtInt64)?;
    let outer = c.builder.slice(
        shape,
        &[Range {
            axis: 0,
            start: 0,
            end: 2,
            step: 1,
        }],
    )?;
    let inner = c.builder.int64s(&[height, width])?;
    let sizes = c.builder.concat(&[outer, inner], 0)?;
    let mut dims: Vec<_> = c.builder.dims(x)?.into_iter().take(2).collect();
    dims.extend([Dim::Known(height), Dim::Known(width)]);
    let text = |text: &str| Attr::Text(text.to_owned());
    let mut attrs = vec![
        ("mode", text(mode)),
        ("coordinate_transformation_mode", text(coordinates(c)?)),
    ];
    attrs.extend(rounding.map(|rounding| ("nearest_mode", text(rounding))));
    let inputs = vec![Some(x), None, None, Some(sizes)];
    let outputs = vec![(DataType::DtFloat, Some(dims))];
    let resized = c
        .builder
        .node_with_outputs("Resize", inputs, attrs, outputs);
    let y = *resized
        .first()
        .ok_or_else(|| Refusal::new("nothing was made"))?;
    Ok(vec![Channels::Last.restored(c.builder, y)?])
}
