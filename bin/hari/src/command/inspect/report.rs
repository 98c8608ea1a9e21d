//! What `hari inspect` prints.

use std::time::Duration;

use hari_artifacts::{Format, Picked};
use hari_core::{Signature, SignatureMethod, TensorSpec};
use hari_error::Error;
use hari_plan::Runtime;
use hari_plan::catalogue::{SERVERS, ServerSpec};
use serde_json::{Value, json};

use super::found::Found;
use crate::output;

/// Characters of a line of operators.
const LINE: usize = 92;

/// Everything that was found out.
pub(super) struct Report {
    /// As the user named it.
    pub(super) model: String,
    pub(super) format: Format,
    pub(super) runtime: Runtime,
    pub(super) picked: Picked,
    pub(super) found: Found,
    pub(super) loaded: Result<Loaded, Error>,
}

/// What loading took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loaded {
    pub(super) time: Duration,
    /// Bytes that the loaded model keeps.
    pub(super) memory: u64,
    /// What computes it.
    pub(super) engine: String,
}

/// A model that could not even be looked into, as JSON.
pub(super) fn failure(model: &str, error: &anyhow::Error) -> Value {
    json!({"model": model, "servable": false, "error": error.to_string()})
}

impl Report {
    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![output::bold(&self.model)];
        let facts = self.facts();
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        lines.extend(
            facts
                .iter()
                .map(|(name, fact)| format!("  {name:<width$}  {fact}")),
        );
        for signature in &self.found.signatures {
            lines.push(String::new());
            lines.extend(signature_lines(signature));
        }
        lines.extend(self.operator_lines());
        lines.extend(self.refusal_lines());
        lines
    }

    fn facts(&self) -> Vec<(&str, String)> {
        let mut facts = vec![("format", self.format.name().to_owned())];
        if let Some(version) = self.picked.version {
            let all: Vec<_> = self.picked.all.iter().map(ToString::to_string).collect();
            facts.push(("version", format!("{version} (found: {})", all.join(", "))));
        }
        if !self.found.written_by.is_empty() {
            facts.push(("written by", self.found.written_by.clone()));
        }
        facts.extend(
            self.found
                .facts
                .iter()
                .map(|(name, fact)| (*name, fact.clone())),
        );
        facts.push(("size", output::bytes(self.found.bytes)));
        facts.push(("runtime", self.runtime_text()));
        match &self.loaded {
            Ok(loaded) => {
                if !loaded.engine.is_empty() {
                    facts.push(("engine", loaded.engine.clone()));
                }
                facts.push((
                    "loaded in",
                    format!("{:.1} ms", loaded.time.as_secs_f64() * 1000.0),
                ));
                facts.push(("memory", output::bytes(loaded.memory)));
            }
            Err(_) => facts.push(("loaded", "no: it cannot be served, see below".to_owned())),
        }
        facts
    }

    /// Which runtime takes it, why, and how a deployment says so.
    fn runtime_text(&self) -> String {
        let name = runtime_name(self.runtime);
        let file = self
            .picked
            .file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let implementation = server(self.runtime).map(|spec| spec.implementation);
        match implementation {
            Some(implementation) => {
                format!("{name}, for `{file}`; in a deployment `implementation: {implementation}`")
            }
            None => format!("{name}, for `{file}`"),
        }
    }

    fn operator_lines(&self) -> Vec<String> {
        let mut counts: Vec<_> = self.found.operators.iter().collect();
        if counts.is_empty() {
            return Vec::new();
        }
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
        let total: usize = counts.iter().map(|(_, count)| **count).sum();
        let head = format!(
            "operators of all signatures: {total} nodes, {} kinds",
            counts.len()
        );
        let mut lines = vec![String::new(), output::bold(&head)];
        let words: Vec<_> = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        lines.extend(wrapped(&words));
        lines
    }

    fn refusal_lines(&self) -> Vec<String> {
        let Err(error) = &self.loaded else {
            return Vec::new();
        };
        let mut lines = vec![String::new(), output::bold("it cannot be served")];
        let named = self.found.unsupported.iter();
        lines.extend(named.map(|one| format!("  {}: {}", one.what, one.why)));
        if self.found.unsupported.is_empty() {
            lines.push(format!("  {error}"));
        }
        lines
    }

    /// For programs.
    pub(super) fn as_json(&self) -> Value {
        let unsupported = self.found.unsupported.iter();
        let unsupported = unsupported.map(|one| json!({"what": one.what, "why": one.why}));
        let loaded = self.loaded.as_ref();
        let facts = self
            .found
            .facts
            .iter()
            .map(|(name, fact)| (name.replace(' ', "_"), json!(fact)));
        json!({
            "model": self.model,
            "servable": loaded.is_ok(),
            "error": loaded.err().map(ToString::to_string),
            "format": self.format.name(),
            "version": self.picked.version,
            "versions": self.picked.all,
            "written_by": self.found.written_by,
            "facts": facts.collect::<serde_json::Map<_, _>>(),
            "size_bytes": self.found.bytes,
            "runtime": runtime_name(self.runtime),
            "implementation": server(self.runtime).map(|spec| spec.implementation),
            "load_ms": loaded.ok().map(|loaded| loaded.time.as_secs_f64() * 1000.0),
            "engine": loaded.ok().map(|loaded| &loaded.engine),
            "memory_bytes": loaded.ok().map(|loaded| loaded.memory),
            "signatures": self.found.signatures.iter().map(signature_json).collect::<Vec<_>>(),
            "operators": self.found.operators,
            "unsupported": unsupported.collect::<Vec<_>>(),
        })
    }
}

