//! Parts in pieces: on an engine that wants all inputs of them, with and without ONNX Runtime.

use hari_core::{Call, DataType, Model, Signature, Tensor};
use hari_error::{Error, Result};
use hari_onnxruntime::Library;
use hari_operators::{Type, Value};
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto};

use super::*;
use crate::engine::rten::OnRtens;
use crate::engine::{Part, Segment, Segments, Takes};
use crate::fixture::{floats, graph, int, model, node, value, with};
use crate::place::Placer;
use crate::program::{Program, Source, Step};
use crate::scope::Known;
use crate::{BoundSignature, EngineChoice, OnnxModel, Options, signature};

/// The built-in engine as one that wants all inputs of a part, and refuses a run without one.
struct Strict(OnRtens);

struct StrictSegment {
    segment: Box<dyn Segment>,
    inputs: usize,
}

impl Segments for Strict {
    fn takes(&self) -> Takes {
        self.0.takes()
    }

    fn prunes(&self) -> bool {
        false
    }

    fn words(&self) -> String {
        self.0.words()
    }

    fn load(&self, part: Part) -> Result<Box<dyn Segment>> {
        let inputs = part.inputs.len();
        let segment = self.0.load(part)?;
        Ok(Box::new(StrictSegment { segment, inputs }))
    }
}

impl Segment for StrictSegment {
    fn run(&self, inputs: &[(usize, &Value)], outputs: &[usize]) -> Result<Vec<Value>> {
        if inputs.len() != self.inputs {
            return Err(Error::model("Missing Input"));
        }
        self.segment.run(inputs, outputs)
    }
}

/// `scaled = 2 x`, `minus = -scaled`, `sum = scaled + length(text)`, `root = sqrt(length(text))`.
fn mixed() -> ModelProto {
    let own = NodeProto {
        domain: Some("hari".into()),
        ..node("StringLength", &["text"], &["length"])
    };
    let port = |name: &str, elem| value(name, elem, &["n"]);
    let mut graph = graph(
        vec![port("text", Elem::String), port("x", Elem::Float)],
        vec![
            own,
            with(
                node("Cast", &["length"], &["float"]),
                int("to", Elem::Float as i64),
            ),
            node("Mul", &["x", "two"], &["scaled"]),
            node("Add", &["scaled", "float"], &["sum"]),
            node("Neg", &["scaled"], &["minus"]),
            node("Sqrt", &["float"], &["root"]),
        ],
        ["sum", "minus", "root"]
            .map(|name| port(name, Elem::Float))
            .into(),
    );
    graph.initializer = vec![floats("two", &[1], &[2.0])];
    let mut model = model(graph);
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("hari".into()),
        version: Some(1),
    });
    model
}

/// Three signatures: of all, of numbers and of texts.
const SIGNATURES: [(&[&str], &[&str]); 3] = [
    (&["text", "x"], &["sum", "minus"]),
    (&["x"], &["minus"]),
    (&["text"], &["root"]),
];

fn bound(model: &ModelProto, (inputs, outputs): (&[&str], &[&str])) -> BoundSignature {
    let whole = signature::of(model.graph.as_ref().unwrap()).unwrap();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let pick = |specs: &[hari_core::TensorSpec], names: &[&str]| {
        let find = |name: &&str| specs.iter().find(|spec| spec.name == **name).unwrap();
        names.iter().map(|name| find(name).clone()).collect()
    };
    BoundSignature {
        signature: Signature {
            name: outputs.join("_"),
            inputs: pick(&whole.signature.inputs, inputs),
            outputs: pick(&whole.signature.outputs, outputs),
            ..whole.signature.clone()
        },
        inputs: names(inputs),
        outputs: names(outputs),
    }
}

fn text() -> Tensor {
    Tensor::from_strings([2], vec!["four".into(), "sixteen_letters_".into()]).unwrap()
}

fn numbers(values: [f32; 2]) -> Tensor {
    Tensor::from_vec([2], values.to_vec()).unwrap()
}

