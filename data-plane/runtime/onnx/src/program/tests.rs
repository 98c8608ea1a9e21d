//! Graphs in parts: what the engine does not hold is computed all the same.

use hari_core::{Call, Element, Model, Tensor};
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};

use crate::fixture::{
    doubles, floats, graph, int, int64s, ints, loaded, model, node, run, subgraph, unary, value,
    with,
};
use crate::model::Runner;
use crate::{EngineChoice, OnnxModel, Options};

fn tensor<T: Element>(shape: &[usize], values: &[T]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).unwrap()
}

fn cast(from: &str, to: &str, elem: Elem) -> NodeProto {
    with(node("Cast", &[from], &[to]), int("to", elem as i64))
}

/// The numbers of steps on the engine and on our own operators; none if the engine runs it all.
fn steps(model: &OnnxModel) -> Option<(usize, usize)> {
    let Runner::Parts(parts) = &model.runner else {
        return None;
    };
    let engine = parts.program.steps.iter();
    let engine = engine.filter(|step| matches!(step, super::Step::Engine(_)));
    let engine = engine.count();
    Some((engine, parts.program.steps.len() - engine))
}

#[test]
fn fp64_is_computed_in_fp64() {
    let mut sum = unary("Add", Elem::Double);
    let graph = sum.graph.as_mut().unwrap();
    graph.node = vec![node("Add", &["x", "w"], &["y"])];
    graph.initializer = vec![doubles("w", &[0.1, 1e-12])];
    let model = loaded(&sum);
    assert_eq!(steps(&model), Some((0, 1)));
    let found = run(&model, vec![tensor(&[1, 2], &[0.2_f64, 1.0])]);
    assert_eq!(found, [tensor(&[1, 2], &[0.1 + 0.2_f64, 1.0 + 1e-12])]);
}

#[test]
fn int64_arithmetic_that_32_bits_may_not_hold_is_computed_in_64() {
    let square = unary("Mul", Elem::Int64);
    let mut square = square;
    square.graph.as_mut().unwrap().node = vec![node("Mul", &["x", "x"], &["y"])];
    let model = loaded(&square);
    assert_eq!(steps(&model), Some((0, 1)));
    let found = run(&model, vec![tensor(&[1, 2], &[1_i64 << 31, -3])]);
    assert_eq!(found, [tensor(&[1, 2], &[1_i64 << 62, 9])]);
}

/// `y = float(double(x w) + 1/3) v`: the engine, our own operators, the engine.
fn sandwich() -> ModelProto {
    let nodes = vec![
        node("MatMul", &["x", "w"], &["a"]),
        cast("a", "b", Elem::Double),
        node("Add", &["b", "third"], &["c"]),
        cast("c", "d", Elem::Float),
        node("MatMul", &["d", "w"], &["y"]),
        node("Relu", &["a"], &["z"]),
    ];
    let two = |name| value(name, Elem::Float, &["n", "2"]);
    let mut graph = graph(vec![two("x")], nodes, vec![two("y"), two("z")]);
    let weights: Vec<f32> = vec![1.0, 2.0, 3.0, 4.0];
    graph.initializer = vec![
        floats("w", &[2, 2], &weights),
        doubles("third", &[1.0 / 3.0]),
    ];
    model(graph)
}

#[test]
fn the_engine_and_our_own_operators_take_turns() {
    let model = loaded(&sandwich());
    assert_eq!(steps(&model), Some((2, 3)));
    let found = run(&model, vec![tensor(&[1, 2], &[1.0_f32, -1.0])]);
    let third = |value: f64| (value + 1.0 / 3.0) as f32;
    let (a, b) = (third(-2.0), third(-2.0));
    assert_eq!(found[0], tensor(&[1, 2], &[a + 3.0 * b, 2.0 * a + 4.0 * b]));
    assert_eq!(found[1], tensor(&[1, 2], &[0.0_f32, 0.0]));
}

