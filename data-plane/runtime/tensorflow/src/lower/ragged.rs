//! Ragged and sparse tensors, which in a graph are several dense ones, and counts of values.

use super::text::{element, flags, unknown_vector};
use super::{Context, Lowered, Operator, lowered};
use crate::dtype::DataType;
use crate::emit::{Attr, Id};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("Bincount", |c| count(c, (0, 1, 2), false)),
    lowered("DenseBincount", |c| {
        let binary = c.node.attrs.bool("binary_output")?;
        count(c, (0, 1, 2), binary)
    }),
    lowered("RaggedBincount", |c| {
        let attrs = flags(c, &["binary_output"])?;
        let rows = splits_rows(c, c.first()?)?;
        let size = one_size(c, c.input(2)?);
        let kind = (weights_type(c, 3)?, Some(vec![rows, size]));
        let inputs = c.inputs.clone();
        Ok(vec![c.builder.node(
            "hari.RaggedBincount",
            &inputs,
            attrs,
            kind,
        )])
    }),
    lowered("RaggedGather", ragged_gather),
    lowered("RaggedRange", |c| {
        let to = c.node.attrs.dtype("Tsplits").unwrap_or(DataType::DtInt64);
        let attrs = vec![element("to", to)?];
        let values = (c.dtype(0)?, Some(unknown_vector(c)));
        let outputs = vec![(to, Some(unknown_vector(c))), values];
        several(c, "hari.RaggedRange", attrs, outputs)
    }),
    lowered("RaggedTensorToSparse", |c| {
        let (count, values) = (c.builder.symbols.fresh(), c.inputs.last().copied());
        let values = values.ok_or_else(|| Refusal::new("it has no values"))?;
        let rank = c.builder.rank(values)? + c.inputs.len() - 1;
        sparse(c, "hari.RaggedTensorToSparse", (count, rank as i64), values)
    }),
    lowered("RaggedTensorToTensor", to_tensor),
    lowered("SparseBincount", |c| {
        let attrs = flags(c, &["binary_output"])?;
        let size = one_size(c, c.input(3)?);
        let rank = c.builder.dims(c.input(2)?)?.first().copied();
        let mut dims = vec![size];
        if rank != Some(Dim::Known(1)) {
            dims.insert(0, c.builder.symbols.fresh());
        }
        let kind = (weights_type(c, 4)?, Some(dims));
        let inputs = c.inputs.clone();
        Ok(vec![c.builder.node(
            "hari.SparseBincount",
            &inputs,
            attrs,
            kind,
        )])
    }),
    lowered("SparseCross", cross),
    lowered("SparseFillEmptyRows", |c| {
        let (indices, values, shape) = (c.first()?, c.input(1)?, c.input(2)?);
        let columns = c.builder.dims(indices)?.last().copied();
        let count = c.builder.symbols.fresh();
        let rows = c
            .builder
            .content(shape)
            .and_then(|dims| dims.first().copied());
        let rows = rows.unwrap_or_else(|| c.builder.symbols.fresh());
        let own = c.builder.dims(values)?;
        let outputs = vec![
            (
                DataType::DtInt64,
                columns.map(|columns| vec![count, columns]),
            ),
            (c.builder.dtype(values), Some(vec![count])),
            (DataType::DtBool, Some(vec![rows])),
            (DataType::DtInt64, Some(own)),
        ];
        several(c, "hari.SparseFillEmptyRows", Vec::new(), outputs)
    }),
    lowered("SparseReduceSum", |c| {
        let attrs = flags(c, &["keep_dims"])?;
        let kind = (c.dtype(1)?, None);
        let inputs = c.inputs.clone();
        Ok(vec![c.builder.node(
            "hari.SparseReduceSum",
            &inputs,
            attrs,
            kind,
        )])
    }),
    lowered("SparseReshape", |c| {
        let rows = c.builder.dims(c.first()?)?.first().copied();
        let target = c.builder.value(c.input(2)?).shape.clone();
        let columns = target.as_ref().and_then(|dims| dims.first().copied());
        let indices = rows.zip(columns).map(|(rows, columns)| vec![rows, columns]);
        let outputs = vec![(DataType::DtInt64, indices), (DataType::DtInt64, target)];
        several(c, "hari.SparseReshape", Vec::new(), outputs)
    }),
    lowered("SparseTensorDenseMatMul", |c| {
        let attrs = flags(c, &["adjoint_a", "adjoint_b"])?;
        let (shape, dense) = (c.input(2)?, c.input(3)?);
        let (turned, other) = (
            c.node.attrs.bool("adjoint_a")?,
            c.node.attrs.bool("adjoint_b")?,
        );
        let sizes = c.builder.content(shape);
        let rows = sizes.and_then(|sizes| sizes.get(usize::from(turned)).copied());
        let rows = rows.unwrap_or_else(|| c.builder.symbols.fresh());
        let columns = c.builder.dims(dense)?.get(usize::from(!other)).copied();
        let kind = (c.dtype(1)?, columns.map(|columns| vec![rows, columns]));
        let inputs = c.inputs.clone();
        Ok(vec![c.builder.node(
            "hari.SparseTensorDenseMatMul",
            &inputs,
            attrs,
            kind,
        )])
    }),
    lowered("SparseToDense", |c| {
        let (shape, values, default) = (c.input(1)?, c.input(2)?, c.input(3)?);
        let kind = (c.builder.dtype(values), c.builder.dims_of_shape(shape));
        let inputs = [c.first()?, shape, values, default];
        Ok(vec![c.builder.node(
            "hari.SparseToDense",
            &inputs,
            Vec::new(),
            kind,
        )])
    }),
    lowered("Unique", |c| unique(c, false)),
    lowered("UniqueV2", |c| {
        let one = c.builder.rank(c.first()?)? == 1;
        if one {
            unique(c, false)
        } else {
            Err(Refusal::new("of more than a vector"))
        }
    }),
    lowered("UniqueWithCounts", |c| unique(c, true)),
];

