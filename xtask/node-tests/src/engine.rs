//! The engines that the tests run on.

mod own;
mod whole;

use std::process::Command;

use anyhow::{Context as _, Result};
use hari_onnxruntime::{Library, Options};
use hari_operators::Value;
use hari_proto::onnx::ValueInfoProto;

use crate::case::{Loaded, inputs};

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    /// What users get without a library: each node where it is computed exactly.
    Hari,
    /// The built-in fast engine, for whole models.
    Rten,
    /// The operators computed by Hari itself, for whole models.
    Own,
    /// ONNX Runtime, for whole models.
    OnnxRuntime,
}

impl Engine {
    pub(crate) const ALL: [Self; 4] = [Self::Hari, Self::Rten, Self::Own, Self::OnnxRuntime];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hari => "hari",
            Self::Rten => "rten",
            Self::Own => "own",
            Self::OnnxRuntime => "onnxruntime",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|engine| engine.name() == name)
            .with_context(|| format!("no engine is called `{name}`"))
    }

    /// Whether it can run here: ONNX Runtime needs its library.
    pub(crate) fn is_here(self) -> Result<bool> {
        Ok(self != Self::OnnxRuntime || Library::find()?.is_some())
    }

    /// What the worker's process must know: only one engine may find ONNX Runtime's library.
    pub(crate) fn prepare(self, worker: &mut Command) {
        if self != Self::OnnxRuntime {
            worker.env("HARI_ONNXRUNTIME", "none");
        }
    }

    /// The outputs of the model, in the graph's order.
    pub(crate) fn run(self, case: &Loaded) -> Result<Vec<Value>> {
        match self {
            Self::Hari => whole::on_hari(case),
            Self::Rten => whole::on_rten(case),
            Self::Own => own::run(case),
            Self::OnnxRuntime => on_library(case),
        }
    }
}

fn on_library(case: &Loaded) -> Result<Vec<Value>> {
    let library = Library::find()?.context("HARI_ONNXRUNTIME names no library")?;
    let session = library.load(&case.bytes, &Options::default())?;
    let graph = case.model.graph.as_ref().context("no graph")?;
    let given = inputs(graph).map(ValueInfoProto::name).zip(&case.inputs);
    let given: Vec<_> = given.collect();
    let wanted: Vec<_> = graph.output.iter().map(ValueInfoProto::name).collect();
    Ok(session.run(&given, &wanted)?)
}
