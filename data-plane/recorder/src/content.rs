//! Messages as recordings have them: whole, or the beginning of what is long.

use hari_core::{DataType, Feedback, Message, MetricKind, NamedTensor, Payload};
use serde_json::Value;

use crate::recording::{Content, Metric, Tensor};

/// Elements of a tensor, and columns, that are kept of a long one.
const ELEMENTS: usize = 32;
/// Bytes of a text that are kept of a long one.
const TEXT: usize = 1024;

/// How much of each message is kept.
#[derive(Clone, Copy)]
pub(crate) struct Length {
    elements: usize,
    text: usize,
}

impl Length {
    pub(crate) fn of(full: bool) -> Self {
        if full {
            let most = usize::MAX;
            return Self {
                elements: most,
                text: most,
            };
        }
        Self {
            elements: ELEMENTS,
            text: TEXT,
        }
    }

    pub(crate) fn message(self, message: &Message) -> Content {
        let metric = |metric: &hari_core::Metric| Metric {
            key: metric.key.clone(),
            kind: match metric.kind {
                MetricKind::Counter => "COUNTER",
                MetricKind::Gauge => "GAUGE",
                MetricKind::Timer => "TIMER",
            }
            .to_owned(),
            value: metric.value,
        };
        Content {
            tags: message.meta.tags.clone(),
            metrics: message.meta.metrics.iter().map(metric).collect(),
            ..self.payload(&message.payload)
        }
    }

    /// Request, response and truth, as far as they are there.
    pub(crate) fn feedback(self, feedback: &Feedback) -> Vec<Content> {
        let parts = [
            ("request", &feedback.request),
            ("response", &feedback.response),
            ("truth", &feedback.truth),
        ];
        let content = |(part, message): (&str, &Option<Message>)| {
            let content = self.message(message.as_ref()?);
            let part = part.to_owned();
            Some(Content { part, ..content })
        };
        parts.into_iter().filter_map(content).collect()
    }

    fn payload(self, payload: &Payload) -> Content {
        let mut content = Content::default();
        match payload {
            Payload::Empty => {}
            Payload::Tensors(tensors) => {
                content.tensors = tensors.iter().map(|named| self.tensor(named)).collect();
            }
            Payload::Text(text) => content.text = Some(self.text(text)),
            Payload::Binary(bytes) => content.binary = Some(bytes.len()),
            Payload::Json(value) => content.json = Some(self.json(value)),
            Payload::Any(any) => content.binary = Some(any.value.len()),
        }
        content
    }

    fn json(self, value: &Value) -> Value {
        let text = value.to_string();
        if text.len() <= self.text {
            value.clone()
        } else {
            Value::String(self.text(&text))
        }
    }

    /// The text, or its beginning and how many bytes follow.
    fn text(self, text: &str) -> String {
        if text.len() <= self.text {
            return text.to_owned();
        }
        let end = text.floor_char_boundary(self.text);
        let (kept, left) = text.split_at_checked(end).unwrap_or((text, ""));
        format!("{kept}... ({} bytes more)", left.len())
    }

    fn tensor(self, named: &NamedTensor) -> Tensor {
        let tensor = &named.tensor;
        let kept = tensor.len().min(self.elements);
        let columns = named.columns.iter().take(self.elements);
        Tensor {
            name: named.name.clone(),
            datatype: tensor.dtype().name().to_owned(),
            shape: tensor.shape().to_vec(),
            values: self.values(tensor, kept).unwrap_or_default(),
            more: tensor.len() - kept,
            columns: columns.cloned().collect(),
        }
    }

