"""tensorflow-serving-api's stubs, unmodified, and TensorFlow Serving's REST API by plain HTTP."""

import base64
import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from harness import REQUESTS, close, expected, http, pixels, ten_digits

MODEL = "mnist-model"
URL = f"/v1/models/{MODEL}"


@pytest.fixture(scope="module", params=["grpc", "http"])
def channel(request, mnist):
    with grpc.insecure_channel(getattr(mnist, request.param)) as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def ask(tensor, **spec):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = spec.pop("name", MODEL)
    version = spec.pop("version", None)
    if version is not None:
        request.model_spec.version.value = version
    for field, value in spec.items():
        setattr(request.model_spec, field, value)
    request.inputs["image"].CopyFrom(tensor)
    return request


def answer(response):
    return tf.make_ndarray(response.outputs["output_0"])


def code(call):
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    return refusal.value.code(), refusal.value.details()


def test_predict(prediction):
    response = prediction.Predict(ask(tf.make_tensor_proto(ten_digits())), timeout=10)
    close(answer(response), expected())
    assert response.model_spec.name == MODEL
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == "serving_default"
    assert list(response.outputs) == ["output_0"]


def test_predict_with_values_in_a_field(prediction):
    tensor = tf.make_tensor_proto(pixels(7))
    values = tf.make_ndarray(tensor).ravel().tolist()
    tensor.ClearField("tensor_content")
    tensor.float_val.extend(values)
    close(answer(prediction.Predict(ask(tensor))), expected(7))


def test_predict_by_signature_version_and_output(prediction):
    request = ask(tf.make_tensor_proto(pixels(7)), signature_name="serving_default", version=1)
    request.output_filter.append("output_0")
    close(answer(prediction.Predict(request)), expected(7))


def test_predict_with_metadata_of_a_gateway(prediction):
    metadata = [("seldon", "mnist"), ("namespace", "default")]
    response = prediction.Predict(ask(tf.make_tensor_proto(pixels(7))), metadata=metadata)
    close(answer(response), expected(7))


def test_what_does_not_fit_is_refused(prediction):
    good = tf.make_tensor_proto(pixels(7))
    cases = [
        (ask(good, name="nosuch"), grpc.StatusCode.NOT_FOUND, "nosuch"),
        (ask(good, version=9), grpc.StatusCode.NOT_FOUND, "9"),
        (ask(good, version_label="nosuch"), grpc.StatusCode.NOT_FOUND, "nosuch"),
        (ask(good, signature_name="nosuch"), grpc.StatusCode.INVALID_ARGUMENT, "nosuch"),
        (ask(tf.make_tensor_proto(pixels(7)[:, :27])), grpc.StatusCode.INVALID_ARGUMENT, "image"),
        (ask(tf.make_tensor_proto(["a"])), grpc.StatusCode.INVALID_ARGUMENT, "image"),
    ]
    for request, wanted, words in cases:
        found, details = code(lambda: prediction.Predict(request))
        assert found == wanted, details
        assert words in details
    hollow = ask(good)
    hollow.inputs["image"].tensor_shape.dim[0].size = 1 << 40
    found, details = code(lambda: prediction.Predict(hollow))
    assert found in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED), details


def test_metadata(prediction):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = MODEL
    request.metadata_field.append("signature_def")
    response = prediction.GetModelMetadata(request)
    assert response.model_spec.version.value == 1
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    signature: meta_graph_pb2.SignatureDef = signatures.signature_def["serving_default"]
    given, taken = signature.inputs["image"], signature.outputs["output_0"]
    assert given.dtype == taken.dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in given.tensor_shape.dim] == [-1, 28, 28, 1]
    assert [dim.size for dim in taken.tensor_shape.dim] == [-1, 10]
    assert signature.method_name == "tensorflow/serving/predict"


def test_status(models):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = MODEL
    [version] = models.GetModelStatus(request).model_version_status
    assert version.version == 1
    assert version.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert version.status.error_code == 0
    request.model_spec.name = "nosuch"
    assert code(lambda: models.GetModelStatus(request))[0] == grpc.StatusCode.NOT_FOUND


def test_reloading_by_call_is_not_offered(models):
    request = model_management_pb2.ReloadConfigRequest()
    found, _ = code(lambda: models.HandleReloadConfigRequest(request))
    assert found == grpc.StatusCode.UNIMPLEMENTED


def example(digit):
    made = tf.train.Example()
    made.features.feature["image"].float_list.value.extend(pixels(digit).ravel().tolist())
    return made


