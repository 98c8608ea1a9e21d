//! Tests of the messages of gRPC.

use hari_core::Spoken;
use hari_error::Kind as ErrorKind;
use hari_proto::tensorflow as wire;
use hari_proto::tensorflow::serving::{ExampleListWithContext, SignatureDefMap};
use proptest::collection::btree_map;
use proptest::prelude::*;

use super::super::tensor::from_tensor;
use super::super::{Feature, metadata};
use super::*;
use crate::open_inference::arbitrary;

fn floats(values: &[f32]) -> Tensor {
    Tensor::from_vec([values.len()], values.to_vec()).unwrap()
}

#[test]
fn a_spec_names_model_version_or_label_and_signature() {
    let spec = model_spec("mnist", Some("12"), Some("serve"));
    let target = to_target(Some(spec.clone()));
    assert_eq!(
        (target.model.as_deref(), target.version.as_deref()),
        (Some("mnist"), Some("12"))
    );
    assert_eq!(
        (target.signature.as_deref(), target.label),
        (Some("serve"), None)
    );
    let label = VersionChoice::VersionLabel("stable".into());
    let target = to_target(Some(ModelSpec {
        version_choice: Some(label),
        ..spec
    }));
    assert_eq!(
        (target.version, target.label.as_deref()),
        (None, Some("stable"))
    );
    let unnamed = Target {
        spoken: Spoken::Tensorflow,
        ..Target::default()
    };
    assert_eq!(to_target(None), unnamed);
    assert_eq!(model_spec("m", Some("v1"), None).version_choice, None);
}

#[test]
fn predict_takes_inputs_and_answers_in_the_fields_of_the_types() {
    let x = floats(&[1.0, 2.0]);
    let request = PredictRequest {
        model_spec: Some(model_spec("m", None, None)),
        inputs: [("x".to_owned(), from_tensor(&x))].into(),
        output_filter: vec!["y".into()],
    };
    let (target, message) = to_predict(request, &Limits::default()).unwrap();
    assert_eq!(
        (target.model.as_deref(), &*target.outputs),
        (Some("m"), &["y".to_owned()][..])
    );
    assert_eq!(message.representation, Representation::Tftensor);
    assert_eq!(
        message.as_tensors().unwrap(),
        [NamedTensor::new("x", x.clone())]
    );

    let reply = Message::tensors(vec![
        NamedTensor::new("y", x.clone()),
        NamedTensor::new("z", x),
    ]);
    let response = from_predict(&reply, &target.outputs, model_spec("m", Some("1"), None)).unwrap();
    assert_eq!(response.outputs.len(), 1);
    assert_eq!(response.outputs["y"].float_val, [1.0, 2.0]);
    assert!(response.outputs["y"].tensor_content.is_empty());
    let error = from_predict(&reply, &["q".into()], ModelSpec::default()).unwrap_err();
    assert_eq!(error.message(), "output_filter: output `q` is unknown");
}

