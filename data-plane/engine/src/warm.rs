//! One run of every signature with zeros before a model takes traffic, so that the first caller
//! does not pay for memory that is touched for the first time.

use std::sync::Arc;

use hari_core::{Call, DataType, Dim, Model, Signature, Tensor, TensorSpec};
use hari_error::Result;

/// A signature that needs more bytes than this for one row is not warmed up.
const MOST_BYTES: usize = 64 << 20;

/// Runs every signature whose inputs can be made up. A model that fails on zeros is not at fault:
/// zeros may be no input of its kind.
pub(crate) async fn up(model: &Arc<dyn Model>) -> Result<()> {
    let model = model.clone();
    let done = tokio::task::spawn_blocking(move || {
        for (at, signature) in model.signatures().iter().enumerate() {
            if let Some(inputs) = inputs(signature)
                && let Err(error) = model.run(Call {
                    signature: at,
                    inputs,
                    outputs: vec![],
                })
            {
                tracing::debug!(signature = signature.name, %error, "warm-up with zeros failed");
            }
        }
    });
    done.await
        .map_err(|error| hari_error::Error::model("the model crashed").with_source(error))
}

fn inputs(signature: &Signature) -> Option<Vec<Tensor>> {
    signature.inputs.iter().map(zeros).collect()
}

/// One row of zeros; none if the rank is unknown or the elements are strings.
fn zeros(spec: &TensorSpec) -> Option<Tensor> {
    let size = spec.dtype.size()?;
    let shape: Vec<usize> = spec.shape.as_ref()?.iter().map(one).collect();
    let bytes = shape
        .iter()
        .try_fold(size, |product, &dim| product.checked_mul(dim))?;
    if bytes > MOST_BYTES || spec.dtype == DataType::Bytes {
        return None;
    }
    Tensor::from_bytes(spec.dtype, shape, vec![0; bytes]).ok()
}

fn one(dim: &Dim) -> usize {
    match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_dimension_is_one_row() {
        let shape = Some(vec![Dim::Dynamic(None), Dim::Fixed(28), Dim::Fixed(28)]);
        let spec = TensorSpec {
            name: "x".into(),
            dtype: DataType::Fp32,
            shape,
        };
        assert_eq!(zeros(&spec).unwrap().shape(), [1, 28, 28]);
        assert!(
            zeros(&TensorSpec {
                shape: None,
                ..spec.clone()
            })
            .is_none()
        );
        assert!(
            zeros(&TensorSpec {
                dtype: DataType::Bytes,
                ..spec.clone()
            })
            .is_none()
        );
        let huge = Some(vec![Dim::Fixed(usize::MAX), Dim::Fixed(2)]);
        assert!(
            zeros(&TensorSpec {
                shape: huge,
                ..spec
            })
            .is_none()
        );
    }
}
