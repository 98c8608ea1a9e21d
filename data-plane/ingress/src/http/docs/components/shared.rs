//! Schemas that are the same for every deployment: messages, metadata, errors.

use serde_json::{Map, Value, json};

use super::reference;
use crate::reply::Dialect;

/// The name of the response that tells an error in the words of `dialect`.
pub(in crate::http::docs) fn error_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Seldon => "SeldonError",
        Dialect::OpenInference => "OpenInferenceError",
        Dialect::Tensorflow => "TensorflowError",
        Dialect::Mlflow => "MlflowError",
    }
}

/// The error reply of `dialect`.
pub(in crate::http::docs) fn responses(dialect: Dialect) -> (String, Value) {
    let name = error_name(dialect);
    let response = json!({
        "description": "What is wrong and what to do, in words",
        "headers": {"Retry-After": {
            "description": "Seconds, where trying again may help",
            "schema": {"type": "integer"},
        }},
        "content": {"application/json": {"schema": reference(name)}},
    });
    (name.to_owned(), response)
}

/// Parameters that several operations have.
pub(in crate::http::docs) fn parameters() -> Value {
    json!({"Puid": {
        "name": "Seldon-Puid",
        "in": "header",
        "description": "The request's id, given back in the reply; made if there is none",
        "schema": {"type": "string"},
    }})
}

/// The schemas of `dialect`.
pub(in crate::http::docs) fn shared(dialect: Dialect) -> Map<String, Value> {
    let schemas = match dialect {
        Dialect::Seldon => seldon(),
        Dialect::OpenInference => open_inference(),
        Dialect::Tensorflow => tensorflow(),
        Dialect::Mlflow => mlflow(),
    };
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

fn mlflow() -> Value {
    json!({
        "Predictions": {
            "type": "object",
            "required": ["predictions"],
            "properties": {"predictions": {}},
        },
        "MlflowError": {
            "type": "object",
            "required": ["error_code", "message"],
            "properties": {
                "error_code": {"type": "string"},
                "message": {"type": "string"},
            },
        },
    })
}

fn seldon() -> Value {
    json!({
        "SeldonMessage": message(),
        "SeldonMessageList": {"anyOf": [
            {"type": "array", "items": reference("SeldonMessage")},
            {
                "type": "object",
                "required": ["seldonMessages"],
                "properties": {"seldonMessages": {"type": "array", "items": reference("SeldonMessage")}},
            },
        ]},
        "SeldonFeedback": {
            "type": "object",
            "properties": {
                "request": reference("SeldonMessage"),
                "response": reference("SeldonMessage"),
                "truth": reference("SeldonMessage"),
                "reward": {"type": "number", "format": "float"},
            },
        },
        "SeldonMeta": meta(),
        "SeldonStatus": {
            "type": "object",
            "properties": {
                "code": {"type": "integer", "format": "int32"},
                "info": {"type": "string"},
                "reason": {"type": "string"},
                "status": {"type": "string", "enum": ["SUCCESS", "FAILURE"]},
            },
        },
        "SeldonError": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": reference("SeldonStatus")},
        },
        "SeldonMetadata": metadata(json!({"custom": strings()})),
        "SeldonGraph": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "models": {"type": "object", "additionalProperties": reference("SeldonMetadata")},
                "graphinputs": described(),
                "graphoutputs": described(),
            },
        },
    })
}

/// A Seldon message of any content: one of `data`, `jsonData`, `strData` and `binData`.
pub(super) fn message() -> Value {
    let numbers = json!({"type": "array", "items": {"type": "number"}});
    json!({
        "type": "object",
        "properties": {
            "status": reference("SeldonStatus"),
            "meta": reference("SeldonMeta"),
            "data": {
                "type": "object",
                "description": "An array in one of three forms; the reply has the form of the request",
                "properties": {
                    "names": {"type": "array", "items": {"type": "string"}},
                    "ndarray": {"type": "array", "items": {}},
                    "tensor": {
                        "type": "object",
                        "required": ["shape", "values"],
                        "properties": {
                            "shape": {"type": "array", "items": {"type": "integer"}},
                            "values": numbers,
                        },
                    },
                    "tftensor": {"type": "object", "description": "TensorFlow's TensorProto"},
                },
            },
            "jsonData": {},
            "strData": {"type": "string"},
            "binData": {"type": "string", "format": "byte"},
        },
    })
}

fn meta() -> Value {
    json!({
        "type": "object",
        "properties": {
            "puid": {"type": "string"},
            "tags": {"type": "object", "additionalProperties": true},
            "routing": {"type": "object", "additionalProperties": {"type": "integer"}},
            "requestPath": strings(),
            "metrics": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "key": {"type": "string"},
                    "type": {"type": "string", "enum": ["COUNTER", "GAUGE", "TIMER"]},
                    "value": {"type": "number"},
                    "tags": strings(),
                },
            }},
        },
    })
}

fn strings() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

fn described() -> Value {
    json!({"type": "array", "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
        },
    }})
}

/// What a model says of itself, with the members `more`.
fn metadata(more: Value) -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "platform": {"type": "string"},
            "versions": {"type": "array", "items": {"type": "string"}},
            "inputs": described(),
            "outputs": described(),
        },
    });
    if let (Some(Value::Object(members)), Value::Object(more)) =
        (schema.get_mut("properties"), more)
    {
        members.extend(more);
    }
    schema
}

fn open_inference() -> Value {
    json!({
        "OpenInferenceError": error(),
        "Server": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "extensions": {"type": "array", "items": {"type": "string"}},
            },
        },
        "Health": {
            "type": "object",
            "properties": {"live": {"type": "boolean"}, "ready": {"type": "boolean"}},
        },
        "Model": metadata(json!({})),
        "ModelIndex": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "state": {"type": "string", "enum": ["READY", "UNAVAILABLE"]},
                "reason": {"type": "string"},
            },
        }},
        "Tensor": {
            "type": "object",
            "required": ["name", "shape", "datatype"],
            "properties": {
                "name": {"type": "string"},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "datatype": {"type": "string"},
                "parameters": {"type": "object"},
                "data": {"type": "array", "items": {}},
            },
        },
    })
}

fn tensorflow() -> Value {
    let rows = |row: Value| {
        json!({
            "type": "object",
            "required": ["results"],
            "properties": {"results": {"type": "array", "items": row}},
        })
    };
    json!({
        "TensorflowError": error(),
        "ExamplesRequest": {
            "type": "object",
            "required": ["examples"],
            "properties": {
                "signature_name": {"type": "string"},
                "context": {"type": "object", "description": "Features that every example has"},
                "examples": {"type": "array", "items": {"type": "object"}},
            },
        },
        "ClassifyReply": rows(json!({
            "type": "array",
            "description": "Pairs of a class and its score",
            "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {}},
        })),
        "RegressReply": rows(json!({"type": "number"})),
        "ModelStatus": {
            "type": "object",
            "properties": {"model_version_status": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "version": {"type": "string"},
                    "state": {"type": "string"},
                    "status": {"type": "object"},
                },
            }}},
        },
        "ModelSignatures": {
            "type": "object",
            "properties": {"model_spec": {"type": "object"}, "metadata": {"type": "object"}},
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
    })
}
