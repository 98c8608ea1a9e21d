//! `zero-shot-classification`: whether a text entails that it is about a label.

use hari_error::{Error, Kind, Result};
use serde_json::json;
use tokenizers::Encoding;

use super::answer::{json as write, only, score, softmax};
use super::{Asked, Pipeline};
use crate::tokenizer::{Cut, TruncationStrategy};

/// The most labels of a request: each is a run of the network.
const MOST_LABELS: usize = 1000;

/// What is asked of one text.
struct Choice {
    labels: Vec<String>,
    several: bool,
}

impl Pipeline {
    pub(super) fn classify_freely(&self, asked: &[Asked<'_>]) -> Result<Vec<String>> {
        let (mut choices, mut encodings) = (Vec::new(), Vec::new());
        for row in asked {
            let labels = candidates(row)?;
            let template = row.parameters.text("hypothesis_template")?;
            let template = template.as_deref().unwrap_or("This example is {}.");
            if !template.contains("{}") {
                return Err(Error::invalid(format!(
                    "parameter `hypothesis_template`: expected a sentence with {{}} for the label, found {template}"
                )));
            }
            for label in &labels {
                encodings.push(self.premise(row.first, &template.replacen("{}", label, 1))?);
            }
            let several = row.parameters.flag("multi_label")?.unwrap_or(false);
            choices.push(Choice { labels, several });
        }
        let mut logits = self
            .compute(&encodings)?
            .into_iter()
            .map(|parts| only(parts).map(|part| part.values));
        let rows = choices.into_iter().zip(asked);
        rows.map(|(choice, row)| {
            let own = logits
                .by_ref()
                .take(choice.labels.len())
                .collect::<Result<Vec<_>>>()?;
            self.chosen(row.first, &choice, &own)
        })
        .collect()
    }

    /// Text and hypothesis; of both, the text is cut.
    fn premise(&self, text: &str, hypothesis: &str) -> Result<Encoding> {
        let cut = self.limit().map(|length| Cut {
            strategy: TruncationStrategy::OnlyFirst,
            ..Cut::at(length)
        });
        let parts = match self.tokenizer.encode(text, Some(hypothesis), cut) {
            Err(error) if error.kind() == Kind::InvalidInput => {
                return Err(error.context("parameter `candidate_labels`"));
            }
            parts => parts?,
        };
        only(parts)
    }

    fn chosen(&self, text: &str, choice: &Choice, logits: &[Vec<f32>]) -> Result<String> {
        let lost = || Error::model("the network answered no logits");
        let labels = logits.first().map_or(0, Vec::len);
        let yes = self.entailment(labels).ok_or_else(lost)?;
        let no = if yes == 0 {
            labels.saturating_sub(1)
        } else {
            0
        };
        let scores: Vec<f32> = if choice.several || choice.labels.len() == 1 {
            let pair = |row: &Vec<f32>| softmax(&[*row.get(no)?, *row.get(yes)?]).get(1).copied();
            logits
                .iter()
                .map(pair)
                .collect::<Option<_>>()
                .ok_or_else(lost)?
        } else {
            let entailed: Option<Vec<f32>> =
                logits.iter().map(|row| row.get(yes).copied()).collect();
            softmax(&entailed.ok_or_else(lost)?)
        };
        let mut order: Vec<(usize, f32)> = scores.into_iter().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        let labels: Vec<_> = order
            .iter()
            .filter_map(|&(at, _)| choice.labels.get(at))
            .collect();
        let scores: Vec<_> = order.iter().map(|&(_, value)| score(value)).collect();
        write(&json!({"sequence": text, "labels": labels, "scores": scores}))
    }

    /// The label that says that a text entails a hypothesis: the last if none says it by name.
    fn entailment(&self, labels: usize) -> Option<usize> {
        let named = self
            .labels
            .iter()
            .position(|label| label.to_lowercase().starts_with("entail"));
        named.or(labels.checked_sub(1)).filter(|&at| at < labels)
    }
}

fn candidates(row: &Asked<'_>) -> Result<Vec<String>> {
    let labels = row.parameters.list("candidate_labels")?.unwrap_or_default();
    match labels.len() {
        0 => Err(Error::invalid(
            "parameter `candidate_labels` is missing: give the labels to choose from",
        )),
        count if count > MOST_LABELS => Err(Error::too_large(format!(
            "parameter `candidate_labels`: {count} labels, at most {MOST_LABELS} are taken"
        ))),
        _ => Ok(labels),
    }
}
