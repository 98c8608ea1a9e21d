//! Values that never leave: replaced in the copy of a message before it is queued.
//!
//! A name stands for a tensor, a column of a table, a member of JSON at any depth, a tag, a
//! parameter, or one of `strData`, `binData`, `jsonData` and `customData`. Texts become
//! `[redacted]`, numbers 0 and booleans false, so that shapes and types stay and every reader
//! still reads.

use std::sync::Arc;

use bytes::Bytes;
use hari_core::{Cell, Feedback, Message, NamedTensor, Payload, Tensor};
use hari_error::Result;
use serde_json::{Map, Value};

/// What stands in the place of a text.
const REDACTED: &str = "[redacted]";

/// Names whose values are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redaction(Arc<[String]>);

impl Redaction {
    pub(crate) fn of(names: &[String]) -> Self {
        Self(names.into())
    }

    /// The names, with commas; none if nothing is replaced.
    pub(crate) fn names(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(","))
    }

    /// # Errors
    /// As [`Redaction::message`].
    pub(crate) fn feedback(&self, feedback: &mut Feedback) -> Result<()> {
        let parts = [
            &mut feedback.request,
            &mut feedback.response,
            &mut feedback.truth,
        ];
        let mut parts = parts.into_iter().flatten();
        parts.try_for_each(|message| self.message(message))
    }

    /// # Errors
    /// If a tensor cannot be made again without its values: then the message must not leave.
    pub(crate) fn message(&self, message: &mut Message) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.members(&mut message.meta.tags);
        match &mut message.payload {
            Payload::Empty => {}
            Payload::Tensors(tensors) => {
                tensors
                    .iter_mut()
                    .try_for_each(|named| self.tensor(named))?;
            }
            Payload::Text(text) if self.has("strData") => REDACTED.clone_into(text),
            Payload::Binary(bytes) if self.has("binData") => {
                *bytes = Bytes::from_static(REDACTED.as_bytes());
            }
            Payload::Json(value) if self.has("jsonData") => *value = REDACTED.into(),
            Payload::Json(value) => self.value(value),
            Payload::Any(any) if self.has("customData") => any.value = Bytes::new(),
            Payload::Text(_) | Payload::Binary(_) | Payload::Any(_) => {}
        }
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own == name)
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::Object(members) => self.members(members),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            _ => {}
        }
    }

    fn members(&self, members: &mut Map<String, Value>) {
        for (name, value) in members {
            match self.has(name) {
                true => *value = REDACTED.into(),
                false => self.value(value),
            }
        }
    }

    fn tensor(&self, named: &mut NamedTensor) -> Result<()> {
        self.members(&mut named.parameters);
        let width = named.tensor.shape().last().copied().unwrap_or(1).max(1);
        if self.has(&named.name) {
            return replace(named, |_| true);
        }
        let hidden: Vec<bool> = named.columns.iter().map(|name| self.has(name)).collect();
        if !hidden.contains(&true) {
            return Ok(());
        }
        // Columns that do not count up to the width hide all: which one is meant is not known.
        let all = hidden.len() != width;
        replace(named, |at| {
            all || hidden.get(at % width).copied().unwrap_or(true)
        })
    }
}

/// Replaces the elements that `hidden` says.
fn replace(named: &mut NamedTensor, hidden: impl Fn(usize) -> bool) -> Result<()> {
    let shape = named.tensor.shape().to_vec();
    named.tensor = match named.tensor.bytes() {
        None => Tensor::from_strings(shape, without(named.tensor.strings()?, &hidden))?,
        Some(bytes) => {
            let size = named.tensor.dtype().size().unwrap_or(1).max(1);
            let byte = |(at, byte): (usize, &u8)| if hidden(at / size) { 0 } else { *byte };
            let bytes: Vec<u8> = bytes.iter().enumerate().map(byte).collect();
            Tensor::from_bytes(named.tensor.dtype(), shape, bytes)?
        }
    };
    let number = named.tensor.bytes().is_some();
    if let Some(cells) = &named.cells {
        let put = if number { Cell::Number } else { Cell::Text };
        let cell = |(at, cell): (usize, &Cell)| if hidden(at) { put } else { *cell };
        named.cells = Some(cells.iter().enumerate().map(cell).collect());
    }
    Ok(())
}