#[test]
fn only_what_is_wanted_is_computed() {
    let model = loaded(&sandwich());
    let Runner::Parts(parts) = &model.runner else {
        panic!("not in parts")
    };
    let turns = |outputs: &[usize]| parts.program.schedule(outputs).turns.len();
    assert_eq!((turns(&[0]), turns(&[1]), turns(&[0, 1])), (5, 2, 5));
    let last: usize = parts
        .program
        .schedule(&[0])
        .turns
        .iter()
        .map(|turn| turn.last.len())
        .sum();
    assert!(last >= 5, "values are dropped after their last use: {last}");
    let call = Call {
        signature: 0,
        inputs: vec![tensor(&[1, 2], &[1.0_f32, 1.0])],
        outputs: vec![1],
    };
    assert_eq!(model.run(call).unwrap(), [tensor(&[1, 2], &[4.0_f32, 6.0])]);
}

#[test]
fn strings_pass_through() {
    let model = loaded(&unary("Identity", Elem::String));
    let text = |text: &'static str| bytes::Bytes::from_static(text.as_bytes());
    let given = Tensor::from_strings([1, 2], vec![text("a"), text("b")]).unwrap();
    assert_eq!(run(&model, vec![given.clone()]), [given]);
}

#[test]
fn wide_values_are_indices_and_bounds() {
    let nodes = vec![
        cast("x", "wide", Elem::Int64),
        node("Gather", &["w", "wide"], &["y"]),
        node("Slice", &["w", "zero", "wide", "zero"], &["z"]),
    ];
    let mut graph = graph(
        vec![value("x", Elem::Double, &["1"])],
        nodes,
        vec![
            value("y", Elem::Float, &["1"]),
            value("z", Elem::Float, &["m"]),
        ],
    );
    graph.initializer = vec![floats("w", &[3], &[5.0, 6.0, 7.0]), int64s("zero", &[0])];
    let model = loaded(&model(graph));
    assert_eq!(steps(&model), Some((1, 1)));
    let found = run(&model, vec![tensor(&[1], &[2.0_f64])]);
    assert_eq!(
        found,
        [tensor(&[1], &[7.0_f32]), tensor(&[2], &[5.0_f32, 6.0])]
    );
    let slice = |end: f64| {
        let (signature, inputs, outputs) = (0, vec![tensor(&[1], &[end])], vec![1]);
        model
            .run(Call {
                signature,
                inputs,
                outputs,
            })
            .unwrap()[0]
            .len()
    };
    assert_eq!((slice(1e12), slice(-1e12)), (3, 0));
}

fn branch(name: &str, nodes: Vec<NodeProto>, elem: Elem) -> GraphProto {
    graph(vec![], nodes, vec![value(name, elem, &["?"])])
}

#[test]
fn branches_that_the_engine_takes_run_on_it() {
    let both = with(
        node("If", &["c"], &["y"]),
        subgraph(
            "then_branch",
            branch("t", vec![node("Neg", &["x"], &["t"])], Elem::Float),
        ),
    );
    // The other branch is a value of the outer graph.
    let both = with(
        both,
        subgraph("else_branch", branch("x", vec![], Elem::Float)),
    );
    let model = loaded(&model(graph(
        vec![value("x", Elem::Float, &["n"]), value("c", Elem::Bool, &[])],
        vec![both],
        vec![value("y", Elem::Float, &["n"])],
    )));
    assert_eq!(steps(&model), None);
    let choose = |yes| {
        let inputs = vec![
            tensor(&[1], &[2.0_f32]),
            Tensor::from_bools([], &[yes]).unwrap(),
        ];
        run(&model, inputs)[0].to_vec::<f32>().unwrap()
    };
    assert_eq!((choose(true), choose(false)), (vec![-2.0], vec![2.0]));
}

