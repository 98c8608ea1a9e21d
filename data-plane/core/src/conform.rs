//! Fits the tensors of a request to the signature of a model, or says what does not fit.
//!
//! Three steps, each with one rule:
//!
//! * **names**: tensors are matched by name; a single unnamed tensor is the single input;
//! * **types**: a declared type must be the model's or widen to it without loss; numbers whose
//!   type was only inferred take the model's type if every value fits (floats round);
//! * **shapes**: see [`shape`].

mod shape;

use hari_error::{Error, Result};

use crate::missing::refuse_missing;
use crate::{NamedTensor, Signature, Tensor, TensorSpec, Typing};

/// Tensors that fit a signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Conformed {
    /// One per input of the signature, in its order.
    pub inputs: Vec<Tensor>,
    /// The rows that all inputs share, if the signature can be batched and they agree.
    pub rows: Option<usize>,
}

/// Fits `tensors` to `signature`.
///
/// # Errors
/// `InvalidInput` that names the tensor, what was expected and what was found.
pub fn conform(signature: &Signature, tensors: Vec<NamedTensor>) -> Result<Conformed> {
    let ordered = by_name(signature, tensors)?;
    let mut inputs = Vec::with_capacity(ordered.len());
    for (spec, named) in signature.inputs.iter().zip(ordered) {
        let tensor = fit_type(spec, named)?;
        inputs.push(shape::fit(spec, tensor)?);
    }
    let rows = shared_rows(signature, &inputs)?;
    Ok(Conformed { inputs, rows })
}

fn by_name(signature: &Signature, mut tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
    if let ([_], [only]) = (&*signature.inputs, &*tensors)
        && only.name.is_empty()
    {
        return Ok(tensors);
    }
    let mut ordered = Vec::with_capacity(signature.inputs.len());
    for spec in &signature.inputs {
        let at = tensors.iter().position(|named| named.name == spec.name);
        let at = at.ok_or_else(|| missing(signature, spec, &tensors))?;
        ordered.push(tensors.swap_remove(at));
    }
    match tensors.first() {
        None => Ok(ordered),
        Some(extra) => Err(unknown(signature, &extra.name)),
    }
}

fn missing(signature: &Signature, spec: &TensorSpec, found: &[NamedTensor]) -> Error {
    let found = match found {
        [] => "none".to_owned(),
        found => quoted(found.iter().map(|named| &*named.name)),
    };
    let expected = quoted(signature.inputs.iter().map(|spec| &*spec.name));
    Error::invalid(format!(
        "input {spec} is missing: expected {expected}, found {found}"
    ))
}

fn unknown(signature: &Signature, name: &str) -> Error {
    let expected = quoted(signature.inputs.iter().map(|spec| &*spec.name));
    Error::invalid(format!(
        "input `{name}` is unknown or given twice: the model takes {expected}"
    ))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names
        .map(|n| {
            if n.is_empty() {
                "an unnamed tensor".into()
            } else {
                format!("`{n}`")
            }
        })
        .collect();
    names.join(", ")
}

fn fit_type(spec: &TensorSpec, named: NamedTensor) -> Result<Tensor> {
    refuse_missing(&spec.name, named.tensor.shape(), &named.cells)?;
    let found = named.tensor.dtype();
    if found == spec.dtype {
        return Ok(named.tensor);
    }
    let allowed = match named.typing {
        Typing::Declared => found.widens_to(spec.dtype),
        Typing::Inferred => true,
    };
    if !allowed {
        return Err(Error::invalid(format!(
            "input `{}`: expected {}, found {found}",
            spec.name, spec.dtype
        )));
    }
    named
        .tensor
        .cast(spec.dtype)
        .map_err(|error| error.context(format!("input `{}`", spec.name)))
}

