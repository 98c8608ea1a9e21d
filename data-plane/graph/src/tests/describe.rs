//! Inputs and outputs of a graph, made of those of its nodes.

use std::collections::BTreeMap;

use hari_core::{DataType, Dim, ModelMetadata, Signature, SignatureMethod, TensorSpec};
use hari_testkit::Identity;

use super::*;
use crate::builtin::{AverageCombiner, RandomAbTest};

fn spec(name: &str) -> TensorSpec {
    let shape = Some(vec![Dim::Dynamic(None), Dim::Fixed(2)]);
    TensorSpec {
        name: name.to_owned(),
        dtype: DataType::Fp32,
        shape,
    }
}

/// A unit with the input `name.in` and the output `name.out`.
fn described(name: &str, calls: Calls, children: Vec<Node>) -> Node {
    let signature = Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs: vec![spec(&format!("{name}.in"))],
        outputs: vec![spec(&format!("{name}.out"))],
    };
    let metadata = ModelMetadata {
        name: name.to_owned(),
        versions: vec![format!("{name}-v1")],
        platform: "test".to_owned(),
        signatures: vec![signature],
        labels: BTreeMap::from([("stable".to_owned(), format!("{name}-v1"))]),
        ..ModelMetadata::default()
    };
    node(name, calls, Identity::with_metadata(metadata), children)
}

/// `inputs -> outputs` of the graph.
fn summary(root: Node) -> String {
    let metadata = graph(root).metadata();
    let names = |specs: &[TensorSpec]| {
        specs
            .iter()
            .map(|spec| spec.name.clone())
            .collect::<Vec<_>>()
            .join(",")
    };
    let signature = metadata.signatures.first();
    signature.map_or_else(String::new, |one| {
        format!("{} -> {}", names(&one.inputs), names(&one.outputs))
    })
}

#[test]
fn a_leaf_says_what_it_is() {
    assert_eq!(summary(described("m", MODEL, vec![])), "m.in -> m.out");
    let whole = graph(described("m", MODEL, vec![])).metadata();
    assert_eq!((&*whole.name, &*whole.platform), ("m", "test"));
    assert_eq!(whole.versions, ["m-v1"]);
}

#[test]
fn each_type_of_root_gives_what_it_reads_or_answers() {
    let pair = || vec![described("a", MODEL, vec![]), described("b", MODEL, vec![])];
    for (calls, expected) in [
        (MODEL, "n.in -> a.out"),
        (TRANSFORMER, "n.in -> a.out"),
        (OUTPUT_TRANSFORMER, "a.in -> n.out"),
        (COMBINER, "a.in -> n.out"),
        (ROUTER, "a.in -> a.out"),
        (NOTHING, "a.in -> a.out"),
        (
            Calls {
                transform_output: true,
                ..TRANSFORMER
            },
            "n.in -> n.out",
        ),
    ] {
        assert_eq!(
            summary(described("n", calls, pair())),
            expected,
            "{calls:?}"
        );
    }
}

#[test]
fn deep_graphs_are_read_along_the_first_children() {
    let model = described("m", MODEL, vec![]);
    let out = described("out", OUTPUT_TRANSFORMER, vec![model]);
    let combiner = described("c", COMBINER, vec![out]);
    let root = bare(
        "root",
        NOTHING,
        vec![described("in", TRANSFORMER, vec![combiner])],
    );
    assert_eq!(summary(root), "in.in -> c.out");
}

#[test]
fn a_unit_that_says_nothing_of_itself_stands_for_its_first_child() {
    let pair = || vec![described("a", MODEL, vec![]), described("b", MODEL, vec![])];
    let mean = node("c", COMBINER, AverageCombiner::new("c"), pair());
    assert_eq!(summary(mean), "a.in -> a.out");
    let root = node("r", ROUTER, RandomAbTest::new("r", 0.5), pair());
    let whole = graph(root).metadata();
    assert_eq!((&*whole.name, &*whole.platform), ("r", "ensemble"));
    assert_eq!(whole.versions, ["a-v1"]);
    assert_eq!(whole.labels.get("stable").map(String::as_str), Some("a-v1"));
    assert_eq!(summary(bare("bare", NOTHING, vec![])), "");
}

#[test]
fn a_node_is_known_by_its_own_name_and_says_its_own() {
    let unit = Identity::new("name of the unit");
    let child = described("m", MODEL, vec![]);
    let graph = graph(node("n", TRANSFORMER, unit, vec![child]));
    let own = graph.find("n").unwrap().metadata();
    assert_eq!((&*own.name, &*own.platform), ("n", "test"));
    assert_eq!(own.signatures, hari_testkit::metadata("n").signatures);
    assert_eq!(graph.find("m").unwrap().metadata().versions, ["m-v1"]);
}

/// Says nothing of itself until it is told what it is, as a unit elsewhere does.
#[derive(Clone, Default)]
struct Late(Arc<std::sync::Mutex<Arc<ModelMetadata>>>);

impl Unit for Late {
    fn call<'a>(
        &'a self,
        _method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> hari_core::BoxFuture<'a, Result<Message>> {
        Box::pin(async { Ok(Message::default()) })
    }

    fn ready(&self) -> hari_core::BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn what_a_unit_says_late_is_said_by_its_graph() {
    let late = Late::default();
    let child = described("m", MODEL, vec![]);
    let graph = graph(node("t", TRANSFORMER, late.clone(), vec![child]));
    let input = |metadata: &ModelMetadata| metadata.signatures[0].inputs[0].name.clone();
    assert_eq!(input(&graph.metadata()), "m.in");
    let now = graph_of_one(described("elsewhere", TRANSFORMER, vec![]));
    *late.0.lock().unwrap() = now;
    assert_eq!(input(&graph.metadata()), "elsewhere.in");
    let node = graph.find("t").unwrap().metadata();
    assert_eq!(
        (&*node.name, input(&node)),
        ("t", "elsewhere.in".to_owned())
    );
}

fn graph_of_one(root: Node) -> Arc<ModelMetadata> {
    graph(root).metadata()
}
