//! The open inference protocol: requests out, replies in.

use bytes::Bytes;
use hari_core::{DataType, Message, NamedTensor, Tensor};
use hari_error::{Error, Result};
use hari_protocol::json::write::{self, Escape, Style};
use hari_protocol::json::{Elements, Reader, array};
use hari_protocol::open_inference::decode_request;

use super::limits;
use crate::command::predict::answer::Asked;

/// What an input without a name is called.
const UNNAMED: &str = "input-0";

/// Writes tensors as inputs.
pub(super) fn encode(message: &Message) -> Result<Bytes> {
    let tensors = message.as_tensors().unwrap_or_default();
    let mut out = Vec::from(*b"{\"inputs\":[");
    for (at, named) in tensors.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_input(&mut out, named)?;
    }
    out.extend_from_slice(b"]}");
    Ok(out.into())
}

fn write_input(out: &mut Vec<u8>, named: &NamedTensor) -> Result<()> {
    let name = if named.name.is_empty() {
        UNNAMED
    } else {
        &named.name
    };
    out.extend_from_slice(b"{\"name\":");
    write::string(out, name, Escape::Plain);
    out.extend_from_slice(b",\"datatype\":");
    write::string(out, named.tensor.dtype().name(), Escape::Plain);
    out.extend_from_slice(b",\"shape\":");
    write::serialize(out, named.tensor.shape(), Escape::Plain)?;
    out.extend_from_slice(b",\"data\":");
    write::flat(out, &named.tensor, Style::default())?;
    out.push(b'}');
    Ok(())
}

/// Reads the outputs of a reply.
pub(super) fn decode(body: &[u8]) -> Result<Message> {
    let mut reader = Reader::new(body, &limits())?;
    let mut tensors = None;
    reader.object(|reader, key| match key {
        "outputs" => {
            let mut outputs = Vec::new();
            reader.array(|reader, _| {
                outputs.push(output(reader)?);
                Ok(())
            })?;
            tensors = Some(outputs);
            Ok(())
        }
        _ => reader.skip(),
    })?;
    let tensors = tensors.ok_or_else(|| Error::invalid("expected `outputs`, found none"))?;
    Ok(Message::tensors(tensors))
}

/// One output; its data may come before its type, so it is read last.
fn output(reader: &mut Reader<'_>) -> Result<NamedTensor> {
    let (mut name, mut dtype, mut shape, mut data) = (String::new(), None, Vec::new(), "[]");
    reader.object(|reader, key| {
        match key {
            "name" => name = reader.string()?.into_owned(),
            "datatype" => dtype = Some(reader.string()?.parse::<DataType>()?),
            "shape" => shape = sizes(reader)?,
            "data" => data = reader.raw()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let dtype = dtype.ok_or_else(|| reader.error("expected `datatype`, found none"))?;
    let mut elements = Reader::of_field(data.as_bytes(), "data", &limits())?;
    let tensor = array::read(&mut elements, Elements::declared(dtype), &limits())?;
    let tensor =
        reshaped(tensor, shape).map_err(|error| error.context(format!("output `{name}`")))?;
    Ok(NamedTensor::new(name, tensor))
}

fn reshaped(tensor: Tensor, shape: Vec<usize>) -> Result<Tensor> {
    tensor.reshape(shape)
}

fn sizes(reader: &mut Reader<'_>) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    reader.array(|reader, _| {
        let size = reader
            .number()?
            .to_u64()
            .and_then(|size| usize::try_from(size).ok());
        sizes.push(size.ok_or_else(|| reader.error("expected a size, found another number"))?);
        Ok(())
    })?;
    Ok(sizes)
}

/// Reads a request that the user wrote.
pub(super) fn read_request(body: &Bytes) -> Result<Asked> {
    let request = decode_request(body, None, &limits())?;
    Ok(Asked {
        message: request.message,
        signature: None,
        outputs: request
            .outputs
            .into_iter()
            .map(|output| output.name)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_whatever_the_order_of_members() {
        let body = br#"{"model_name":"m","outputs":[
            {"data":[1,2,3,4],"shape":[2,2],"datatype":"INT64","name":"y"},
            {"name":"s","datatype":"BYTES","shape":[1],"data":["a"]}]}"#;
        let message = decode(body).unwrap();
        let tensors = message.as_tensors().unwrap();
        assert_eq!(
            (tensors[0].name.as_str(), tensors[0].tensor.shape()),
            ("y", &[2, 2][..])
        );
        assert_eq!(tensors[0].tensor.to_vec::<i64>().unwrap(), [1, 2, 3, 4]);
        assert_eq!(tensors[1].tensor.strings().unwrap()[0], "a");
    }

    #[test]
    fn a_reply_that_lies_is_refused() {
        for (body, word) in [
            (r#"{"model_name":"m"}"#, "`outputs`"),
            (
                r#"{"outputs":[{"name":"y","shape":[1],"data":[1]}]}"#,
                "`datatype`",
            ),
            (
                r#"{"outputs":[{"name":"y","datatype":"FP32","shape":[3],"data":[1]}]}"#,
                "`y`",
            ),
            (
                r#"{"outputs":[{"name":"y","datatype":"FP32","shape":[-1],"data":[1]}]}"#,
                "a size",
            ),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert!(error.message().contains(word), "{body}: {error}");
        }
    }

    #[test]
    fn the_outputs_that_are_wanted_are_kept() {
        let body = br#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}],
            "outputs":[{"name":"y"}]}"#;
        assert_eq!(
            read_request(&Bytes::from_static(body)).unwrap().outputs,
            ["y"]
        );
    }
}