fn several(
    c: &mut Context<'_>,
    op: &'static str,
    attrs: crate::emit::OnnxAttrs,
    outputs: Vec<(DataType, Option<Vec<Dim>>)>,
) -> Lowered {
    let inputs = c.inputs.iter().copied().map(Some).collect();
    Ok(c.builder.node_with_outputs(op, inputs, attrs, outputs))
}

/// Indices, values and shape of a sparse tensor.
fn sparse(c: &mut Context<'_>, op: &'static str, (count, rank): (Dim, i64), values: Id) -> Lowered {
    let outputs = vec![
        (DataType::DtInt64, Some(vec![count, Dim::Known(rank)])),
        (c.builder.dtype(values), Some(vec![count])),
        (DataType::DtInt64, Some(vec![Dim::Known(rank)])),
    ];
    several(c, op, Vec::new(), outputs)
}

/// The number in a scalar, as far as it is known.
fn one_size(c: &mut Context<'_>, size: Id) -> Dim {
    let content = c.builder.content(size);
    let known = content.and_then(|content| content.first().copied());
    known.unwrap_or_else(|| c.builder.symbols.fresh())
}

/// The number of rows that splits divide values into.
fn splits_rows(c: &mut Context<'_>, splits: Id) -> Result<Dim, Refusal> {
    let count = c.builder.dims(splits)?.first().copied();
    let one = Dim::Known(1);
    Ok(c.builder
        .symbols
        .apply(count.unwrap_or(one), one, i64::checked_sub))
}

fn weights_type(c: &Context<'_>, index: usize) -> Result<DataType, Refusal> {
    c.dtype(index)
}

