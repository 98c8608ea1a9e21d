//! One node test: a model, what goes in, what must come out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hari_operators::Value;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::type_proto::Value as Kind;
use hari_proto::onnx::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;

use crate::message;

/// A node test, by its name; see [`Case::load`] for what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Domain and name of the operator that it tests; ONNX's own domain is empty.
    pub(crate) operator: (String, String),
    /// The version of the domain that the model declares.
    pub(crate) version: i64,
    /// Why it is not counted, if it is not.
    pub(crate) left_out: Option<LeftOut>,
}

/// Why a case is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LeftOut {
    /// No tensor of Hari can have the elements of its inputs or outputs.
    NotCarried,
    /// What comes out is drawn at random.
    Random,
}

impl LeftOut {
    pub(crate) const ALL: [Self; 2] = [Self::NotCarried, Self::Random];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotCarried => "(not carried)",
            Self::Random => "(random)",
        }
    }
}

/// Operators whose outputs nobody can foresee.
const RANDOM: [&str; 6] = [
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
];

/// What is in a node test.
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) model: ModelProto,
    pub(crate) bytes: Bytes,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
    pub(crate) tolerance: Tolerance,
}

/// How far a floating-point number may be off: absolute, and relative to the expected one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    pub(crate) absolute: f64,
    pub(crate) relative: f64,
}

impl Case {
    /// Every case below `folder`, by name.
    pub(crate) fn all(folder: &Path) -> Result<Vec<Self>> {
        let entries =
            fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        let mut cases = Vec::new();
        for entry in entries {
            let path = entry?.path().join("model.onnx");
            if path.is_file() {
                cases.push(Self::read(&path)?);
            }
        }
        cases.sort();
        let originals = cases.clone();
        for case in &mut cases {
            case.adopt(&originals);
        }
        Ok(cases)
    }

    fn read(model: &Path) -> Result<Self> {
        let folder = model.parent().and_then(Path::file_name);
        let name = folder.context("a case without a name")?.to_string_lossy();
        let model = ModelProto::decode(&*fs::read(model)?)?;
        let last = model.graph.as_ref().and_then(|graph| graph.node.last());
        let last = last.with_context(|| format!("{name} has no nodes"))?;
        let mut sets = model.opset_import.iter();
        let set = sets.find(|set| set.domain() == last.domain());
        Ok(Self {
            name: name.into_owned(),
            operator: title(last),
            version: set.map_or(0, OperatorSetIdProto::version),
            left_out: left_out(&model, last),
        })
    }

    /// An expanded case, whose operator is written in others, belongs to the operator expanded.
    fn adopt(&mut self, originals: &[Self]) {
        let Some((original, _)) = self.name.split_once("_expanded") else {
            return;
        };
        let found = originals.binary_search_by(|case| case.name.as_str().cmp(original));
        if let Some(original) = found.ok().and_then(|at| originals.get(at)) {
            self.operator = original.operator.clone();
            self.version = original.version;
        }
    }

    /// Reads the case of this name.
    pub(crate) fn load(folder: &Path, name: &str) -> Result<Loaded> {
        let folder = folder.join(name);
        let path = folder.join("model.onnx");
        let bytes = Bytes::from(fs::read(&path)?);
        let model = ModelProto::decode(bytes.clone())?;
        let graph = model.graph.as_ref().context("a model without a graph")?;
        let inputs = values(&folder, "input", inputs(graph))?;
        let outputs = values(&folder, "output", graph.output.iter())?;
        let about: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
        let number = |key: &str| about[key].as_f64().context("a case without tolerances");
        let tolerance = Tolerance {
            absolute: number("atol")?,
            relative: number("rtol")?,
        };
        Ok(Loaded {
            path,
            model,
            bytes,
            inputs,
            outputs,
            tolerance,
        })
    }
}

/// The inputs of the graph that are no constants.
pub(crate) fn inputs(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    let constant = |port: &&ValueInfoProto| {
        let mut constants = graph.initializer.iter();
        constants.any(|tensor| tensor.name() == port.name())
    };
    graph.input.iter().filter(move |port| !constant(port))
}

fn values<'a>(
    folder: &Path,
    role: &str,
    ports: impl Iterator<Item = &'a ValueInfoProto>,
) -> Result<Vec<Value>> {
    let value = |(at, port): (usize, &ValueInfoProto)| {
        let kind = port.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        let kind = kind.with_context(|| format!("{role} {at} has no type"))?;
        let file = fs::read(folder.join(format!("{role}_{at}.pb")))?;
        message::value(kind, file.into()).with_context(|| format!("{role} {at}"))
    };
    ports.enumerate().map(value).collect()
}

/// Why a case with this model, whose last node is `last`, is not counted.
fn left_out(model: &ModelProto, last: &NodeProto) -> Option<LeftOut> {
    let graph = model.graph.iter();
    let ports = graph.flat_map(|graph| graph.input.iter().chain(&graph.output));
    let mut kinds = ports.filter_map(|port| port.r#type.as_ref()?.value.as_ref());
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let mut operators = nodes.chain([last]).map(NodeProto::op_type);
    if operators.any(|operator| RANDOM.contains(&operator)) {
        return Some(LeftOut::Random);
    }
    (!kinds.all(carried)).then_some(LeftOut::NotCarried)
}

/// Whether a tensor of Hari can have the elements of this type.
fn carried(kind: &Kind) -> bool {
    let inner = |kind: &Option<Box<TypeProto>>| {
        let kind = kind.as_ref().and_then(|kind| kind.value.as_ref());
        kind.is_none_or(carried)
    };
    match kind {
        Kind::TensorType(tensor) => {
            let dtype = Elem::try_from(tensor.elem_type()).unwrap_or(Elem::Undefined);
            let other = [Elem::Undefined, Elem::Complex64, Elem::Complex128];
            !other.contains(&dtype) && (dtype as i32) <= (Elem::Bfloat16 as i32)
        }
        Kind::SequenceType(sequence) => inner(&sequence.elem_type),
        Kind::OptionalType(optional) => inner(&optional.elem_type),
        Kind::MapType(map) => inner(&map.value_type),
        _ => false,
    }
}

fn title(node: &NodeProto) -> (String, String) {
    (node.domain().to_owned(), node.op_type().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, operator: &str) -> Case {
        Case {
            name: name.to_owned(),
            operator: (String::new(), operator.to_owned()),
            version: 18,
            left_out: None,
        }
    }

    #[test]
    fn an_expanded_case_belongs_to_what_it_expands() {
        let originals = [
            case("test_elu", "Elu"),
            case("test_elu_expanded_ver18", "Where"),
        ];
        let mut expanded = originals[1].clone();
        expanded.adopt(&originals);
        assert_eq!(expanded.operator.1, "Elu");
        let mut alone = case("test_other_expanded", "Where");
        alone.adopt(&originals);
        assert_eq!(alone.operator.1, "Where");
    }
}