fn shared_rows(signature: &Signature, inputs: &[Tensor]) -> Result<Option<usize>> {
    if !signature.batchable() {
        return Ok(None);
    }
    let rows = inputs.first().map_or(0, Tensor::rows);
    match inputs.iter().position(|tensor| tensor.rows() != rows) {
        None => Ok(Some(rows)),
        Some(at) => Err(Error::invalid(format!(
            "input `{}` has {} rows, input `{}` has {rows}: all inputs need the same number",
            signature.inputs[at].name,
            inputs[at].rows(),
            signature.inputs[0].name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataType, Dim, SignatureMethod};

    fn spec(name: &str, dtype: DataType, dims: &[i64]) -> TensorSpec {
        let dim = |&d: &i64| usize::try_from(d).map_or(Dim::Dynamic(None), Dim::Fixed);
        TensorSpec {
            name: name.into(),
            dtype,
            shape: Some(dims.iter().map(dim).collect()),
        }
    }

    fn signature(inputs: Vec<TensorSpec>) -> Signature {
        let outputs = vec![spec("y", DataType::Fp32, &[-1, 1])];
        let method = SignatureMethod::Predict;
        Signature {
            name: Signature::DEFAULT.into(),
            method,
            inputs,
            outputs,
        }
    }

    fn zeros(name: &str, shape: &[usize]) -> NamedTensor {
        let tensor = Tensor::from_vec(shape, vec![0_f64; shape.iter().product()]).unwrap();
        NamedTensor::inferred(name, tensor)
    }

    #[test]
    fn inputs_are_ordered_by_name() {
        let signature = signature(vec![
            spec("a", DataType::Fp32, &[-1, 1]),
            spec("b", DataType::Fp32, &[-1, 2]),
        ]);
        let conformed =
            conform(&signature, vec![zeros("b", &[3, 2]), zeros("a", &[3, 1])]).unwrap();
        assert_eq!(conformed.inputs[0].shape(), [3, 1]);
        assert_eq!(conformed.inputs[1].shape(), [3, 2]);
        assert_eq!(conformed.rows, Some(3));
    }

    #[test]
    fn a_missing_and_an_unknown_input_are_named() {
        let signature = signature(vec![spec("x", DataType::Fp32, &[-1, 2])]);
        let error = conform(&signature, vec![zeros("z", &[1, 2])]).unwrap_err();
        assert_eq!(
            error.message(),
            "input `x` FP32 [-1, 2] is missing: expected `x`, found `z`"
        );
        let error = conform(&signature, vec![zeros("x", &[1, 2]), zeros("z", &[1])]).unwrap_err();
        assert!(error.message().contains("`z` is unknown"), "{error}");
    }

    #[test]
    fn a_declared_type_is_not_narrowed() {
        let signature = signature(vec![spec("x", DataType::Fp32, &[-1, 2])]);
        let declared = NamedTensor {
            typing: Typing::Declared,
            ..zeros("x", &[1, 2])
        };
        let error = conform(&signature, vec![declared]).unwrap_err();
        assert_eq!(error.message(), "input `x`: expected FP32, found FP64");
        assert!(conform(&signature, vec![zeros("", &[1, 2])]).is_ok());
    }

    #[test]
    fn null_is_no_element() {
        let signature = signature(vec![spec("x", DataType::Fp32, &[-1, 2])]);
        let null = NamedTensor {
            cells: Some([crate::Cell::Number, crate::Cell::Missing].into()),
            ..zeros("", &[1, 2])
        };
        let error = conform(&signature, vec![null]).unwrap_err();
        assert!(
            error.message().contains("`x`, element [0][1]: null"),
            "{error}"
        );
    }

    #[test]
    fn inputs_need_the_same_rows() {
        let signature = signature(vec![
            spec("a", DataType::Fp32, &[-1, 1]),
            spec("b", DataType::Fp32, &[-1, 1]),
        ]);
        let error =
            conform(&signature, vec![zeros("a", &[2, 1]), zeros("b", &[3, 1])]).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("input `b` has 3 rows, input `a` has 2"),
            "{error}"
        );
    }
}
