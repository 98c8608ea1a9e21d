//! The models of a repository behind one node: the caller's model name chooses.

use std::collections::BTreeMap;
use std::sync::Arc;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};

/// Every model of a repository.
pub(super) struct Models {
    /// Answers where no model is named: the one with the node's name, or the only one.
    default: Arc<dyn Unit>,
    by_name: BTreeMap<String, Arc<dyn Unit>>,
    /// Of the default, under the node's name.
    metadata: Arc<ModelMetadata>,
}

impl Models {
    /// The models as a unit of the name `node`.
    ///
    /// # Errors
    /// `NotFound` if there are several and none has the node's name.
    pub(super) fn of(
        node: &str,
        by_name: BTreeMap<String, Arc<dyn Unit>>,
    ) -> Result<Arc<dyn Unit>> {
        let only = || {
            (by_name.len() == 1)
                .then(|| by_name.values().next())
                .flatten()
        };
        let Some(default) = by_name.get(node).or_else(only).cloned() else {
            let there: Vec<_> = by_name.keys().map(|name| format!("`{name}`")).collect();
            return Err(Error::not_found(format!(
                "a node with a model repository has the name of the model that answers for it; \
                 the repository has {}",
                there.join(", ")
            )));
        };
        let metadata = Arc::new(ModelMetadata {
            name: node.to_owned(),
            ..ModelMetadata::clone(&default.metadata())
        });
        Ok(Arc::new(Self {
            default,
            by_name,
            metadata,
        }))
    }

    fn aimed(&self, target: &Target) -> &Arc<dyn Unit> {
        let named = target.model.as_ref();
        named
            .and_then(|name| self.by_name.get(name))
            .unwrap_or(&self.default)
    }
}

impl Unit for Models {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        self.aimed(&context.target).call(method, input, context)
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
        self.aimed(target).metadata_of(target)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Unit>> {
        let own = || (name == self.metadata.name).then_some(&self.default);
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
    use hari_testkit::Identity;

    use super::*;

    fn models(node: &str, names: &[&str]) -> Result<Arc<dyn Unit>> {
        let unit = |name: &&str| {
            let unit: Arc<dyn Unit> = Arc::new(Identity::new(*name));
            ((*name).to_owned(), unit)
        };
        Models::of(node, names.iter().map(unit).collect())
    }

    #[test]
    fn a_node_answers_for_the_model_of_its_name() {
        let unit = models("b", &["a", "b"]).unwrap();
        assert_eq!(unit.metadata().name, "b");
        assert_eq!(unit.names(), ["b", "a"]);
        assert_eq!(unit.find("a").unwrap().metadata().name, "a");
        assert!(unit.find("c").is_none());
    }

    #[test]
    fn the_only_model_answers_under_any_name() {
        let unit = models("node", &["a"]).unwrap();
        assert_eq!(unit.names(), ["node", "a"]);
        assert!(unit.find("node").is_some());
        let error = models("node", &["a", "b"]).err().unwrap();
        assert!(error.message().contains("`a`, `b`"), "{error}");
    }
}
