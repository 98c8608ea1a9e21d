//! The tensors that a class says it takes and gives, in either form of its metadata.

use hari_core::{DataType, Dim, TensorSpec};
use serde_json::Value;

/// Inputs or outputs as tensors; none if one is of another kind (a text, JSON, bytes).
pub(crate) fn tensors(metadata: &Value, field: &str) -> Option<Vec<TensorSpec>> {
    let all = metadata.get(field)?.as_array()?;
    all.iter().map(tensor).collect()
}

/// `{name, datatype, shape}` of the open inference protocol, or Seldon's `{messagetype, schema}`,
/// whose numbers have no type: they are taken as `FP64`.
fn tensor(value: &Value) -> Option<TensorSpec> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (dtype, shape) = match (text("messagetype"), text("datatype")) {
        (Some("tensor" | "ndarray" | "tftensor"), _) => {
            let shape = value.get("schema").and_then(|schema| schema.get("shape"));
            (DataType::Fp64, shape)
        }
        (None, Some(datatype)) => (datatype.parse().ok()?, value.get("shape")),
        _ => return None,
    };
    Some(TensorSpec {
        name: text("name").unwrap_or_default().to_owned(),
        dtype,
        shape: shape
            .and_then(Value::as_array)
            .map(|dims| dims.iter().map(dim).collect()),
    })
}

fn dim(value: &Value) -> Dim {
    let fixed = value.as_u64().and_then(|size| usize::try_from(size).ok());
    fixed.map_or(Dim::Dynamic(None), Dim::Fixed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let metadata = json!({
            "inputs": [{"messagetype": "tensor", "schema": {"names": ["a"], "shape": [1, -1]}}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
        });
        let inputs = tensors(&metadata, "inputs").unwrap();
        assert_eq!(inputs[0].wire_shape(), [1, -1]);
        let outputs = tensors(&metadata, "outputs").unwrap();
        assert_eq!((&*outputs[0].name, outputs[0].dtype), ("y", DataType::Fp32));
    }

    #[test]
    fn what_is_no_tensor_leaves_the_signature_open() {
        let metadata = json!({"inputs": [{"messagetype": "strData"}], "outputs": 3});
        assert_eq!(tensors(&metadata, "inputs"), None);
        assert_eq!(tensors(&metadata, "outputs"), None);
        assert_eq!(tensors(&json!(null), "inputs"), None);
    }
}
