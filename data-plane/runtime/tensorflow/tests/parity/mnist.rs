//! The example's model, asked what its README asks.

use std::path::{Path, PathBuf};

use hari_core::{Call, Model, Tensor};
use hari_tensorflow::{Options, load};
use serde_json::Value;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/mnist")
}

fn json(name: &str) -> Value {
    let text = std::fs::read(example().join("requests").join(name)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

#[test]
fn the_digit_of_the_example_is_read() {
    let model = load(&example().join("model/1"), &Options::default()).unwrap();
    let signature = &model.signatures()[0];
    assert_eq!(signature.name, "serving_default");
    assert_eq!(signature.inputs[0].wire_shape(), [-1, 28, 28, 1]);
    assert!(model.batchable(0));
    assert_eq!(model.platform(), "tensorflow_savedmodel");
    let weights = model.memory_bytes();
    assert!(
        (100_000..400_000).contains(&weights),
        "{weights} bytes of weights"
    );

    let pixels = floats(&json("v2-infer.json")["inputs"][0]["data"]);
    let image = Tensor::from_vec([1, 28, 28, 1], pixels).unwrap();
    let call = Call {
        signature: 0,
        inputs: vec![image],
        outputs: Vec::new(),
    };
    let found = model.run(call).unwrap();
    let found = found[0].to_vec::<f32>().unwrap();
    // The request has its pixels rounded to four digits, the expected answer has not.
    for (found, expected) in found.iter().zip(floats(&json("expected.json")["7"])) {
        assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
    }
    let best = (0..10).max_by(|&a, &b| found[a].total_cmp(&found[b]));
    assert_eq!(best, Some(7));
}
