//! Writes the body of a reply to an inference request.

use std::borrow::Cow;

use bytes::Bytes;
use hari_core::{DataType, Message, is_missing_text};
use hari_error::{Error, Result};
use serde_json::{Map, Value};

use super::outputs::{Output, select};
use super::{Encoded, InferReply, Wishes, raw};
use crate::json::write::{self, Escape, Style};

/// Writes a reply: outputs as flat lists in row-major order, or as binary data behind the JSON.
/// Byte strings that are not UTF-8 are written as base64, with the parameter `content_type`
/// saying so.
///
/// # Errors
/// `InvalidInput` if an output is asked for that is not there, or that has no JSON form.
pub fn encode_response(
    reply: &InferReply,
    message: &Message,
    wishes: Wishes<'_>,
) -> Result<Encoded> {
    let outputs = select(message, wishes)?;
    let mut json = Vec::with_capacity(256);
    head(&mut json, reply)?;
    json.extend_from_slice(b"\"outputs\":[");
    list(json, &outputs, "output")
}

/// Writes a request to another server: every tensor of the message is an input. Tensors of types
/// that JSON has no form for (FP16, BF16) are binary data behind it.
///
/// # Errors
/// `Unimplemented` for `customData`.
pub fn encode_request(
    id: Option<&str>,
    wanted: &Map<String, Value>,
    message: &Message,
) -> Result<Encoded> {
    let mut inputs = select(message, Wishes::default())?;
    for input in &mut inputs {
        input.binary = has_no_json(input.tensor.dtype());
    }
    let mut json = Vec::with_capacity(256);
    json.push(b'{');
    if let Some(id) = id {
        text_member(&mut json, "id", id);
    }
    let mut wanted = Cow::Borrowed(wanted);
    if inputs.iter().any(|input| input.binary) {
        // Whoever sends a type without a JSON form may get one back.
        let asked = ("binary_data_output".to_owned(), Value::Bool(true));
        wanted.to_mut().extend([asked]);
    }
    parameters(&mut json, &wanted)?;
    json.extend_from_slice(b"\"inputs\":[");
    list(json, &inputs, "input")
}

const fn has_no_json(dtype: DataType) -> bool {
    matches!(dtype, DataType::Fp16 | DataType::Bf16)
}

/// The tensors, the end of the JSON, and the binary data.
fn list(mut json: Vec<u8>, tensors: &[Output<'_>], word: &str) -> Result<Encoded> {
    let mut binary = Vec::new();
    for (at, tensor) in tensors.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write_output(&mut json, tensor, &mut binary)
            .map_err(|error| error.context(format_args!("{word} `{}`", tensor.name)))?;
    }
    json.extend_from_slice(b"]}");
    Ok(join(json, &binary))
}

/// Everything before the outputs, up to a comma.
fn head(json: &mut Vec<u8>, reply: &InferReply) -> Result<()> {
    json.push(b'{');
    text_member(json, "model_name", &reply.model_name);
    if let Some(version) = &reply.model_version {
        text_member(json, "model_version", version);
    }
    if let Some(id) = &reply.id {
        text_member(json, "id", id);
    }
    parameters(json, &reply.parameters)
}

fn text_member(json: &mut Vec<u8>, key: &str, value: &str) {
    write::string(json, key, Escape::Plain);
    json.push(b':');
    write::string(json, value, Escape::Plain);
    json.push(b',');
}

fn parameters(json: &mut Vec<u8>, parameters: &Map<String, Value>) -> Result<()> {
    if parameters.is_empty() {
        return Ok(());
    }
    json.extend_from_slice(b"\"parameters\":");
    write::serialize(json, parameters, Escape::Plain)?;
    json.push(b',');
    Ok(())
}

/// Writes one output; its elements go into `binary` if they are asked for so.
fn write_output(json: &mut Vec<u8>, output: &Output<'_>, binary: &mut Vec<Bytes>) -> Result<()> {
    json.push(b'{');
    text_member(json, "name", &output.name);
    text_member(json, "datatype", output.tensor.dtype().name());
    json.extend_from_slice(b"\"shape\":");
    write::serialize(json, output.tensor.shape(), Escape::Plain)?;
    json.push(b',');
    if output.binary {
        in_binary(json, output, binary)?;
    } else {
        in_json(json, output)?;
    }
    json.push(b'}');
    Ok(())
}

fn in_binary(json: &mut Vec<u8>, output: &Output<'_>, binary: &mut Vec<Bytes>) -> Result<()> {
    let bytes = raw::write(&output.tensor)?;
    let mut with_size = output.parameters.clone().into_owned();
    with_size.insert("binary_data_size".into(), bytes.len().into());
    parameters(json, &with_size)?;
    json.pop();
    binary.push(bytes);
    Ok(())
}

fn in_json(json: &mut Vec<u8>, output: &Output<'_>) -> Result<()> {
    let tensor = &*output.tensor;
    if has_no_json(tensor.dtype()) {
        let dtype = tensor.dtype();
        return Err(Error::invalid(format!(
            "{dtype} has no JSON form: ask for it with the parameter `binary_data`"
        )));
    }
    let strings = tensor.strings().unwrap_or_default();
    if !needs_base64(output, strings) {
        parameters(json, &output.parameters)?;
        json.extend_from_slice(b"\"data\":");
        return write::flat(json, tensor, Style::default());
    }
    let mut coded = output.parameters.clone().into_owned();
    coded.insert("content_type".into(), "base64".into());
    parameters(json, &coded)?;
    json.extend_from_slice(b"\"data\":");
    base64_list(json, strings);
    Ok(())
}

/// Whether byte strings are no text, or are said to be base64 already.
fn needs_base64(output: &Output<'_>, strings: &[Bytes]) -> bool {
    let said = output
        .parameters
        .get("content_type")
        .is_some_and(|content| content == "base64");
    let present = strings.iter().filter(|string| !is_missing_text(string));
    let mut texts = present.map(|string| std::str::from_utf8(string));
    (said && !strings.is_empty()) || texts.any(|text| text.is_err())
}

fn base64_list(json: &mut Vec<u8>, strings: &[Bytes]) {
    json.push(b'[');
    for (at, string) in strings.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        match is_missing_text(string) {
            true => json.extend_from_slice(b"null"),
            false => write::base64(json, string),
        }
    }
    json.push(b']');
}

/// The JSON with the binary data behind it.
fn join(mut json: Vec<u8>, binary: &[Bytes]) -> Encoded {
    if binary.is_empty() {
        return Encoded {
            body: json.into(),
            json_len: None,
        };
    }
    let json_len = Some(json.len());
    json.reserve(binary.iter().map(Bytes::len).sum());
    for bytes in binary {
        json.extend_from_slice(bytes);
    }
    Encoded {
        body: json.into(),
        json_len,
    }
}

#[cfg(test)]
mod tests;
