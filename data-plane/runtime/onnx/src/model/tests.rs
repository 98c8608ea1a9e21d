//! Runs of small models whose results are known.

mod faults;

use hari_core::{Call, DataType, Dim, Element, Model, Tensor};
use hari_error::Kind;
use hari_proto::onnx::tensor_proto::DataType as Elem;
use hari_proto::onnx::{ModelProto, TensorProto};
use proptest::prelude::*;

use super::*;
use crate::fixture::{
    dense, floats, graph, int, int64s, ints, loaded, model, node, run, unary, value, with,
};

fn tensor<T: Element>(shape: &[usize], values: Vec<T>) -> Tensor {
    Tensor::from_vec(shape, values).unwrap()
}

fn one<T: Element>(outputs: &[Tensor]) -> Vec<T> {
    assert_eq!(outputs.len(), 1);
    outputs[0].to_vec().unwrap()
}

#[test]
fn identity_returns_every_type_as_it_came() {
    let cases = [
        (
            Elem::Float,
            tensor(&[2, 2], vec![1.5_f32, -0.0, f32::MAX, 1e-40]),
        ),
        (
            Elem::Int32,
            tensor(&[2, 2], vec![1_i32, -1, i32::MAX, i32::MIN]),
        ),
        (
            Elem::Int64,
            tensor(&[2, 2], vec![1_i64, -1, 2_147_483_647, -2_147_483_648]),
        ),
        (Elem::Int8, tensor(&[2, 2], vec![1_i8, -1, 127, -128])),
        (Elem::Uint8, tensor(&[2, 2], vec![0_u8, 1, 128, 255])),
        (
            Elem::Bool,
            Tensor::from_bools([2, 2], &[true, false, false, true]).unwrap(),
        ),
        (
            Elem::Float16,
            tensor(
                &[2, 2],
                [0.5, -2.0, 65504.0, 6e-8].map(half::f16::from_f32).into(),
            ),
        ),
    ];
    for (elem, input) in cases {
        let outputs = run(&loaded(&unary("Identity", elem)), vec![input.clone()]);
        assert_eq!(outputs, [input], "{elem:?}");
    }
}

#[test]
fn the_signature_is_the_files() {
    let model = loaded(&dense());
    let [signature] = model.signatures() else {
        panic!("one signature")
    };
    assert_eq!(signature.name, "serving_default");
    assert_eq!(signature.inputs[0].to_string(), "`x` FP32 [-1, 2]");
    assert_eq!(
        signature.inputs[0].shape.as_ref().unwrap()[0],
        Dim::Dynamic(Some("n".into()))
    );
    assert_eq!(signature.outputs[0].to_string(), "`y` FP32 [-1, 3]");
    assert!(model.batchable(0) && !model.batchable(1));
    assert_eq!(model.platform(), "onnx_rten");
    assert_eq!(model.memory_bytes(), 4 * (6 + 3));
}

#[test]
fn a_dense_layer_computes_what_the_formula_says() {
    let outputs = run(
        &loaded(&dense()),
        vec![tensor(&[2, 2], vec![0.1_f32, 0.2, -1.0, 0.5])],
    );
    assert_eq!(outputs[0].shape(), [2, 3]);
    let found = one::<f32>(&outputs);
    for (row, x) in [[0.1_f64, 0.2], [-1.0, 0.5]].iter().enumerate() {
        let hidden: Vec<f64> = (0..3)
            .map(|c| f64::from(c) - 1.0 + x[0] * f64::from(c + 1) + x[1] * f64::from(c + 4))
            .map(|sum| sum.max(0.0).exp())
            .collect();
        let total: f64 = hidden.iter().sum();
        for (class, value) in hidden.iter().enumerate() {
            let error = (f64::from(found[row * 3 + class]) - value / total).abs();
            assert!(error < 1e-6, "row {row}, class {class}: off by {error}");
        }
    }
}

#[test]
fn a_convolution_agrees_with_the_sum_of_its_definition() {
    let image: Vec<f32> = (0..25).map(|v| (v * v % 17) as f32 - 8.0).collect();
    let kernel: Vec<f32> = (0..9).map(|v| v as f32 * 0.5 - 2.0).collect();
    let mut graph = graph(
        vec![value("x", Elem::Float, &["n", "1", "5", "5"])],
        vec![with(
            node("Conv", &["x", "k"], &["y"]),
            ints("kernel_shape", &[3, 3]),
        )],
        vec![value("y", Elem::Float, &["n", "1", "3", "3"])],
    );
    graph.initializer = vec![floats("k", &[1, 1, 3, 3], &kernel)];
    let outputs = run(
        &loaded(&model(graph)),
        vec![tensor(&[1, 1, 5, 5], image.clone())],
    );
    let found = one::<f32>(&outputs);
    for (at, found) in found.iter().enumerate() {
        let (row, column) = (at / 3, at % 3);
        let sum: f32 = (0..9)
            .map(|k| image[(row + k / 3) * 5 + column + k % 3] * kernel[k])
            .sum();
        assert!((found - sum).abs() < 1e-4, "{at}: {found} and {sum}");
    }
}

