//! Whether an answer is right: a list of numbers in its JSON has its highest where it should.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What a right answer looks like.
pub(crate) struct Expected {
    pointer: String,
    highest: usize,
}

impl Expected {
    pub(crate) fn new(pointer: &str, highest: usize) -> Self {
        Self {
            pointer: pointer.to_owned(),
            highest,
        }
    }

    /// Accepts a right answer.
    pub(crate) fn check(&self, body: &[u8]) -> Result<()> {
        let reply: Value = serde_json::from_slice(body).context("the reply is not JSON")?;
        let list = reply.pointer(&self.pointer).and_then(Value::as_array);
        let list = list.with_context(|| format!("no list at {} in {reply}", self.pointer))?;
        let numbers: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
        let numbers = numbers.with_context(|| format!("not only numbers at {}", self.pointer))?;
        let highest = (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        ensure!(
            highest == Some(self.highest),
            "expected the highest number at {}, found {numbers:?}",
            self.highest
        );
        Ok(())
    }
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
    }
}
