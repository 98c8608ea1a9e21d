//! Several versions of a model side by side: which ones, and who answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hari_artifacts::{Picked, pick};
use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};
use hari_plan::bound::{ModelSource, ParameterValue};
use hari_plan::catalogue::parameter::{
    self, VERSION_LABELS, VERSION_POLICY, VersionPolicy, versions,
};

use crate::load::string;

/// Names of versions, as parameter `version_labels` has them.
pub(crate) type Labels = Vec<(String, u64)>;

/// The labels that `source` gives.
///
/// # Errors
/// `InvalidInput` for text that is no list of labels.
pub(crate) fn labels(source: &ModelSource) -> Result<Labels> {
    let Some(text) = string(source, VERSION_LABELS) else {
        return Ok(Labels::new());
    };
    parameter::labels(&text).ok_or_else(|| {
        Error::invalid(format!(
            "parameter `{VERSION_LABELS}`: expected `label=version`, found `{text}`"
        ))
    })
}

/// Those labels whose version is among `served`.
pub(crate) fn served_labels(labels: &Labels, served: &[String]) -> BTreeMap<String, String> {
    let named = labels
        .iter()
        .map(|(label, version)| (label.clone(), version.to_string()));
    named
        .filter(|(_, version)| served.contains(version))
        .collect()
}

/// The models in `root` to serve, newest version first: those that the policy says and those that
/// have a label. A model outside version folders is the only one.
///
/// # Errors
/// As [`pick`]; `NotFound` for a version that is not there.
pub(crate) fn chosen(
    root: &Path,
    markers: &[&str],
    source: &ModelSource,
    labels: &Labels,
) -> Result<Vec<Picked>> {
    if let Some(wanted) = single(source)? {
        return pick(root, markers, Some(wanted)).map(|picked| vec![picked]);
    }
    let newest = pick(root, markers, None)?;
    if newest.version.is_none() {
        return Ok(vec![newest]);
    }
    let numbers = numbers(policy(source)?, labels, &newest.all);
    let picked = numbers
        .into_iter()
        .map(|number| pick(root, markers, Some(number)));
    picked.collect()
}

/// The versions that [`chosen`] may choose, for a store that has to be told before it is read.
///
/// # Errors
/// `InvalidInput` for a parameter that cannot be read.
pub(crate) fn wanted(source: &ModelSource, labels: &Labels) -> Result<hari_artifacts::Versions> {
    use hari_artifacts::Versions;
    if let Some(number) = single(source)? {
        return Ok(Versions::only(number));
    }
    let labelled = labels.iter().map(|(_, version)| *version);
    Ok(match policy(source)? {
        VersionPolicy::All => Versions::All,
        VersionPolicy::Latest(latest) => Versions::Chosen {
            latest,
            listed: labelled.collect(),
        },
        VersionPolicy::Listed(numbers) => Versions::Chosen {
            latest: 0,
            listed: numbers.into_iter().chain(labelled).collect(),
        },
    })
}

fn numbers(policy: VersionPolicy, labels: &Labels, all: &[u64]) -> Vec<u64> {
    let mut numbers = match policy {
        VersionPolicy::Latest(count) => all.iter().copied().take(count).collect(),
        VersionPolicy::All => all.to_vec(),
        VersionPolicy::Listed(numbers) => numbers,
    };
    numbers.extend(labels.iter().map(|(_, version)| *version));
    numbers.sort_unstable_by_key(|&number| std::cmp::Reverse(number));
    numbers.dedup();
    numbers
}

fn policy(source: &ModelSource) -> Result<VersionPolicy> {
    let Some(text) = string(source, VERSION_POLICY) else {
        return Ok(VersionPolicy::Latest(1));
    };
    versions(&text).ok_or_else(|| {
        Error::invalid(format!(
            "parameter `{VERSION_POLICY}`: expected `latest`, `latest:2`, `all` or numbers such \
             as `1,2`, found `{text}`"
        ))
    })
}

/// Parameter `version`: this version alone.
fn single(source: &ModelSource) -> Result<Option<u64>> {
    match source.parameters.get("version") {
        None => Ok(None),
        Some(ParameterValue::Int(number)) => u64::try_from(*number).map(Some).map_err(|_| {
            Error::invalid(format!(
                "parameter `version`: expected a positive number, found {number}"
            ))
        }),
        Some(other) => Err(Error::invalid(format!(
            "parameter `version`: expected INT, found {other:?}"
        ))),
    }
}

/// The versions of one model as one unit.
pub(crate) struct Versions {
    /// Newest first; at least one.
    units: Vec<Arc<dyn Unit>>,
    metadata: Vec<Arc<ModelMetadata>>,
}

impl Versions {
    /// One unit for `units`, each of which serves one version: the metadata of each lists the
    /// versions of all of them in their order.
    pub(crate) fn of(mut units: Vec<Arc<dyn Unit>>) -> Arc<dyn Unit> {
        if units.len() == 1
            && let Some(only) = units.pop()
        {
            return only;
        }
        let metadata = units.iter().map(|unit| unit.metadata()).collect();
        Arc::new(Self { units, metadata })
    }

