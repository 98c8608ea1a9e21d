//! Multipart forms: each field is one member of a message.

use bytes::Bytes;
use hari_core::{Limits, Message};
use hari_error::{Error, Result};
use serde_json::Value;

use super::data::bad_data;
use super::json::{Parts, decode_message, finish};
use crate::json::Reader;

/// A multipart form that was taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// In the order in which they came.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The member of the message it is for.
    pub name: String,
    /// Given if the field is a file.
    pub filename: Option<String>,
    /// What the sender says it is. Not looked at: the name decides.
    pub content_type: Option<String>,
    /// The content.
    pub value: Bytes,
}

/// Reads a message from a form.
///
/// A field `json` holds a whole message as JSON. Otherwise `strData` is text as it is, `binData`
/// in a file is bytes as they are, `jsonData` in a file is a JSON string of its text, and all
/// else is JSON.
///
/// # Errors
/// As [`decode_message`].
pub fn decode_form(form: &Form, limits: &Limits) -> Result<Message> {
    if let Some(field) = form.fields.iter().find(|field| field.name == "json") {
        return decode_message(&field.value, limits);
    }
    let mut parts = Parts::default();
    for field in &form.fields {
        member(&mut parts, field, limits).map_err(bad_data)?;
    }
    finish(parts).map_err(bad_data)
}

fn member(parts: &mut Parts, field: &Field, limits: &Limits) -> Result<()> {
    match (&*field.name, field.filename.is_some()) {
        ("strData", _) => parts.text(text(field)?.to_owned()),
        ("binData", true) => parts.binary(field.value.clone()),
        ("jsonData", true) => parts.json(Value::String(text(field)?.to_owned())),
        (name, _) => {
            let mut reader = Reader::of_field(&field.value, name, limits)?;
            parts.member(&mut reader, name, limits)?;
            reader.end()?;
        }
    }
    Ok(())
}

fn text(field: &Field) -> Result<&str> {
    std::str::from_utf8(&field.value).map_err(|error| {
        Error::invalid(format!(
            "{}: not UTF-8 at byte {}",
            field.name,
            error.valid_up_to()
        ))
    })
}

#[cfg(test)]
mod tests {
    use hari_core::{NamedTensor, Payload, Representation, Tensor};
    use serde_json::json;

    use super::*;

    fn field(name: &str, value: &'static [u8]) -> Field {
        Field {
            name: name.into(),
            value: Bytes::from_static(value),
            ..Field::default()
        }
    }

    fn file(name: &str, value: &'static [u8]) -> Field {
        Field {
            filename: Some("f".into()),
            ..field(name, value)
        }
    }

    fn decode(fields: &[Field]) -> Result<Message> {
        decode_form(
            &Form {
                fields: fields.to_vec(),
            },
            &Limits::default(),
        )
    }

    #[test]
    fn fields_are_members() {
        let message = decode(&[
            field("data", br#"{"names":["a"],"ndarray":[[1]]}"#),
            field("meta", br#"{"puid":"p"}"#),
        ]);
        let tensor = Tensor::from_vec([1, 1], vec![1_i64]).unwrap();
        let named = NamedTensor {
            columns: vec!["a".into()],
            ..NamedTensor::inferred("", tensor)
        };
        let message = message.unwrap();
        assert_eq!(message.payload, Payload::Tensors(vec![named]));
        assert_eq!(message.representation, Representation::Ndarray);
        assert_eq!(message.meta.puid.as_deref(), Some("p"));
    }

    #[test]
    fn files_are_taken_as_they_are() {
        let payload = |field: Field| decode(&[field]).unwrap().payload;
        assert_eq!(
            payload(file("binData", b"\xff\x00")),
            Payload::Binary(Bytes::from_static(b"\xff\x00"))
        );
        assert_eq!(
            payload(file("strData", b"{\"a\"")),
            Payload::Text("{\"a\"".into())
        );
        assert_eq!(payload(file("jsonData", b"{}")), Payload::Json(json!("{}")));
        assert_eq!(payload(field("jsonData", b"{}")), Payload::Json(json!({})));
        assert_eq!(payload(field("strData", b"{}")), Payload::Text("{}".into()));
        assert_eq!(
            payload(field("binData", b"\"/wA=\"")),
            Payload::Binary(Bytes::from_static(b"\xff\x00"))
        );
    }

    #[test]
    fn a_whole_message_may_be_one_field() {
        let message = decode(&[field("json", br#"{"strData":"x"}"#)]).unwrap();
        assert_eq!(message.payload, Payload::Text("x".into()));
    }

    #[test]
    fn errors_name_the_field() {
        for (fields, message) in [
            (
                vec![field("data", b"{\"ndarray\":[[1],[]]}")],
                "data.ndarray[1]: expected 1 elements as in the first row, found 0",
            ),
            (
                vec![field("strData", b"\xff")],
                "strData: not UTF-8 at byte 0",
            ),
            (
                vec![field("other", b"1")],
                "Invalid request data type: expected one of data, jsonData, strData and binData, found none of them",
            ),
        ] {
            let error = decode(&fields).unwrap_err();
            assert_eq!(error.message(), message);
            assert_eq!(error.reason(), "MICROSERVICE_BAD_DATA");
        }
        let error = decode(&[field("data", b"{} 1")]).unwrap_err();
        assert!(error.message().starts_with("data: invalid JSON"), "{error}");
    }
}
