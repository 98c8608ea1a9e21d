//! What is wrong with a model, and what of it the built-in engine cannot serve exactly.
//!
//! * [`wiring`]: names that are used before they are made: the file is broken;
//! * [`numbers`]: types and values that the engine would hold only roughly;
//! * [`deviations`]: operators that the engine computes differently;
//! * [`forms`]: element types that its operators do not take;
//! * [`gaps`]: forms that they fail on when they run;
//! * [`operators`]: operators that the engine does not have, one by one.

pub(crate) mod deviations;
pub(crate) mod forms;
pub(crate) mod gaps;
pub(crate) mod numbers;
pub(crate) mod operators;
pub(crate) mod order;
pub(crate) mod wiring;

use std::fmt;

use hari_core::DataType;
use hari_error::{Error, Result};
use hari_proto::onnx::{GraphProto, ModelProto, OperatorSetIdProto};

use crate::{element, tensors};

/// The newest version of ONNX's own operators that Hari knows.
const NEWEST_OPERATOR_SET: i64 = 28;

/// The version of the operators that Hari puts into a file that declares none.
pub(crate) const OWN_OPERATOR_SET: i64 = 17;

/// Something in a model that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: "operator `Foo`", "input `x`".
    pub subject: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub hint: &'static str,
}

impl Problem {
    pub(crate) fn new(
        subject: impl Into<String>,
        why: impl Into<String>,
        hint: &'static str,
    ) -> Self {
        Self {
            subject: subject.into(),
            why: why.into(),
            hint,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.subject, self.why, self.hint)
    }
}

/// The graph of a model, if the model is well-formed.
///
/// # Errors
/// Says what is broken or of a version that is not known.
pub(crate) fn graph(model: &ModelProto) -> Result<&GraphProto> {
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| Error::model("the model has no graph"))?;
    if model.ir_version.is_none() {
        return Err(Error::model(
            "the model declares no ONNX version (`ir_version`)",
        ));
    }
    let version = match operator_set(model) {
        Some(version) => version,
        None if !uses_own_set(graph) => OWN_OPERATOR_SET,
        None => {
            return Err(Error::model(
                "the model declares no version of the ONNX operators (`opset_import`)",
            ));
        }
    };
    if !(1..=NEWEST_OPERATOR_SET).contains(&version) {
        return Err(Error::model(format!(
            "expected version 1 to {NEWEST_OPERATOR_SET} of the ONNX operators, found {version}: \
             export the model for an older one"
        )));
    }
    wiring::check(graph)?;
    Ok(graph)
}

/// Whether a node, however deep, is one of ONNX's own operators: a file without any need not
/// declare their version.
fn uses_own_set(graph: &GraphProto) -> bool {
    let mut uses = false;
    tensors::each_node(graph, &mut |node| {
        uses |= matches!(node.domain(), "" | "ai.onnx");
    });
    uses
}

/// The declared version of ONNX's own operators.
pub(crate) fn operator_set(model: &ModelProto) -> Option<i64> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    model
        .opset_import
        .iter()
        .find(|set| own(set.domain()))
        .map(OperatorSetIdProto::version)
}

/// One error for all problems.
///
/// # Errors
/// `Model`, if there are any.
pub(crate) fn refuse(problems: &[Problem]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let listed: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Err(Error::model(format!(
        "this model cannot be served: {}",
        listed.join("; ")
    )))
}

/// Words for an element type that the engine does not hold.
pub(crate) fn not_held(elem: i32) -> (String, &'static str) {
    match element::data_type(elem) {
        Some(DataType::Fp64) => (
            "is FP64 and would be computed in FP32".to_owned(),
            "export the model in FP32",
        ),
        _ => (
            format!("is {}, which the engine does not have", element::name(elem)),
            "use FP32, FP16, INT64, INT32, INT8, UINT8 or BOOL",
        ),
    }
}
