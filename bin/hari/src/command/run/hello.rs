//! The words after the start: where it listens, and one `curl` line that works when pasted.

use hari_core::{DataType, Dim, TensorSpec};
use hari_engine::Addresses;
use hari_ingress::Directory;

use crate::output;

/// A body with more numbers than this is no line to paste.
const MOST_NUMBERS: usize = 32;

/// Prints the addresses and the line.
pub(super) fn print(addresses: &Addresses, directory: &Directory) {
    output::line(format!(
        "\nREST and gRPC on {}, gRPC on {}, metrics on {}",
        addresses.http, addresses.grpc, addresses.metrics
    ));
    let Some(deployment) = directory.all().into_iter().next() else {
        return;
    };
    let Some(predictor) = deployment.choose(None) else {
        return;
    };
    let metadata = predictor.unit.metadata();
    let inputs = metadata
        .signatures
        .first()
        .map_or(&[][..], |signature| &signature.inputs);
    let base = format!(
        "http://{}/seldon/{}/{}",
        addresses.http, deployment.namespace, deployment.name
    );
    output::line(match example(inputs) {
        Some(body) => format!(
            "\n  curl {base}/api/v1.0/predictions -H 'Content-Type: application/json' -d '{body}'"
        ),
        None => format!("\n  curl {base}/v2/models/{}", metadata.name),
    });
}

/// A body of zeros, if the model takes one small tensor, or one image-sized one by shape.
fn example(inputs: &[TensorSpec]) -> Option<String> {
    let [input] = inputs else { return None };
    let one = |dim: &Dim| if let Dim::Fixed(size) = dim { *size } else { 1 };
    let shape: Vec<usize> = input.shape.as_ref()?.iter().map(one).collect();
    let count: usize = shape.iter().product();
    if input.dtype == DataType::Bytes {
        return None;
    }
    let values = match count {
        0 => return None,
        count if count <= MOST_NUMBERS => vec!["0"; count].join(","),
        _ => format!("'$(seq -s, {count} | sed 's/[0-9]*/0/g')'"),
    };
    let shape = shape
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",");
    Some(format!(
        r#"{{"data":{{"tensor":{{"shape":[{shape}],"values":[{values}]}}}}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(shape: &[usize]) -> TensorSpec {
        let mut dims = vec![Dim::Dynamic(None)];
        dims.extend(shape.iter().copied().map(Dim::Fixed));
        TensorSpec {
            name: "x".into(),
            dtype: DataType::Fp32,
            shape: Some(dims),
        }
    }

    #[test]
    fn a_small_input_is_written_out() {
        let body = example(&[input(&[3])]).unwrap();
        assert_eq!(
            body,
            r#"{"data":{"tensor":{"shape":[1,3],"values":[0,0,0]}}}"#
        );
    }

    #[test]
    fn an_image_is_left_to_the_shell() {
        let body = example(&[input(&[28, 28, 1])]).unwrap();
        assert!(
            body.contains("[1,28,28,1]") && body.contains("seq -s, 784"),
            "{body}"
        );
    }

    #[test]
    fn what_cannot_be_made_up_is_not() {
        assert_eq!(example(&[]), None);
        assert_eq!(example(&[input(&[1]), input(&[1])]), None);
        assert_eq!(
            example(&[TensorSpec {
                shape: None,
                ..input(&[1])
            }]),
            None
        );
    }
}
