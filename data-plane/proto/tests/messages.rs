//! Messages as other programs write them, and the properties that callers of this crate rely on.

use bytes::Bytes;
use hari_proto::inference::infer_parameter::ParameterChoice;
use hari_proto::inference::{ModelInferRequest, RepositoryIndexRequest};
use hari_proto::onnx::type_proto::Value as OnnxType;
use hari_proto::tensorflow::serving::{GetModelStatusRequest, ModelSpec, PredictRequest};
use hari_proto::tensorflow::{DataType, TensorProto, attr_value};
use hari_proto::{onnx, seldon, tensorflow};
use prost::Message;
use prost_types::FileDescriptorSet;

/// Written by `tests/fixtures/make.py` with `tritonclient`'s own messages.
const INFER_REQUEST: &[u8] = include_bytes!("fixtures/infer_request.bin");
/// Written by `tests/fixtures/make.py` with the `onnx` package.
const ONNX_MODEL: &[u8] = include_bytes!("fixtures/onnx_model.bin");

#[test]
fn a_request_of_tritonclient_reads_and_writes_back() {
    let request = ModelInferRequest::decode(INFER_REQUEST).unwrap();
    assert_eq!(
        (&*request.model_name, &*request.model_version, &*request.id),
        ("mnist", "2", "42")
    );
    let input = &request.inputs[0];
    assert_eq!(
        (&*input.name, &*input.datatype, &*input.shape),
        ("image", "FP32", &[1, 2][..])
    );
    assert_eq!(input.contents.as_ref().unwrap().fp32_contents, [0.5, -1.0]);
    let parameter = |name: &str| request.parameters[name].parameter_choice.clone().unwrap();
    assert_eq!(parameter("priority"), ParameterChoice::Int64Param(7));
    assert_eq!(parameter("binary"), ParameterChoice::BoolParam(true));
    assert_eq!(request.outputs[0].name, "scores");
    assert_eq!(request.raw_input_contents[0].len(), 8);
    assert_eq!(request.encode_to_vec(), INFER_REQUEST);
}

#[test]
fn a_model_of_the_onnx_package_reads_and_writes_back() {
    let model = onnx::ModelProto::decode(ONNX_MODEL).unwrap();
    assert_eq!(
        (model.ir_version(), model.opset_import[0].version()),
        (10, 21)
    );
    let graph = model.graph.as_ref().unwrap();
    let node = &graph.node[0];
    assert_eq!((node.op_type(), node.name()), ("Gemm", "dense"));
    let alpha = node
        .attribute
        .iter()
        .find(|attribute| attribute.name() == "alpha")
        .unwrap();
    assert_eq!(
        (alpha.r#type(), alpha.f),
        (onnx::attribute_proto::AttributeType::Float, Some(0.0))
    );
    assert_eq!(graph.initializer[0].float_data, [1.0, 2.0]);
    let Some(OnnxType::TensorType(x)) = &graph.input[0].r#type.as_ref().unwrap().value else {
        panic!("the input is a tensor");
    };
    assert_eq!(x.shape.as_ref().unwrap().dim.len(), 2);
    assert_eq!(model.encode_to_vec(), ONNX_MODEL);
}

#[test]
fn tensor_contents_are_slices_of_the_message_they_came_in() {
    let content = Bytes::from(vec![7_u8; 4096]);
    let tensor = TensorProto {
        tensor_content: content.clone(),
        ..TensorProto::default()
    };
    let request = ModelInferRequest {
        raw_input_contents: vec![content],
        ..Default::default()
    };

    let wire = Bytes::from(tensor.encode_to_vec());
    let read = TensorProto::decode(wire.clone()).unwrap();
    assert!(wire.as_ptr_range().contains(&read.tensor_content.as_ptr()));

    let wire = Bytes::from(request.encode_to_vec());
    let read = ModelInferRequest::decode(wire.clone()).unwrap();
    assert!(
        wire.as_ptr_range()
            .contains(&read.raw_input_contents[0].as_ptr())
    );
}

/// `tag` and `value` as a varint field; both below 128.
fn varint(tag: u8, value: u8) -> Vec<u8> {
    vec![tag << 3, value]
}

/// A field with a length in front; tag below 16, contents below 128 bytes.
fn field(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).unwrap_or(u8::MAX);
    [&[tag << 3 | 2, length], contents].concat()
}

