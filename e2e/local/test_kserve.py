"""kserve's inference clients, unmodified. In a process of its own: its messages have the names of
tritonclient's."""

import asyncio

import grpc
import httpx
import pytest
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

from harness import close, expected, pixels, ten_digits

MODEL = "mnist-model"


def request(array, binary=False):
    tensor = InferInput("image", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[tensor], request_id="kserve-1")


def over_rest(protocol, work):
    async def ask():
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            return await work(client)

    return asyncio.run(ask())


def over_grpc(server, work):
    async def ask():
        async with InferenceGRPCClient(server.grpc, retries=0) as client:
            return await work(client)

    return asyncio.run(ask())


@pytest.mark.parametrize("prefix", ["", "/seldon/default/mnist"])
def test_health_over_rest(mnist, prefix):
    async def work(client):
        base = mnist.url(prefix)
        assert await client.is_server_live(base) is True
        assert await client.is_server_ready(base) is True
        assert await client.is_model_ready(base, MODEL) is True
        assert await client.is_model_ready(base, "nosuch") is False

    over_rest("v2", work)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("prefix", ["", "/seldon/default/mnist"])
def test_infer_over_rest(mnist, prefix, binary):
    async def work(client):
        return await client.infer(mnist.url(prefix), request(ten_digits(), binary), MODEL)

    reply = over_rest("v2", work)
    assert reply.id == "kserve-1"
    assert reply.model_name == MODEL
    [output] = reply.outputs
    assert output.name == "output_0"
    close(output.as_numpy(), expected())


def test_predict_over_v1(mnist):
    async def work(client):
        return await client.infer(mnist.url(), {"instances": pixels(7).tolist()}, MODEL)

    close(over_rest("v1", work)["predictions"], expected(7))


def test_a_refusal_over_rest_says_why(mnist):
    async def work(client):
        await client.infer(mnist.url(), request(pixels(7)[:, :27]), MODEL)

    with pytest.raises(httpx.HTTPStatusError, match="image.*'400 Bad Request'"):
        over_rest("v2", work)


def test_health_over_grpc(mnist):
    async def work(client):
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is True
        assert await client.is_model_ready(MODEL) is True
        assert await client.is_model_ready("nosuch") is False

    over_grpc(mnist, work)


@pytest.mark.parametrize("binary", [True, False])
def test_infer_over_grpc(mnist, binary):
    reply = over_grpc(mnist, lambda client: client.infer(request(ten_digits(), binary)))
    assert reply.id == "kserve-1"
    [output] = reply.outputs
    close(output.as_numpy(), expected())


def test_a_refusal_over_grpc_says_why(mnist):
    with pytest.raises(grpc.RpcError) as refusal:
        over_grpc(mnist, lambda client: client.infer(request(pixels(7)[:, :27])))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "image" in refusal.value.details()
