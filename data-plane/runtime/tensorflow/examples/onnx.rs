//! `onnx MODEL OUT`: writes the ONNX model that a SavedModel becomes, and the names of its
//! signatures' inputs and outputs as JSON beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(out), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: onnx MODEL OUT");
    };
    write(&model, &out).with_context(|| format!("{}", model.display()))
}

fn write(model: &Path, out: &Path) -> Result<()> {
    let exported = hari_tensorflow::export(model)?;
    std::fs::write(out, &exported.model)?;
    let names = |specs: &[hari_core::TensorSpec], names: &[String]| {
        let pairs = specs.iter().zip(names);
        let pairs = pairs.map(|(spec, name)| (spec.name.clone(), json!(name)));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let signatures = exported.signatures.iter().map(|bound| {
        let inputs = names(&bound.signature.inputs, &bound.inputs);
        let outputs = names(&bound.signature.outputs, &bound.outputs);
        let both = json!({"inputs": inputs, "outputs": outputs});
        (bound.signature.name.clone(), both)
    });
    let text = serde_json::to_string_pretty(&Value::Object(signatures.collect()))?;
    Ok(std::fs::write(out.with_extension("json"), text)?)
}
