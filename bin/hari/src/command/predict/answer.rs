//! What is asked and what is answered, whatever the protocol.

use bytes::Bytes;
use hari_core::{Message, NamedTensor, Payload, TensorSpec, Typing};
use hari_error::Result;

/// What to send.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    /// A JSON body that the user wrote.
    Body(Bytes),
    /// Tensors, to be written in the protocol that is spoken.
    Message(Box<Message>),
}

impl Request {
    /// Rows that it holds, as far as they are known.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Body(_) => 1,
            Self::Message(message) => message
                .as_tensors()
                .and_then(<[_]>::first)
                .map_or(1, |named| named.tensor.rows()),
        }
    }
}

/// A request in no protocol's form yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) message: Message,
    /// The signature that is named.
    pub(super) signature: Option<String>,
    /// The outputs that are wanted; none means all.
    pub(super) outputs: Vec<String>,
}

impl Asked {
    /// A message, and all outputs of the default signature.
    pub(super) fn of(message: Message) -> Self {
        Self {
            message,
            ..Self::default()
        }
    }

    /// Whether the type of a tensor was read off its numbers.
    pub(super) fn is_inferred(&self) -> bool {
        let tensors = self.message.as_tensors().unwrap_or_default();
        tensors.iter().any(|named| named.typing == Typing::Inferred)
    }

    /// Gives tensors whose type is inferred the type that the model takes, and the only one its
    /// name.
    ///
    /// # Errors
    /// If a number does not fit the type.
    pub(super) fn declare(&mut self, specs: &[TensorSpec]) -> Result<()> {
        let Payload::Tensors(tensors) = &mut self.message.payload else {
            return Ok(());
        };
        if let ([named], [spec]) = (tensors.as_mut_slice(), specs)
            && named.name.is_empty()
        {
            named.name.clone_from(&spec.name);
        }
        for named in tensors
            .iter_mut()
            .filter(|named| named.typing == Typing::Inferred)
        {
            if let Some(spec) = specs.iter().find(|spec| spec.name == named.name) {
                declare(named, spec)?;
            }
        }
        Ok(())
    }
}

fn declare(named: &mut NamedTensor, spec: &TensorSpec) -> Result<()> {
    if !named.tensor.dtype().is_numeric() || !spec.dtype.is_numeric() {
        return Ok(());
    }
    let cast = named.tensor.cast(spec.dtype);
    named.tensor = cast.map_err(|error| error.context(format!("input `{}`", spec.name)))?;
    named.typing = Typing::Declared;
    Ok(())
}

/// An answer: as the server wrote it in JSON, and read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    pub(super) message: Message,
}

#[cfg(test)]
mod tests {
    use hari_core::{DataType, Tensor};

    use super::*;

    fn spec(name: &str, dtype: DataType) -> TensorSpec {
        TensorSpec {
            name: name.into(),
            dtype,
            shape: None,
        }
    }

    fn asked(name: &str, values: Vec<f64>) -> Asked {
        let tensor = Tensor::from_vec([values.len()], values).unwrap();
        Asked::of(Message::tensors(vec![NamedTensor::inferred(name, tensor)]))
    }

    #[test]
    fn inferred_numbers_take_the_type_and_name_of_the_model() {
        let mut asked = asked("", vec![1.0, 2.0]);
        assert!(asked.is_inferred());
        asked.declare(&[spec("x", DataType::Fp32)]).unwrap();
        let named = &asked.message.as_tensors().unwrap()[0];
        assert_eq!(
            (named.name.as_str(), named.tensor.dtype()),
            ("x", DataType::Fp32)
        );
        assert!(!asked.is_inferred());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_not_known_stays() {
        let error = asked("x", vec![1.5])
            .declare(&[spec("x", DataType::Int32)])
            .unwrap_err();
        assert!(error.message().starts_with("input `x`: "), "{error}");
        let mut other = asked("x", vec![1.5]);
        other
            .declare(&[spec("y", DataType::Int32), spec("z", DataType::Int32)])
            .unwrap();
        assert!(other.is_inferred());
    }

    #[test]
    fn rows_of_a_request_are_those_of_its_first_tensor() {
        assert_eq!(
            Request::Message(Box::new(asked("x", vec![1.0, 2.0]).message)).rows(),
            2
        );
        assert_eq!(Request::Body(Bytes::new()).rows(), 1);
    }
}