#[test]
fn a_bad_input_is_named() {
    let bad = wire::TensorProto {
        dtype: 8,
        ..Default::default()
    };
    let request = PredictRequest {
        inputs: [("x".to_owned(), bad)].into(),
        ..Default::default()
    };
    let error = to_predict(request, &Limits::default()).unwrap_err();
    assert!(
        error.message().starts_with("input `x`: dtype DT_COMPLEX64"),
        "{error}"
    );
    let two = ["a", "b"].map(|name| (name.to_owned(), from_tensor(&floats(&[1.0]))));
    let request = PredictRequest {
        inputs: two.into(),
        ..Default::default()
    };
    let limits = Limits {
        inputs: 1,
        ..Limits::default()
    };
    assert_eq!(
        to_predict(request, &limits).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[test]
fn what_is_no_tensor_is_a_byte_string() {
    let message = Message {
        payload: Payload::Text("hi".into()),
        ..Message::default()
    };
    let response = from_predict(&message, &[], ModelSpec::default()).unwrap();
    assert_eq!(response.outputs["output-0"].string_val, ["hi"]);
}

fn example(name: &str, value: i64) -> wire::Example {
    let features = [(name.to_owned(), Feature::Int64s(vec![value]))].into();
    (&Example { features }).into()
}

#[test]
fn examples_come_with_and_without_a_context() {
    let read = |kind| to_examples(Some(Input { kind: Some(kind) }), &Limits::default());
    let rows = vec![example("x", 1), example("x", 2)];
    let plain = read(Kind::ExampleList(wire::serving::ExampleList {
        examples: rows.clone(),
    }));
    assert_eq!(plain.unwrap()[1].features["x"], Feature::Int64s(vec![2]));
    let with = |context| {
        let list = ExampleListWithContext {
            examples: rows.clone(),
            context: Some(context),
        };
        read(Kind::ExampleListWithContext(list))
    };
    let joined = with(example("c", 9)).unwrap();
    assert!(
        joined
            .iter()
            .all(|row| row.features["c"] == Feature::Int64s(vec![9]))
    );
    let error = with(example("x", 9)).unwrap_err();
    assert_eq!(
        error.message(),
        "input: examples[0].x: stands in the context too"
    );
    let error = to_examples(None, &Limits::default()).unwrap_err();
    assert_eq!(
        error.message(),
        "input: expected at least one example, found none"
    );
}

#[test]
fn classes_and_values_are_answered_for_each_task() {
    let scores = Tensor::from_vec([1, 2], vec![0.25_f32, 0.75]).unwrap();
    let spec = model_spec("m", None, None);
    let classes = from_classify(&Message::tensor("scores", scores.clone()), spec.clone()).unwrap();
    let row = &classes.result.unwrap().classifications[0].classes;
    assert_eq!((&*row[1].label, row[1].score), ("", 0.75));
    let values = from_regress(&Message::tensor("y", floats(&[3.5])), spec.clone()).unwrap();
    assert_eq!(values.result.unwrap().regressions[0].value, 3.5);

    let task = |method: &str| {
        to_task(InferenceTask {
            model_spec: Some(spec.clone()),
            method_name: method.into(),
        })
    };
    let (target, method) = task("tensorflow/serving/classify").unwrap();
    assert_eq!(
        (target.model.as_deref(), method),
        (Some("m"), SignatureMethod::Classify)
    );
    let answer = from_task(method, &Message::tensor("scores", scores), spec.clone()).unwrap();
    assert!(matches!(
        answer.result,
        Some(Inferred::ClassificationResult(_))
    ));
    let (_, method) = task("tensorflow/serving/regress").unwrap();
    let answer = from_task(method, &Message::tensor("y", floats(&[1.0])), spec.clone()).unwrap();
    assert!(matches!(answer.result, Some(Inferred::RegressionResult(_))));
    let error = task("tensorflow/serving/predict").unwrap_err();
    assert!(
        error
            .message()
            .ends_with("found `tensorflow/serving/predict`"),
        "{error}"
    );
}

#[test]
fn metadata_holds_the_signatures() {
    let response = from_metadata(&metadata::tests::metadata());
    let any = &response.metadata["signature_def"];
    assert!(
        any.type_url
            .ends_with("/tensorflow.serving.SignatureDefMap")
    );
    let map = SignatureDefMap::decode(&*any.value).unwrap();
    let signature = &map.signature_def["serving_default"];
    assert_eq!(signature.method_name, "tensorflow/serving/predict");
    assert_eq!(signature.inputs["x"].dtype, wire::DataType::DtFloat as i32);
    assert_eq!(
        response.model_spec.unwrap().version_choice,
        Some(VersionChoice::Version(123))
    );

    let ask = |field: &str| GetModelMetadataRequest {
        model_spec: None,
        metadata_field: vec![field.into()],
    };
    assert!(to_metadata_request(ask("signature_def")).is_ok());
    let error = to_metadata_request(ask("graph")).unwrap_err();
    assert_eq!(
        error.message(),
        "metadata_field: expected `signature_def`, found `graph`"
    );
}

#[test]
fn status_is_given_for_each_version() {
    let versions = [
        ("3".to_owned(), VersionState::Available),
        ("v1".to_owned(), VersionState::End),
    ];
    let response = from_status("m", &versions).unwrap();
    let found: Vec<_> = response
        .model_version_status
        .iter()
        .map(|s| (s.version, s.state()))
        .collect();
    assert_eq!(
        found,
        [(3, VersionState::Available), (0, VersionState::End)]
    );
    assert_eq!(
        from_status("m", &[]).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

proptest! {
    #[test]
    fn outputs_read_back_as_inputs(tensors in btree_map("[a-z]{1,4}", arbitrary::tensor(), 0..4)) {
        let named = tensors.iter().map(|(name, t)| NamedTensor::new(name, t.clone())).collect();
        let response = from_predict(&Message::tensors(named), &[], ModelSpec::default()).unwrap();
        let request = PredictRequest { inputs: response.outputs, ..Default::default() };
        let (_, message) = to_predict(request, &Limits::default()).unwrap();
        for (back, (name, tensor)) in message.as_tensors().unwrap().iter().zip(&tensors) {
            prop_assert_eq!(&back.name, name);
            prop_assert_eq!(back.tensor.bytes(), tensor.bytes());
            prop_assert_eq!(back.tensor.strings().ok(), tensor.strings().ok());
        }
    }

    #[test]
    fn any_message_is_read_or_refused(bytes: Vec<u8>) {
        if let Ok(request) = PredictRequest::decode(&*bytes) {
            let _ = to_predict(request, &Limits::default());
        }
    }
}
