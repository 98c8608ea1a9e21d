//! What a `.onnx` file holds, without loading it.

use std::collections::BTreeMap;
use std::path::Path;

use hari_core::Signature;
use hari_error::Result;

use crate::engine::Segments;
use crate::engine::onnxruntime::OnOrts;
use crate::engine::rten::OnRtens;
use crate::external::External;
use crate::load::{self, Prepared, Taken, choose};
use crate::place::{Place, Placer};
use crate::scope::Scope;
use crate::{Options, Problem, check, tensors};

/// What a `.onnx` file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Version of the file format.
    pub ir_version: i64,
    /// Version of each set of operators, by domain; ONNX's own is `ai.onnx`.
    pub operator_sets: BTreeMap<String, i64>,
    /// Name and version of the program that wrote the file.
    pub producer: String,
    /// Its one signature; none if an input or output is among the problems.
    pub signatures: Vec<Signature>,
    /// Operators by name, those of subgraphs included, and how many nodes use each.
    pub operators: BTreeMap<String, usize>,
    /// All that cannot be served; empty if the model can be.
    pub problems: Vec<Problem>,
    /// What computes the model, in words.
    pub engine: String,
    /// Why that and nothing else.
    pub why: String,
    /// How many nodes run where, outside of the graphs inside nodes; empty if not all can run.
    pub placed: BTreeMap<String, usize>,
    /// Names of the columns of inputs and outputs that have any.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Bytes of all weights, once loaded.
    pub weights: u64,
}

/// Looks into a `.onnx` file.
///
/// # Errors
/// `Model` if the file cannot be read or is not a well-formed model. What cannot be served is no
/// error here: see [`Inspection::problems`].
pub fn inspect(path: &Path) -> Result<Inspection> {
    inspect_with(path, &Options::default())
}

/// The same for a model that is to be loaded with other options.
///
/// # Errors
/// As [`inspect`], and `Unavailable` if an engine is asked for that is not there.
pub fn inspect_with(path: &Path, options: &Options) -> Result<Inspection> {
    let (_, model) = load::read(path)?;
    let graph = check::graph(&model)?;
    let mut operators = BTreeMap::new();
    tensors::each_node(graph, &mut |node| {
        *operators.entry(node.op_type().to_owned()).or_insert(0) += 1;
    });
    let external = External::read(path.parent().unwrap_or_else(|| Path::new("")), &model)?;
    let sets = model
        .opset_import
        .iter()
        .map(|set| (domain(set.domain()), set.version()));
    let mut found = Inspection {
        ir_version: model.ir_version(),
        operator_sets: sets.collect(),
        producer: format!("{} {}", model.producer_name(), model.producer_version())
            .trim()
            .into(),
        operators,
        ..Inspection::default()
    };
    let prepared = Prepared::new(model, None, external)?;
    found.place(&prepared, options)?;
    found.signatures = prepared
        .signature
        .into_iter()
        .map(|bound| bound.signature)
        .collect();
    found.labels = prepared.labels;
    found.weights = prepared.memory;
    Ok(found)
}

impl Inspection {
    /// Says what computes the model, and what keeps it from being served.
    fn place(&mut self, prepared: &Prepared, options: &Options) -> Result<()> {
        self.problems.clone_from(&prepared.problems);
        let choice = choose(prepared, options)?;
        self.why = choice.why;
        let nodes = prepared.graph.node.len();
        let (engine, counts) = match choice.taken {
            Taken::Rten(_) => (RTEN, vec![(RTEN, nodes)]),
            Taken::OnnxRuntime(_) => (ORT, vec![(ORT, nodes)]),
            Taken::Parts(None) => {
                let counts = self.counts(prepared, &OnRtens::new(&prepared.model, options))?;
                (
                    RTEN,
                    counts.map_or(vec![], |counts| vec![(RTEN, counts.0), (OWN, counts.1)]),
                )
            }
            Taken::Parts(Some(library)) => {
                let segments = OnOrts::new(library, &prepared.model, options, BTreeMap::new());
                let counts = self.counts(prepared, &segments)?;
                (
                    ORT,
                    counts.map_or(vec![], |counts| vec![(ORT, counts.0), (OWN, counts.1)]),
                )
            }
        };
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        self.placed = counts
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        self.engine = match self.placed.len() {
            0 if !self.problems.is_empty() => "none".to_owned(),
            0 => engine.to_owned(),
            _ => self
                .placed
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(" and "),
        };
        Ok(())
    }