#[test]
fn branches_that_it_does_not_take_run_on_our_own() {
    let add = |name: &str, weight: &str| {
        branch(
            name,
            vec![node("Add", &["x", weight], &[name])],
            Elem::Double,
        )
    };
    let both = with(
        node("If", &["c"], &["y"]),
        subgraph("then_branch", add("t", "w")),
    );
    let both = with(both, subgraph("else_branch", add("e", "x")));
    let mut graph = graph(
        vec![
            value("x", Elem::Double, &["n"]),
            value("c", Elem::Bool, &[]),
        ],
        vec![both],
        vec![value("y", Elem::Double, &["n"])],
    );
    graph.initializer = vec![doubles("w", &[0.1])];
    let model = loaded(&model(graph));
    assert_eq!(steps(&model), Some((0, 1)));
    let choose = |yes| {
        let inputs = vec![
            tensor(&[1], &[0.2_f64]),
            Tensor::from_bools([], &[yes]).unwrap(),
        ];
        run(&model, inputs)[0].to_vec::<f64>().unwrap()
    };
    assert_eq!((choose(true), choose(false)), (vec![0.1 + 0.2], vec![0.4]));
}

/// `h = h w` as often as `n` says, each `h` gathered.
fn looped() -> ModelProto {
    let mut body = graph(
        vec![
            value("i", Elem::Int64, &[]),
            value("on", Elem::Bool, &[]),
            value("h", Elem::Float, &["1", "2"]),
        ],
        vec![
            node("MatMul", &["h", "w"], &["next"]),
            node("Identity", &["on"], &["still"]),
            node("Identity", &["next"], &["each"]),
        ],
        vec![
            value("still", Elem::Bool, &[]),
            value("next", Elem::Float, &["1", "2"]),
            value("each", Elem::Float, &["1", "2"]),
        ],
    );
    body.name = Some("body".into());
    let repeat = with(
        node("Loop", &["n", "", "x"], &["y", "all"]),
        subgraph("body", body),
    );
    let mut graph = graph(
        vec![
            value("x", Elem::Float, &["1", "2"]),
            value("n", Elem::Int64, &[]),
        ],
        vec![repeat],
        vec![
            value("y", Elem::Float, &["1", "2"]),
            value("all", Elem::Float, &["n", "1", "2"]),
        ],
    );
    graph.initializer = vec![floats("w", &[2, 2], &[0.0, 1.0, 2.0, 0.0])];
    model(graph)
}

#[test]
fn a_loop_runs_its_body_in_parts() {
    let model = loaded(&looped());
    assert_eq!(steps(&model), Some((0, 1)));
    let rounds = |n: i64| {
        run(
            &model,
            vec![tensor(&[1, 2], &[1.0_f32, 10.0]), tensor(&[], &[n])],
        )
    };
    let found = rounds(2);
    assert_eq!(found[0], tensor(&[1, 2], &[2.0_f32, 20.0]));
    assert_eq!(found[1], tensor(&[2, 1, 2], &[20.0_f32, 1.0, 2.0, 20.0]));
    let none = rounds(0);
    assert_eq!(none[0], tensor(&[1, 2], &[1.0_f32, 10.0]));
    assert_eq!(none[1].len(), 0);
}

#[test]
fn a_zip_map_gives_labels() {
    let strings = AttributeProto {
        name: Some("classlabels_strings".into()),
        strings: vec!["cat".into(), "dog".into()],
        r#type: Some(AttributeType::Strings as i32),
        ..AttributeProto::default()
    };
    let mut zip = with(node("ZipMap", &["p"], &["y"]), strings);
    zip.domain = Some("ai.onnx.ml".into());
    let map = hari_operators::Type::Map(
        hari_core::DataType::Bytes,
        Box::new(hari_operators::Type::Tensor(hari_core::DataType::Fp32)),
    );
    let maps = hari_operators::Type::Sequence(Box::new(map));
    let given = graph(
        vec![value("x", Elem::Float, &["n", "2"])],
        vec![with(node("Softmax", &["x"], &["p"]), int("axis", -1)), zip],
        vec![crate::types::named("y", Some(&maps))],
    );
    let model = loaded(&model(given));
    assert_eq!(model.labels(0, 0), ["cat", "dog"]);
    assert_eq!(
        model.signatures()[0].outputs[0].to_string(),
        "`y` FP32 [-1, 2]"
    );
    assert_eq!(
        run(&model, vec![tensor(&[1, 2], &[1.0_f32, 1.0])]),
        [tensor(&[1, 2], &[0.5_f32, 0.5])]
    );
}

