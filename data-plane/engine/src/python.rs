//! A node that is a user's Python class: its folder, its environment, its workers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_artifacts::Versions;
use hari_core::Unit;
use hari_error::{Error, Result};
use hari_plan::bound::{BoundNode, ParameterValue, PythonSource};
use hari_plan::contract::env;
use hari_python::{Environment, Interpreter, Limits, PythonUnit, Settings, Timing};
use hari_settings as settings;
use hari_telemetry::metric::WorkerMetrics;
use serde_json::{Map, Value, json};

use crate::report::NodeReport;
use crate::tree::{Origin, report};
use crate::{load, warm};

/// What the class needs beside Python.
const REQUIREMENTS: &str = "requirements.txt";

/// How a class comes by what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A virtual environment is made for its requirements.
    Installed,
    /// All of it is there.
    Present,
}

/// The unit that its workers stand behind.
pub(crate) async fn unit(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &PythonSource,
    needs: Needs,
) -> Result<(Arc<dyn Unit>, NodeReport)> {
    let started = Instant::now();
    let made = start(origin, bound, source, needs).await;
    let unit = made.map_err(|error| error.at_node(&*bound.name))?;
    let line = NodeReport {
        load_time: started.elapsed(),
        version: Some(unit.metadata().versions.join(", ")).filter(|text| !text.is_empty()),
        ..report(origin, bound, "python")
    };
    Ok((unit, line))
}

async fn start(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &PythonSource,
    needs: Needs,
) -> Result<Arc<dyn Unit>> {
    let workshop = origin.workshop;
    let folder = load::fetched_uri(&source.model_uri, origin.base, workshop, Versions::All).await?;
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    check(&folder, &source.class)?;
    let requirements = folder.join(REQUIREMENTS);
    let wanted = needs == Needs::Installed && requirements.is_file();
    let requirements = wanted.then_some(requirements);
    let python = interpreter(origin, bound, requirements.as_deref()).await?;
    let unit = workers(origin, bound, source, (python, folder.clone())).await?;
    warm::with_requests(&*unit, None, &folder).await?;
    Ok(unit)
}

/// Starts the workers of a class whose folder and interpreter are here.
pub(crate) async fn workers(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &PythonSource,
    (python, folder): (PathBuf, PathBuf),
) -> Result<Arc<dyn Unit>> {
    let settings = Settings {
        class: source.class.clone(),
        parameters: arguments(&source.parameters),
        workers: source.workers,
        env: environment(origin, bound, source),
        memory: source.memory,
        limits: Limits {
            body: origin.workshop.max_body,
            ..Limits::default()
        },
        timing: timing()?,
        metrics: Some(WorkerMetrics::new(
            &origin.deployment.name,
            &origin.predictor.name,
            &bound.name,
        )),
        ..Settings::new(&*bound.name, python, folder)
    };
    Ok(Arc::new(PythonUnit::start(settings).await?))
}

/// The interpreter for a node: that of a virtual environment if there are requirements, else the
/// user's own.
pub(crate) async fn interpreter(
    origin: &Origin<'_>,
    bound: &BoundNode,
    requirements: Option<&Path>,
) -> Result<PathBuf> {
    let program = settings::PYTHON.get().unwrap_or_else(|| "python3".into());
    let program = match program.contains('/') {
        // The workers start in another folder.
        true => std::path::absolute(&program).unwrap_or_else(|_| program.into()),
        false => program.into(),
    };
    let Some(requirements) = requirements else {
        return Ok(program);
    };
    let interpreter = Interpreter::find(program).await?;
    let cache = origin.workshop.cache.join("python");
    let made = Environment::of(&bound.name, &interpreter, requirements, &cache).await?;
    Ok(made.python())
}

fn timing() -> Result<Timing> {
    let seconds = |setting: &settings::Setting, default| -> Result<Duration> {
        Ok(setting.parse()?.map_or(default, Duration::from_secs))
    };
    let usual = Timing::default();
    Ok(Timing {
        load: seconds(&settings::PYTHON_LOAD, usual.load)?,
        stuck: seconds(&settings::PYTHON_STUCK, usual.stuck)?,
        ..usual
    })
}

