"""Nodes that go away: what the graph answers, and whether it is ready."""

import pytest
import yaml

from harness import Server, http, until
from scenario import deployment
from wrapper import CLASSES, Microservice

PREDICTIONS = "/api/v1.0/predictions"

SCENARIO = {
    "name": "down",
    "optional": ["echo"],
    "graph": {
        "name": "mean",
        "type": "COMBINER",
        "builtin": "AVERAGE_COMBINER",
        "children": [{"name": "echo", "type": "MODEL"}, {"name": "double", "type": "MODEL"}],
    },
}


def answer(server):
    return http(server.url(PREDICTIONS), {"data": {"ndarray": [[4]]}})


def is_ready(server):
    return http(f"http://{server.metrics}/ready").status == 200


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_an_optional_child_may_go_away_and_another_may_not(tmp_path, transport):
    running = {name: Microservice(name, tmp_path) for name in ("mean", "echo", "double")}
    try:
        for one in running.values():
            until(one.ready, one.component, 60)
        manifest = tmp_path / "down.yaml"
        manifest.write_text(yaml.safe_dump(deployment(SCENARIO, transport, running, CLASSES)))
        with Server(manifest) as server:
            assert answer(server).json()["data"]["ndarray"] == [[6]]
            assert is_ready(server)

            running["echo"].stop()
            reply = answer(server)
            assert reply.status == 200, reply.body
            body = reply.json()
            assert body["data"]["ndarray"] == [[8]]
            assert body["meta"]["tags"]["hari-skipped"] == ["echo"]
            assert is_ready(server)

            running["double"].stop()
            reply = answer(server)
            assert reply.status == 503 and b"double" in reply.body, reply.body
            until(lambda: not is_ready(server), "/ready answers 503", 30)
            # What the graph says of itself does not need its nodes.
            assert http(server.url("/api/v1.0/metadata")).status == 200
    finally:
        for one in running.values():
            one.stop()
