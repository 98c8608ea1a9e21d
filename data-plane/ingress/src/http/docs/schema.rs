//! Element types and shapes as JSON schemas.

use hari_core::{DataType, Dim, TensorSpec};
use serde_json::{Map, Value, json};

/// Nested arrays, a fixed dimension with its exact number of items.
pub(super) fn array(spec: &TensorSpec) -> Value {
    match &spec.shape {
        Some(shape) => nested(shape, spec.dtype),
        None => json!({"description": format!("{} of any shape", spec.dtype)}),
    }
}

/// One row of [`array`]; none if the first dimension is fixed or there is none.
pub(super) fn row(spec: &TensorSpec) -> Option<Value> {
    match spec.shape.as_deref() {
        Some([Dim::Dynamic(_), rest @ ..]) => Some(nested(rest, spec.dtype)),
        _ => None,
    }
}

fn nested(shape: &[Dim], dtype: DataType) -> Value {
    let within = |items: Value, dim: &Dim| match dim {
        Dim::Fixed(size) => {
            json!({"type": "array", "minItems": size, "maxItems": size, "items": items})
        }
        Dim::Dynamic(_) => json!({"type": "array", "items": items}),
    };
    shape.iter().rev().fold(element(dtype), within)
}

/// One element.
pub(super) fn element(dtype: DataType) -> Value {
    match dtype {
        DataType::Bool => json!({"type": "boolean"}),
        DataType::Bytes => json!({"type": "string"}),
        DataType::Fp32 => json!({"type": "number", "format": "float"}),
        DataType::Fp64 => json!({"type": "number", "format": "double"}),
        DataType::Fp16 | DataType::Bf16 => json!({"type": "number"}),
        DataType::Int64 => json!({"type": "integer", "format": "int64"}),
        DataType::Int32 => json!({"type": "integer", "format": "int32"}),
        other => whole(other),
    }
}

/// Whole numbers that have no format of their own are told by their range.
fn whole(dtype: DataType) -> Value {
    let (least, most) = match dtype {
        DataType::Int8 => (i64::from(i8::MIN), u64::from(i8::MAX.unsigned_abs())),
        DataType::Int16 => (i64::from(i16::MIN), u64::from(i16::MAX.unsigned_abs())),
        DataType::Uint8 => (0, u64::from(u8::MAX)),
        DataType::Uint16 => (0, u64::from(u16::MAX)),
        DataType::Uint32 => (0, u64::from(u32::MAX)),
        _ => (0, u64::MAX),
    };
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// An object of `members`, all of them required.
pub(super) fn object(members: Map<String, Value>) -> Value {
    let names: Vec<_> = members.keys().cloned().collect();
    if names.is_empty() {
        return json!({"type": "object"});
    }
    json!({"type": "object", "required": names, "properties": Value::Object(members)})
}

/// A reference to the schema of this name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(dtype: DataType, shape: Option<Vec<Dim>>) -> TensorSpec {
        TensorSpec {
            name: "x".to_owned(),
            dtype,
            shape,
        }
    }

    #[test]
    fn fixed_dimensions_bound_their_array() {
        let spec = spec(
            DataType::Fp32,
            Some(vec![Dim::Dynamic(None), Dim::Fixed(3)]),
        );
        let inner = json!({
            "type": "array", "minItems": 3, "maxItems": 3,
            "items": {"type": "number", "format": "float"},
        });
        assert_eq!(array(&spec), json!({"type": "array", "items": inner}));
        assert_eq!(row(&spec), Some(inner));
    }

    #[test]
    fn what_has_no_rows_has_no_row() {
        for shape in [None, Some(vec![]), Some(vec![Dim::Fixed(1)])] {
            assert_eq!(row(&spec(DataType::Fp32, shape)), None);
        }
    }

    #[test]
    fn every_type_has_a_schema_that_admits_zero() {
        for dtype in DataType::ALL {
            let schema = element(dtype);
            let kind = match dtype {
                DataType::Bool => "boolean",
                DataType::Bytes => "string",
                dtype if dtype.is_float() => "number",
                _ => "integer",
            };
            assert_eq!(schema["type"], kind, "{dtype}");
            assert!(schema["minimum"].as_i64().unwrap_or(0) <= 0, "{dtype}");
        }
        assert_eq!(element(DataType::Uint64)["maximum"], u64::MAX);
        assert_eq!(element(DataType::Int8)["minimum"], -128);
    }
}
