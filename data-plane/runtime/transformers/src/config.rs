//! `config.json`: architecture, sizes and labels.

use hari_error::{Error, Result};
use serde_json::{Map, Value};

use crate::folder::Folder;
use crate::task::Task;

/// The most labels that are listed.
const MOST_LABELS: usize = 1 << 20;

/// What `config.json` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    members: Map<String, Value>,
}

impl Config {
    pub(crate) fn read(folder: &Folder) -> Result<Self> {
        match folder.json("config.json")? {
            Some(Value::Object(members)) => Ok(Self { members }),
            Some(_) => Err(Error::model("`config.json` is not a JSON object")),
            None => Err(Error::model("`config.json` is not in the model's folder")),
        }
    }

    /// `bert`, `roberta`, ...
    pub(crate) fn model_type(&self) -> &str {
        self.text("model_type").unwrap_or_default()
    }

    /// The first of `architectures`.
    pub(crate) fn architecture(&self) -> Option<&str> {
        self.members.get("architectures")?.get(0)?.as_str()
    }

    /// The task that the architecture is made for.
    pub(crate) fn task(&self) -> Result<Task> {
        let name = self.architecture().ok_or_else(|| {
            Error::model(
                "`config.json` names no architecture: say what the model does with the parameter `task`",
            )
        })?;
        Task::of_architecture(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.members.get(name)?.as_bool()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.members.get(name)?.as_f64()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.members.get(name)?.as_i64()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// A size that the graph cannot be made without; the first of the names that is there.
    pub(crate) fn size(&self, names: &[&str]) -> Result<usize> {
        let found = names.iter().find_map(|name| self.members.get(*name));
        let size = found
            .and_then(Value::as_u64)
            .and_then(|size| usize::try_from(size).ok());
        size.filter(|size| (1..=1 << 24).contains(size))
            .ok_or_else(|| {
                let found = found.map_or("nothing".to_owned(), ToString::to_string);
                Error::model(format!(
                    "`config.json`: `{}` is to be a positive number, found {found}",
                    names.first().copied().unwrap_or_default()
                ))
            })
    }

    /// The token that pads a text.
    pub(crate) fn pad(&self) -> Option<u32> {
        self.integer("pad_token_id")
            .and_then(|pad| u32::try_from(pad).ok())
    }

    /// The most tokens that the positions of the network allow; none if they are not bounded.
    pub(crate) fn positions(&self) -> Option<usize> {
        let table = self.integer("max_position_embeddings")?;
        let reserved = match self.model_type() {
            "roberta" | "xlm-roberta" | "camembert" => {
                self.integer("pad_token_id").unwrap_or(1).checked_add(1)?
            }
            "mpnet" => 2,
            _ => 0,
        };
        let left = table.checked_sub(reserved)?;
        usize::try_from(left).ok().filter(|&left| left > 0)
    }

    /// The labels, in the order of the network's outputs.
    pub(crate) fn labels(&self) -> Vec<String> {
        let named = self.members.get("id2label").and_then(Value::as_object);
        let count = named.map_or_else(
            || {
                self.integer("num_labels")
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(2)
            },
            Map::len,
        );
        let label = |at: usize| {
            let label = named.and_then(|named| named.get(&at.to_string()));
            label
                .and_then(Value::as_str)
                .map_or_else(|| format!("LABEL_{at}"), str::to_owned)
        };
        (0..count.min(MOST_LABELS)).map(label).collect()
    }
}

#[cfg(test)]
impl From<Value> for Config {
    fn from(value: Value) -> Self {
        let Value::Object(members) = value else {
            return Self::default();
        };
        Self { members }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_in_the_order_of_their_numbers() {
        let config = Config::from(json!({"id2label": {"10": "k", "1": "b", "0": "a"}}));
        assert_eq!(config.labels(), ["a", "b", "LABEL_2"]);
        assert_eq!(Config::default().labels(), ["LABEL_0", "LABEL_1"]);
    }

    #[test]
    fn some_architectures_reserve_positions() {
        let config = |kind: &str| {
            Config::from(
                json!({"model_type": kind, "max_position_embeddings": 514, "pad_token_id": 1}),
            )
        };
        assert_eq!(config("roberta").positions(), Some(512));
        assert_eq!(config("bert").positions(), Some(514));
        assert_eq!(Config::default().positions(), None);
    }

    #[test]
    fn a_size_that_is_none_is_named() {
        let config = Config::from(json!({"hidden_size": -1, "dim": 32}));
        assert_eq!(config.size(&["dim"]).unwrap(), 32);
        let error = config.size(&["hidden_size"]).unwrap_err();
        assert!(
            error.message().contains("`hidden_size`") && error.message().contains("-1"),
            "{error}"
        );
        assert!(
            config
                .task()
                .unwrap_err()
                .message()
                .contains("parameter `task`")
        );
    }
}
