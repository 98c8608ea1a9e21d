//! Parameters of a pipeline: which there are, and their values for one row.

use hari_error::{Error, Result};
use serde_json::{Map, Value};

use crate::task::Task;

/// A parameter of some pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name, as `transformers` has it.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The pipelines that have it.
    pub tasks: &'static [Task],
}

const fn known_as(name: &'static str, doc: &'static str, tasks: &'static [Task]) -> Known {
    Known { name, doc, tasks }
}

/// Every parameter.
const KNOWN: [Known; 21] = {
    use Task::{
        FeatureExtraction, FillMask, QuestionAnswering, SentenceEmbeddings, SentenceSimilarity,
        TextClassification, TokenClassification, ZeroShotClassification,
    };
    [
        known_as(
            "top_k",
            "answers for each text; null for all of them",
            &[TextClassification, QuestionAnswering, FillMask],
        ),
        known_as(
            "function_to_apply",
            "sigmoid, softmax or none",
            &[TextClassification],
        ),
        known_as(
            "return_all_scores",
            "true as top_k null",
            &[TextClassification],
        ),
        known_as("text_pair", "a second text", &[TextClassification]),
        known_as(
            "truncation",
            "whether a text that is too long is cut rather than refused",
            &[TextClassification, FillMask, FeatureExtraction],
        ),
        known_as(
            "max_length",
            "tokens that a text is cut at",
            &[
                TextClassification,
                FillMask,
                FeatureExtraction,
                SentenceEmbeddings,
                SentenceSimilarity,
            ],
        ),
        known_as(
            "aggregation_strategy",
            "none, simple, first, average or max",
            &[TokenClassification],
        ),
        known_as(
            "ignore_labels",
            "labels that are left out",
            &[TokenClassification],
        ),
        known_as(
            "stride",
            "tokens that parts of a long text have in common",
            &[TokenClassification],
        ),
        known_as(
            "doc_stride",
            "tokens that parts of a long context have in common",
            &[QuestionAnswering],
        ),
        known_as(
            "max_answer_len",
            "tokens of an answer",
            &[QuestionAnswering],
        ),
        known_as(
            "max_seq_len",
            "tokens of question and part together",
            &[QuestionAnswering],
        ),
        known_as(
            "max_question_len",
            "taken for compatibility; a question is never cut",
            &[QuestionAnswering],
        ),
        known_as(
            "handle_impossible_answer",
            "whether there may be no answer",
            &[QuestionAnswering],
        ),
        known_as(
            "align_to_words",
            "whether answers are whole words",
            &[QuestionAnswering],
        ),
        known_as("targets", "words to choose from", &[FillMask]),
        known_as(
            "candidate_labels",
            "labels to choose from",
            &[ZeroShotClassification],
        ),
        known_as(
            "hypothesis_template",
            "a sentence with {} for the label",
            &[ZeroShotClassification],
        ),
        known_as(
            "multi_label",
            "whether several labels may be right",
            &[ZeroShotClassification],
        ),
        known_as(
            "normalize",
            "whether vectors get length one",
            &[SentenceEmbeddings, SentenceSimilarity],
        ),
        known_as(
            "pooling",
            "mean, cls or max, for a folder that does not say",
            &[SentenceEmbeddings, SentenceSimilarity],
        ),
    ]
};

/// Every parameter, with the pipelines that have it.
#[must_use]
pub fn known() -> &'static [Known] {
    &KNOWN
}

pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.name == name)
}

pub(crate) fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).collect()
}

/// Whether the pipeline of `task` has it.
pub(crate) fn belongs(name: &str, task: Task) -> bool {
    KNOWN
        .iter()
        .any(|known| known.name == name && known.tasks.contains(&task))
}

/// The names that the pipeline of `task` has.
pub(crate) fn of_task(task: Task) -> Vec<&'static str> {
    KNOWN
        .iter()
        .filter(|known| known.tasks.contains(&task))
        .map(|known| known.name)
        .collect()
}

/// The parameters of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parameters(Map<String, Value>);