fn runtime_name(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Tensorflow => "tensorflow",
        Runtime::Onnx => "onnx",
        Runtime::Transformers => "transformers",
        Runtime::Triton => "triton",
        Runtime::Xgboost | Runtime::Lightgbm | Runtime::Catboost => "trees",
        Runtime::Sklearn => "sklearn",
        Runtime::Mlflow => "mlflow",
    }
}

/// The prepackaged server that a deployment names for this runtime.
fn server(runtime: Runtime) -> Option<&'static ServerSpec> {
    SERVERS.iter().find(|spec| spec.runtime == Some(runtime))
}

fn method(method: SignatureMethod) -> &'static str {
    match method {
        SignatureMethod::Predict => "predict",
        SignatureMethod::Classify => "classify",
        SignatureMethod::Regress => "regress",
    }
}

fn signature_lines(signature: &Signature) -> Vec<String> {
    let all = signature.inputs.iter().chain(&signature.outputs);
    let name = all
        .clone()
        .map(|spec| spec.name.chars().count())
        .max()
        .unwrap_or(0);
    let dtype = all.map(|spec| spec.dtype.name().len()).max().unwrap_or(0);
    let line = |way: &str, spec: &TensorSpec| {
        let shape = match &spec.shape {
            Some(_) => format!("{:?}", spec.wire_shape()),
            None => "any shape".to_owned(),
        };
        format!(
            "  {way:<6}  {:<name$}  {:<dtype$}  {shape}",
            spec.name,
            spec.dtype.name()
        )
    };
    let head = format!(
        "signature {} ({})",
        signature.name,
        method(signature.method)
    );
    let mut lines = vec![output::bold(&head)];
    lines.extend(signature.inputs.iter().map(|spec| line("input", spec)));
    lines.extend(signature.outputs.iter().map(|spec| line("output", spec)));
    lines
}

fn signature_json(signature: &Signature) -> Value {
    let specs = |specs: &[TensorSpec]| -> Vec<Value> {
        let one = |spec: &TensorSpec| {
            let shape = spec.shape.as_ref().map(|_| spec.wire_shape());
            json!({"name": spec.name, "datatype": spec.dtype.name(), "shape": shape})
        };
        specs.iter().map(one).collect()
    };
    json!({
        "name": signature.name,
        "method": method(signature.method),
        "inputs": specs(&signature.inputs),
        "outputs": specs(&signature.outputs),
    })
}

