//! Reads the body of an inference request: JSON, perhaps with binary data behind it.

use bytes::Bytes;
use hari_core::{Cells, DataType, Limits, Message, NamedTensor, Tensor, is_missing_text};
use hari_error::{Error, Result};
use serde_json::{Map, Value};

use super::{InferRequest, RequestedOutput, raw};
use crate::json::array::{self, Elements};
use crate::json::{Reader, What};
use crate::shape;
use crate::tensorflow::base64;

/// Reads a request. `json_len` is the header `Inference-Header-Content-Length`: the length of the
/// JSON if binary data follows it. Binary numbers are slices of `body`.
///
/// # Errors
/// `InvalidInput` with the path of the field, what was expected and what was found; `TooLarge`
/// beyond a limit; `Unimplemented` for shared memory.
pub fn decode_request(
    body: &Bytes,
    json_len: Option<usize>,
    limits: &Limits,
) -> Result<InferRequest> {
    let (json, binary) = split(body, json_len)?;
    let mut decoder = Decoder { binary, limits };
    let mut reader = Reader::new(&json, limits)?;
    let mut request = InferRequest::default();
    let mut inputs = None;
    reader.object(|reader, key| {
        if reader.null()? {
            return Ok(());
        }
        match key {
            "id" => request.id = Some(reader.string()?.into_owned()),
            "parameters" => request.parameters = reader.map()?,
            "inputs" => inputs = Some(decoder.inputs(reader)?),
            "outputs" => request.outputs = outputs(reader, limits)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    decoder.end()?;
    let inputs = inputs.ok_or_else(|| reader.error("`inputs` is missing"))?;
    request.message = Message::tensors(inputs);
    request.binary_default = take_bool(&mut request.parameters, "binary_data_output")?;
    Ok(request)
}

/// Reads the reply of another server: its outputs, as [`decode_request`] reads inputs.
///
/// # Errors
/// Those of [`decode_request`].
pub fn decode_response(body: &Bytes, json_len: Option<usize>, limits: &Limits) -> Result<Message> {
    let (json, binary) = split(body, json_len)?;
    let mut decoder = Decoder { binary, limits };
    let mut reader = Reader::new(&json, limits)?;
    let mut outputs = None;
    reader.object(|reader, key| {
        match key {
            "outputs" => outputs = Some(decoder.inputs(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    decoder.end()?;
    let outputs = outputs.ok_or_else(|| reader.error("`outputs` is missing"))?;
    Ok(Message::tensors(outputs))
}

/// The JSON and the binary data behind it.
fn split(body: &Bytes, json_len: Option<usize>) -> Result<(Bytes, Option<Bytes>)> {
    match json_len {
        None => Ok((body.clone(), None)),
        Some(length) if length <= body.len() => {
            Ok((body.slice(..length), Some(body.slice(length..))))
        }
        Some(length) => Err(Error::invalid(format!(
            "Inference-Header-Content-Length: {length} is more than the {} bytes of the body",
            body.len()
        ))),
    }
}

/// Reads inputs, and takes their binary data in the same order.
struct Decoder<'l> {
    /// What is left of the binary data; none if the request said that there is none.
    binary: Option<Bytes>,
    limits: &'l Limits,
}

/// An input as far as it has been read.
#[derive(Default)]
struct Input<'a> {
    name: Option<String>,
    shape: Option<Vec<i64>>,
    dtype: Option<DataType>,
    parameters: Map<String, Value>,
    data: Data<'a>,
}

/// The elements of an input.
#[derive(Default)]
enum Data<'a> {
    #[default]
    None,
    /// They were read as the type that stood before them.
    Read((Tensor, Cells)),
    /// They stand before their type: this reader is where they begin.
    At(Reader<'a>),
}

impl Decoder<'_> {
    fn inputs(&mut self, reader: &mut Reader<'_>) -> Result<Vec<NamedTensor>> {
        let mut inputs = Vec::new();
        reader.array(|reader, index| {
            check_count("inputs", index, self.limits)?;
            inputs.push(self.input(reader)?);
            Ok(())
        })?;
        Ok(inputs)
    }

    fn input(&mut self, reader: &mut Reader<'_>) -> Result<NamedTensor> {
        let mut input = Input::default();
        reader.object(|reader, key| {
            match key {
                "name" => input.name = Some(reader.string()?.into_owned()),
                "shape" => input.shape = Some(sizes(reader)?),
                "datatype" => input.dtype = Some(datatype(reader)?),
                "parameters" if !reader.null()? => input.parameters = reader.map()?,
                "data" if !reader.null()? => match input.dtype {
                    Some(dtype) => input.data = Data::Read(self.data(reader, dtype)?),
                    None => {
                        input.data = Data::At(reader.clone());
                        reader.skip()?;
                    }
                },
                "parameters" | "data" => {}
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        self.finish(reader, input)
    }

    /// Elements in JSON.
    fn data(&self, reader: &mut Reader<'_>, dtype: DataType) -> Result<(Tensor, Cells)> {
        if matches!(dtype, DataType::Fp16 | DataType::Bf16) {
            return Err(reader.error(format!(
                "{dtype} has no JSON form: send it as binary data, or send FP32"
            )));
        }
        array::read_cells(reader, Elements::declared(dtype), self.limits)
    }

    /// The tensor of an input that was read to its end.
    fn finish(&mut self, reader: &Reader<'_>, mut input: Input<'_>) -> Result<NamedTensor> {
        let missing = |field: &str| reader.error(format!("`{field}` is missing"));
        let name = input.name.ok_or_else(|| missing("name"))?;
        let dtype = input.dtype.ok_or_else(|| missing("datatype"))?;
        let sizes = input.shape.ok_or_else(|| missing("shape"))?;
        let at = |error: Error| error.context(reader.path());
        refuse_shared_memory(&input.parameters).map_err(at)?;
        let shape = shape::checked(&sizes, dtype, self.limits).map_err(at)?;
        let binary = take_size(&mut input.parameters).map_err(at)?;
        let (tensor, cells) = match (input.data, binary) {
            (Data::Read((tensor, cells)), None) => {
                (written(tensor, shape, &mut input.parameters), cells)
            }
            (Data::At(mut here), None) => {
                let (tensor, cells) = self.data(&mut here, dtype)?;
                (written(tensor, shape, &mut input.parameters), cells)
            }
            (Data::None, Some(size)) => {
                let bytes = self.take(size).map_err(at)?;
                (raw::read(dtype, shape, bytes), None)
            }
            (Data::None, None) => return Err(missing("data")),
            _ => return Err(reader.error("expected `data` or `binary_data_size`, found both")),
        };
        let tensor = tensor.map_err(at)?;
        Ok(NamedTensor {
            parameters: input.parameters,
            cells,
            ..NamedTensor::new(name, tensor)
        })
    }

    /// The next `size` bytes of the binary data.
    fn take(&mut self, size: usize) -> Result<Bytes> {
        let binary = self.binary.as_mut().ok_or_else(|| {
            Error::invalid(
                "binary_data_size needs the header Inference-Header-Content-Length, which is missing",
            )
        })?;
        if size > binary.len() {
            let left = binary.len();
            return Err(Error::invalid(format!(
                "binary_data_size is {size}, {left} bytes are left"
            )));
        }
        Ok(binary.split_to(size))
    }

    /// Checks that all binary data was taken.
    fn end(&self) -> Result<()> {
        match &self.binary {
            Some(left) if !left.is_empty() => Err(Error::invalid(format!(
                "{} bytes of binary data are left: no input's binary_data_size takes them",
                left.len()
            ))),
            _ => Ok(()),
        }
    }
}

fn sizes(reader: &mut Reader<'_>) -> Result<Vec<i64>> {
    let mut sizes = Vec::new();
    reader.array(|reader, _| {
        let size = reader.number()?;
        let whole = size.to_i64();
        sizes.push(whole.ok_or_else(|| {
            reader.error(format!("expected a whole number, found {}", size.text()))
        })?);
        Ok(())
    })?;
    Ok(sizes)
}

fn datatype(reader: &mut Reader<'_>) -> Result<DataType> {
    let name = reader.string()?;
    name.parse()
        .map_err(|error: Error| reader.error(error.message()))
}

fn outputs(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<RequestedOutput>> {
    let mut outputs = Vec::new();
    reader.array(|reader, index| {
        check_count("outputs", index, limits)?;
        let (mut name, mut parameters) = (None, Map::new());
        reader.object(|reader, key| {
            match key {
                "name" => name = Some(reader.string()?.into_owned()),
                "parameters" if reader.peek()? != What::Null => parameters = reader.map()?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        let name = name.ok_or_else(|| reader.error("`name` is missing"))?;
        let output = requested(name, parameters);
        outputs.push(output.map_err(|error| error.context(reader.path()))?);
        Ok(())
    })?;
    Ok(outputs)
}

/// Checks that there may be a tensor at `index`.
pub(super) fn check_count(what: &str, index: usize, limits: &Limits) -> Result<()> {
    if index < limits.inputs {
        return Ok(());
    }
    Err(Error::too_large(format!(
        "{what}: more than {} tensors",
        limits.inputs
    )))
}

/// An output that is asked for, with what its parameters ask for.
pub(super) fn requested(
    name: String,
    mut parameters: Map<String, Value>,
) -> Result<RequestedOutput> {
    refuse_shared_memory(&parameters)?;
    let binary = match parameters.get("binary_data") {
        None => None,
        Some(_) => Some(take_bool(&mut parameters, "binary_data")?),
    };
    let classification = parameters.get("classification").map(|count| {
        let positive = count.as_u64().and_then(|count| u32::try_from(count).ok());
        positive.filter(|&count| count > 0).ok_or_else(|| {
            Error::invalid(format!(
                "classification: expected a number above 0, found {count}"
            ))
        })
    });
    Ok(RequestedOutput {
        name,
        binary,
        classification: classification.transpose()?,
    })
}

/// Takes a parameter that is true or false; false if it is not there.
pub(super) fn take_bool(parameters: &mut Map<String, Value>, key: &str) -> Result<bool> {
    match parameters.shift_remove(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(value),
        Some(found) => Err(Error::invalid(format!(
            "{key}: expected true or false, found {found}"
        ))),
    }
}

fn take_size(parameters: &mut Map<String, Value>) -> Result<Option<usize>> {
    let Some(found) = parameters.shift_remove("binary_data_size") else {
        return Ok(None);
    };
    match found.as_u64().and_then(|size| usize::try_from(size).ok()) {
        Some(size) => Ok(Some(size)),
        None => Err(Error::invalid(format!(
            "binary_data_size: expected a number of bytes, found {found}"
        ))),
    }
}

/// Shared memory of the caller's machine is never read.
pub(super) fn refuse_shared_memory(parameters: &Map<String, Value>) -> Result<()> {
    match parameters.contains_key("shared_memory_region") {
        true => Err(Error::unimplemented(
            "shared memory is not offered: send the elements",
        )),
        false => Ok(()),
    }
}

/// The tensor of elements written in JSON.
fn written(
    tensor: Tensor,
    shape: Vec<usize>,
    parameters: &mut Map<String, Value>,
) -> Result<Tensor> {
    from_base64(tensor.reshape(shape)?, parameters)
}

/// Byte strings that a JSON caller wrote as base64, which the parameter `content_type` says, are
/// decoded, and the parameter is taken away.
fn from_base64(tensor: Tensor, parameters: &mut Map<String, Value>) -> Result<Tensor> {
    let coded = parameters
        .get("content_type")
        .is_some_and(|content| content == "base64");
    let Some(strings) = tensor.strings().ok().filter(|_| coded) else {
        return Ok(tensor);
    };
    let decode = |(at, string): (usize, &Bytes)| {
        if is_missing_text(string) {
            return Ok(string.clone());
        }
        let text = std::str::from_utf8(string)
            .ok()
            .and_then(base64::decode)
            .map(Bytes::from);
        text.ok_or_else(|| {
            Error::invalid(format!(
                "data[{at}]: content_type says base64, which it is not"
            ))
        })
    };
    let decoded = strings
        .iter()
        .enumerate()
        .map(decode)
        .collect::<Result<Vec<_>>>()?;
    parameters.shift_remove("content_type");
    Tensor::from_strings(tensor.shape(), decoded)
}

#[cfg(test)]
mod tests;
