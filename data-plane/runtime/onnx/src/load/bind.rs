//! The inputs and outputs of signatures, as places among those of the graph.

use std::collections::HashMap;

use hari_core::Signature;
use hari_error::{Error, Result};
use hari_proto::onnx::{GraphProto, ValueInfoProto};

use crate::boundary::Labels;
use crate::model::{Binding, BoundSignature};
use crate::signature;

/// Names of a graph's inputs and outputs.
pub(super) struct Names {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Names {
    pub(super) fn of(graph: &GraphProto) -> Self {
        let name = |value: &ValueInfoProto| value.name().to_owned();
        Self {
            inputs: signature::inputs(graph).map(name).collect(),
            outputs: graph.output.iter().map(name).collect(),
        }
    }
}

/// Signatures and where their inputs and outputs are.
pub(super) struct Bound {
    pub(super) signatures: Vec<Signature>,
    pub(super) bindings: Vec<Binding<usize>>,
    outputs: Vec<String>,
    count: (usize, usize),
}

impl Bound {
    /// The one binding, if it is of all inputs and outputs of the graph.
    pub(super) fn whole(&self) -> Option<&Binding<usize>> {
        let [binding] = self.bindings.as_slice() else {
            return None;
        };
        let all = binding.inputs.len() == self.count.0
            && (0..self.count.1).all(|at| binding.outputs.contains(&at));
        all.then_some(binding)
    }

    /// The bindings in the engine's own words for the graph's inputs and outputs.
    ///
    /// # Errors
    /// `Model` if the engine found others than the graph has.
    pub(super) fn on<T: Copy>(&self, inputs: &[T], outputs: &[T]) -> Result<Vec<Binding<T>>> {
        for (role, expected, found) in [
            ("input", self.count.0, inputs.len()),
            ("output", self.count.1, outputs.len()),
        ] {
            if expected != found {
                return Err(Error::model(format!(
                    "the graph has {expected} {role}s, the engine found {found}"
                )));
            }
        }
        let of = |places: &[usize], all: &[T]| {
            let found = places.iter().filter_map(|&at| all.get(at).copied());
            found.collect()
        };
        let one = |binding: &Binding<usize>| Binding {
            inputs: of(&binding.inputs, inputs),
            outputs: of(&binding.outputs, outputs),
        };
        Ok(self.bindings.iter().map(one).collect())
    }

    /// For each signature and output, names of its columns.
    pub(super) fn labels(&self, labels: &Labels) -> Vec<Vec<Vec<String>>> {
        let of = |&at: &usize| {
            let found = self.outputs.get(at).and_then(|name| labels.get(name));
            found.cloned().unwrap_or_default()
        };
        let bindings = self.bindings.iter();
        bindings
            .map(|binding| binding.outputs.iter().map(of).collect())
            .collect()
    }
}

/// Finds the inputs and outputs of all signatures.
///
/// # Errors
/// `Model` if a signature names what the graph lacks, or one input twice.
pub(super) fn all(bound: Vec<BoundSignature>, names: &Names) -> Result<Bound> {
    let mut found = Bound {
        signatures: Vec::with_capacity(bound.len()),
        bindings: Vec::with_capacity(bound.len()),
        outputs: names.outputs.clone(),
        count: (names.inputs.len(), names.outputs.len()),
    };
    let (inputs, outputs) = (places(&names.inputs), places(&names.outputs));
    for bound in bound {
        counted(&bound)?;
        let name = &bound.signature.name;
        found.bindings.push(Binding {
            inputs: find(name, &bound.inputs, &inputs)?,
            outputs: find(name, &bound.outputs, &outputs)?,
        });
        found.signatures.push(bound.signature);
    }
    Ok(found)
}

fn places(names: &[String]) -> HashMap<&str, usize> {
    names.iter().map(String::as_str).zip(0..).collect()
}

/// As many names as inputs and outputs, and no input twice.
fn counted(bound: &BoundSignature) -> Result<()> {
    let (signature, from, to) = (&bound.signature, &bound.inputs, &bound.outputs);
    let name = &signature.name;
    if from.len() != signature.inputs.len() || to.len() != signature.outputs.len() {
        return Err(Error::model(format!(
            "signature `{name}` has {} inputs and {} outputs, bound are {} and {}",
            signature.inputs.len(),
            signature.outputs.len(),
            from.len(),
            to.len()
        )));
    }
    let mut seen = std::collections::HashSet::new();
    match from.iter().find(|input| !seen.insert(*input)) {
        None => Ok(()),
        Some(twice) => Err(Error::model(format!(
            "signature `{name}` binds the input `{twice}` twice"
        ))),
    }
}

fn find(signature: &str, names: &[String], known: &HashMap<&str, usize>) -> Result<Vec<usize>> {
    let one = |name: &String| {
        known.get(name.as_str()).copied().ok_or_else(|| {
            Error::model(format!(
                "signature `{signature}` binds `{name}`, which the graph lacks"
            ))
        })
    };
    names.iter().map(one).collect()
}