    /// The place of the version that `target` names; the newest if it names none.
    fn place(&self, target: &Target) -> Result<usize> {
        let Some(newest) = self.metadata.first() else {
            return Err(Error::internal("a model without versions"));
        };
        let named = target
            .version
            .as_ref()
            .filter(|version| !version.is_empty());
        let labelled = || {
            target
                .label
                .as_ref()
                .and_then(|label| newest.labels.get(label))
        };
        let Some(version) = named.or_else(labelled) else {
            return Ok(0);
        };
        let place = newest.versions.iter().position(|one| one == version);
        place.ok_or_else(|| {
            let known = newest.versions.join(", ");
            Error::not_found(format!(
                "model `{}`: no version `{version}`; served: {known}",
                newest.name
            ))
        })
    }
}

impl Unit for Versions {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        match self
            .place(&context.target)
            .map(|place| self.units.get(place))
        {
            Ok(Some(unit)) => unit.call(method, input, context),
            Ok(None) => Box::pin(async { Err(Error::internal("a version without a model")) }),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            for unit in &self.units {
                unit.ready().await?;
            }
            Ok(())
        })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.first().cloned().unwrap_or_default()
    }

    fn metadata_of(&self, target: &Target) -> Arc<ModelMetadata> {
        let place = self.place(target).unwrap_or(0);
        self.metadata.get(place).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hari_core::{NamedTensor, Tensor};
    use hari_plan::bound::Runtime;

    use super::*;

    fn source(parameters: &[(&str, &str)]) -> ModelSource {
        let text = |&(name, value): &(&str, &str)| {
            (name.to_owned(), ParameterValue::String(value.to_owned()))
        };
        ModelSource {
            runtime: Runtime::Onnx,
            model_uri: String::new(),
            parameters: parameters.iter().map(text).collect(),
            batching: None,
        }
    }

    #[test]
    fn the_policy_and_the_labels_choose() {
        let of = |parameters: &[(&str, &str)]| {
            let source = source(parameters);
            numbers(
                policy(&source).unwrap(),
                &labels(&source).unwrap(),
                &[10, 3, 1],
            )
        };
        assert_eq!(of(&[]), [10]);
        assert_eq!(of(&[("version_policy", "latest:2")]), [10, 3]);
        assert_eq!(of(&[("version_policy", "all")]), [10, 3, 1]);
        assert_eq!(of(&[("version_policy", "1,3")]), [3, 1]);
        assert_eq!(of(&[("version_labels", "stable=1,canary=10")]), [10, 1]);
        assert!(policy(&source(&[("version_policy", "newest")])).is_err());
        assert!(labels(&source(&[("version_labels", "stable")])).is_err());
    }

    #[test]
    fn labels_name_only_what_is_served() {
        let labels = vec![("stable".to_owned(), 1), ("old".to_owned(), 0)];
        let served = served_labels(&labels, &["2".to_owned(), "1".to_owned()]);
        assert_eq!(
            served,
            BTreeMap::from([("stable".to_owned(), "1".to_owned())])
        );
    }

    /// Answers its number.
    struct Numbered(i64, Arc<ModelMetadata>);

    impl Unit for Numbered {
        fn call<'a>(
            &'a self,
            _: Method,
            _: Input,
            _: &'a Context,
        ) -> BoxFuture<'a, Result<Message>> {
            Box::pin(async { Ok(Message::tensor("y", Tensor::from_vec([1], vec![self.0])?)) })
        }

        fn ready(&self) -> BoxFuture<'_, Result<()>> {
            Box::pin(async { Ok(()) })
        }

        fn metadata(&self) -> Arc<ModelMetadata> {
            self.1.clone()
        }
    }

    fn two() -> Arc<dyn Unit> {
        let metadata = |platform: &str| {
            Arc::new(ModelMetadata {
                name: "m".to_owned(),
                versions: vec!["2".to_owned(), "1".to_owned()],
                labels: BTreeMap::from([("stable".to_owned(), "1".to_owned())]),
                platform: platform.to_owned(),
                ..ModelMetadata::default()
            })
        };
        Versions::of(vec![
            Arc::new(Numbered(2, metadata("second"))),
            Arc::new(Numbered(1, metadata("first"))),
        ])
    }

    async fn answer(target: Target) -> Result<i64> {
        let context = Context::new("id", Duration::from_secs(1)).aimed(target);
        let input = Input::One(Message::default());
        let unit = two();
        let message = unit.call(Method::Predict, input, &context).await?;
        let only: &NamedTensor = &message.as_tensors().unwrap()[0];
        Ok(only.tensor.to_vec::<i64>().unwrap()[0])
    }

    fn version(version: &str) -> Target {
        Target {
            version: Some(version.to_owned()),
            ..Target::default()
        }
    }

    fn label(label: &str) -> Target {
        Target {
            label: Some(label.to_owned()),
            ..Target::default()
        }
    }

    #[tokio::test]
    async fn the_version_that_is_named_answers() {
        assert_eq!(answer(Target::default()).await.unwrap(), 2);
        assert_eq!(answer(version("")).await.unwrap(), 2);
        assert_eq!(answer(version("1")).await.unwrap(), 1);
        assert_eq!(answer(label("stable")).await.unwrap(), 1);
        let error = answer(version("3")).await.unwrap_err();
        assert_eq!(error.message(), "model `m`: no version `3`; served: 2, 1");
        assert_eq!(two().metadata_of(&version("1")).platform, "first");
        assert_eq!(two().metadata().platform, "second");
    }
}
