//! The outputs of a reply: which, in what order, under which name, binary or not.

use std::borrow::Cow;

use hari_core::{Message, NamedTensor, Payload, Tensor};
use hari_error::{Error, Result};
use serde_json::{Map, Value};

use super::{RequestedOutput, Wishes, classification};

/// One output as it is to be written.
pub(super) struct Output<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) tensor: Cow<'a, Tensor>,
    pub(super) parameters: Cow<'a, Map<String, Value>>,
    pub(super) binary: bool,
}

/// The outputs that are asked for, in the order in which they are asked for; all of them in the
/// model's order if none is named.
///
/// # Errors
/// If an output is asked for that is not there, or cannot be classified.
pub(super) fn select<'a>(message: &'a Message, wishes: Wishes<'a>) -> Result<Vec<Output<'a>>> {
    let all = outputs(&message.payload)?;
    if wishes.outputs.is_empty() {
        return Ok(all
            .into_iter()
            .map(|o| Output {
                binary: wishes.binary_default,
                ..o
            })
            .collect());
    }
    wishes
        .outputs
        .iter()
        .map(|wish| wished(&all, wish, wishes.binary_default))
        .collect()
}

fn wished<'a>(all: &[Output<'a>], wish: &'a RequestedOutput, binary: bool) -> Result<Output<'a>> {
    let name = &*wish.name;
    let found = all
        .iter()
        .find(|output| output.name == name)
        .ok_or_else(|| missing(all, name))?;
    let tensor = match wish.classification {
        None => found.tensor.clone(),
        Some(count) => Cow::Owned(
            classification::classify(&found.tensor, count)
                .map_err(|error| error.context(format_args!("output `{name}`")))?,
        ),
    };
    Ok(Output {
        name: name.into(),
        tensor,
        parameters: found.parameters.clone(),
        binary: wish.binary.unwrap_or(binary),
    })
}

fn missing(all: &[Output<'_>], name: &str) -> Error {
    let names: Vec<_> = all
        .iter()
        .map(|output| format!("`{}`", output.name))
        .collect();
    Error::invalid(format!(
        "output `{name}` is unknown: the model gives {}",
        names.join(", ")
    ))
}

/// Every output. What is no tensor becomes a BYTES tensor of one element that says in its
/// parameters what it holds.
fn outputs(payload: &Payload) -> Result<Vec<Output<'_>>> {
    let one = |content_type: &str, bytes| -> Result<_> {
        let tensor = Cow::Owned(Tensor::from_strings([1], vec![bytes])?);
        let parameters = [("content_type".to_owned(), Value::from(content_type))];
        let parameters = Cow::Owned(parameters.into_iter().collect());
        Ok(vec![Output {
            name: fallback_name(0),
            tensor,
            parameters,
            binary: false,
        }])
    };
    match payload {
        Payload::Empty => Ok(Vec::new()),
        Payload::Tensors(tensors) => Ok(tensors
            .iter()
            .enumerate()
            .map(|(at, tensor)| of_tensor(at, tensor))
            .collect()),
        Payload::Text(text) => one("str", text.clone().into()),
        Payload::Json(value) => one("json", value.to_string().into()),
        Payload::Binary(bytes) => one("base64", bytes.clone()),
        Payload::Any(_) => Err(Error::unimplemented(
            "customData has no form in the open inference protocol; use the Seldon protocol",
        )),
    }
}

fn of_tensor(at: usize, named: &NamedTensor) -> Output<'_> {
    let name = if named.name.is_empty() {
        fallback_name(at)
    } else {
        Cow::from(&named.name)
    };
    Output {
        name,
        tensor: Cow::Borrowed(&named.tensor),
        parameters: Cow::Borrowed(&named.parameters),
        binary: false,
    }
}

/// The name of an output that the model gave none.
fn fallback_name(at: usize) -> Cow<'static, str> {
    Cow::Owned(format!("output-{at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let tensor = |values: &[f32]| Tensor::from_vec([1, values.len()], values.to_vec()).unwrap();
        Message::tensors(vec![
            NamedTensor::new("a", tensor(&[1.0, 3.0])),
            NamedTensor::new("", tensor(&[2.0])),
        ])
    }

    fn wish(name: &str) -> RequestedOutput {
        RequestedOutput {
            name: name.into(),
            ..RequestedOutput::default()
        }
    }

    fn names(outputs: &[Output<'_>]) -> Vec<String> {
        outputs
            .iter()
            .map(|output| output.name.clone().into_owned())
            .collect()
    }

    #[test]
    fn all_outputs_come_in_the_models_order() {
        let message = message();
        let outputs = select(
            &message,
            Wishes {
                outputs: &[],
                binary_default: true,
            },
        )
        .unwrap();
        assert_eq!(names(&outputs), ["a", "output-1"]);
        assert!(outputs.iter().all(|output| output.binary));
    }

    #[test]
    fn wishes_choose_order_and_classify() {
        let message = message();
        let wishes = [
            wish("output-1"),
            RequestedOutput {
                classification: Some(1),
                binary: Some(false),
                ..wish("a")
            },
        ];
        let outputs = select(
            &message,
            Wishes {
                outputs: &wishes,
                binary_default: true,
            },
        )
        .unwrap();
        assert_eq!(names(&outputs), ["output-1", "a"]);
        assert_eq!((outputs[0].binary, outputs[1].binary), (true, false));
        assert_eq!(outputs[1].tensor.strings().unwrap(), ["3.000000:1"]);
    }

    #[test]
    fn an_unknown_output_is_named_with_the_known_ones() {
        let (message, wishes) = (message(), [wish("b")]);
        let error = select(
            &message,
            Wishes {
                outputs: &wishes,
                ..Wishes::default()
            },
        )
        .err()
        .unwrap();
        assert_eq!(
            error.message(),
            "output `b` is unknown: the model gives `a`, `output-1`"
        );
    }

    #[test]
    fn what_is_no_tensor_says_what_it_holds() {
        let of = |payload| Message {
            payload,
            ..Message::default()
        };
        for (payload, bytes, content_type) in [
            (Payload::Text("hi".into()), "hi", "str"),
            (
                Payload::Json(serde_json::json!({"a": 1})),
                r#"{"a":1}"#,
                "json",
            ),
            (Payload::Binary("raw".into()), "raw", "base64"),
        ] {
            let message = of(payload);
            let outputs = select(&message, Wishes::default()).unwrap();
            assert_eq!(outputs[0].tensor.strings().unwrap(), [bytes]);
            assert_eq!(outputs[0].parameters["content_type"], content_type);
        }
        assert!(select(&of(Payload::Any(Default::default())), Wishes::default()).is_err());
        assert!(
            select(&of(Payload::Empty), Wishes::default())
                .unwrap()
                .is_empty()
        );
    }
}