fn count(c: &mut Context<'_>, (x, size, weights): (usize, usize, usize), binary: bool) -> Lowered {
    let (x, size, weights) = (c.input(x)?, c.input(size)?, c.input(weights)?);
    let mut dims = c.builder.dims(x)?;
    if dims.len() > 2 || (c.node.op == "Bincount" && dims.len() != 1) {
        return Err(Refusal::new(format!("of a tensor of rank {}", dims.len())));
    }
    dims.pop();
    dims.push(one_size(c, size));
    let attrs = vec![("binary_output", Attr::Int(binary.into()))];
    let kind = (c.builder.dtype(weights), Some(dims));
    Ok(vec![c.builder.node(
        "hari.Bincount",
        &[x, size, weights],
        attrs,
        kind,
    )])
}

fn ragged_gather(c: &mut Context<'_>) -> Lowered {
    let nested = c.node.attrs.int("PARAMS_RAGGED_RANK").unwrap_or(1);
    let nested = usize::try_from(nested).unwrap_or_default();
    let mut outputs = Vec::new();
    for index in 0..nested {
        outputs.push((c.dtype(index)?, Some(unknown_vector(c))));
    }
    let values = c.input(nested)?;
    let mut dims = c.builder.dims(values)?;
    if let Some(first) = dims.first_mut() {
        *first = c.builder.symbols.fresh();
    }
    outputs.push((c.builder.dtype(values), Some(dims)));
    several(c, "hari.RaggedGather", Vec::new(), outputs)
}

fn to_tensor(c: &mut Context<'_>) -> Lowered {
    let (shape, values) = (c.first()?, c.input(1)?);
    let types = c.node.attrs.texts("row_partition_types")?;
    let ragged = types
        .iter()
        .filter(|kind| &kind[..] != b"FIRST_DIM_SIZE")
        .count();
    let inner = c.builder.dims(values)?;
    let rank = ragged + inner.len();
    let wanted = c
        .builder
        .content(shape)
        .filter(|wanted| wanted.len() == rank);
    let inner = inner.into_iter().skip(1).rev();
    let mut dims: Vec<_> = inner
        .chain((0..=ragged).map(|_| c.builder.symbols.fresh()))
        .collect();
    dims.reverse();
    for (dim, wanted) in dims.iter_mut().zip(wanted.into_iter().flatten()) {
        if wanted.known().is_some_and(|size| size >= 0) {
            *dim = wanted;
        }
    }
    let attrs = vec![("row_partition_types", Attr::Texts(types))];
    let kind = (c.builder.dtype(values), Some(dims));
    let inputs = c.inputs.clone();
    Ok(vec![c.builder.node(
        "hari.RaggedTensorToTensor",
        &inputs,
        attrs,
        kind,
    )])
}

/// Combinations of the columns of dense matrices, hashed.
fn cross(c: &mut Context<'_>) -> Lowered {
    let attrs = &c.node.attrs;
    if attrs.int("N")? != 0 || !attrs.bool("hashed_output")? {
        return Err(Refusal::new("of sparse tensors, or not hashed"));
    }
    let attrs = super::text::ints(c, &["num_buckets", "hash_key"])?;
    let count = c.builder.symbols.fresh();
    let outputs = vec![
        (DataType::DtInt64, Some(vec![count, Dim::Known(2)])),
        (DataType::DtInt64, Some(vec![count])),
        (DataType::DtInt64, Some(vec![Dim::Known(2)])),
    ];
    several(c, "hari.SparseCrossHashed", attrs, outputs)
}

fn unique(c: &mut Context<'_>, counted: bool) -> Lowered {
    let x = c.first()?;
    let to = c.node.attrs.dtype("out_idx").unwrap_or(DataType::DtInt32);
    let found = unknown_vector(c);
    let mut outputs = vec![
        (c.builder.dtype(x), Some(found.clone())),
        (to, c.builder.value(x).shape.clone()),
    ];
    if counted {
        outputs.push((to, Some(found)));
    }
    let attrs = vec![element("to", to)?];
    Ok(c.builder
        .node_with_outputs("hari.Unique", vec![Some(x)], attrs, outputs))
}
