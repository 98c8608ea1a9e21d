"""The same components under the original's wrapper and served by the real binary, over HTTP.

`HARI_BIN` names the binary. One server for each class; answers are compared as callers see them.
"""

import json
import logging
import sys
from pathlib import Path

import components
import pytest
from seldon_core.metrics import SeldonMetrics
from seldon_core.wrapper import get_rest_microservice
from test_parity import FLAT, META, ND, Asked, told

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS.parents[2] / "e2e" / "local"))

MANIFEST = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: parity
spec:
  annotations: {{ hari.dev/python-class: unit=components.{name} }}
  predictors:
    - name: default
      graph:
        name: unit
        implementation: PYTHON
        modelUri: {folder}
        type: MODEL
        children: []
"""

MIXED = {"data": {"ndarray": [[1, "a", None]]}}
BODIES = [
    ND,
    FLAT,
    MIXED,
    {"data": {"names": ["x"], "ndarray": [["a"], ["ž"]]}},
    {"data": {"ndarray": [[1, "a"]]}},
    {"data": {"ndarray": [[True, False]]}},
    {"data": {"ndarray": [1, 2, 3]}},
    {"data": {"ndarray": [[[1, 2]]]}},
    {"data": {"ndarray": []}},
    {"strData": "x"},
    {"strData": ""},
    {"binData": "AP8="},
    {"jsonData": {"a": [1, None, "x"]}},
    {"jsonData": [1, 2]},
    {"jsonData": "s"},
    {**ND, "meta": META},
]


def tagged(body, which):
    return {**body, "meta": {"tags": {"which": which}}}


CASES = {
    "Echo": BODIES,
    "Seen": BODIES,
    "Named": [ND, FLAT],
    "Tagged": [ND, {**ND, "meta": META}],
    "Nothing": [ND, FLAT, {"strData": "x"}],
    "Raw": [ND],
    "Boom": [ND],
    "Handled": [ND],
    "BadMetrics": [ND],
    "Chosen": [
        tagged(body, which)
        for which in components.Returns.VALUES
        # A list of one stands for a single value, as in all of Hari's answers.
        if which != "scalar_array"
        for body in (FLAT, ND, {"strData": "x"})
    ],
}


def there(client, body):
    reply = client.post("/predict", json=body)
    return seen(reply.status_code, json.loads(reply.get_data(as_text=True)))


def here(server, body):
    from harness import http

    reply = http(server.url("/api/v1.0/predictions"), body)
    return seen(reply.status, reply.json())


def seen(status, found):
    if status != 200:
        return Asked(status, found.get("status", {}).get("reason", found))
    found = told(found)
    said = found.get("jsonData")
    if isinstance(said, dict) and "meta" in said:
        # Hari gives every request an id, and says so; what other nodes measured it keeps to itself.
        here_only = ("puid", "routing", "metrics")
        said["meta"] = {k: v for k, v in (said["meta"] or {}).items() if k not in here_only}
    return Asked(200, found)


@pytest.mark.parametrize("name", CASES)
def test_callers_see_what_the_original_answers(name, tmp_path):
    from harness import Server

    logging.disable(logging.CRITICAL)
    app = get_rest_microservice(getattr(components, name)(), SeldonMetrics())
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    manifest = tmp_path / "seldondeployment.yaml"
    manifest.write_text(MANIFEST.format(name=name, folder=TESTS))
    different = []
    with Server(manifest, env={"HARI_PYTHON": sys.executable}) as server:
        for body in CASES[name]:
            ours, theirs = here(server, body), there(client, body)
            if ours != theirs:
                different.append(f"{json.dumps(body)}\n  here  {ours}\n  there {theirs}")
    assert not different, "\n".join(different)
