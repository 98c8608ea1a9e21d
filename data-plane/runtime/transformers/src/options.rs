//! How a folder is loaded.

use serde_json::{Map, Value};

use hari_error::{Error, Result};

use crate::parameters;
use crate::task::Task;

/// How a folder is loaded.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What it does; the architecture says it if none.
    pub task: Option<Task>,
    /// The file of the network, relative to the folder or to `onnx/` in it: a quantised variant, say.
    pub file: Option<String>,
    /// The folder in the folder that has the tokenizer.
    pub tokenizer: Option<String>,
    /// Parameters of the pipeline where a request has none.
    pub parameters: Map<String, Value>,
    /// How the engine runs.
    pub engine: hari_onnx::Options,
}

/// Parameters of a deployment that say nothing about the pipeline: the server's own, and names on the
/// Hub, which the folder stands for.
const OTHERS: [&str; 11] = [
    "pretrained_model",
    "optimum_model",
    "max_batch_size",
    "batch_window_ms",
    "version",
    "version_labels",
    "version_policy",
    "engine",
    "threads",
    "device",
    "model_uri",
];

impl Options {
    /// Reads the parameters of a deployment: `task`, `file_name`, `pretrained_tokenizer`, and those of
    /// the pipeline.
    ///
    /// # Errors
    /// `InvalidInput` for a parameter that no pipeline has, `Unimplemented` for a task that is not served.
    pub fn of(given: impl IntoIterator<Item = (String, Value)>) -> Result<Self> {
        let mut options = Self::default();
        for (name, value) in given {
            let text = value
                .as_str()
                .map(str::to_owned)
                .filter(|text| !text.is_empty());
            match &*name {
                "task" => options.task = text.map(|text| Task::named(&text)).transpose()?,
                "file_name" => options.file = text,
                "pretrained_tokenizer" => options.tokenizer = text,
                other if OTHERS.contains(&other) => {}
                other if parameters::is_known(other) => {
                    options.parameters.insert(name, value);
                }
                other => {
                    return Err(Error::invalid(format!(
                        "parameter `{other}`: no pipeline has it; they have {}",
                        parameters::names().join(", ")
                    )));
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use hari_error::Kind;
    use serde_json::json;

    use super::*;

    fn of(given: &[(&str, Value)]) -> Result<Options> {
        Options::of(
            given
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        )
    }

    #[test]
    fn parameters_of_a_deployment_are_read() {
        let options = of(&[
            ("task", json!("ner")),
            ("pretrained_model", json!("dslim/bert-base-NER")),
            ("optimum_model", json!(true)),
            ("file_name", json!("model_quantized.onnx")),
            ("aggregation_strategy", json!("simple")),
        ]);
        let options = options.unwrap();
        assert_eq!(options.task, Some(Task::TokenClassification));
        assert_eq!(options.file.as_deref(), Some("model_quantized.onnx"));
        assert_eq!(options.parameters.len(), 1);
    }

    #[test]
    fn what_no_pipeline_has_is_refused() {
        let error = of(&[("temperature", json!(0.7))]).unwrap_err();
        assert!(
            error.message().contains("`temperature`") && error.message().contains("top_k"),
            "{error}"
        );
        assert_eq!(
            of(&[("task", json!("text-generation"))])
                .unwrap_err()
                .kind(),
            Kind::Unimplemented
        );
    }
}
