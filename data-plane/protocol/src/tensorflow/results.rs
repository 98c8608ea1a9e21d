//! Replies of classify and regress.

use bytes::Bytes;
use hari_core::{DataType, Message, NamedTensor, Tensor};
use hari_error::{Error, Result};

use crate::json::write::{self, Escape};

/// A class and its score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    /// The name of the class; empty if the model names none.
    pub label: String,
    /// Its score; zero if the model gives none.
    pub score: f32,
}

/// The classes of each row: outputs `classes` and `scores` of shape `[rows, classes]`, either of
/// which may be missing. A model whose single output is numbers of that shape gives scores.
///
/// # Errors
/// `InvalidInput` if the model has no such outputs, `Model` if they do not fit each other.
pub fn classifications(message: &Message) -> Result<Vec<Vec<Class>>> {
    let tensors = message.as_tensors().unwrap_or_default();
    let (classes, scores) = match (find(tensors, "classes"), find(tensors, "scores"), tensors) {
        (None, None, [only]) if only.tensor.dtype().is_numeric() => (None, Some(&only.tensor)),
        (classes, scores, _) => (classes, scores),
    };
    let Some(either) = classes.or(scores) else {
        return Err(unable(tensors, "classify", "`classes` or `scores`"));
    };
    let &[rows, width] = either.shape() else {
        return Err(misshapen("classes and scores", "[rows, classes]", either));
    };
    if let Some(other) = scores.filter(|scores| scores.shape() != either.shape()) {
        return Err(misshapen("scores", "the shape of the classes", other));
    }
    let mut labels = classes
        .map(labels)
        .transpose()?
        .unwrap_or_default()
        .into_iter();
    let mut scores = scores
        .map(singles)
        .transpose()?
        .unwrap_or_default()
        .into_iter();
    let mut class = || Class {
        label: labels.next().unwrap_or_default(),
        score: scores.next().unwrap_or_default(),
    };
    Ok((0..rows)
        .map(|_| (0..width).map(|_| class()).collect())
        .collect())
}

/// One value for each row: the output `outputs`, or the single one, of shape `[rows]` or
/// `[rows, 1]`.
///
/// # Errors
/// `InvalidInput` if the model has no such output, or one of another shape.
pub fn regressions(message: &Message) -> Result<Vec<f32>> {
    let tensors = message.as_tensors().unwrap_or_default();
    let found = match (find(tensors, "outputs"), tensors) {
        (None, [only]) if only.tensor.dtype().is_numeric() => Some(&only.tensor),
        (found, _) => found,
    };
    let values = found.ok_or_else(|| unable(tensors, "regress", "`outputs`"))?;
    match values.shape() {
        [_] | [_, 1] => singles(values),
        // Whoever asks a classifier for one value a row is told so: it is no fault of the model.
        shape => Err(Error::invalid(format!(
            "outputs: expected [rows] or [rows, 1], found shape {shape:?}"
        ))),
    }
}

fn find<'a>(tensors: &'a [NamedTensor], name: &str) -> Option<&'a Tensor> {
    tensors
        .iter()
        .find(|named| named.name == name)
        .map(|named| &named.tensor)
}

