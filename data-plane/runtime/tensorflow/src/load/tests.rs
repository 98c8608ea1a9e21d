//! Whole models: what the graph becomes, and that its layout changes no answer.

use super::*;

fn operators(folder: &str) -> Vec<&'static str> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (builder, _) = graph(&SavedModel::open(&folder).unwrap()).unwrap();
    builder.nodes.iter().map(|node| node.op).collect()
}

#[test]
fn the_graph_of_the_example_is_as_short_as_it_can_be() {
    let expected = [
        "Reshape",
        "Conv",
        "Relu",
        "MaxPool",
        "Conv",
        "Relu",
        "MaxPool",
        "Transpose",
        "Reshape",
        "MatMul",
        "Add",
        "Relu",
        "MatMul",
        "Add",
        "Softmax",
        "Identity",
    ];
    assert_eq!(operators("../../../examples/mnist/model/1"), expected);
}

/// Numbers or words of every type and any shape; open sizes are 2 in front and 8 behind.
fn drawn(spec: &hari_core::TensorSpec) -> Tensor {
    let sizes = spec.shape.as_ref().unwrap().iter();
    let open = |axis| if axis == 0 { 2 } else { 8 };
    let shape: Vec<usize> = sizes
        .enumerate()
        .map(|(axis, dim)| usize::try_from(dim.to_wire()).unwrap_or(open(axis)))
        .collect();
    let count = shape.iter().product::<usize>() as i32;
    let numbers = (0..count).map(|index| f64::from((index * 37 + 11) % 19 - 9));
    if spec.dtype == Element::Bytes {
        let words = numbers
            .map(|number| format!("red {number}").into())
            .collect();
        return Tensor::from_strings(shape, words).unwrap();
    }
    let numbers: Vec<f64> = match spec.dtype.is_float() {
        true => numbers.map(|number| number / 8.0).collect(),
        false => numbers.map(f64::abs).collect(),
    };
    Tensor::from_vec(shape, numbers)
        .unwrap()
        .cast(spec.dtype)
        .unwrap()
}

fn engine(builder: &Builder, made: Vec<Made>) -> OnnxModel {
    let model = builder.model(&outputs(&made)).unwrap();
    let bound = made.into_iter().map(|made| made.named(builder)).collect();
    OnnxModel::load_graph(&model, bound, &Options::default()).unwrap()
}

#[test]
fn the_layout_changes_no_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut compared = 0;
    for fixture in std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if !fixture.join("cases.json").exists() {
            continue;
        }
        let saved = SavedModel::open(&fixture.join("1")).unwrap();
        let plain = Lowered::of(&saved).unwrap();
        let mut builder = plain.builder;
        let inputs = plain.signatures.iter().flat_map(|made| &made.inputs);
        builder.keep_inputs(&inputs.copied().collect());
        builder.prune(&outputs(&plain.signatures));
        let plain = engine(&builder, plain.signatures);
        let (builder, made) = graph(&saved).unwrap();
        let better = engine(&builder, made);
        for (signature, spec) in plain.signatures().iter().enumerate() {
            let inputs = spec.inputs.iter().map(drawn).collect();
            let call = Call {
                signature,
                inputs,
                outputs: Vec::new(),
            };
            let name = fixture.display();
            let answers = (plain.run(call.clone()), better.run(call));
            let (Ok(plain), Ok(better)) = answers else {
                // What is drawn may be out of range: then it is so in both.
                let both = answers.0.is_err() && answers.1.is_err();
                assert!(both, "{name}: {answers:?}");
                continue;
            };
            for (plain, better) in plain.iter().zip(&better) {
                assert_eq!(plain.shape(), better.shape(), "{name}");
                if plain.dtype() == Element::Bytes {
                    assert_eq!(plain, better, "{name}");
                    continue;
                }
                let (a, b) = (plain.to_f64().unwrap(), better.to_f64().unwrap());
                let near = |(a, b): (&f64, &f64)| {
                    a == b || (a - b).abs() < 1e-5 || a.is_nan() && b.is_nan()
                };
                assert!(a.iter().zip(&b).all(near), "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

#[test]
fn dilated_convolutions_are_put_together_again() {
    let found = operators("tests/fixtures/cnn_dilated/1");
    let count = |op: &str| found.iter().filter(|found| **found == op).count();
    assert_eq!(
        (count("Conv"), count("Pad"), count("Slice")),
        (3, 0, 0),
        "{found:?}"
    );
    assert!(count("Transpose") <= 2, "{found:?}");
}

#[test]
fn normalisation_goes_into_the_convolutions() {
    let found = operators("tests/fixtures/mobilenet_like/1");
    let count = |op: &str| found.iter().filter(|found| **found == op).count();
    assert_eq!(
        (count("Conv"), count("Mul"), count("Add")),
        (7, 0, 2),
        "{found:?}"
    );
}
