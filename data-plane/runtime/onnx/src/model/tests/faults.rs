//! Who is at fault when a run fails: the model, or the caller.

use super::*;

#[test]
fn a_failing_operator_is_the_models_fault() {
    let mut broken = unary("Identity", Elem::Float);
    let graph = broken.graph.as_mut().unwrap();
    graph.node = vec![node("Reshape", &["x", "to"], &["y"])];
    graph.initializer = vec![int64s("to", &[7, 7])];
    let model = loaded(&broken);
    let inputs = vec![tensor(&[1, 2], vec![1.0_f32, 2.0])];
    let error = model
        .run(Call {
            signature: 0,
            inputs,
            outputs: vec![],
        })
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Model, "{error}");
}

#[test]
fn a_wrong_declaration_is_the_models_fault() {
    let mut wrong = unary("Identity", Elem::Float);
    let to = with(node("Cast", &["x"], &["y"]), int("to", Elem::Int32 as i64));
    wrong.graph.as_mut().unwrap().node = vec![to];
    let inputs = vec![tensor(&[1, 2], vec![1.0_f32, 2.0])];
    let call = Call {
        signature: 0,
        inputs,
        outputs: vec![],
    };
    let error = loaded(&wrong).run(call).unwrap_err();
    assert!(
        error
            .message()
            .contains("output `y`: the model declares FP32"),
        "{error}"
    );
}

#[test]
fn values_and_shapes_are_the_callers_once_the_model_has_answered() {
    let mut both = graph(
        vec![
            value("x", Elem::Int32, &["n"]),
            value("z", Elem::Float, &["m", "2"]),
        ],
        vec![
            node("Gather", &["table", "x"], &["rows"]),
            node("Add", &["rows", "z"], &["y"]),
        ],
        vec![value("y", Elem::Float, &["n", "2"])],
    );
    both.initializer = vec![floats("table", &[3, 2], &[0.; 6])];
    let model = loaded(&model(both));
    let ask = |indices: &[i32], rows: usize| {
        model.run(Call {
            signature: 0,
            inputs: vec![
                Tensor::from_vec([indices.len()], indices.to_vec()).unwrap(),
                Tensor::from_vec([rows, 2], vec![0_f32; rows * 2]).unwrap(),
            ],
            outputs: Vec::new(),
        })
    };
    let refused = |kind: Kind| {
        for (indices, rows, words) in [
            (&[0, 7][..], 2, "Index 7 is out of range"),
            (&[0, 1], 3, "Cannot broadcast inputs"),
        ] {
            let error = ask(indices, rows).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(words), "{error}");
        }
    };
    refused(Kind::Model);
    assert!(ask(&[0, 2], 2).is_ok());
    refused(Kind::InvalidInput);
}

#[test]
fn an_input_without_elements_that_cannot_be_computed_is_named() {
    let mut reshaped = graph(
        vec![value("x", Elem::Float, &["n", "4"])],
        vec![node("Reshape", &["x", "shape"], &["y"])],
        vec![value("y", Elem::Float, &["m", "2", "k"])],
    );
    reshaped.initializer = vec![int64s("shape", &[0, 2, -1])];
    let model = loaded(&model(reshaped));
    let ask = |rows: usize| {
        model.run(Call {
            signature: 0,
            inputs: vec![Tensor::from_vec([rows, 4], vec![0_f32; rows * 4]).unwrap()],
            outputs: Vec::new(),
        })
    };
    assert!(ask(1).is_ok());
    let error = ask(0).unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
    assert!(
        error
            .message()
            .contains("input `x` has no elements (shape [0, 4])"),
        "{error}"
    );
}