/// Says before anything is started that the folder lacks the class's module.
fn check(folder: &Path, class: &str) -> Result<()> {
    if !folder.is_dir() {
        return Err(Error::model(
            "modelUri: expected a folder with a Python class, found a file",
        ));
    }
    let lone = !class.contains('.');
    let module = folder.join(format!("{class}.py"));
    if !lone || module.is_file() || folder.join(class).join("__init__.py").is_file() {
        return Ok(());
    }
    let found = match modules(folder) {
        names if names.is_empty() => "no Python file".to_owned(),
        names => names.join(", "),
    };
    Err(Error::model(format!(
        "modelUri: expected `{class}.py` with the class `{class}`, found {found}; another class is \
         named with the annotation `hari.dev/python-class` or MODEL_NAME"
    )))
}

/// A few of the Python files of a folder.
fn modules(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".py")).collect();
    names.sort();
    names.truncate(8);
    names
}

fn arguments(parameters: &BTreeMap<String, ParameterValue>) -> Map<String, Value> {
    let pair = |(name, value): (&String, &ParameterValue)| (name.clone(), json_of(value));
    parameters.iter().map(pair).collect()
}

fn json_of(value: &ParameterValue) -> Value {
    match value {
        ParameterValue::Int(number) => Value::from(*number),
        ParameterValue::Float(number) => Value::from(*number),
        ParameterValue::String(text) => Value::from(text.clone()),
        ParameterValue::Bool(truth) => Value::from(*truth),
    }
}

/// The names of the original's wrapper; what the user wrote goes before them.
fn environment(
    origin: &Origin<'_>,
    bound: &BoundNode,
    source: &PythonSource,
) -> BTreeMap<String, String> {
    let labels = json!(origin.predictor.labels).to_string();
    let own = [
        (env::UNIT_ID, bound.name.clone()),
        (env::UNIT_PARAMETERS, parameters(&source.parameters)),
        (env::PREDICTOR_ID, origin.predictor.name.clone()),
        (env::PREDICTOR_LABELS, labels),
        (env::DEPLOYMENT_ID, origin.deployment.name.clone()),
    ];
    let mut all: BTreeMap<_, _> = own.map(|(name, value)| (name.to_owned(), value)).into();
    all.extend(source.env.clone());
    all
}

/// The parameters as the original's wrapper reads them: all values are texts.
fn parameters(parameters: &BTreeMap<String, ParameterValue>) -> String {
    let each = parameters.iter().map(|(name, value)| {
        let (kind, text) = match value {
            ParameterValue::Int(number) => ("INT", number.to_string()),
            ParameterValue::Float(number) => ("FLOAT", number.to_string()),
            ParameterValue::String(text) => ("STRING", text.clone()),
            ParameterValue::Bool(truth) => ("BOOL", truth.to_string()),
        };
        json!({"name": name, "value": text, "type": kind})
    });
    Value::from_iter(each).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_class_is_refused_with_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |class: &str| {
            check(folder.path(), class)
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert!(refusal("Model").contains("found no Python file"));
        std::fs::write(folder.path().join("Other.py"), "").unwrap();
        assert!(refusal("Model").contains("`Model.py`") && refusal("Model").contains("Other.py"));
        for there in ["Other", "package.module.Class"] {
            check(folder.path(), there).unwrap();
        }
        let file = folder.path().join("Other.py");
        let error = check(&file, "Other").unwrap_err();
        assert!(error.message().contains("expected a folder"), "{error}");
    }

    #[test]
    fn parameters_are_typed_for_the_class_and_texts_for_its_environment() {
        let all = BTreeMap::from([
            ("a".to_owned(), ParameterValue::Int(-3)),
            ("b".to_owned(), ParameterValue::Float(0.5)),
            ("c".to_owned(), ParameterValue::Bool(true)),
            ("d".to_owned(), ParameterValue::String("x".to_owned())),
        ]);
        let expected = json!({"a": -3, "b": 0.5, "c": true, "d": "x"});
        assert_eq!(Value::from(arguments(&all)), expected);
        let texts: Value = serde_json::from_str(&parameters(&all)).unwrap();
        assert_eq!(
            texts[2],
            json!({"name": "c", "value": "true", "type": "BOOL"})
        );
    }
}
