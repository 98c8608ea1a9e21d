//! A case: a request of the open inference protocol whose tensors are files, and its answer.
//!
//! A case is the JSON of a request in which each input names a `file`, beside the case, with its
//! numbers as they lie in memory. The answer is the one output that the request asks for.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hari_proto::inference as oip;
use prost::Message as _;
use serde_json::{Value, json};

/// A request with its tensors.
pub(crate) struct Case {
    inputs: Vec<Input>,
    /// The output that is asked for.
    output: String,
}

struct Input {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    bytes: Vec<u8>,
}

impl Case {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let request: Value = serde_json::from_slice(&text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let inputs = request.get("inputs").and_then(Value::as_array);
        let inputs = inputs.context("the case has no inputs")?.iter();
        Ok(Self {
            inputs: inputs
                .map(|input| Input::read(folder, input))
                .collect::<Result<_>>()?,
            output: text_at(&request, "/outputs/0/name")?,
        })
    }

    /// The body of a request with binary tensors, and the length of its JSON.
    pub(crate) fn binary(&self) -> (Vec<u8>, usize) {
        let inputs: Vec<Value> = self.inputs.iter().map(Input::described).collect();
        let output = json!({"name": self.output, "parameters": {"binary_data": true}});
        let head = json!({"inputs": inputs, "outputs": [output]});
        let mut body = head.to_string().into_bytes();
        let length = body.len();
        for input in &self.inputs {
            body.extend_from_slice(&input.bytes);
        }
        (body, length)
    }

    /// The message of a gRPC request, with its five bytes of frame.
    pub(crate) fn framed(&self, model: &str) -> Vec<u8> {
        let message = oip::ModelInferRequest {
            model_name: model.to_owned(),
            inputs: self.inputs.iter().map(Input::message).collect(),
            outputs: vec![oip::model_infer_request::InferRequestedOutputTensor {
                name: self.output.clone(),
                ..Default::default()
            }],
            raw_input_contents: self
                .inputs
                .iter()
                .map(|input| input.bytes.clone().into())
                .collect(),
            ..Default::default()
        };
        let message = message.encode_to_vec();
        let mut framed = vec![0];
        framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
        framed.extend_from_slice(&message);
        framed
    }
}

impl Input {
    fn read(folder: &Path, input: &Value) -> Result<Self> {
        let file = folder.join(text_at(input, "/file")?);
        let shape = input.get("shape").and_then(Value::as_array);
        let shape: Option<Vec<i64>> =
            shape.and_then(|dims| dims.iter().map(Value::as_i64).collect());
        Ok(Self {
            name: text_at(input, "/name")?,
            datatype: text_at(input, "/datatype")?,
            shape: shape.context("an input without a shape")?,
            bytes: std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?,
        })
    }

    fn described(&self) -> Value {
        json!({
            "name": self.name,
            "datatype": self.datatype,
            "shape": self.shape,
            "parameters": {"binary_data_size": self.bytes.len()},
        })
    }

    fn message(&self) -> oip::model_infer_request::InferInputTensor {
        oip::model_infer_request::InferInputTensor {
            name: self.name.clone(),
            datatype: self.datatype.clone(),
            shape: self.shape.clone(),
            ..Default::default()
        }
    }
}

fn text_at(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("the case has no text at {pointer}"))?
        .to_owned())
}

/// 32-bit floats as they lie in a file.
pub(crate) fn floats(path: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    ensure!(
        !bytes.is_empty() && bytes.len().is_multiple_of(4),
        "{} holds no 32-bit floats",
        path.display()
    );
    Ok(from_bytes(&bytes).collect())
}

/// 32-bit floats, little endian.
pub(crate) fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|number| f32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        std::fs::write(folder.join("x.bin"), 1.5f32.to_le_bytes()).unwrap();
        let text = r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","file":"x.bin"}],
                       "outputs":[{"name":"y"}]}"#;
        std::fs::write(folder.join("case.json"), text).unwrap();
        let case = Case::read(&folder.join("case.json")).unwrap();
        assert_eq!(floats(&folder.join("x.bin")).unwrap(), [1.5]);
        assert!(Case::read(&folder.join("none.json")).is_err());
        case
    }

    #[test]
    fn a_case_is_said_in_both_protocols() {
        let case = case();
        let (body, head) = case.binary();
        let said: Value = serde_json::from_slice(&body[..head]).unwrap();
        assert_eq!(said["inputs"][0]["parameters"]["binary_data_size"], 4);
        assert_eq!(body[head..], 1.5f32.to_le_bytes());

        let framed = case.framed("m");
        assert_eq!(framed[1..5], (framed.len() as u32 - 5).to_be_bytes());
        let message = oip::ModelInferRequest::decode(&framed[5..]).unwrap();
        assert_eq!(message.raw_input_contents[0][..], 1.5f32.to_le_bytes());
        assert_eq!(
            (&*message.inputs[0].name, &*message.outputs[0].name),
            ("x", "y")
        );
    }
}