#[test]
fn int64_comes_back_as_int64_and_bool_as_bool() {
    let mut sum = unary("Add", Elem::Int64);
    let graph = sum.graph.as_mut().unwrap();
    graph.node = vec![
        node("Add", &["x", "w"], &["y"]),
        node("Less", &["y", "w"], &["less"]),
    ];
    graph.initializer = vec![int64s("w", &[10, -10])];
    graph.output.push(value("less", Elem::Bool, &["n", "2"]));
    let outputs = run(&loaded(&sum), vec![tensor(&[1, 2], vec![5_i64, -5])]);
    assert_eq!(outputs[0], tensor(&[1, 2], vec![15_i64, -15]));
    assert_eq!(
        outputs[1],
        Tensor::from_bools([1, 2], &[false, true]).unwrap()
    );
}

#[test]
fn an_int64_input_beyond_32_bits_is_refused_by_name_on_the_engine() {
    let model = loaded(&unary("Identity", Elem::Int64));
    let inputs = vec![tensor(&[1, 2], vec![1_i64 << 31, 0])];
    let error = model
        .run(Call {
            signature: 0,
            inputs,
            outputs: vec![],
        })
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert!(
        error
            .message()
            .starts_with("input `x`: the engine computes INT64 in 32 bits")
    );
}

fn two_outputs() -> ModelProto {
    model(graph(
        vec![value("x", Elem::Float, &["n", "2"])],
        vec![
            node("Neg", &["x"], &["minus"]),
            node("Abs", &["x"], &["size"]),
        ],
        vec![
            value("minus", Elem::Float, &["n", "2"]),
            value("size", Elem::Float, &["n", "2"]),
        ],
    ))
}

#[test]
fn outputs_are_chosen_and_ordered_by_the_call() {
    let model = loaded(&two_outputs());
    let input = tensor(&[1, 2], vec![-1.0_f32, 2.0]);
    let (minus, size) = (
        tensor(&[1, 2], vec![1.0_f32, -2.0]),
        tensor(&[1, 2], vec![1.0_f32, 2.0]),
    );
    let call = |outputs: &[usize]| {
        let (signature, inputs) = (0, vec![input.clone()]);
        model.run(Call {
            signature,
            inputs,
            outputs: outputs.into(),
        })
    };
    assert_eq!(call(&[]).unwrap(), [minus.clone(), size.clone()]);
    assert_eq!(call(&[1]).unwrap(), std::slice::from_ref(&size));
    assert_eq!(call(&[1, 0, 1]).unwrap(), [size.clone(), minus, size]);
    assert_eq!(call(&[2]).unwrap_err().kind(), Kind::Internal);
}

/// `minus = -a` and `sum = a + b`, and the signature of it all.
fn two_uses() -> (ModelProto, Signature) {
    let two = |name| value(name, Elem::Float, &["n", "2"]);
    let graph = graph(
        vec![two("a"), two("b")],
        vec![
            node("Neg", &["a"], &["minus"]),
            node("Add", &["a", "b"], &["sum"]),
        ],
        vec![two("minus"), two("sum")],
    );
    let whole = crate::signature::of(&graph).unwrap();
    (model(graph), whole.signature)
}

/// A signature over the graph's values of these names.
fn bound(whole: &Signature, name: &str, inputs: &[&str], outputs: &[&str]) -> BoundSignature {
    let mut signature = Signature {
        name: name.into(),
        ..whole.clone()
    };
    signature
        .inputs
        .retain(|spec| inputs.contains(&&*spec.name));
    signature.outputs = vec![whole.outputs[0].clone(); outputs.len()];
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    BoundSignature {
        signature,
        inputs: owned(inputs),
        outputs: owned(outputs),
    }
}

#[test]
fn several_signatures_share_one_graph() {
    let (graph, whole) = two_uses();
    let add = bound(&whole, "add", &["a", "b"], &["sum"]);
    let negate = bound(&whole, "negate", &["a"], &["minus", "minus"]);
    let model =
        OnnxModel::load_graph(&graph, vec![add, negate], &crate::fixture::options()).unwrap();
    let x = tensor(&[1, 2], vec![1.0_f32, 2.0]);
    let call = |signature, inputs| {
        model
            .run(Call {
                signature,
                inputs,
                outputs: vec![],
            })
            .unwrap()
    };
    assert_eq!(
        call(0, vec![x.clone(), x.clone()]),
        [tensor(&[1, 2], vec![2.0_f32, 4.0])]
    );
    let minus = tensor(&[1, 2], vec![-1.0_f32, -2.0]);
    assert_eq!(call(1, vec![x]), [minus.clone(), minus]);
}