#[test]
fn a_predict_request_has_the_published_numbers() {
    let shape = field(2, &varint(1, 2));
    let floats = field(5, &[1.0_f32, 2.0].map(f32::to_le_bytes).concat());
    let tensor = [varint(1, 1), field(2, &shape), floats].concat();
    let spec = [
        field(1, b"mnist"),
        field(2, &varint(1, 3)),
        field(3, b"sig"),
    ]
    .concat();
    let entry = [field(1, b"x"), field(2, &tensor)].concat();
    let wire = [field(1, &spec), field(2, &entry), field(3, b"y")].concat();

    let request = PredictRequest::decode(wire.as_slice()).unwrap();
    assert_eq!(request.encode_to_vec(), wire);
    let spec = request.model_spec.unwrap();
    let version = tensorflow::serving::model_spec::VersionChoice::Version(3);
    assert_eq!(
        (&*spec.name, spec.version_choice, &*spec.signature_name),
        ("mnist", Some(version), "sig")
    );
    assert_eq!(request.inputs["x"].dtype(), DataType::DtFloat);
    assert_eq!(request.inputs["x"].float_val, [1.0, 2.0]);
    assert_eq!(request.output_filter, ["y"]);
}

#[test]
fn a_seldon_message_has_the_published_numbers() {
    let tensor = [
        field(1, &[1, 2]),
        field(2, &[1.0_f64, 2.0].map(f64::to_le_bytes).concat()),
    ]
    .concat();
    let data = [field(1, b"a"), field(1, b"b"), field(2, &tensor)].concat();
    let routing = [field(1, b"r"), varint(2, 1)].concat();
    let meta = [field(1, b"id"), field(3, &routing)].concat();
    let wire = [field(2, &meta), field(3, &data)].concat();

    let message = seldon::SeldonMessage::decode(wire.as_slice()).unwrap();
    assert_eq!(message.encode_to_vec(), wire);
    assert_eq!(message.meta.unwrap().routing["r"], 1);
    let Some(seldon::seldon_message::DataOneof::Data(data)) = message.data_oneof else {
        panic!("data is set");
    };
    assert_eq!(data.names, ["a", "b"]);
    let Some(seldon::default_data::DataOneof::Tensor(tensor)) = data.data_oneof else {
        panic!("tensor is set");
    };
    assert_eq!((tensor.shape, tensor.values), (vec![1, 2], vec![1.0, 2.0]));
}

#[test]
fn unknown_fields_are_skipped() {
    let known = RepositoryIndexRequest {
        ready: true,
        ..Default::default()
    };
    let wire = [known.encode_to_vec(), field(15, b"from the future")].concat();
    assert_eq!(
        RepositoryIndexRequest::decode(wire.as_slice()).unwrap(),
        known
    );
}

#[test]
fn a_message_nested_without_end_is_an_error() {
    let mut value = tensorflow::AttrValue {
        value: Some(attr_value::Value::I(1)),
    };
    for _ in 0..120 {
        let attr = [("f".to_owned(), value)].into();
        let func = tensorflow::NameAttrList {
            name: String::new(),
            attr,
        };
        value = tensorflow::AttrValue {
            value: Some(attr_value::Value::Func(func)),
        };
    }
    let error = tensorflow::AttrValue::decode(value.encode_to_vec().as_slice()).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
}

#[test]
fn equal_messages_are_equal_bytes() {
    let tags = |keys: [&str; 3]| {
        let entries = keys.map(|key| (key.to_owned(), key.to_owned()));
        seldon::Metric {
            tags: entries.into(),
            ..Default::default()
        }
        .encode_to_vec()
    };
    assert_eq!(tags(["a", "b", "c"]), tags(["c", "a", "b"]));
}

#[test]
fn reflection_knows_every_service_and_all_that_it_needs() {
    let set = FileDescriptorSet::decode(hari_proto::DESCRIPTOR_SET).unwrap();
    let mut services: Vec<_> = set
        .file
        .iter()
        .flat_map(|file| {
            file.service
                .iter()
                .map(|s| format!("{}.{}", file.package(), s.name()))
        })
        .collect();
    services.sort();
    let seldon = [
        "Combiner",
        "Generic",
        "Model",
        "OutputTransformer",
        "Router",
        "Seldon",
        "Transformer",
    ];
    let mut expected: Vec<_> = seldon
        .iter()
        .map(|name| format!("seldon.protos.{name}"))
        .collect();
    expected.insert(0, "inference.GRPCInferenceService".to_owned());
    expected.push("tensorflow.serving.ModelService".to_owned());
    expected.push("tensorflow.serving.PredictionService".to_owned());
    assert_eq!(services, expected);

    let names: Vec<_> = set
        .file
        .iter()
        .map(prost_types::FileDescriptorProto::name)
        .collect();
    for import in set.file.iter().flat_map(|file| &file.dependency) {
        assert!(
            names.contains(&&**import),
            "{import} is imported and missing"
        );
    }
}

#[test]
fn a_status_request_names_its_model() {
    let spec = ModelSpec {
        name: "mnist".into(),
        ..Default::default()
    };
    let request = GetModelStatusRequest {
        model_spec: Some(spec),
    };
    assert_eq!(request.encode_to_vec(), field(1, &field(1, b"mnist")));
}
