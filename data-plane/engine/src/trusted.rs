//! Models that are not read as data, given to Python because the user says that they may be: the
//! code in them runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hari_artifacts::{Picked, Versions};
use hari_core::Unit;
use hari_error::{Error, Kind, Result};
use hari_plan::bound::{BoundNode, ModelSource, ParameterValue, PythonSource, Runtime};
use hari_plan::catalogue::parameter::TRUSTED;

use crate::report::NodeReport;
use crate::tree::{Origin, report};
use crate::{load, python};

/// What an artifact is loaded with.
fn class(runtime: Runtime) -> Option<&'static str> {
    match runtime {
        Runtime::Mlflow => Some("hari.servers.mlflow.PythonFunction"),
        Runtime::Sklearn => Some("hari.servers.sklearn.Estimator"),
        _ => None,
    }
}

/// Whether `error` is a refusal of the artifact, and not of the place that it lies in.
fn refused(error: &Error) -> bool {
    let kinds = [Kind::Model, Kind::InvalidInput, Kind::Unimplemented];
    kinds.contains(&error.kind())
}

/// The model that was refused with `error`, behind a Python worker if the user trusts it.
///
/// # Errors
/// `error` itself, with a hint, if it is not trusted; else why the worker cannot be started.
pub(crate) async fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &ModelSource,
    error: Error,
) -> Result<(Arc<dyn Unit>, NodeReport)> {
    let Some(class) = class(source.runtime).filter(|_| refused(&error)) else {
        return Err(error);
    };
    if source.parameters.get(TRUSTED) != Some(&ParameterValue::Bool(true)) {
        return Err(hinted(error));
    }
    tracing::warn!(
        node = bound.name,
        "the model is not read as data ({error}): it is `trusted`, so Python loads it, and code \
         that it holds runs with the rights of this process"
    );
    let started = Instant::now();
    let picked = load::picked(source, origin.base, origin.workshop, Versions::newest()).await?;
    let requirements = picked.path.join("requirements.txt");
    let requirements = requirements.is_file().then_some(requirements);
    let program = python::interpreter(origin, bound, requirements.as_deref()).await?;
    let folder = std::path::absolute(&picked.path).unwrap_or(picked.path.clone());
    let class = wrapped(class, source, &picked);
    let unit = python::workers(origin, bound, &class, (program, folder)).await?;
    let line = NodeReport {
        version: picked.version.map(|version| version.to_string()),
        load_time: started.elapsed(),
        ..report(origin, bound, "python")
    };
    Ok((unit, line))
}

/// The refusal, with what can be done about it.
fn hinted(error: Error) -> Error {
    let words = format!(
        "{}; if you trust where it comes from, the parameter `{TRUSTED}: true` lets Python load it, \
         which runs the code in it",
        error.message()
    );
    Error::new(error.kind(), words).with_source(error)
}

/// The class that loads the artifact, with its arguments.
fn wrapped(class: &str, source: &ModelSource, picked: &Picked) -> PythonSource {
    let text = |value: &str| ParameterValue::String(value.to_owned());
    let mut parameters = BTreeMap::new();
    if source.runtime == Runtime::Sklearn {
        let file = std::path::absolute(&picked.file).unwrap_or_else(|_| picked.file.clone());
        parameters.insert("model_uri".to_owned(), text(&file.to_string_lossy()));
        if let Some(method) = load::string(source, "method") {
            parameters.insert("method".to_owned(), text(&method));
        }
    } else if let Some(xtype) = load::string(source, "xtype") {
        // As for models that are read: anything but `ndarray` is a data frame.
        let xtype = if xtype == "ndarray" {
            "ndarray"
        } else {
            "DataFrame"
        };
        parameters.insert("xtype".to_owned(), text(xtype));
    }
    PythonSource {
        model_uri: source.model_uri.clone(),
        class: class.to_owned(),
        parameters,
        workers: 1,
        ..PythonSource::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_artifact_are_hinted_at() {
        assert!(refused(&Error::model("an unknown class")));
        assert!(!refused(&Error::not_found("no such file")));
        assert!(!refused(&Error::unavailable("the store is down")));
        let hinted = hinted(Error::model("`os.system` is not allowed"));
        assert!(
            hinted
                .message()
                .starts_with("`os.system` is not allowed; if you trust")
        );
        assert!(hinted.message().contains("`trusted: true`"));
        assert_eq!(hinted.kind(), Kind::Model);
    }

    #[test]
    fn only_two_servers_may_be_trusted() {
        assert!(class(Runtime::Sklearn).is_some() && class(Runtime::Mlflow).is_some());
        assert!(class(Runtime::Onnx).is_none());
    }
}