impl Parameters {
    /// Those of a request, as a JSON object or nothing, over those of the deployment.
    pub(crate) fn read(text: &[u8], defaults: &Map<String, Value>) -> Result<Self> {
        let mut members = defaults.clone();
        if !text.is_empty() {
            let own: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
                Error::invalid(format!("`parameters` is not a JSON object: {error}"))
            })?;
            members.extend(own);
        }
        Ok(Self(members))
    }

    /// Whether it is given at all, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A number of things; none if it is not given or null.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>> {
        self.get(name, "a whole number above 0", |value| {
            let number = match value {
                Value::String(text) => text.trim().parse::<u64>().ok(),
                value => value.as_u64().or_else(|| whole(value.as_f64()?)),
            };
            number
                .and_then(|number| usize::try_from(number).ok())
                .filter(|&number| number > 0)
        })
    }

    /// As [`Parameters::count`], but nothing is a number too.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>> {
        match self.0.get(name) {
            Some(zero) if zero.as_f64() == Some(0.0) || zero == "0" => Ok(Some(0)),
            _ => self.count(name),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.get(name, "true or false", |value| match value {
            Value::String(text) => text.trim().to_lowercase().parse().ok(),
            Value::Number(number) => Some(number.as_f64()? != 0.0),
            value => value.as_bool(),
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        self.get(name, "text", |value| value.as_str().map(str::to_owned))
    }

    /// Texts: a list, or one text with commas.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.get(name, "a list of texts", |value| match value {
            Value::String(text) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            value => value
                .as_array()?
                .iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// Texts: a list, or one text as it is.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(Some(vec![text.clone()])),
            _ => self.list(name),
        }
    }

    fn get<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                Error::invalid(format!(
                    "parameter `{name}`: expected {expected}, found {}",
                    short(value)
                ))
            }),
        }
    }
}

/// The number, if it is a whole one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked before"
)]
fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..1e15).contains(&number);
    fits.then_some(number as u64)
}

/// A value for an error, cut if it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters(text: &str) -> Parameters {
        let Value::Object(defaults) = json!({"top_k": 3, "targets": "a, b"}) else {
            panic!()
        };
        Parameters::read(text.as_bytes(), &defaults).unwrap()
    }

    #[test]
    fn a_request_wins_over_the_deployment() {
        assert_eq!(parameters("").count("top_k").unwrap(), Some(3));
        let own = parameters(r#"{"top_k": null}"#);
        assert_eq!(own.count("top_k").unwrap(), None);
        assert!(own.has("top_k"));
        assert_eq!(
            parameters(r#"{"top_k": "7"}"#).count("top_k").unwrap(),
            Some(7)
        );
        assert_eq!(
            parameters(r#"{"top_k": 2.0}"#).count("top_k").unwrap(),
            Some(2)
        );
    }

    #[test]
    fn lists_may_be_written_with_commas() {
        let own = parameters(r#"{"ignore_labels": ["O", "X"]}"#);
        assert_eq!(own.list("targets").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(own.texts("targets").unwrap().unwrap(), ["a, b"]);
        assert_eq!(own.list("ignore_labels").unwrap().unwrap(), ["O", "X"]);
    }

    #[test]
    fn what_is_expected_and_found_is_said() {
        let own = parameters(r#"{"top_k": 0, "multi_label": "maybe", "stride": 0}"#);
        let error = own.count("top_k").unwrap_err();
        assert_eq!(
            error.message(),
            "parameter `top_k`: expected a whole number above 0, found 0"
        );
        assert!(own.flag("multi_label").is_err());
        assert_eq!(own.number("stride").unwrap(), Some(0));
        let long = Value::from("x".repeat(100));
        assert!(short(&long).len() < 70);
        assert!(Parameters::read(b"[1]", &Map::new()).is_err());
    }

    #[test]
    fn every_parameter_belongs_to_a_task_and_no_name_is_there_twice() {
        for known in known() {
            assert!(!known.tasks.is_empty() && is_known(known.name));
            assert_eq!(
                names().iter().filter(|name| **name == known.name).count(),
                1
            );
        }
        assert!(belongs("top_k", Task::FillMask) && !belongs("top_k", Task::SentenceEmbeddings));
        assert!(of_task(Task::SentenceEmbeddings).contains(&"normalize"));
    }
}
