//! Images in another size by weights of pixels: two products with matrices that are made while
//! loading, one for the rows and one for the columns.

mod kernel;

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::Id;
use crate::refusal::Refusal;
use crate::shape::Dim;
use kernel::{Kernel, Weights};

/// The largest size of an image whose weights are kept.
const MAX_SIDE: i64 = 1 << 13;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("ResizeArea", |c| {
        let corners = c.node.attrs.bool("align_corners")?;
        resize(c, &|from, to| kernel::area(from, to, corners))
    }),
    lowered("ResizeBicubic", |c| {
        let corners = c.node.attrs.bool("align_corners")?;
        let half = c.node.attrs.bool("half_pixel_centers")?;
        resize(c, &|from, to| kernel::bicubic((from, to), corners, half))
    }),
    lowered("ScaleAndTranslate", scale_and_translate),
];

/// Input and output sizes of rows and columns.
fn sizes(c: &Context<'_>) -> Result<[(usize, usize); 2], Refusal> {
    let size = c.numbers(1, "size")?;
    let dims = c.builder.dims(c.first()?)?;
    let (&[_, Dim::Known(height), Dim::Known(width), _], &[rows, columns]) =
        (dims.as_slice(), size.as_slice())
    else {
        return Err(Refusal::new("the size of the image is not known"));
    };
    let side = |from: i64, to: i64| {
        let sane = |size: i64| {
            usize::try_from(size)
                .ok()
                .filter(|_| (1..=MAX_SIDE).contains(&size))
        };
        sane(from)
            .zip(sane(to))
            .ok_or_else(|| Refusal::new(format!("from {from} to {to} pixels")))
    };
    Ok([side(height, rows)?, side(width, columns)?])
}

fn resize(c: &mut Context<'_>, weights: &dyn Fn(usize, usize) -> Weights) -> Lowered {
    let [rows, columns] = sizes(c)?;
    let (rows, columns) = (weights(rows.0, rows.1), weights(columns.0, columns.1));
    apply(c, &rows, &columns)
}

/// The numbers of a small constant of floats.
fn floats(c: &Context<'_>, index: usize, what: &str) -> Result<[f32; 2], Refusal> {
    let tensor = c.builder.constant_floats(c.input(index)?);
    let values = tensor.and_then(|tensor| tensor.to_vec::<f32>().ok());
    let pair = values.and_then(|values| values.try_into().ok());
    pair.ok_or_else(|| Refusal::new(format!("its {what} is not a constant of two numbers")))
}

fn scale_and_translate(c: &mut Context<'_>) -> Lowered {
    let [rows, columns] = sizes(c)?;
    let (scale, shift) = (floats(c, 2, "scale")?, floats(c, 3, "translation")?);
    let kernel = Kernel::named(c.node.attrs.text("kernel_type")?)
        .ok_or_else(|| Refusal::new("its kernel is not known"))?;
    let antialias = c.node.attrs.bool("antialias")?;
    let rows = kernel.scaled(rows, (scale[0], shift[0]), antialias);
    let columns = kernel.scaled(columns, (scale[1], shift[1]), antialias);
    apply(c, &rows, &columns)
}

/// `rows * x * columns` for each channel.
fn apply(c: &mut Context<'_>, rows: &Weights, columns: &Weights) -> Lowered {
    let x = c.first()?;
    let x = c.builder.cast(x, DataType::DtFloat)?;
    let x = c.builder.transpose(x, &[0, 3, 1, 2])?;
    let rows = matrix(c, rows)?;
    let columns = matrix(c, columns)?;
    let columns = c.builder.exchange(columns)?;
    let y = c.builder.matmul(rows, x)?;
    let y = c.builder.matmul(y, columns)?;
    Ok(vec![c.builder.transpose(y, &[0, 2, 3, 1])?])
}

fn matrix(c: &mut Context<'_>, weights: &Weights) -> Result<Id, Refusal> {
    let all: Vec<f32> = weights.rows.iter().flatten().copied().collect();
    c.builder.floats(&[weights.rows.len(), weights.from], all)
}