/// What `SIGNATURES` answer to [`text`] and to the numbers 1 and -3.
fn answers() -> [Vec<Tensor>; 3] {
    let minus = numbers([-2.0, 6.0]);
    [
        vec![numbers([6.0, 10.0]), minus.clone()],
        vec![minus],
        vec![numbers([2.0, 4.0])],
    ]
}

fn given(inputs: &[&str]) -> Vec<Tensor> {
    let one = |name: &&str| match *name {
        "text" => text(),
        _ => numbers([1.0, -3.0]),
    };
    inputs.iter().map(one).collect()
}

fn program(model: &ModelProto, signatures: &[Vec<&str>]) -> Program {
    let segments = Strict(OnRtens::new(model, &Options::default()));
    let graph = model.graph.as_ref().unwrap();
    let empty = Scope::default();
    let placed = Placer::new(model, &segments).model(graph, &empty).unwrap();
    let source = Source {
        graph,
        inputs: graph.input.iter().map(ValueInfoProto::name).collect(),
        signatures: signatures.to_vec(),
        segments: &segments,
    };
    Program::build(&source, placed).unwrap()
}

/// For each part on the engine, the numbers of its inputs and outputs.
fn borders(program: &Program) -> Vec<(usize, usize)> {
    let parts = program.steps.iter().filter_map(|step| match step {
        Step::Engine(part) => Some((part.inputs.len(), part.outputs.len())),
        Step::Own { .. } => None,
    });
    parts.collect()
}

#[test]
fn each_signature_runs_on_its_own_inputs() {
    let model = mixed();
    let outputs = SIGNATURES.map(|(_, outputs)| outputs.to_vec());
    let program = program(&model, &outputs);
    // What texts and all need, what numbers and all need, what each of all and of texts needs alone.
    assert_eq!(borders(&program).len(), 4, "{:?}", borders(&program));
    let graph = model.graph.as_ref().unwrap();
    for ((inputs, outputs), expected) in SIGNATURES.into_iter().zip(answers()) {
        let place = |name: &&str| graph.output.iter().position(|value| value.name() == *name);
        let wanted: Vec<usize> = outputs.iter().filter_map(place).collect();
        let all = ["text", "x"].map(|name| {
            let is = inputs.contains(&name);
            is.then(|| Value::Tensor(given(&[name]).remove(0)))
        });
        let made = program
            .compute(all.into(), &program.schedule(&wanted))
            .unwrap();
        let expected: Vec<Value> = expected.into_iter().map(Value::Tensor).collect();
        assert_eq!(made, expected, "{outputs:?}");
    }
}

#[test]
fn one_signature_is_one_piece_and_any_of_its_outputs_can_be_asked_for() {
    let model = mixed();
    let program = program(&model, &[vec!["sum", "minus"]]);
    // `root` is nobody's: it is left out.
    assert_eq!(borders(&program), [(2, 2)]);
    let all = || {
        vec![
            Some(Value::Tensor(text())),
            Some(numbers([1.0, -3.0]).into()),
        ]
    };
    for (wanted, expected) in [(0, [6.0, 10.0]), (1, [-2.0, 6.0])] {
        let made = program
            .compute(all(), &program.schedule(&[wanted]))
            .unwrap();
        assert_eq!(made, [Value::Tensor(numbers(expected))]);
    }
}

#[test]
fn nodes_belong_to_the_signatures_that_need_them() {
    let model = mixed();
    let outputs = SIGNATURES.map(|(_, outputs)| outputs.to_vec());
    let found = needed_by(model.graph.as_ref().unwrap(), &outputs);
    let expected: [&[usize]; 6] = [&[0, 2], &[0, 2], &[0, 1], &[0], &[0, 1], &[2]];
    assert_eq!(found, expected.map(|all| all.iter().copied().collect()));
}

