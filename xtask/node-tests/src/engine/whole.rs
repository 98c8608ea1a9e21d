//! Whole models as users load them, through `hari-onnx`.

use anyhow::{Result, bail};
use hari_core::{Call, Model as _, Tensor};
use hari_onnx::{EngineChoice, OnnxModel, Options, inspect_with};
use hari_operators::Value;

use crate::case::Loaded;

/// As users load by default; a library is not there, see [`super::Engine::prepare`].
pub(super) fn on_hari(case: &Loaded) -> Result<Vec<Value>> {
    run(case, &Options::default())
}

/// Wholly on the built-in engine, or not at all.
pub(super) fn on_rten(case: &Loaded) -> Result<Vec<Value>> {
    let options = Options {
        engine: EngineChoice::Rten,
        ..Options::default()
    };
    let found = inspect_with(&case.path, &options)?;
    if let Some(problem) = found.problems.first() {
        bail!("{}: {}", problem.subject, problem.why);
    }
    if found.engine != "rten" {
        bail!("not on rten alone: {}", found.why);
    }
    run(case, &options)
}

fn run(case: &Loaded, options: &Options) -> Result<Vec<Value>> {
    let model = OnnxModel::load_file(&case.path, options)?;
    let call = Call {
        signature: 0,
        inputs: case.inputs.iter().map(given).collect::<Result<_>>()?,
        outputs: Vec::new(),
    };
    let made = model.run(call)?;
    Ok(made.into_iter().map(Value::Tensor).collect())
}

/// What a caller can send of a value: a tensor.
fn given(value: &Value) -> Result<Tensor> {
    match value {
        Value::Tensor(tensor) => Ok(tensor.clone()),
        Value::Optional(Some(value)) => given(value),
        other => bail!("{} cannot be sent", other.kind()),
    }
}
