//! What our own server says is read as it was meant; what nobody understands is nothing.

use hari_protocol::{open_inference, seldon, tensorflow};

use super::*;

fn model() -> ModelMetadata {
    let spec = |name: &str, dtype, shape: &[i64]| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(shape.iter().copied().map(dim).collect()),
    };
    ModelMetadata {
        name: "m".to_owned(),
        versions: vec!["7".to_owned()],
        platform: "some platform".to_owned(),
        signatures: vec![Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs: vec![
                spec("a", DataType::Fp16, &[-1, 2]),
                spec("b", DataType::Bytes, &[]),
            ],
            outputs: vec![spec("y", DataType::Int64, &[-1])],
        }],
        custom: [("author".to_owned(), "somebody".to_owned())].into(),
        ..ModelMetadata::default()
    }
}

/// What TensorFlow Serving has no words for.
fn without_words() -> ModelMetadata {
    ModelMetadata {
        versions: Vec::new(),
        platform: PLATFORM.to_owned(),
        custom: BTreeMap::new(),
        ..model()
    }
}

#[test]
fn metadata_comes_as_it_was_said_in_every_protocol() {
    let model = model();
    let uncustomed = ModelMetadata {
        custom: BTreeMap::new(),
        ..model.clone()
    };
    let read = |said: Option<Said>| said.unwrap().of("m");
    assert_eq!(read(of_json(&seldon::encode_metadata(&model))), model);
    assert_eq!(
        of_seldon(seldon::proto::from_metadata(&model)).of("m"),
        model
    );
    assert_eq!(
        read(of_json(&open_inference::encode_metadata(&model))),
        uncustomed
    );
    let reply = open_inference::proto::from_metadata(&model);
    assert_eq!(of_open_inference(reply).of("m"), uncustomed);
    let body = tensorflow::encode_metadata(&model);
    assert_eq!(read(of_tensorflow_json(&body)), without_words());
    let reply = tensorflow::proto::from_metadata(&model);
    assert_eq!(read(of_tensorflow(&reply)), without_words());
}

#[test]
fn the_default_signature_comes_first_and_inner_functions_are_none() {
    let mut model = without_words();
    let named = |name: &str, method| Signature {
        name: name.to_owned(),
        method,
        ..model.signatures[0].clone()
    };
    let others = [
        named("__saved_model_init_op", SignatureMethod::Predict),
        named("a_first_one", SignatureMethod::Classify),
    ];
    model.signatures.extend(others);
    for said in [
        of_tensorflow_json(&tensorflow::encode_metadata(&model)),
        of_tensorflow(&tensorflow::proto::from_metadata(&model)),
    ] {
        let found = said.unwrap().signatures;
        let names: Vec<_> = found.iter().map(|one| (&*one.name, one.method)).collect();
        assert_eq!(
            names,
            [
                (Signature::DEFAULT, SignatureMethod::Predict),
                ("a_first_one", SignatureMethod::Classify)
            ]
        );
    }
}

#[test]
fn a_tensor_of_unknown_rank_may_have_any_shape() {
    let mut model = without_words();
    model.signatures[0].inputs[0].shape = None;
    for said in [
        of_tensorflow_json(&tensorflow::encode_metadata(&model)),
        of_tensorflow(&tensorflow::proto::from_metadata(&model)),
    ] {
        assert_eq!(said.unwrap().of("m"), model);
    }
}

#[test]
fn what_a_wrapper_says_in_older_words_leaves_the_tensors_out() {
    let body = br#"{"name":"x","versions":["v1"],"platform":"","custom":{"a":"b","n":1},
        "inputs":[{"messagetype":"tensor","schema":{"names":["a"],"shape":[1]}}],
        "outputs":[{"messagetype":"strData"}]}"#;
    let found = of_json(body).unwrap().of("node");
    assert_eq!((&*found.name, &*found.platform), ("node", PLATFORM));
    assert_eq!(found.versions, ["v1"]);
    assert_eq!(found.custom, [("a".to_owned(), "b".to_owned())].into());
    assert!(found.signatures.is_empty());
}

#[test]
fn several_versions_are_none_to_choose_from() {
    let body = br#"{"name":"m","versions":["2","1"],"inputs":[],"outputs":[]}"#;
    assert!(of_json(body).unwrap().of("m").versions.is_empty());
}

#[test]
fn what_is_not_understood_is_nothing() {
    for body in ["", "[]", "1", "{", "<html>", "null"] {
        assert_eq!(of_json(body.as_bytes()), None, "{body}");
        assert_eq!(of_tensorflow_json(body.as_bytes()), None, "{body}");
    }
    for body in [
        "{}",
        r#"{"inputs":3,"versions":"1","custom":[],"platform":{}}"#,
        r#"{"inputs":[{"name":"x"}]}"#,
        r#"{"inputs":[{"name":"x","datatype":"FP32","shape":["a"]}]}"#,
        r#"{"inputs":[{"name":"x","datatype":"FP7","shape":[1]}]}"#,
    ] {
        assert_eq!(of_json(body.as_bytes()), Some(Said::default()), "{body}");
    }
    assert_eq!(of_tensorflow(&GetModelMetadataResponse::default()), None);
    let mut many = model();
    let one = many.signatures[0].inputs[0].clone();
    many.signatures[0].inputs = vec![one; MOST + 1];
    let reply = open_inference::proto::from_metadata(&many);
    assert!(of_open_inference(reply).of("m").signatures.is_empty());
}