fn without(texts: &[Bytes], hidden: &impl Fn(usize) -> bool) -> Vec<Bytes> {
    let text = |(at, text): (usize, &Bytes)| match hidden(at) {
        true => Bytes::from_static(REDACTED.as_bytes()),
        false => text.clone(),
    };
    texts.iter().enumerate().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redact(names: &[&str], mut message: Message) -> Message {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Redaction::of(&names).message(&mut message).unwrap();
        message
    }

    fn json(value: Value) -> Message {
        Message {
            payload: Payload::Json(value),
            ..Message::default()
        }
    }

    #[test]
    fn members_of_json_and_tags_are_replaced_at_any_depth() {
        let mut message = json(json!({"a": [{"ssn": 1, "b": 2}], "ssn": {"x": 1}}));
        message.meta.tags.insert("user".into(), json!("me"));
        message.meta.tags.insert("kept".into(), json!(1));
        let done = redact(&["ssn", "user"], message);
        let expected = json!({"a": [{"ssn": "[redacted]", "b": 2}], "ssn": "[redacted]"});
        assert_eq!(done.payload, Payload::Json(expected));
        assert_eq!(
            Value::Object(done.meta.tags),
            json!({"user": "[redacted]", "kept": 1})
        );
    }

    #[test]
    fn columns_are_replaced_and_keep_shape_and_type() {
        let tensor = Tensor::from_vec([2, 3], vec![1.5_f64, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let mut named = NamedTensor::new("", tensor);
        named.columns = ["age", "income", "zip"].map(String::from).to_vec();
        let done = redact(&["income"], Message::tensors(vec![named]));
        let found = done.as_tensors().unwrap()[0]
            .tensor
            .to_vec::<f64>()
            .unwrap();
        assert_eq!(found, [1.5, 0.0, 3.0, 4.0, 0.0, 6.0]);
    }

    #[test]
    fn tensors_of_texts_and_mixed_cells_are_replaced() {
        let texts = ["1", "x", "2", "y"].map(Bytes::from).to_vec();
        let mut named = NamedTensor::new("t", Tensor::from_strings([2, 2], texts).unwrap());
        named.columns = ["n", "who"].map(String::from).to_vec();
        named.cells = Some([Cell::Number, Cell::Text, Cell::Number, Cell::Missing].into());
        let message = Message::tensors(vec![named]);
        let done = redact(&["who"], message.clone());
        let named = &done.as_tensors().unwrap()[0];
        let texts = named.tensor.strings().unwrap();
        assert_eq!(texts, ["1", REDACTED, "2", REDACTED]);
        let cells = named.cells.as_deref().unwrap();
        assert_eq!(cells, [Cell::Number, Cell::Text, Cell::Number, Cell::Text]);
        let whole = redact(&["t"], message);
        let texts = whole.as_tensors().unwrap()[0]
            .tensor
            .strings()
            .unwrap()
            .to_vec();
        assert_eq!(texts, [REDACTED; 4]);
    }

    #[test]
    fn whole_payloads_have_the_protocols_names() {
        let text = |text: &str| Message {
            payload: Payload::Text(text.into()),
            ..Message::default()
        };
        assert_eq!(redact(&["strData"], text("secret")), text(REDACTED));
        assert_eq!(redact(&["binData"], text("kept")), text("kept"));
        let bytes = Payload::Binary(Bytes::from_static(b"\x01\x02"));
        let message = Message {
            payload: bytes,
            ..Message::default()
        };
        let done = redact(&["binData"], message).payload;
        assert_eq!(
            done,
            Payload::Binary(Bytes::from_static(REDACTED.as_bytes()))
        );
    }

    #[test]
    fn feedback_is_replaced_in_all_its_parts() {
        let part = || Some(json(json!({"k": 1})));
        let mut feedback = Feedback {
            request: part(),
            response: part(),
            reward: 1.0,
            truth: part(),
        };
        let redaction = Redaction::of(&["k".to_owned()]);
        redaction.feedback(&mut feedback).unwrap();
        for part in [feedback.request, feedback.response, feedback.truth] {
            assert_eq!(part.unwrap().payload, Payload::Json(json!({"k": REDACTED})));
        }
    }
}