/// Words with commas, in lines that fit a terminal.
fn wrapped(words: &[String]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { "," } else { "" };
        let length = lines.last().map_or(0, String::len);
        if length > 0 && length + word.len() + 2 > LINE {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "  " } else { " " });
            line.push_str(word);
            line.push_str(comma);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hari_core::{DataType, Dim};

    use super::super::found::Unsupported;
    use super::*;

    fn spec(name: &str, dims: Option<Vec<Dim>>) -> TensorSpec {
        TensorSpec {
            name: name.into(),
            dtype: DataType::Fp32,
            shape: dims,
        }
    }

    fn report(loaded: Result<Loaded, Error>, unsupported: Vec<Unsupported>) -> Report {
        let signature = Signature {
            name: "serving_default".into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("image", Some(vec![Dim::Dynamic(None), Dim::Fixed(4)]))],
            outputs: vec![spec("y", None)],
        };
        Report {
            model: "models/m".into(),
            format: Format::SavedModel,
            runtime: Runtime::Tensorflow,
            picked: Picked {
                path: "models/m/2".into(),
                file: "models/m/2/saved_model.pb".into(),
                version: Some(2),
                all: vec![2, 1],
            },
            found: Found {
                written_by: "TensorFlow 2.21.0".into(),
                facts: vec![("tags", "serve".into())],
                bytes: 1024,
                signatures: vec![signature],
                operators: BTreeMap::from([("Relu".into(), 1), ("Conv2D".into(), 2)]),
                unsupported,
            },
            loaded,
        }
    }

    fn good() -> Report {
        report(
            Ok(Loaded {
                time: Duration::from_micros(12_340),
                memory: 2048,
                engine: "rten".into(),
            }),
            vec![],
        )
    }

    #[test]
    fn a_good_model_is_described() {
        let text = good().lines().join("\n");
        for part in [
            "models/m\n",
            "  format      TensorFlow SavedModel\n",
            "  version     2 (found: 2, 1)\n",
            "  written by  TensorFlow 2.21.0\n",
            "  loaded in   12.3 ms\n",
            "  memory      2.0 KiB\n",
            "  engine      rten\n",
            "signature serving_default (predict)\n",
            "  input   image  FP32  [-1, 4]\n",
            "  output  y      FP32  any shape\n",
            "operators of all signatures: 3 nodes, 2 kinds\n  Conv2D 2, Relu 1",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
        let runtime =
            "tensorflow, for `saved_model.pb`; in a deployment `implementation: TENSORFLOW_SERVER`";
        assert!(text.contains(runtime), "{text}");
        assert!(!text.contains("cannot be served"), "{text}");
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let missing = Unsupported {
            what: "operator `Foo` (1 node)".into(),
            why: "no".into(),
        };
        let text = report(Err(Error::model("x")), vec![missing])
            .lines()
            .join("\n");
        assert!(
            text.ends_with("it cannot be served\n  operator `Foo` (1 node): no"),
            "{text}"
        );
        let text = report(Err(Error::model("the file is cut")), vec![])
            .lines()
            .join("\n");
        assert!(
            text.ends_with("it cannot be served\n  the file is cut"),
            "{text}"
        );
    }

    #[test]
    fn programs_get_the_same() {
        let json = good().as_json();
        assert_eq!(
            (&json["servable"], &json["versions"]),
            (&json!(true), &json!([2, 1]))
        );
        assert_eq!(json["signatures"][0]["inputs"][0]["shape"], json!([-1, 4]));
        assert_eq!(json["signatures"][0]["outputs"][0]["shape"], json!(null));
        assert_eq!(json["implementation"], "TENSORFLOW_SERVER");
        let json = report(Err(Error::model("x")), vec![]).as_json();
        assert_eq!(
            (&json["servable"], &json["error"]),
            (&json!(false), &json!("x"))
        );
    }

    #[test]
    fn operators_are_wrapped() {
        let words: Vec<String> = (0..40).map(|at| format!("Operator{at} 1")).collect();
        let lines = wrapped(&words);
        assert!(lines.len() > 5 && lines.iter().all(|line| line.len() <= LINE + 2));
        assert!(lines.iter().all(|line| line.starts_with("  Operator")));
        assert!(lines.last().unwrap().ends_with("Operator39 1"));
    }
}
