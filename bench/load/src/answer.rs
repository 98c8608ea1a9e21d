//! Whether an answer is right.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::case;

/// What numbers may differ by, beside a thousandth of themselves.
const TOLERANCE: f32 = 1e-4;

/// What a right answer looks like.
pub(crate) enum Expected {
    /// A list of numbers in its JSON has its highest where it should. The list may be nested, and
    /// JSON in a text.
    Highest { pointer: String, highest: usize },
    /// It ends with these numbers, as they lie in memory.
    Tail(Vec<f32>),
}

impl Expected {
    pub(crate) fn new(pointer: &str, highest: usize) -> Self {
        Self::Highest {
            pointer: pointer.to_owned(),
            highest,
        }
    }

    /// The numbers of a file at the end of the answer: a binary tensor in either protocol.
    pub(crate) fn tail(path: &Path) -> Result<Self> {
        case::floats(path).map(Self::Tail)
    }

    /// Accepts a right answer.
    pub(crate) fn check(&self, body: &[u8]) -> Result<()> {
        match self {
            Self::Highest { pointer, highest } => check_highest(body, pointer, *highest),
            Self::Tail(numbers) => check_tail(body, numbers),
        }
    }

    /// Accepts an answer that is long enough, where each number was looked at before.
    pub(crate) fn check_length(&self, body: &[u8]) -> Result<()> {
        match self {
            Self::Highest { .. } => self.check(body),
            Self::Tail(numbers) => tail(body, numbers.len()).map(|_| ()),
        }
    }
}

fn check_highest(body: &[u8], pointer: &str, highest: usize) -> Result<()> {
    let reply: Value = serde_json::from_slice(body).context("the reply is not JSON")?;
    let found = reply.pointer(pointer);
    let found = found.with_context(|| format!("nothing at {pointer} in {reply}"))?;
    let mut numbers = Vec::new();
    match found {
        Value::String(text) => flatten(&serde_json::from_str(text)?, &mut numbers),
        list => flatten(list, &mut numbers),
    }
    .with_context(|| format!("not only numbers at {pointer}"))?;
    let found = (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    ensure!(
        found == Some(highest),
        "expected the highest number at {highest}, found {numbers:?}"
    );
    Ok(())
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
    let found = case::from_bytes(tail(body, numbers.len())?);
    for (at, (found, expected)) in found.zip(numbers).enumerate() {
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
        let second = Expected::new("/data/ndarray/0", 1);
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
