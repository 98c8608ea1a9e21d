//! What servers say of the inputs of their models, in the words of each protocol.

use hari_core::{DataType, Dim, TensorSpec};
use hari_proto::seldon::SeldonMessageMetadata;
use hari_proto::tensorflow::{self, SignatureDef, TensorShapeProto};
use hari_protocol::tensorflow::tensor::from_wire;
use serde_json::{Map, Value};

/// The inputs that a JSON body of metadata names; none if it names none.
pub(super) fn of_json(body: &[u8]) -> Option<Vec<TensorSpec>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let signatures = value.pointer("/metadata/signature_def/signature_def");
    if let Some(Value::Object(signatures)) = signatures {
        return of_signatures(signatures);
    }
    let inputs = value
        .get("graphinputs")
        .or_else(|| value.get("inputs"))?
        .as_array()?;
    some(inputs.iter().filter_map(of_member).collect())
}

fn some(specs: Vec<TensorSpec>) -> Option<Vec<TensorSpec>> {
    (!specs.is_empty()).then_some(specs)
}

/// `{"name", "datatype", "shape"}`; of the older form of the Seldon protocol, `schema.shape`.
fn of_member(value: &Value) -> Option<TensorSpec> {
    let shape = value
        .get("shape")
        .or_else(|| value.pointer("/schema/shape"));
    let sizes = shape
        .and_then(Value::as_array)
        .map(|dims| dims.iter().map(size).collect());
    let datatype = value.get("datatype").and_then(Value::as_str);
    let name = value
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    spec(name, datatype.unwrap_or_default(), sizes)
}

/// A number, or one in quotes as the JSON form of protocol buffers has it; -1 if it is neither.
fn size(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(-1)
}

fn spec(name: &str, datatype: &str, sizes: Option<Vec<i64>>) -> Option<TensorSpec> {
    let dtype = match datatype {
        // Not said: what most models take.
        "" => DataType::Fp32,
        known => known.parse().ok()?,
    };
    // `[-1]` is what a model says that does not know its rank; an empty list says nothing.
    let known = sizes.filter(|sizes| !sizes.is_empty() && *sizes != [-1]);
    let shape = known.map(|sizes| sizes.into_iter().map(dim).collect());
    Some(TensorSpec {
        name: name.to_owned(),
        dtype,
        shape,
    })
}

fn dim(size: i64) -> Dim {
    usize::try_from(size).map_or(Dim::Dynamic(None), Dim::Fixed)
}

/// TensorFlow's form: the default signature, or the only one.
fn of_signatures(signatures: &Map<String, Value>) -> Option<Vec<TensorSpec>> {
    let signature = signatures
        .get("serving_default")
        .or_else(|| signatures.values().next())?;
    let inputs = signature.get("inputs")?.as_object()?;
    some(
        inputs
            .iter()
            .filter_map(|(name, info)| of_info(name, info))
            .collect(),
    )
}

fn of_info(name: &str, info: &Value) -> Option<TensorSpec> {
    let wire = tensorflow::DataType::from_str_name(info.get("dtype")?.as_str()?)?;
    let dims = info.pointer("/tensor_shape/dim").and_then(Value::as_array);
    let sizes = dims.map(|dims| {
        dims.iter()
            .map(|dim| dim.get("size").map_or(-1, size))
            .collect()
    });
    spec(name, from_wire(wire as i32).ok()?.name(), sizes)
}

/// The inputs that the Seldon protocol names over gRPC.
pub(super) fn of_seldon(inputs: &[SeldonMessageMetadata]) -> Option<Vec<TensorSpec>> {
    let of = |input: &SeldonMessageMetadata| {
        spec(&input.name, &input.datatype, Some(input.shape.clone()))
    };
    some(inputs.iter().filter_map(of).collect())
}

/// The inputs that the open inference protocol names over gRPC.
pub(super) fn of_open_inference(
    inputs: &[hari_proto::inference::model_metadata_response::TensorMetadata],
) -> Option<Vec<TensorSpec>> {
    let of = |input: &hari_proto::inference::model_metadata_response::TensorMetadata| {
        spec(&input.name, &input.datatype, Some(input.shape.clone()))
    };
    some(inputs.iter().filter_map(of).collect())
}

/// The inputs of a signature of TensorFlow Serving.
pub(super) fn of_signature(signature: &SignatureDef) -> Option<Vec<TensorSpec>> {
    let inputs = signature.inputs.iter().filter_map(|(name, info)| {
        let shape = info
            .tensor_shape
            .as_ref()
            .filter(|shape| !shape.unknown_rank);
        let dtype = from_wire(info.dtype).ok()?;
        spec(name, dtype.name(), shape.map(sizes))
    });
    some(inputs.collect())
}

fn sizes(shape: &TensorShapeProto) -> Vec<i64> {
    shape.dim.iter().map(|dim| dim.size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Option<Vec<String>> {
        of_json(body.as_bytes()).map(|specs| specs.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_protocol_is_read() {
        let image = Some(vec!["`image` FP32 [-1, 28, 28, 1]".to_owned()]);
        let member = r#"[{"name":"image","datatype":"FP32","shape":[-1,28,28,1]}]"#;
        assert_eq!(
            said(&format!(r#"{{"name":"p","graphinputs":{member}}}"#)),
            image
        );
        assert_eq!(said(&format!(r#"{{"name":"m","inputs":{member}}}"#)), image);
        let info = r#"{"image":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1"},
            {"size":"28"},{"size":"28"},{"size":"1"}],"unknown_rank":false},"name":"x"}}"#;
        let body = format!(
            r#"{{"model_spec":{{}},"metadata":{{"signature_def":{{"signature_def":
            {{"serving_default":{{"inputs":{info}}}}}}}}}}}"#
        );
        assert_eq!(said(&body), image);
    }

    #[test]
    fn the_older_form_of_the_seldon_protocol_has_a_shape() {
        let body =
            r#"{"inputs":[{"messagetype":"tensor","schema":{"names":["a"],"shape":[2,2]}}]}"#;
        assert_eq!(said(body), Some(vec!["`` FP32 [2, 2]".to_owned()]));
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        assert_eq!(said("nonsense"), None);
        assert_eq!(said(r#"{"inputs":[]}"#), None);
        let body = r#"{"inputs":[{"name":"x","datatype":"INT64","shape":[-1]}]}"#;
        assert_eq!(said(body), Some(vec!["`x` INT64 of any shape".to_owned()]));
        assert_eq!(
            said(r#"{"inputs":[{"name":"x","datatype":"COMPLEX","shape":[1]}]}"#),
            None
        );
    }
}
