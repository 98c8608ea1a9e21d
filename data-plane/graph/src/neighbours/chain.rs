//! One node after the other. The outputs of the first are made of zeros and fitted to the second's
//! signature, as the walk and the model would: what no number of rows makes fit, never fits.

use bytes::Bytes;
use hari_core::{
    DataType, Dim, Message, ModelMetadata, NamedTensor, Payload, Signature, Tensor, TensorSpec,
    conform,
};
use hari_error::{Error, Result};

use super::{Known, Misfit, listed};
use crate::walk::fit;

/// More elements than this are not made.
const MOST_ELEMENTS: usize = 1 << 22;

/// Why the node `taker` of this signature cannot take the outputs of the node `by`.
pub(super) fn misfit(
    taker: &str,
    known: Known,
    signature: &Signature,
    (by, outputs): (&str, &[TensorSpec]),
) -> Option<Misfit> {
    if known == Known::Table && !is_matrix(signature, outputs) {
        return None;
    }
    let why = refusal(signature, outputs)?;
    let (gives, takes) = (listed(outputs), listed(&signature.inputs));
    Some(Misfit {
        node: taker.to_owned(),
        message: format!(
            "`{by}` gives {gives}, but `{taker}` takes {takes}: {}",
            why.message()
        ),
        hint:
            "change the order of the nodes, or put a node between them that makes one of the other"
                .to_owned(),
    })
}

/// Whether numbers go into a single table: then its columns are counted.
fn is_matrix(signature: &Signature, outputs: &[TensorSpec]) -> bool {
    let numeric = |spec: &TensorSpec| spec.dtype.is_numeric();
    let rank = |spec: &TensorSpec| spec.shape.as_ref().map_or(0, Vec::len);
    match (&*signature.inputs, outputs) {
        ([input], [output]) => {
            numeric(input) && numeric(output) && rank(input) == 2 && rank(output) == 2
        }
        _ => false,
    }
}

/// The refusal of two rows, if every number of rows is refused.
fn refusal(signature: &Signature, outputs: &[TensorSpec]) -> Option<Error> {
    if let Some(error) = kinds(signature, outputs) {
        return Some(error);
    }
    let signature = match outputs.iter().all(has_known_rows) {
        true => signature.clone(),
        false => of_any_shape(signature),
    };
    let mut first = None;
    for rows in candidates(&signature) {
        let tensors = outputs.iter().map(|spec| zeros(spec, rows));
        let tensors: Option<Vec<_>> = tensors.collect();
        match taken(&signature, tensors?) {
            Ok(()) => return None,
            Err(error) => first = first.or(Some(error)),
        }
    }
    first
}

/// Text where numbers are wanted, or the other way round; zeros would not tell.
fn kinds(signature: &Signature, outputs: &[TensorSpec]) -> Option<Error> {
    let ([input], [output]) = (&*signature.inputs, outputs) else {
        return None;
    };
    let text = |spec: &TensorSpec| spec.dtype == DataType::Bytes;
    (text(input) != text(output)).then(|| {
        let words = format!("expected {}, found {}", input.dtype, output.dtype);
        Error::invalid(format!("input `{}`: {words}", input.name))
    })
}

fn taken(signature: &Signature, tensors: Vec<NamedTensor>) -> Result<()> {
    let metadata = ModelMetadata {
        signatures: vec![signature.clone()],
        ..ModelMetadata::default()
    };
    let mut message = Message::tensors(tensors);
    fit(&mut message, &metadata, None);
    match message.payload {
        Payload::Tensors(tensors) => conform(signature, tensors).map(drop),
        _ => Ok(()),
    }
}

/// Whether at most the first dimension may be anything.
fn has_known_rows(spec: &TensorSpec) -> bool {
    let shape = spec.shape.as_deref();
    shape.is_some_and(|shape| !shape.iter().skip(1).any(Dim::is_dynamic))
}

fn of_any_shape(signature: &Signature) -> Signature {
    let inputs = signature.inputs.iter().cloned();
    let inputs = inputs.map(|spec| TensorSpec {
        shape: None,
        ..spec
    });
    Signature {
        inputs: inputs.collect(),
        outputs: Vec::new(),
        ..signature.clone()
    }
}

/// Numbers of rows, one of which fits if any does: a few, and those that are read as one row.
fn candidates(signature: &Signature) -> Vec<usize> {
    let mut rows = vec![2, 1, 3];
    for spec in &signature.inputs {
        let dims = spec.shape.iter().flatten();
        let fixed = dims.filter_map(|dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Dynamic(_) => None,
        });
        let fixed: Vec<usize> = fixed.collect();
        let products = (0..fixed.len()).map(|from| {
            let rest = fixed.iter().skip(from);
            rest.fold(1_usize, |all, dim| all.saturating_mul(*dim))
        });
        rows.extend(products);
        rows.extend(fixed);
    }
    rows.sort_unstable_by_key(|&rows| (rows != 2, rows));
    rows.dedup();
    rows
}

/// Zeros of an output's type and shape, with this many rows if their number may be any.
fn zeros(spec: &TensorSpec, rows: usize) -> Option<NamedTensor> {
    let dims = spec.shape.as_deref().unwrap_or(&[Dim::Dynamic(None)]);
    let dims = dims.iter().map(|dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic(_) => rows,
    });
    let shape: Vec<usize> = dims.collect();
    let elements = shape
        .iter()
        .try_fold(1_usize, |all, dim| all.checked_mul(*dim));
    let elements = elements.filter(|elements| *elements <= MOST_ELEMENTS)?;
    let tensor = match spec.dtype {
        DataType::Bytes => Tensor::from_strings(shape, vec![Bytes::new(); elements]),
        dtype => Tensor::from_vec(shape, vec![0_u8; elements]).and_then(|all| all.cast(dtype)),
    };
    Some(NamedTensor::new(&*spec.name, tensor.ok()?))
}
