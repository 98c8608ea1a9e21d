//! Operators whose outputs are random, refused by name: a served model answers alike twice.

use hari_error::Error;

use crate::compile::{Entry, Node};
use crate::rule::Built;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Bernoulli", 15, refused),
    Entry::onnx("Multinomial", 7, refused),
    Entry::onnx("RandomNormal", 1, refused),
    Entry::onnx("RandomNormalLike", 1, refused),
    Entry::onnx("RandomUniform", 1, refused),
    Entry::onnx("RandomUniformLike", 1, refused),
];

fn refused(_: &mut Node<'_>) -> Built {
    Err(Error::model(
        "random numbers are not served: export the model for inference, or make them an input",
    ))
}

#[cfg(test)]
mod tests {
    use crate::testing::built;

    #[test]
    fn what_to_do_is_said() {
        let error = built("RandomNormal", 22, &[]).err().unwrap();
        assert!(
            error.message().contains("export the model for inference"),
            "{error}"
        );
    }
}
