//! `text-classification`: a label for each text.

use hari_error::{Error, Result};
use serde_json::{Value, json};

use super::answer::{descending, highest, json as write, only, score, sigmoid, softmax};
use super::{Asked, Pipeline};
use crate::parameters::Parameters;

/// What makes scores of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Sigmoid,
    Softmax,
    None,
}

/// How many labels an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// The best, by itself.
    Best,
    /// The best of them, in a list.
    Top(usize),
    /// All, in their own order.
    All,
}

impl Pipeline {
    pub(super) fn classify_texts(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let encode = |row: &Asked<'_>| {
            let pair = row.parameters.text("text_pair")?;
            self.encode(row.first, pair.as_deref(), &row.parameters)
        };
        let encodings = asked.iter().map(encode).collect::<Result<Vec<_>>>()?;
        let outputs = self.compute(&encodings)?;
        let rows = asked.iter().zip(outputs);
        rows.map(|(row, parts)| write(&self.labelled(&only(parts)?.values, &row.parameters)?))
            .collect()
    }

    fn labelled(&self, logits: &[f32], parameters: &Parameters) -> Result<Value> {
        let scores = match self.function(logits.len(), parameters)? {
            Function::Sigmoid => logits.iter().map(|&logit| sigmoid(logit)).collect(),
            Function::Softmax => softmax(logits),
            Function::None => logits.to_vec(),
        };
        let labelled = |at: usize| json!({"label": self.label(at), "score": scores.get(at).map(|&value| score(value))});
        Ok(match self.kept(parameters)? {
            Kept::Best => labelled(highest(&scores)),
            Kept::Top(count) => descending(&scores)
                .into_iter()
                .take(count)
                .map(labelled)
                .collect(),
            Kept::All => (0..scores.len()).map(labelled).collect(),
        })
    }

    /// The name of a label; a network may have more than the configuration names.
    pub(super) fn label(&self, at: usize) -> String {
        self.labels
            .get(at)
            .cloned()
            .unwrap_or_else(|| format!("LABEL_{at}"))
    }

    fn function(&self, labels: usize, parameters: &Parameters) -> Result<Function> {
        if let Some(name) = parameters.text("function_to_apply")? {
            return match &*name.to_lowercase() {
                "sigmoid" => Ok(Function::Sigmoid),
                "softmax" => Ok(Function::Softmax),
                "none" => Ok(Function::None),
                _ => Err(Error::invalid(format!(
                    "parameter `function_to_apply`: expected sigmoid, softmax or none, found {name}"
                ))),
            };
        }
        Ok(match self.config.text("problem_type") {
            Some("regression") => Function::None,
            Some("multi_label_classification") => Function::Sigmoid,
            _ if labels == 1 => Function::Sigmoid,
            _ => Function::Softmax,
        })
    }

    fn kept(&self, parameters: &Parameters) -> Result<Kept> {
        if parameters.has("top_k") {
            return Ok(Kept::Top(parameters.count("top_k")?.unwrap_or(usize::MAX)));
        }
        let all = parameters
            .flag("return_all_scores")?
            .or(self.config.flag("return_all_scores"));
        Ok(if all == Some(true) {
            Kept::All
        } else {
            Kept::Best
        })
    }
}