fn unable(tensors: &[NamedTensor], what: &str, wanted: &str) -> Error {
    let names: Vec<_> = tensors
        .iter()
        .map(|named| format!("`{}`", named.name))
        .collect();
    Error::invalid(format!(
        "the model cannot {what}: expected outputs {wanted}, found {}; use predict",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

fn misshapen(name: &str, wanted: &str, found: &Tensor) -> Error {
    Error::model(format!(
        "{name}: expected {wanted}, found shape {:?}",
        found.shape()
    ))
}

/// Names of classes; numbers as their text.
fn labels(tensor: &Tensor) -> Result<Vec<String>> {
    if let Ok(strings) = tensor.strings() {
        return Ok(strings
            .iter()
            .map(|s| String::from_utf8_lossy(s).into_owned())
            .collect());
    }
    match tensor.dtype() {
        DataType::Uint64 => Ok(tensor.values::<u64>()?.iter().map(u64::to_string).collect()),
        dtype if dtype.is_integer() => Ok(tensor
            .cast(DataType::Int64)?
            .values::<i64>()?
            .iter()
            .map(i64::to_string)
            .collect()),
        found => Err(Error::model(format!(
            "classes: expected BYTES or integers, found {found}"
        ))),
    }
}

fn singles(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.cast(DataType::Fp32)?.to_vec()
}

/// The body of a reply to classify: for each row, pairs of label and score.
///
/// # Errors
/// Those of [`classifications`].
pub fn encode_classify(message: &Message) -> Result<Bytes> {
    let rows = classifications(message)?;
    let mut json = b"{\"results\":".to_vec();
    list(&mut json, &rows, |json, row| {
        list(json, row, |json, class| {
            json.push(b'[');
            write::string(json, &class.label, Escape::Plain);
            json.push(b',');
            write::float(json, class.score);
            json.push(b']');
        });
    });
    json.push(b'}');
    Ok(json.into())
}

/// The body of a reply to regress: one value for each row.
///
/// # Errors
/// Those of [`regressions`].
pub fn encode_regress(message: &Message) -> Result<Bytes> {
    let values = regressions(message)?;
    let mut json = b"{\"results\":".to_vec();
    list(&mut json, &values, |json, value| write::float(json, *value));
    json.push(b'}');
    Ok(json.into())
}

fn list<T>(json: &mut Vec<u8>, items: &[T], each: impl Fn(&mut Vec<u8>, &T)) {
    json.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        each(json, item);
    }
    json.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tensors: Vec<(&str, Tensor)>) -> Message {
        let each = |(name, tensor)| NamedTensor::new(name, tensor);
        Message::tensors(tensors.into_iter().map(each).collect())
    }

    fn scores() -> Tensor {
        Tensor::from_vec([2, 2], vec![0.25_f32, 0.75, 1.0, 0.0]).unwrap()
    }

    fn names() -> Tensor {
        Tensor::from_strings([2, 2], ["a", "b", "a", "b"].map(Bytes::from).to_vec()).unwrap()
    }

    #[test]
    fn classes_and_scores_are_paired() {
        let both = message(vec![("scores", scores()), ("classes", names())]);
        assert_eq!(
            encode_classify(&both).unwrap(),
            r#"{"results":[[["a",0.25],["b",0.75]],[["a",1.0],["b",0.0]]]}"#
        );
        let only = message(vec![("dense", scores())]);
        assert_eq!(
            encode_classify(&only).unwrap(),
            r#"{"results":[[["",0.25],["",0.75]],[["",1.0],["",0.0]]]}"#
        );
        let ids = message(vec![(
            "classes",
            Tensor::from_vec([1, 2], vec![7_i32, 9]).unwrap(),
        )]);
        assert_eq!(
            encode_classify(&ids).unwrap(),
            r#"{"results":[[["7",0.0],["9",0.0]]]}"#
        );
    }

    #[test]
    fn a_regression_is_one_value_for_each_row() {
        let column = Tensor::from_vec([2, 1], vec![3.5_f64, f64::INFINITY]).unwrap();
        for reply in [
            vec![("y", column.clone())],
            vec![("z", names()), ("outputs", column)],
        ] {
            assert_eq!(
                encode_regress(&message(reply)).unwrap(),
                r#"{"results":[3.5,Infinity]}"#
            );
        }
        let wide = encode_regress(&message(vec![("y", scores())])).unwrap_err();
        assert_eq!(
            wide.message(),
            "outputs: expected [rows] or [rows, 1], found shape [2, 2]"
        );
        assert_eq!(wide.kind(), hari_error::Kind::InvalidInput);
    }

    #[test]
    fn a_model_without_the_outputs_is_told_apart() {
        let two = message(vec![("a", scores()), ("b", scores())]);
        assert_eq!(
            classifications(&two).unwrap_err().message(),
            "the model cannot classify: expected outputs `classes` or `scores`, found `a`, `b`; use predict"
        );
        assert!(
            regressions(&Message::default())
                .unwrap_err()
                .message()
                .contains("found none")
        );
        let uneven = message(vec![
            ("classes", names()),
            ("scores", scores().reshape([4]).unwrap()),
        ]);
        assert_eq!(
            classifications(&uneven).unwrap_err().message(),
            "scores: expected the shape of the classes, found shape [4]"
        );
    }
}
