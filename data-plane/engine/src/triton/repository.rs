//! The models of a repository behind one node: the caller's model name chooses.

use std::collections::BTreeMap;
use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};

/// Every model of a repository.
pub(super) struct Models {
    /// Answers where no model is named: the one with the node's name, or the only one.
    default: Option<Arc<dyn Unit>>,
    by_name: BTreeMap<String, Arc<dyn Unit>>,
    /// Of the default, under the node's name.
    metadata: Arc<ModelMetadata>,
}

impl Models {
    /// The models as a unit of the name `node`.
    pub(super) fn of(node: &str, by_name: BTreeMap<String, Arc<dyn Unit>>) -> Arc<dyn Unit> {
        let only = || {
            (by_name.len() == 1)
                .then(|| by_name.values().next())
                .flatten()
        };
        let default = by_name.get(node).or_else(only).cloned();
        let described = default
            .as_ref()
            .map_or_else(none_of_them, |unit| unit.metadata());
        let metadata = Arc::new(ModelMetadata {
            name: node.to_owned(),
            ..ModelMetadata::clone(&described)
        });
        Arc::new(Self {
            default,
            by_name,
            metadata,
        })
    }

    fn aimed(&self, target: &Target) -> Result<&Arc<dyn Unit>> {
        let named = target.model.as_ref();
        let found = named.and_then(|name| self.by_name.get(name));
        found.or(self.default.as_ref()).ok_or_else(|| {
            let there: Vec<_> = self
                .by_name
                .keys()
                .map(|name| format!("`{name}`"))
                .collect();
            Error::not_found(format!(
                "`{}` is a repository of several models: name one of {} in the request",
                self.metadata.name,
                there.join(", ")
            ))
        })
    }
}

/// What a repository says of itself where no model stands for it.
fn none_of_them() -> Arc<ModelMetadata> {
    Arc::new(ModelMetadata {
        platform: ModelMetadata::REPOSITORY.to_owned(),
        ..ModelMetadata::default()
    })
}

impl Unit for Models {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match self.aimed(&context.target) {
            Ok(unit) => unit.call(method, input, context),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            for unit in self.by_name.values() {
                unit.ready().await?;
            }
            Ok(())
        })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        match self.aimed(target) {
            Ok(unit) => unit.metadata_of(target),
            Err(_) => self.metadata(),
        }
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        let own = || self.default.as_ref().filter(|_| name == self.metadata.name);
        self.by_name.get(name).or_else(own).cloned()
    }

    fn names(&self) -> Vec<String> {
        let others = self
            .by_name
            .keys()
            .filter(|name| **name != self.metadata.name);
        std::iter::once(&self.metadata.name)
            .chain(others)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hari_testkit::Identity;

    use super::*;

    fn models(node: &str, names: &[&str]) -> Arc<dyn Unit> {
        let unit = |name: &&str| {
            let unit: Arc<dyn Unit> = Arc::new(Identity::new(name));
            ((*name).to_owned(), unit)
        };
        Models::of(node, names.iter().map(unit).collect())
    }

    #[test]
    fn a_node_answers_for_the_model_of_its_name() {
        let unit = models("b", &["a", "b"]);
        assert_eq!(unit.metadata().name, "b");
        assert_eq!(unit.names(), ["b", "a"]);
        assert_eq!(unit.find("a").unwrap().metadata().name, "a");
        assert!(unit.find("c").is_none());
    }

    #[test]
    fn the_only_model_answers_under_any_name() {
        let unit = models("node", &["a"]);
        assert_eq!(unit.names(), ["node", "a"]);
        assert!(unit.find("node").is_some());
    }

    #[tokio::test]
    async fn several_models_want_to_be_named() {
        let unit = models("node", &["a", "b"]);
        let ask = |model: Option<&str>| {
            let target = Target {
                model: model.map(str::to_owned),
                ..Target::default()
            };
            Context::new("id", Duration::from_secs(1)).aimed(target)
        };
        let input = || Input::One(Message::default());
        let context = ask(None);
        let error = unit.call(Method::Predict, input(), &context).await;
        let error = error.unwrap_err();
        assert!(error.message().contains("`a`, `b`"), "{error}");
        let context = ask(Some("a"));
        assert!(unit.call(Method::Predict, input(), &context).await.is_ok());
    }
}
