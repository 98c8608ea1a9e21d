//! Before a model takes traffic: one run of every signature with zeros, so that the first caller
//! does not pay for memory that is touched for the first time, then the requests that lie beside
//! the model.

mod line;
mod record;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_core::{
    Call, Context, DataType, Dim, Input, Message, Method, Model, ModelMetadata, Signature, Target,
    Tensor, TensorSpec, Unit,
};
use hari_error::{Error, Result};

/// A signature that needs more bytes than this for one row is not warmed up.
const MOST_BYTES: usize = 64 << 20;

/// A warm-up request that takes longer is a mistake.
const LONGEST: Duration = Duration::from_secs(60);

/// A request to run before the model is ready.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Where it is written, for messages.
    pub(crate) place: String,
    pub(crate) message: Message,
    pub(crate) target: Target,
}

/// Runs the requests that lie in the model's folder: `warmup.jsonl`, a request of any protocol on
/// each line, and TensorFlow Serving's records in `assets.extra`.
///
/// # Errors
/// The first request that cannot be read or is not answered, with its place.
pub(crate) async fn with_requests(
    unit: &dyn Unit,
    version: Option<&String>,
    folder: &Path,
) -> Result<()> {
    let folder = folder.to_owned();
    let metadata = unit.metadata_of(&Target {
        version: version.cloned(),
        ..Target::default()
    });
    let reading = tokio::task::spawn_blocking(move || written(&folder, &metadata));
    let requests = reading
        .await
        .map_err(|error| Error::internal("reading warm-up requests").with_source(error))??;
    for mut request in requests {
        request.target.model = None;
        request.target.label = None;
        request.target.version = version.cloned();
        run(unit, request).await?;
    }
    Ok(())
}

fn written(folder: &Path, model: &ModelMetadata) -> Result<Vec<Request>> {
    let mut requests = line::read(folder)?;
    requests.extend(record::read(folder, model)?);
    Ok(requests)
}

/// Runs one request; its answer is thrown away.
///
/// # Errors
/// If it is not answered: a model that fails on a request that its owner wrote is not ready.
pub(crate) async fn run(unit: &dyn Unit, request: Request) -> Result<()> {
    let context = Context::new("warm-up", LONGEST).aimed(request.target);
    let input = Input::One(request.message);
    match unit.call(Method::Predict, input, &context).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.context(format!("warm-up request, {}", request.place))),
    }
}

/// Runs every signature whose inputs can be made up. A model that fails on zeros is not at fault:
/// zeros may be no input of its kind.
pub(crate) async fn with_zeros(model: &Arc<dyn Model>) -> Result<()> {
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
        .map_err(|error| Error::model("the model crashed").with_source(error))
}

fn inputs(signature: &Signature) -> Option<Vec<Tensor>> {
    signature.inputs.iter().map(zeros).collect()
}

/// One row of zeros, of empty strings where the elements are strings; none if the rank is unknown.
fn zeros(spec: &TensorSpec) -> Option<Tensor> {
    let size = spec.dtype.size().unwrap_or(size_of::<Bytes>());
    let shape: Vec<usize> = spec.shape.as_ref()?.iter().map(one).collect();
    let bytes = shape
        .iter()
        .try_fold(size, |product, &dim| product.checked_mul(dim))?;
    if bytes > MOST_BYTES {
        return None;
    }
    if spec.dtype == DataType::Bytes {
        return Tensor::from_strings(shape, vec![Bytes::new(); bytes / size]).ok();
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
        let text = zeros(&TensorSpec {
            dtype: DataType::Bytes,
            ..spec.clone()
        });
        assert!(text.unwrap().strings().unwrap().iter().all(Bytes::is_empty));
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
