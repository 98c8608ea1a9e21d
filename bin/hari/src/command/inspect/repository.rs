//! What is said of a Triton model repository: each model with what its configuration asks for.

use hari_triton::{Artifact, Backend, Entry, Repository};
use serde_json::{Value, json};

use crate::output;

/// Prints one line for each model, or all of them as JSON.
pub(super) fn print(repository: &Repository, as_json: bool) {
    if as_json {
        let models: Vec<_> = repository.models.iter().map(json_of).collect();
        let all = json!({"format": "Triton model repository", "models": models});
        output::line(format!("{all:#}"));
        return;
    }
    output::line("Triton model repository");
    for entry in &repository.models {
        output::line(format!("  {}: {}", entry.name, line(entry)));
    }
}

fn line(entry: &Entry) -> String {
    let mut words = vec![match &entry.served.backend {
        Backend::Onnx(files) => format!("ONNX, {}", versions(files)),
        Backend::SavedModel(files) => format!("TensorFlow SavedModel, {}", versions(files)),
        Backend::Ensemble(wiring) => {
            let called: Vec<_> = wiring.steps().map(|step| step.model.as_str()).collect();
            format!("ensemble of {}", called.join(", "))
        }
    }];
    if let Some(batching) = entry.served.batching {
        words.push(format!(
            "batches of up to {} rows within {:?}",
            batching.max_rows, batching.window
        ));
    }
    words.extend(
        entry
            .served
            .instances
            .map(|count| format!("{count} at a time")),
    );
    words.join("; ")
}

fn versions(files: &[Artifact]) -> String {
    let numbers: Vec<_> = files.iter().map(|file| file.version.to_string()).collect();
    match numbers.len() {
        1 => format!("version {}", numbers.join(", ")),
        _ => format!("versions {}", numbers.join(", ")),
    }
}

fn json_of(entry: &Entry) -> Value {
    let numbers = |files: &[Artifact]| files.iter().map(|file| file.version).collect::<Vec<_>>();
    let (format, versions, calls) = match &entry.served.backend {
        Backend::Onnx(files) => ("ONNX", numbers(files), Vec::new()),
        Backend::SavedModel(files) => ("TensorFlow SavedModel", numbers(files), Vec::new()),
        Backend::Ensemble(wiring) => {
            let called = wiring.steps().map(|step| step.model.clone()).collect();
            ("ensemble", Vec::new(), called)
        }
    };
    json!({
        "name": entry.name,
        "format": format,
        "versions": versions,
        "calls": calls,
        "max_batch_rows": entry.served.batching.map(|batching| batching.max_rows),
        "instances": entry.served.instances,
    })
}