def test_classify(prediction):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = MODEL
    request.input.example_list.examples.extend(example(digit) for digit in range(10))
    result = prediction.Classify(request).result
    scores = [[one.score for one in row.classes] for row in result.classifications]
    close(scores, expected())


def test_regress_needs_one_value_a_row(prediction):
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = MODEL
    request.input.example_list.examples.append(example(7))
    found, details = code(lambda: prediction.Regress(request))
    assert found == grpc.StatusCode.INVALID_ARGUMENT, details


def test_several_inferences_in_one_call(prediction):
    request = inference_pb2.MultiInferenceRequest()
    task = request.tasks.add()
    task.model_spec.name = MODEL
    task.method_name = "tensorflow/serving/classify"
    request.input.example_list.examples.append(example(7))
    [result] = prediction.MultiInference(request).results
    [row] = result.classification_result.classifications
    close([[one.score for one in row.classes]], expected(7))


# REST


def test_rows(mnist):
    reply = http(mnist.url(URL + ":predict"), {"instances": ten_digits().tolist()})
    assert reply.status == 200, reply.body
    assert list(reply.json()) == ["predictions"]
    close(reply.json()["predictions"], expected())


def test_rows_with_names(mnist):
    rows = [{"image": pixels(digit)[0].tolist()} for digit in (3, 8)]
    reply = http(mnist.url(URL + ":predict"), {"instances": rows})
    close(reply.json()["predictions"], np.concatenate([expected(3), expected(8)]))


@pytest.mark.parametrize("named", [True, False])
def test_columns(mnist, named):
    columns = {"image": ten_digits().tolist()} if named else ten_digits().tolist()
    reply = http(mnist.url(URL + ":predict"), {"inputs": columns})
    assert list(reply.json()) == ["outputs"]
    close(reply.json()["outputs"], expected())


@pytest.mark.parametrize(
    "path",
    [
        f"{URL}/versions/1:predict",
        "/v1/models/:predict",
        "/v1/models:predict",
        f"{URL}/:predict",
        f"/seldon/default/mnist{URL}:predict",
    ],
)
def test_every_path_to_the_model(mnist, path):
    reply = http(mnist.url(path), json.loads((REQUESTS / "tensorflow-predict.json").read_text()))
    assert reply.status == 200, reply.body
    close(reply.json()["predictions"], expected(7))


def test_status_over_rest(mnist):
    for path in (URL, f"{URL}/versions/1"):
        reply = http(mnist.url(path))
        status = json_format.Parse(reply.body, get_model_status_pb2.GetModelStatusResponse())
        [version] = status.model_version_status
        assert version.version == 1
        assert version.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert http(mnist.url(f"{URL}/versions/9")).status == 404
    assert http(mnist.url(f"{URL}/labels/nosuch")).status == 404


def test_metadata_over_rest(mnist):
    metadata = http(mnist.url(URL + "/metadata")).json()
    assert metadata["model_spec"]["name"] == MODEL
    assert metadata["model_spec"]["version"] == "1"
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    dims = signatures["serving_default"]["inputs"]["image"]["tensor_shape"]["dim"]
    assert [dim["size"] for dim in dims] == ["-1", "28", "28", "1"]
    assert signatures["serving_default"]["inputs"]["image"]["dtype"] == "DT_FLOAT"


def test_classify_over_rest(mnist):
    body = {"examples": [{"image": pixels(digit).ravel().tolist()} for digit in (7, 2)]}
    reply = http(mnist.url(URL + ":classify"), body)
    assert reply.status == 200, reply.body
    scores = [[score for _, score in row] for row in reply.json()["results"]]
    close(scores, np.concatenate([expected(7), expected(2)]))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (":predict", {"instances": [[1, 2, 3]]}, 400),
        (":predict", {"instances": []}, 400),
        (":predict", {"rows": []}, 400),
        (":predict", {"instances": [1], "inputs": [1]}, 400),
        (":predict", {"instances": pixels(7).tolist(), "signature_name": "nosuch"}, 400),
        (":predict", {"instances": [{"b64": base64.b64encode(b"x").decode()}]}, 400),
        (":predict", {"instances": [[["a"] * 28] * 28]}, 400),
        (":nosuch", {"instances": pixels(7).tolist()}, 404),
        ("/versions/9:predict", {"instances": pixels(7).tolist()}, 404),
        ("/labels/nosuch:predict", {"instances": pixels(7).tolist()}, 404),
    ],
)
def test_refusals_over_rest_have_serving_s_own_body(mnist, path, body, status):
    reply = http(mnist.url(URL + path), body)
    assert reply.status == status, reply.body
    assert list(reply.json()) == ["error"]
    assert reply.json()["error"]