    /// The first elements; none for a type that cannot be said.
    fn values(self, tensor: &hari_core::Tensor, kept: usize) -> Option<Vec<Value>> {
        let flat = tensor.clone().reshape([tensor.len()]).ok()?;
        let first = flat.slice_rows(0..kept).ok()?;
        Some(match first.dtype() {
            DataType::Bytes => {
                let texts = first.strings().ok()?.iter();
                texts
                    .map(|text| Value::String(self.text(&String::from_utf8_lossy(text))))
                    .collect()
            }
            DataType::Bool => {
                let bits = first.values::<u8>().ok()?;
                bits.iter().map(|&bit| Value::Bool(bit != 0)).collect()
            }
            DataType::Int64 => first
                .to_vec::<i64>()
                .ok()?
                .into_iter()
                .map(Value::from)
                .collect(),
            DataType::Uint64 => first
                .to_vec::<u64>()
                .ok()?
                .into_iter()
                .map(Value::from)
                .collect(),
            DataType::Fp32 => {
                let numbers = first.to_vec::<f32>().ok()?.into_iter();
                // As short as 32 bits are said: 0.1, not the 0.10000000149 of 64.
                numbers
                    .map(|number| number.to_string().parse().map_or(Value::Null, number_of))
                    .collect()
            }
            kind => {
                let numbers = first.to_f64().ok()?.into_iter();
                let whole = kind.is_integer();
                numbers
                    .map(|number| match whole {
                        true => Value::from(number as i64),
                        false => number_of(number),
                    })
                    .collect()
            }
        })
    }
}

/// A number; a text for what JSON has no number for.
fn number_of(number: f64) -> Value {
    serde_json::Number::from_f64(number)
        .map_or_else(|| Value::String(number.to_string()), Value::Number)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn tensor<T: hari_core::Element>(values: Vec<T>) -> Value {
        let tensor = hari_core::Tensor::from_vec([values.len()], values).unwrap();
        let content = Length::of(false).message(&Message::tensor("x", tensor));
        serde_json::to_value(&content.tensors[0]).unwrap()
    }

    #[test]
    fn numbers_are_said_as_their_type_says_them() {
        assert_eq!(
            tensor(vec![0.1_f32, f32::NAN])["values"],
            json!([0.1, "NaN"])
        );
        assert_eq!(
            tensor(vec![0.1_f64, f64::INFINITY])["values"],
            json!([0.1, "inf"])
        );
        assert_eq!(tensor(vec![i64::MAX])["values"], json!([i64::MAX]));
        assert_eq!(tensor(vec![u64::MAX])["values"], json!([u64::MAX]));
        assert_eq!(tensor(vec![-3_i16, 4])["values"], json!([-3, 4]));
        let bools = hari_core::Tensor::from_bools([2], &[true, false]).unwrap();
        let content = Length::of(false).message(&Message::tensor("b", bools));
        assert_eq!(content.tensors[0].values, [json!(true), json!(false)]);
    }

    #[test]
    fn what_is_long_is_abbreviated_unless_all_is_kept() {
        let long = hari_core::Tensor::from_vec([10, 10], vec![1.5_f32; 100]).unwrap();
        let message = Message::tensor("x", long);
        let short = &Length::of(false).message(&message).tensors[0];
        assert_eq!((short.values.len(), short.more), (32, 68));
        assert_eq!(short.shape, [10, 10]);
        let full = &Length::of(true).message(&message).tensors[0];
        assert_eq!((full.values.len(), full.more), (100, 0));
        let text = Message {
            payload: Payload::Text("ü".repeat(1000)),
            ..Message::default()
        };
        let kept = Length::of(false).message(&text).text.unwrap();
        assert!(kept.ends_with("... (976 bytes more)"), "{kept}");
        assert_eq!(Length::of(true).message(&text).text.unwrap().len(), 2000);
    }

    #[test]
    fn every_payload_has_a_form() {
        let of = |payload: Payload| {
            let message = Message {
                payload,
                ..Message::default()
            };
            serde_json::to_value(Length::of(false).message(&message)).unwrap()
        };
        assert_eq!(of(Payload::Empty), json!({}));
        assert_eq!(of(Payload::Text("a".into())), json!({"text": "a"}));
        assert_eq!(
            of(Payload::Binary(Bytes::from_static(b"abc"))),
            json!({"binary": 3})
        );
        assert_eq!(
            of(Payload::Json(json!({"a": [1]}))),
            json!({"json": {"a": [1]}})
        );
        let strings = vec![Bytes::from_static(b"a"), Bytes::from_static(b"\xff")];
        let strings = hari_core::Tensor::from_strings([2], strings).unwrap();
        let content = of(Payload::Tensors(vec![NamedTensor::new("s", strings)]));
        assert_eq!(content["tensors"][0]["values"], json!(["a", "\u{fffd}"]));
    }
}
