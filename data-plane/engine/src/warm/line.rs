//! `warmup.jsonl`: one request on each line, in the JSON of any protocol.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use hari_core::{Limits, Message, Target};
use hari_error::{Error, Result};
use hari_protocol::{open_inference, seldon, tensorflow};
use serde_json::Value;

use super::Request;

const FILE: &str = "warmup.jsonl";
/// More lines than this are no warm-up.
const MOST: usize = 1000;

/// The requests of the file in `folder`; none if there is no such file.
///
/// # Errors
/// `Model`, with the line.
pub(super) fn read(folder: &Path) -> Result<Vec<Request>> {
    let text = match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::model(format!("{FILE} cannot be read: {error}"))),
    };
    let lines = text.lines().enumerate();
    let lines: Vec<_> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.len() > MOST {
        let found = lines.len();
        return Err(Error::model(format!(
            "{FILE}: expected at most {MOST} requests, found {found}"
        )));
    }
    lines
        .into_iter()
        .map(|(at, line)| request(at, line))
        .collect()
}

fn request(at: usize, line: &str) -> Result<Request> {
    let place = format!("{FILE} line {}", at + 1);
    let (message, target) =
        decode(line).map_err(|error| Error::model(format!("{place}: {}", error.message())))?;
    Ok(Request {
        place,
        message,
        target,
    })
}

/// Reads a request in the protocol that its keys tell.
fn decode(line: &str) -> Result<(Message, Target)> {
    let limits = Limits::default();
    let value: Value = serde_json::from_str(line)
        .map_err(|error| Error::invalid(format!("expected a request as JSON: {error}")))?;
    let has = |key: &str| value.get(key).is_some();
    if ["data", "strData", "binData", "jsonData"]
        .into_iter()
        .any(has)
    {
        let message = seldon::json::decode_message(line.as_bytes(), &limits)?;
        return Ok((message, Target::default()));
    }
    if value.get("inputs").is_some_and(is_open_inference) {
        let body = Bytes::copy_from_slice(line.as_bytes());
        let request = open_inference::decode_request(&body, None, &limits)?;
        let outputs = request
            .outputs
            .into_iter()
            .map(|output| output.name)
            .collect();
        let target = Target {
            outputs,
            ..Target::default()
        };
        return Ok((request.message, target));
    }
    if has("instances") || has("inputs") {
        let request = tensorflow::decode_predict(line.as_bytes(), &limits)?;
        let target = Target {
            signature: request.signature_name,
            ..Target::default()
        };
        return Ok((request.message, target));
    }
    Err(Error::invalid(
        "expected a request of the Seldon protocol (`data`, ...), the open inference protocol \
         (`inputs` with names and datatypes) or TensorFlow Serving (`instances`)",
    ))
}

/// Whether `inputs` is the open inference protocol's list of tensors.
fn is_open_inference(inputs: &Value) -> bool {
    let is = |tensor: &Value| tensor.get("datatype").is_some() && tensor.get("name").is_some();
    inputs
        .as_array()
        .is_some_and(|tensors| !tensors.is_empty() && tensors.iter().all(is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<Request>> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), text).unwrap();
        read(folder.path())
    }

    #[test]
    fn each_line_is_read_in_its_own_protocol() {
        let requests = lines(
            "{\"data\": {\"ndarray\": [[1, 2]]}}\n\n\
             {\"inputs\": [{\"name\": \"x\", \"datatype\": \"FP32\", \"shape\": [1], \
             \"data\": [1]}]}\n\
             {\"instances\": [[1, 2]], \"signature_name\": \"other\"}\n\
             {\"inputs\": {\"x\": [1]}}",
        )
        .unwrap();
        let shapes: Vec<_> = requests
            .iter()
            .map(|request| {
                request.message.as_tensors().unwrap()[0]
                    .tensor
                    .shape()
                    .to_vec()
            })
            .collect();
        assert_eq!(shapes, [vec![1, 2], vec![1], vec![1, 2], vec![1]]);
        assert_eq!(requests[2].target.signature.as_deref(), Some("other"));
        assert_eq!(requests[1].place, "warmup.jsonl line 3");
    }

    #[test]
    fn a_folder_without_the_file_has_no_requests() {
        assert!(
            read(tempfile::tempdir().unwrap().path())
                .unwrap()
                .is_empty()
        );
        assert!(read(Path::new("/dev/null")).unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_request_is_named() {
        let said = |text: &str| lines(text).unwrap_err().message().to_owned();
        assert!(said("{\"data\": {\"ndarray\": [1]}}\n{}").starts_with("warmup.jsonl line 2: "));
        assert!(said("nonsense").contains("expected a request as JSON"));
        assert!(said(&"{}\n".repeat(MOST + 1)).contains("at most 1000"));
    }
}
