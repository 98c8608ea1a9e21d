"""gRPC's own services, by the clients of the gRPC project: health and reflection."""

import threading

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from harness import MANIFEST

SERVICES = {
    "seldon.protos.Seldon": ["Predict", "SendFeedback", "ModelMetadata", "GraphMetadata"],
    "seldon.protos.Model": ["Predict", "SendFeedback", "Metadata"],
    "seldon.protos.Router": ["Route", "SendFeedback"],
    "seldon.protos.Transformer": ["TransformInput"],
    "seldon.protos.OutputTransformer": ["TransformOutput"],
    "seldon.protos.Combiner": ["Aggregate"],
    "inference.GRPCInferenceService": ["ModelInfer", "ModelReady", "ServerLive"],
    "tensorflow.serving.PredictionService": ["Predict", "Classify", "Regress", "GetModelMetadata"],
    "tensorflow.serving.ModelService": ["GetModelStatus"],
}
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(params=["grpc", "http"])
def channel(request, mnist):
    with grpc.insecure_channel(getattr(mnist, request.param)) as channel:
        yield channel


def test_health_of_the_server_and_of_each_service(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICES):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=5).status == SERVING, service
    with pytest.raises(grpc.RpcError) as refusal:
        stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=5)
    assert refusal.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_describes_every_service(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(SERVICES) <= set(database.get_services())
    pool = descriptor_pool.DescriptorPool(database)
    for name, methods in SERVICES.items():
        service = pool.FindServiceByName(name)
        assert set(methods) <= {method.name for method in service.methods}, name
    message = pool.FindMessageTypeByName("seldon.protos.SeldonMessage")
    numbers = {field.name: field.number for field in message.fields}
    assert numbers["data"] == 3 and numbers["jsonData"] == 6


def test_a_stopping_server_says_so_before_it_goes(own):
    server = own(MANIFEST)
    seen, first = [], threading.Event()
    with grpc.insecure_channel(server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest())

        def follow():
            try:
                for reply in watch:
                    seen.append(reply.status)
                    first.set()
            except grpc.RpcError:
                first.set()

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        assert first.wait(10)
        assert server.terminate() == 0
        thread.join(10)
    assert seen[0] == SERVING
    assert seen[-1] == health_pb2.HealthCheckResponse.NOT_SERVING