#[test]
fn what_makes_a_value_of_unknown_type_is_in_every_piece_that_uses_it() {
    let protos = [
        node("A", &["x"], &["a"]),
        node("B", &["a"], &["b"]),
        node("C", &["b"], &["c"]),
        node("D", &["b"], &["d"]),
    ];
    let needed = [vec![0, 1], vec![0, 1], vec![0], vec![]];
    let nodes: Vec<Node<'_>> = protos
        .iter()
        .zip(needed)
        .map(|(original, needed)| Node {
            nodes: vec![original.clone()],
            own: None,
            original,
            uses: original.input.iter().cloned().collect(),
            needed: needed.into_iter().collect(),
        })
        .collect();
    let float = || Known::typed(Some(Type::Tensor(DataType::Fp32)));
    let found = |typed: &[&str]| {
        let mut scope = Scope::default();
        typed.iter().for_each(|name| scope.add(name, float()));
        let found = pieces(&nodes, &scope);
        let names = |piece: &Vec<&Node<'_>>| -> String {
            piece.iter().map(|node| node.original.op_type()).collect()
        };
        let passing = passed(&found).into_iter().collect::<Vec<_>>().join("");
        (found.iter().map(names).collect::<Vec<_>>(), passing)
    };
    assert_eq!(
        found(&["x", "a", "b"]),
        (vec!["AB".into(), "C".into()], "bx".into())
    );
    assert_eq!(
        found(&["x", "a"]),
        (vec!["AB".into(), "BC".into()], "ax".into())
    );
    assert_eq!(found(&["x"]), (vec!["AB".into(), "ABC".into()], "x".into()));
}

fn on_onnx_runtime(instances: usize) -> Options {
    Options {
        engine: EngineChoice::OnnxRuntime,
        instances,
        ..Options::default()
    }
}

/// Whether a library of ONNX Runtime is there; if not, it is said.
fn there() -> bool {
    let there = matches!(Library::find(), Ok(Some(_)));
    if !there {
        eprintln!("skipped: no library of ONNX Runtime, see HARI_ONNXRUNTIME");
    }
    there
}

fn ask(model: &OnnxModel, signature: usize, inputs: &[&str], outputs: Vec<usize>) -> Vec<Tensor> {
    let call = Call {
        signature,
        inputs: given(inputs),
        outputs,
    };
    model.run(call).unwrap()
}

#[test]
fn signatures_and_outputs_are_computed_on_onnx_runtime_with_our_own_operators() {
    if !there() {
        return;
    }
    let model = mixed();
    let all: Vec<_> = SIGNATURES.map(|signature| bound(&model, signature)).into();
    let loaded = OnnxModel::load_graph(&model, all, &on_onnx_runtime(1)).unwrap();
    assert!(
        loaded.engine().ends_with("own operators"),
        "{}",
        loaded.engine()
    );
    for (at, ((inputs, _), expected)) in SIGNATURES.into_iter().zip(answers()).enumerate() {
        assert_eq!(ask(&loaded, at, inputs, vec![]), expected);
        for (output, expected) in expected.into_iter().enumerate() {
            assert_eq!(ask(&loaded, at, inputs, vec![output]), [expected]);
        }
    }
}

#[test]
fn one_signature_of_some_inputs_is_computed_on_onnx_runtime() {
    if !there() {
        return;
    }
    let mixed = mixed();
    // Without the operator of Hari's own, all of the graph is ONNX Runtime's.
    let mut plain = mixed.clone();
    plain.graph.as_mut().unwrap().node[0] = node("Shape", &["text"], &["length"]);
    for (model, at) in [(&mixed, 1), (&mixed, 2), (&plain, 1)] {
        let one = vec![bound(model, SIGNATURES[at])];
        let loaded = OnnxModel::load_graph(model, one, &on_onnx_runtime(1)).unwrap();
        assert_eq!(ask(&loaded, 0, SIGNATURES[at].0, vec![]), answers()[at]);
    }
}

#[test]
fn several_instances_compute_at_once_and_answer_as_one_does() {
    if !there() {
        return;
    }
    let model = mixed();
    let whole = || vec![bound(&model, SIGNATURES[0])];
    let one = OnnxModel::load_graph(&model, whole(), &on_onnx_runtime(1)).unwrap();
    let two = OnnxModel::load_graph(&model, whole(), &on_onnx_runtime(2)).unwrap();
    assert_eq!(two.memory_bytes(), 2 * one.memory_bytes());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(ask(&two, 0, SIGNATURES[0].0, vec![]), answers()[0]);
                }
            });
        }
    });
}
