//! Every operator that TensorFlow has, and what becomes of it.

use std::collections::BTreeMap;

use crate::lower;

/// What becomes of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Computed by ONNX operators when a request comes.
    Lowered,
    /// Gone when the model is loaded: a constant, a variable, a call, or its input handed on.
    Folded,
    /// Not served, and why; a signature that needs it is left out by name.
    Refused(&'static str),
}

/// The names of `tf.raw_ops`, one a line; the first line says of which version.
const ALL: &str = include_str!("../operators.txt");

/// Read, inlined or followed before any operator is lowered.
const FOLLOWED: [&str; 18] = [
    "AssignVariableOp",
    "Assert",
    "Enter",
    "Exit",
    "InitializeTable",
    "InitializeTableFromTextFile",
    "InitializeTableFromTextFileV2",
    "InitializeTableV2",
    "LoopCond",
    "LookupTableImport",
    "LookupTableImportV2",
    "Merge",
    "NextIteration",
    "PartitionedCall",
    "RestoreV2",
    "StatefulPartitionedCall",
    "Switch",
    "RefSwitch",
];

/// Why operators of a kind are refused: the reason, and parts of their names.
const KINDS: [(&str, &[&str]); 12] = [
    (UNKNOWN, &["CTC", "BoostedTrees", "Matrix"]),
    (
        "its results are random",
        &[
            "Random",
            "Multinomial",
            "Shuffle",
            "SampleDistortedBoundingBox",
            "Sampler",
            "Rng",
        ],
    ),
    (
        "it computes gradients or trains",
        &["Grad", "Apply", "Backprop", "Loss"],
    ),
    (
        "it changes state",
        &[
            "Assign",
            "ScatterUpdate",
            "ResourceScatter",
            "ScatterNdAdd",
            "ScatterNdSub",
            "Insert",
            "Remove",
        ],
    ),
    (
        "it belongs to input pipelines",
        &[
            "Dataset",
            "Iterator",
            "Queue",
            "Reader",
            "Record",
            "StagingArea",
            "Stage",
            "Barrier",
        ],
    ),
    (
        "it decodes or encodes media or serialized messages; do that before the request",
        &[
            "Decode",
            "Encode",
            "Parse",
            "Serialize",
            "Deserialize",
            "Wav",
            "Mfcc",
            "Spectrogram",
        ],
    ),
    (
        "it reads or writes files",
        &["File", "Save", "Restore", "Write", "Checkpoint", "Shard"],
    ),
    (
        "it is for logs",
        &["Summary", "Print", "Debug", "Audio", "Histogram"],
    ),
    (
        "it runs on several machines or accelerators",
        &[
            "TPU",
            "Tpu",
            "Collective",
            "Nccl",
            "Xla",
            "Send",
            "Recv",
            "Rpc",
            "Remote",
            "Embeddings",
            "DTensor",
        ],
    ),
    (
        "its elements are complex",
        &["FFT", "Complex", "Conj", "Angle"],
    ),
    (
        "it runs what the artifact brings: code, or another engine's plan",
        &["PyFunc", "TRT", "MlirPassthrough", "Tflite", "Composite"],
    ),
    (
        "it computes with integers that stand for floats",
        &["Quantize", "Dequantize", "Requantiz"],
    ),
];

const UNKNOWN: &str = "no lowering";

/// Every operator of TensorFlow, and those that files hold beside them, by name.
#[must_use]
pub fn coverage() -> Vec<(&'static str, Treatment)> {
    let listed = ALL.lines().filter(|line| !line.starts_with('#'));
    let mut rows: BTreeMap<&str, Treatment> = listed
        .map(|name| (name, Treatment::Refused(reason(name))))
        .collect();
    rows.extend(FOLLOWED.map(|name| (name, Treatment::Folded)));
    rows.extend(lower::treatments());
    rows.into_iter().collect()
}

/// The version of TensorFlow whose operators [`coverage`] lists.
#[must_use]
pub fn covered_version() -> &'static str {
    let words = ALL.lines().next().unwrap_or_default().split(' ');
    let version = words.map(|word| word.trim_end_matches(','));
    let mut version = version.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    version.next().unwrap_or_default()
}

fn reason(name: &str) -> &'static str {
    let kind = KINDS
        .iter()
        .find(|(_, parts)| parts.iter().any(|part| name.contains(part)));
    kind.map_or(UNKNOWN, |(reason, _)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_one_row() {
        let rows = coverage();
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0));
        assert!(rows.len() > 1400, "{}", rows.len());
        assert_eq!(
            covered_version().split('.').count(),
            3,
            "{}",
            covered_version()
        );
        let count =
            |wanted: fn(&Treatment) -> bool| rows.iter().filter(|row| wanted(&row.1)).count();
        assert!(count(|it| *it == Treatment::Lowered) > 280);
        assert!(count(|it| *it == Treatment::Folded) > 30);
    }

    #[test]
    fn refusals_say_why() {
        let of = |name: &str| {
            coverage()
                .into_iter()
                .find(|row| row.0 == name)
                .map(|row| row.1)
        };
        assert_eq!(of("MatMul"), Some(Treatment::Lowered));
        assert_eq!(of("StatefulPartitionedCall"), Some(Treatment::Folded));
        let random = Treatment::Refused("its results are random");
        assert_eq!(of("StatelessRandomUniformV2"), Some(random));
        assert_eq!(of("Betainc"), Some(Treatment::Refused(UNKNOWN)));
        assert_eq!(of("Bogus"), None);
    }

    #[test]
    fn what_is_lowered_is_an_operator_of_tensorflows() {
        let mut all = ALL.lines();
        let strange: Vec<_> = lower::treatments()
            .map(|row| row.0)
            .filter(|name| !all.clone().any(|listed| listed == *name))
            .collect();
        assert_eq!(all.next().map(|line| line.starts_with('#')), Some(true));
        assert!(strange.is_empty(), "{strange:?}");
    }
}