#[test]
fn a_failure_names_the_node_and_a_weight_is_kept_once() {
    let mut bad = unary("Reshape", Elem::Double);
    let graph = bad.graph.as_mut().unwrap();
    graph.node = vec![node("Reshape", &["x", "to"], &["y"])];
    graph.initializer = vec![int64s("to", &[7, 7])];
    let model = loaded(&bad);
    let (signature, inputs, outputs) = (0, vec![tensor(&[1, 2], &[1.0_f64, 2.0])], vec![]);
    let error = model
        .run(Call {
            signature,
            inputs,
            outputs,
        })
        .unwrap_err();
    assert!(
        error.message().starts_with("the Reshape that makes `y`: "),
        "{error}"
    );
}

/// A weight that two parts use is one and the same, and both compute with it.
#[test]
fn parts_share_large_weights() {
    let mut model = sandwich();
    let size = 32_usize;
    let eye: Vec<f32> = (0..size * size)
        .map(|at| f32::from(u8::from(at % (size + 1) == 0)))
        .collect();
    let wide = |name| value(name, Elem::Float, &["n", "32"]);
    let graph = model.graph.as_mut().unwrap();
    graph.input = vec![wide("x")];
    graph.output = vec![wide("y"), wide("z")];
    graph.initializer[0] = floats("w", &[32, 32], &eye);
    let loaded = loaded(&model);
    assert_eq!(steps(&loaded), Some((2, 3)));
    let input: Vec<f32> = (0..32_u8).map(f32::from).collect();
    let found = run(&loaded, vec![tensor(&[1, 32], &input)]);
    assert_eq!(found[1], tensor(&[1, 32], &input));
    let third: Vec<f32> = input
        .iter()
        .map(|x| (f64::from(*x) + 1.0 / 3.0) as f32)
        .collect();
    assert_eq!(found[0], tensor(&[1, 32], &third));
}

#[test]
fn an_engine_that_is_asked_for_is_named() {
    for choice in [
        EngineChoice::Auto,
        EngineChoice::Rten,
        EngineChoice::OnnxRuntime,
    ] {
        assert_eq!(choice.to_string().parse::<EngineChoice>().unwrap(), choice);
    }
    let error = "tract".parse::<EngineChoice>().unwrap_err();
    assert!(
        error.message().contains("unknown engine `tract`"),
        "{error}"
    );
    assert_eq!(Options::default().engine, EngineChoice::Auto);
}

/// A constant node, an unknown value and a reduction over what the file gives.
#[test]
fn constants_reach_our_own_operators() {
    let constant = with(
        node("Constant", &[], &["w"]),
        crate::fixture::tensor("value", doubles("", &[0.1, 0.2])),
    );
    let sum = with(
        node("ReduceSum", &["s", "axis"], &["y"]),
        int("keepdims", 0),
    );
    let axis = with(node("Constant", &[], &["axis"]), ints("value_ints", &[1]));
    let nodes = vec![constant, axis, node("Add", &["x", "w"], &["s"]), sum];
    let model = loaded(&model(graph(
        vec![value("x", Elem::Double, &["n", "2"])],
        nodes,
        vec![value("y", Elem::Double, &["n"])],
    )));
    let found = run(&model, vec![tensor(&[1, 2], &[1.0_f64, 2.0])]);
    assert_eq!(found, [tensor(&[1], &[1.1 + 2.2_f64])]);
}