    /// How many nodes run on the engine and on our own operators; none if some run nowhere.
    fn counts(
        &mut self,
        prepared: &Prepared,
        segments: &dyn Segments,
    ) -> Result<Option<(usize, usize)>> {
        let empty = Scope::default();
        let placed = Placer::new(&prepared.model, segments).model(&prepared.graph, &empty)?;
        self.problems.extend(placed.problems());
        let own = placed
            .places
            .iter()
            .filter(|place| matches!(place, Place::Own(_)));
        let own = own.count();
        let whole = placed.refused.is_empty();
        Ok(whole.then(|| (placed.places.len() - own, own)))
    }
}

/// The built-in engine's name.
const RTEN: &str = "rten";
/// ONNX Runtime's name.
const ORT: &str = "onnxruntime";
/// The name of our own operators.
const OWN: &str = "own operators";

fn domain(domain: &str) -> String {
    if domain.is_empty() {
        "ai.onnx".to_owned()
    } else {
        domain.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use hari_proto::onnx::tensor_proto::DataType as Elem;

    use super::*;
    use crate::fixture::{self, dense, file, unary};

    #[test]
    fn a_model_is_described() {
        let (_folder, path) = file(&dense());
        let found = inspect_with(&path, &fixture::options()).unwrap();
        assert_eq!((found.ir_version, &*found.producer), (8, "hari-test"));
        assert_eq!(
            found.operator_sets,
            BTreeMap::from([("ai.onnx".to_owned(), 17)])
        );
        let counted: Vec<_> = found
            .operators
            .iter()
            .map(|(name, count)| (&**name, *count))
            .collect();
        assert_eq!(
            counted,
            [("Add", 1), ("MatMul", 1), ("Relu", 1), ("Softmax", 1)]
        );
        assert_eq!((found.weights, found.problems.len()), (36, 0));
        assert_eq!(found.signatures[0].inputs[0].name, "x");
        assert_eq!((&*found.engine, found.placed["rten"]), ("rten", 4));
        assert_eq!(found.why, "the built-in engine takes every node");
    }

    #[test]
    fn a_model_in_parts_says_why() {
        let mut wide = dense();
        let graph = wide.graph.as_mut().unwrap();
        graph.node.push(fixture::with(
            fixture::node("Cast", &["y"], &["wide"]),
            fixture::int("to", Elem::Double as i64),
        ));
        graph
            .output
            .push(fixture::value("wide", Elem::Double, &["n", "3"]));
        let (_folder, path) = file(&wide);
        let found = inspect_with(&path, &fixture::options()).unwrap();
        assert_eq!(found.engine, "own operators and rten");
        assert_eq!(
            (found.placed["rten"], found.placed["own operators"]),
            (4, 1)
        );
        assert!(found.why.contains("`wide` is FP64"), "{}", found.why);
    }

    #[test]
    fn a_constant_that_the_engine_lacks_is_named_with_its_type() {
        let mut narrow = unary("Identity", Elem::Float);
        let graph = narrow.graph.as_mut().unwrap();
        graph.node = vec![
            fixture::with(
                fixture::node("Cast", &["two"], &["wide"]),
                fixture::int("to", Elem::Float as i64),
            ),
            fixture::node("Mul", &["x", "wide"], &["y"]),
        ];
        let mut two = fixture::floats("two", &[1], &[0.0]);
        two.data_type = Some(Elem::Uint16.into());
        two.raw_data = Some(vec![2, 0].into());
        graph.initializer = vec![two];
        let (_folder, path) = file(&narrow);
        let found = inspect_with(&path, &fixture::options()).unwrap();
        let why = "initializer `two` is UINT16, which the engine does not have (use FP32";
        assert!(found.why.contains(why), "{}", found.why);
    }

    #[test]
    fn what_cannot_be_served_is_listed_and_no_error() {
        let (_folder, path) = file(&unary("Frobnicate", Elem::Double));
        let found = inspect_with(&path, &fixture::options()).unwrap();
        let subjects: Vec<_> = found
            .problems
            .iter()
            .map(|problem| &*problem.subject)
            .collect();
        let [subject] = &*subjects else {
            panic!("{subjects:?}")
        };
        assert!(subject.starts_with("operator `Frobnicate`"), "{subject}");
        assert_eq!(
            found.signatures[0].inputs[0].to_string(),
            "`x` FP64 [-1, 2]"
        );
        assert_eq!((&*found.engine, found.placed.len()), ("none", 0));
    }
}
