//! Signatures: what callers see, and the tensors of the graph behind it.

use std::collections::BTreeMap;

use hari_core::{Dim, Signature, SignatureMethod, TensorSpec};
use hari_error::{Error, Result};
use hari_proto::tensorflow::tensor_info::Encoding;
use hari_proto::tensorflow::{MetaGraphDef, SignatureDef, TensorInfo, TensorShapeProto};

use crate::dtype;
use crate::load::LeftOut;

/// TensorFlow's own signature for what runs once after loading.
pub(crate) const INIT: &str = "__saved_model_init_op";

const MAX_SIGNATURES: usize = 256;

/// A signature with the tensors of the main graph that it feeds and fetches, `node:index`.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) signature: Signature,
    pub(crate) feeds: Vec<(String, TensorShapeProto)>,
    pub(crate) fetches: Vec<String>,
}

/// Every signature of the graph, `serving_default` first, the others by name; and those with an
/// input or output that is sparse or of a type that cannot be served.
///
/// # Errors
/// If there is none.
pub(crate) fn all(meta: &MetaGraphDef) -> Result<(Vec<Bound>, Vec<LeftOut>)> {
    if meta.signature_def.len() > MAX_SIGNATURES {
        return Err(Error::model(format!(
            "more than {MAX_SIGNATURES} signatures"
        )));
    }
    let (mut bound, mut left_out) = (Vec::new(), Vec::new());
    for (name, definition) in &meta.signature_def {
        if name == INIT || definition.outputs.is_empty() {
            continue;
        }
        match bind(name, definition) {
            Ok(one) => bound.push(one),
            Err(error) => left_out.push(LeftOut {
                signature: name.clone(),
                reason: error.message().to_owned(),
            }),
        }
    }
    if bound.is_empty() && left_out.is_empty() {
        return Err(Error::model(
            "the SavedModel has no signature; export it with one, as `model.export` does",
        ));
    }
    bound.sort_by_key(|bound| bound.signature.name != Signature::DEFAULT);
    Ok((bound, left_out))
}

fn bind(name: &str, definition: &SignatureDef) -> Result<Bound> {
    let (inputs, feeds) = specs("input", &definition.inputs)?;
    let (outputs, fetches) = specs("output", &definition.outputs)?;
    let method = match definition.method_name.as_str() {
        "tensorflow/serving/classify" => SignatureMethod::Classify,
        "tensorflow/serving/regress" => SignatureMethod::Regress,
        _ => SignatureMethod::Predict,
    };
    let signature = Signature {
        name: name.to_owned(),
        method,
        inputs,
        outputs,
    };
    let fetches = fetches.into_iter().map(|(name, _)| name).collect();
    Ok(Bound {
        signature,
        feeds,
        fetches,
    })
}

type Specs = (Vec<TensorSpec>, Vec<(String, TensorShapeProto)>);

fn specs(role: &str, infos: &BTreeMap<String, TensorInfo>) -> Result<Specs> {
    let mut specs = (Vec::new(), Vec::new());
    for (name, info) in infos {
        let Some(Encoding::Name(tensor)) = &info.encoding else {
            return Err(Error::model(format!(
                "{role} `{name}` is not one dense tensor"
            )));
        };
        let dtype = dtype::from_number(info.dtype);
        let element = dtype::element(dtype).ok_or_else(|| {
            let dtype = dtype::name(dtype);
            Error::model(format!(
                "{role} `{name}` has type {dtype}, which cannot be served"
            ))
        })?;
        let unknown = TensorShapeProto {
            unknown_rank: true,
            ..TensorShapeProto::default()
        };
        let shape = info.tensor_shape.clone().unwrap_or(unknown);
        specs.0.push(TensorSpec {
            name: name.clone(),
            dtype: element,
            shape: dims(&shape),
        });
        specs.1.push((tensor.clone(), shape));
    }
    Ok(specs)
}

fn dims(shape: &TensorShapeProto) -> Option<Vec<Dim>> {
    if shape.unknown_rank {
        return None;
    }
    let dim = |dim: &hari_proto::tensorflow::tensor_shape_proto::Dim| {
        let name = Some(dim.name.clone()).filter(|name| !name.is_empty());
        usize::try_from(dim.size).map_or(Dim::Dynamic(name), Dim::Fixed)
    };
    Some(shape.dim.iter().map(dim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::shape_of;

    fn info(name: &str, dtype: i32, shape: Option<&[i64]>) -> TensorInfo {
        let encoding = Some(Encoding::Name(name.to_owned()));
        TensorInfo {
            encoding,
            dtype,
            tensor_shape: shape.map(shape_of),
        }
    }

    fn definition(input: TensorInfo, method: &str) -> SignatureDef {
        SignatureDef {
            inputs: BTreeMap::from([("x".to_owned(), input)]),
            outputs: BTreeMap::from([("y".to_owned(), info("y:1", 9, None))]),
            method_name: method.to_owned(),
            ..SignatureDef::default()
        }
    }

    fn meta(signatures: Vec<(&str, SignatureDef)>) -> MetaGraphDef {
        let signature_def = signatures
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect();
        MetaGraphDef {
            signature_def,
            ..MetaGraphDef::default()
        }
    }

    #[test]
    fn the_default_is_first_and_the_initialiser_is_left_out() {
        let plain = definition(info("x:0", 1, Some(&[-1, 3])), "tensorflow/serving/predict");
        let classify = definition(info("x:0", 1, None), "tensorflow/serving/classify");
        let all = all(&meta(vec![
            (INIT, plain.clone()),
            ("alpha", classify),
            (Signature::DEFAULT, plain),
        ]));
        let (all, left_out) = all.unwrap();
        assert_eq!((all.len(), left_out.len()), (2, 0));
        let first = &all[0].signature;
        assert_eq!(first.name, Signature::DEFAULT);
        assert_eq!(first.inputs[0].wire_shape(), [-1, 3]);
        assert_eq!(first.outputs[0].dtype, hari_core::DataType::Int64);
        assert_eq!(first.outputs[0].shape, None);
        assert_eq!(all[1].signature.method, SignatureMethod::Classify);
        assert_eq!(all[0].fetches, ["y:1"]);
    }

    #[test]
    fn what_is_not_a_dense_tensor_is_named() {
        let variant = definition(info("x:0", 21, None), "");
        let sparse = definition(TensorInfo::default(), "");
        let (bound, left) = all(&meta(vec![("s", variant), ("t", sparse)])).unwrap();
        assert!(bound.is_empty());
        assert_eq!(left[0].signature, "s");
        assert!(left[0].reason.contains("input `x` has type variant"));
        assert!(left[1].reason.contains("dense"), "{}", left[1].reason);
        assert!(
            all(&meta(Vec::new()))
                .unwrap_err()
                .message()
                .contains("no signature")
        );
    }
}
