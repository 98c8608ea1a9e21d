//! What a model says of itself: its loss, and the labels of its classes.

use hari_error::Result;

pub(super) use super::parts::About;
use super::parts::Label;
use crate::document::{Value, read_dense_json};

/// What pairs of a binary file say, in which documents are texts.
pub(super) fn of_pairs(pairs: &[(&str, &str)]) -> Result<About> {
    let mut about = About::default();
    for &(name, text) in pairs {
        match name {
            "params" => about.params(&read_dense_json(text.as_bytes())?),
            "class_params" | "multiclass_params" => {
                about.classes(&read_dense_json(text.as_bytes())?)?;
            }
            name => about.text(name, text),
        }
    }
    Ok(about)
}

/// What a document says.
pub(super) fn of_document(info: Option<&Value<'_>>) -> Result<About> {
    let mut about = About::default();
    let Some(Value::Object(members)) = info else {
        return Ok(about);
    };
    for (name, value) in members {
        match (&**name, value) {
            ("params", value) => about.params(value),
            ("class_params" | "multiclass_params", value @ Value::Object(_)) => {
                about.classes(value)?;
            }
            (name, Value::Text(text)) => about.text(name, text),
            _ => (),
        }
    }
    Ok(about)
}

impl About {
    fn params(&mut self, params: &Value<'_>) {
        let loss = params.find("loss_function");
        let loss = loss.and_then(|loss| loss.text("type").ok());
        self.loss = loss.unwrap_or_default().to_owned();
    }

    /// Labels, and which of them the sums are for.
    fn classes(&mut self, params: &Value<'_>) -> Result<()> {
        self.classes = labels(params)?;
        if let Some(Value::Numbers(seen)) = params.find("class_to_label") {
            let seen = seen.doubles()?.into_iter();
            self.seen = seen.map(|label| label as usize).collect();
        }
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) {
        match name {
            "binclass_probability_threshold" => self.threshold = text.parse().ok(),
            "catboost_version_info" => self.version = version(text),
            "loss_function" if self.loss.is_empty() => text.clone_into(&mut self.loss),
            _ => (),
        }
    }
}

/// `1.2.10` from the branch that the version's text names; empty if it names none.
fn version(text: &str) -> String {
    let branch = text.split_once("tags/v").map_or("", |(_, rest)| rest);
    let end = branch.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
    let (version, _) = branch.split_at(end.unwrap_or(branch.len()));
    version.to_owned()
}

/// Labels of all classes.
fn labels(params: &Value<'_>) -> Result<Vec<Label>> {
    let kind = params.text("class_label_type").unwrap_or_default();
    let labels: Vec<Label> = match params.find("class_names") {
        Some(Value::List(_)) => {
            let texts = params.texts("class_names")?.into_iter();
            texts.map(Label::Text).collect()
        }
        Some(Value::Numbers(numbers)) => match kind {
            "Boolean" => truths(numbers.ints()?),
            "Integer" => numbers.ints()?.into_iter().map(Label::Int).collect(),
            _ => numbers.doubles()?.into_iter().map(Label::Float).collect(),
        },
        _ => Vec::new(),
    };
    Ok(labels)
}

/// Truth values, as Python writes them.
fn truths(values: Vec<i64>) -> Vec<Label> {
    let text = |value| if value == 0 { "False" } else { "True" };
    let labels = values.into_iter().map(|value| text(value).to_owned());
    labels.map(Label::Text).collect()
}
