//! Whether an answer is right.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::case;

/// What numbers may differ by, beside a thousandth of themselves.
const TOLERANCE: f64 = 1e-4;

/// What a right answer looks like.
pub(crate) enum Expected {
    /// A list of numbers in its JSON has its highest where it should. The list may be nested, and
    /// JSON in a text.
    Highest { pointer: String, highest: usize },
    /// Such a list holds these numbers.
    Numbers { pointer: String, numbers: Vec<f64> },
    /// It ends with these numbers, as they lie in memory.
    Tail(Vec<f32>),
}

impl Expected {
    /// The highest number of a list.
    pub(crate) fn highest(pointer: &str, highest: usize) -> Self {
        Self::Highest {
            pointer: pointer.to_owned(),
            highest,
        }
    }

    /// Every number of a list: a file of 64-bit floats, little endian.
    pub(crate) fn numbers(pointer: &str, path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let (numbers, rest) = bytes.as_chunks();
        let whole = !numbers.is_empty() && rest.is_empty();
        ensure!(whole, "{} holds no 64-bit floats", path.display());
        Ok(Self::Numbers {
            pointer: pointer.to_owned(),
            numbers: numbers
                .iter()
                .map(|number| f64::from_le_bytes(*number))
                .collect(),
        })
    }

    /// The numbers of a file at the end of the answer: a binary tensor in either protocol.
    pub(crate) fn tail(path: &Path) -> Result<Self> {
        case::floats(path).map(Self::Tail)
    }

    /// Accepts a right answer.
    pub(crate) fn check(&self, body: &[u8]) -> Result<()> {
        match self {
            Self::Highest { pointer, highest } => check_highest(body, pointer, *highest),
            Self::Numbers { pointer, numbers } => check_near(&list(body, pointer)?, numbers),
            Self::Tail(numbers) => check_tail(body, numbers),
        }
    }

    /// Accepts an answer that is long enough, where each number was looked at before.
    pub(crate) fn check_length(&self, body: &[u8]) -> Result<()> {
        match self {
            Self::Highest { .. } | Self::Numbers { .. } => self.check(body),
            Self::Tail(numbers) => tail(body, numbers.len()).map(|_| ()),
        }
    }
}

fn check_highest(body: &[u8], pointer: &str, highest: usize) -> Result<()> {
    let numbers = list(body, pointer)?;
    let found = (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    ensure!(
        found == Some(highest),
        "expected the highest number at {highest}, found {numbers:?}"
    );
    Ok(())
}

/// The numbers at a place in JSON.
fn list(body: &[u8], pointer: &str) -> Result<Vec<f64>> {
    let reply: Value = serde_json::from_slice(body).context("the reply is not JSON")?;
    let found = reply.pointer(pointer);
    let found = found.with_context(|| format!("nothing at {pointer} in {reply}"))?;
    let mut numbers = Vec::new();
    match found {
        Value::String(text) => flatten(&serde_json::from_str(text)?, &mut numbers),
        list => flatten(list, &mut numbers),
    }
    .with_context(|| format!("not only numbers at {pointer}"))?;
    Ok(numbers)
}

/// All numbers of nested lists; none if there is anything else.
fn flatten(value: &Value, numbers: &mut Vec<f64>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, numbers)),
        Value::Number(number) => {
            numbers.push(number.as_f64()?);
            Some(())
        }
        _ => None,
    }
}

fn tail(body: &[u8], numbers: usize) -> Result<&[u8]> {
    let at = body.len().checked_sub(4 * numbers);
    let tail = at.and_then(|at| body.get(at..));
    tail.with_context(|| format!("{} bytes do not hold {numbers} numbers", body.len()))
}

fn check_tail(body: &[u8], numbers: &[f32]) -> Result<()> {
    let found: Vec<f64> = case::from_bytes(tail(body, numbers.len())?)
        .map(f64::from)
        .collect();
    let expected: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
    check_near(&found, &expected)
}

fn check_near(found: &[f64], expected: &[f64]) -> Result<()> {
    let (count, wanted) = (found.len(), expected.len());
    ensure!(count == wanted, "expected {wanted} numbers, found {count}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Not the other way round: no comparison holds for a NaN.
        let near = (found - expected).abs() <= TOLERANCE + expected.abs() * 1e-3;
        ensure!(near, "number {at}: expected {expected}, found {found}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_decides() {
        let second = Expected::highest("/data/ndarray/0", 1);
        let check = |text: &str| second.check(text.as_bytes());
        assert!(check(r#"{"data":{"ndarray":[[0.1,0.7,0.2]]}}"#).is_ok());
        assert!(check(r#"{"data":{"ndarray":[[0.7,0.1,0.2]]}}"#).is_err());
        assert!(check(r#"{"data":{"ndarray":[]}}"#).is_err());
        assert!(check(r#"{"data":{"ndarray":[[0.1,"a"]]}}"#).is_err());
        assert!(check("not json").is_err());
        assert!(check(r#"{"data":{"ndarray":["[[[1,5],[2,3]]]"]}}"#).is_ok());
        assert!(check(r#"{"data":{"ndarray":["[[[1,5],[2,7]]]"]}}"#).is_err());
        assert!(check(r#"{"data":{"ndarray":["[[null,5]]"]}}"#).is_err());
    }

    #[test]
    fn every_number_of_a_list_decides() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer");
        let bytes: Vec<u8> = [0.25_f64, 0.75].map(f64::to_le_bytes).concat();
        std::fs::write(&file, &bytes).unwrap();
        let expected = Expected::numbers("/data", &file).unwrap();
        let check = |text: &str| expected.check(text.as_bytes());
        assert!(check(r#"{"data":[[0.25],[0.7501]]}"#).is_ok());
        assert!(check(r#"{"data":[0.25,0.77]}"#).is_err());
        assert!(check(r#"{"data":[0.25]}"#).is_err());
        assert!(check(r#"{"data":[0.25,0.75,0]}"#).is_err());
        std::fs::write(&file, &bytes[..9]).unwrap();
        assert!(Expected::numbers("/data", &file).is_err());
    }

    #[test]
    fn the_numbers_at_the_end_decide() {
        let expected = Expected::Tail(vec![1.0, 2.0]);
        let answer = |numbers: &[f32]| {
            let mut body = b"head".to_vec();
            body.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            body
        };
        assert!(expected.check(&answer(&[1.0, 2.000_05])).is_ok());
        assert!(expected.check(&answer(&[1.0, 2.1])).is_err());
        assert!(expected.check(&answer(&[1.0, f32::NAN])).is_err());
        assert!(expected.check(b"short").is_err());
        assert!(expected.check_length(&answer(&[0.0, 0.0])).is_ok());
        assert!(expected.check_length(b"short").is_err());
    }
}