#[test]
fn a_signature_that_does_not_fit_the_graph_is_refused() {
    let (graph, whole) = two_uses();
    let refused = |inputs: &[&str], change: &dyn Fn(&mut BoundSignature)| {
        let mut bound = bound(&whole, "add", &["a", "b"], &["sum"]);
        bound.inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        change(&mut bound);
        let error = OnnxModel::load_graph(&graph, vec![bound], &crate::fixture::options()).err();
        error.unwrap().message().to_owned()
    };
    let lacking = refused(&["a", "c"], &|_| ());
    assert_eq!(lacking, "signature `add` binds `c`, which the graph lacks");
    let twice = refused(&["a", "a"], &|_| ());
    assert_eq!(twice, "signature `add` binds the input `a` twice");
    let none = refused(&["a", "b"], &|bound| bound.outputs.clear());
    assert_eq!(
        none,
        "signature `add` has 2 inputs and 1 outputs, bound are 2 and 0"
    );
}

#[test]
fn an_initializer_listed_as_an_input_is_a_weight() {
    let mut model = dense();
    model
        .graph
        .as_mut()
        .unwrap()
        .input
        .push(value("w", Elem::Float, &["2", "3"]));
    let model = loaded(&model);
    assert_eq!(model.signatures()[0].inputs.len(), 1);
    run(&model, vec![tensor(&[1, 2], vec![0.0_f32, 0.0])]);
}

#[test]
fn inputs_are_borrowed_and_outputs_moved() {
    let input = tensor(&[1, 2], vec![1.0_f32, 2.0]);
    let spec = &loaded(&dense()).signatures()[0].inputs[0].clone();
    let ValueOrView::View(view) = value::input(spec, &input).unwrap() else {
        panic!("a copy")
    };
    let rten::ValueView::FloatTensor(view) = view else {
        panic!("another type")
    };
    let data: &[f32] = view.data().unwrap();
    assert_eq!(data.as_ptr().cast::<u8>(), input.bytes().unwrap().as_ptr());

    let values = vec![1.0_f32, 2.0];
    let address = values.as_ptr().cast::<u8>();
    let made = rten::Value::from_shape([1, 2], values).unwrap();
    let outputs = value::outputs(vec![spec], vec![made], &[0]).unwrap();
    assert_eq!(outputs[0].bytes().unwrap().as_ptr(), address);
}

#[test]
fn an_unaligned_input_computes_the_same() {
    let raw: Vec<u8> = [0.1_f32, 0.2]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let shifted = bytes::Bytes::from([vec![0], raw.clone()].concat()).slice(1..);
    let model = loaded(&dense());
    let give = |bytes| {
        run(
            &model,
            vec![Tensor::from_bytes(DataType::Fp32, [1, 2], bytes).unwrap()],
        )
    };
    assert_eq!(give(shifted), give(raw.into()));
}

#[test]
fn a_pool_of_threads_computes_the_same_and_so_does_prepacking() {
    let (_folder, path) = crate::fixture::file(&dense());
    let input = tensor(
        &[64, 2],
        (0..128).map(|v| v as f32 / 64.0).collect::<Vec<_>>(),
    );
    let run_with = |threads, prepack| {
        let options = Options {
            threads: Some(threads),
            prepack,
            ..Options::default()
        };
        run(
            &OnnxModel::load_file(&path, &options).unwrap(),
            vec![input.clone()],
        )
    };
    let alone: Vec<f32> = one(&run_with(1, false));
    for other in [run_with(2, false), run_with(1, true)] {
        for (a, b) in alone.iter().zip(one::<f32>(&other)) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
    }
}

#[test]
fn dropout_is_left_out_when_predicting() {
    let mut model = unary("Dropout", Elem::Float);
    model.opset_import[0].version = Some(13);
    let input = tensor(&[1, 2], vec![1.0_f32, 2.0]);
    assert_eq!(run(&loaded(&model), vec![input.clone()]), [input]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rows_together_give_what_rows_alone_give(rows in 1_usize..9, seed in any::<u32>()) {
        let model = loaded(&dense());
        let values: Vec<f32> =
            (0..rows * 2).map(|at| ((at as u32 ^ seed) % 1000) as f32 / 500.0 - 1.0).collect();
        let input = tensor(&[rows, 2], values);
        let whole = &run(&model, vec![input.clone()])[0];
        for row in 0..rows {
            let alone = &run(&model, vec![input.slice_rows(row..row + 1).unwrap()])[0];
            let (alone, part) = (alone.to_vec::<f32>().unwrap(), whole.slice_rows(row..row + 1).unwrap());
            for (a, b) in alone.iter().zip(part.to_vec::<f32>().unwrap()) {
                prop_assert!((a - b).abs() < 1e-6);
            }
        }
    }
}

/// A weight that only the typed field holds.
#[test]
fn weights_in_typed_fields_are_read() {
    let mut model = dense();
    let typed = TensorProto {
        raw_data: None,
        float_data: vec![-1., 0., 1.],
        ..model.graph.as_ref().unwrap().initializer[1].clone()
    };
    let raw = loaded(&model);
    model.graph.as_mut().unwrap().initializer[1] = typed;
    let input = tensor(&[1, 2], vec![0.3_f32, 0.7]);
    assert_eq!(
        run(&loaded(&model), vec![input.clone()]),
        run(&raw, vec![input])
    );
}
