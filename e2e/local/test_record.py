"""Requests recorded with what every node saw, and shown by `hari trace`."""

import json
import re
import stat

import pytest

from harness import ROOT, Server, hari, http, until

ENSEMBLE = ROOT / "examples/ensemble/seldondeployment.yaml"
REQUEST = json.loads((ROOT / "examples/ensemble/requests/seldon-ndarray.json").read_text())
PREDICTIONS = "/api/v1.0/predictions"

GRAPH = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: seen}
spec:
  predictors:
  - name: main
    graph:
      name: router
      implementation: SIMPLE_ROUTER
      children:
      - name: mean
        implementation: AVERAGE_COMBINER
        children:
        - {name: left, implementation: SIMPLE_MODEL}
        - {name: right, implementation: SIMPLE_MODEL}
      - {name: other, implementation: SIMPLE_MODEL}
"""


def graph(tmp_path):
    manifest = tmp_path / "graph.yaml"
    manifest.write_text(GRAPH)
    return manifest


def ask(server, puid, body=None, code=200, **headers):
    body = body or {"data": {"ndarray": [[1.0, 2.0]]}}
    reply = http(server.url(PREDICTIONS), body, {"Seldon-Puid": puid, **headers})
    assert reply.status == code, reply.body
    return reply.json()


def listed(folder):
    done = hari("trace", "--dir", folder, "--json", "--last", 1000)
    return json.loads(done.stdout)


def recorded(folder, requests):
    """The recordings, once there are so many files."""
    files = lambda: len(list(folder.glob("*.recording.json"))) >= requests
    until(files, f"{requests} recordings")
    return listed(folder)


def test_a_request_is_kept_with_what_every_node_saw(tmp_path):
    folder = tmp_path / "recordings"
    with Server(graph(tmp_path), "--record", folder) as server:
        ask(server, "first-1")
        [found] = recorded(folder, 1)
        assert "requests are recorded with their payloads" in server.stderr()
    assert (found["id"], found["deployment"]) == ("first-1", "default/seen")
    assert [(node["name"], node["depth"]) for node in found["graph"]] == [
        ("router", 0), ("mean", 1), ("left", 2), ("right", 2), ("other", 1),
    ]
    calls = {event["node"]: event for event in found["events"] if event["stage"] == "call"}
    assert set(calls) == {"router", "mean", "left", "right"}
    assert calls["router"]["branch"] == 0
    assert calls["left"]["asked"][0]["tensors"][0]["values"] == [1.0, 2.0]
    assert len(calls["mean"]["asked"]) == 2
    assert calls["mean"]["answer"]["tensors"][0]["shape"] == [1, 3]
    for event in found["events"]:
        assert event["start"] + event["took"] <= found["took"] + 1000, event
    [file] = folder.glob("*.recording.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_tree_in_the_terminal(tmp_path):
    folder = tmp_path / "recordings"
    with Server(graph(tmp_path), "--record", folder) as server:
        ask(server, "abc-1")
        ask(server, "abd-2")
        recorded(folder, 2)
    shown = hari("trace", "abc", "--dir", folder).stdout
    assert shown.startswith("abc-1\ndefault/seen  main  ")
    assert "\x1b" not in shown
    names = re.findall(r"^[│├└─ ]*(router|mean|left|right|other)\b", shown, re.M)
    assert names == ["router", "mean", "left", "right", "other"]
    assert "-> branch 0: mean" in shown
    assert "other  not asked" in shown
    assert "FP64 [1, 2] 1.0 2.0" in shown
    bars = [line.index(next(c for c in line if c in "█·")) for line in shown.splitlines()
            if "█" in line]
    assert len(set(bars)) == 1, shown
    lines = hari("trace", "--dir", folder).stdout.splitlines()
    assert lines[0].split() == ["ID", "TIME", "DEPLOYMENT", "PREDICTOR", "TOOK", "NODES", "ERROR"]
    assert [line.split()[0] for line in lines[1:]] == ["abd-2", "abc-1"]
    slowest = json.loads(hari("trace", "--slowest", "--json", "--dir", folder).stdout)
    assert slowest["took"] == max(one["took"] for one in listed(folder))
    several = hari("trace", "ab", "--dir", folder, code=1).stderr
    assert "several ids begin with `ab`: abd-2, abc-1" in several
    none = hari("trace", "zzz", "--dir", folder, code=1).stderr
    assert "no recording of `zzz`" in none


def test_what_is_not_there_is_said(tmp_path):
    done = hari("trace", cwd=tmp_path, code=1)
    assert "--record DIR" in done.stderr
    (tmp_path / "recordings").mkdir()
    done = hari("trace", cwd=tmp_path, code=1)
    assert "nothing is recorded" in done.stderr
    done = hari("run", "x.yaml", "--record", "r", "--record-sample", "2", code=2)
    assert "expected a number from 0 to 1" in done.stderr


def test_failures_are_kept_with_their_node(tmp_path):
    folder = tmp_path / "recordings"
    with Server(ENSEMBLE, "--record", folder) as server:
        ask(server, "good", REQUEST)
        ask(server, "bad", {"data": {"ndarray": [[1.0]]}}, code=400)
        bad, good = recorded(folder, 2)
    assert all("error" not in event for event in good["events"])
    errors = {event["node"]: event["error"] for event in bad["events"] if "error" in event}
    assert errors["logistic"]["node"] == "logistic"
    shown = hari("trace", "bad", "--dir", folder).stdout
    assert f"!! {errors['logistic']['reason']}: " in shown


def test_feedback_is_kept(tmp_path):
    folder = tmp_path / "recordings"
    with Server(graph(tmp_path), "--record", folder) as server:
        body = {
            "request": {"data": {"ndarray": [[1.0]]}},
            "response": {"meta": {"routing": {"router": 0}}},
            "reward": 0.5,
        }
        reply = http(server.url("/api/v1.0/feedback"), body, {"Seldon-Puid": "reward"})
        assert reply.status == 200, reply.body
        [found] = recorded(folder, 1)
    assert found["events"][0]["method"] == "send-feedback"
    assert found["events"][0]["reward"] == 0.5


@pytest.mark.parametrize("share, kept", [(0, range(0, 1)), (0.2, range(5, 40))])
def test_a_share_of_the_requests(tmp_path, share, kept):
    folder = tmp_path / "recordings"
    with Server(graph(tmp_path), "--record", folder, "--record-sample", share) as server:
        for number in range(100):
            ask(server, f"id-{number}")
        ask(server, "skipped", **{"Seldon-Skip-Logging": "true"})
    # What was answered is written before the process ends.
    files = list(folder.glob("*.recording.json"))
    assert len(files) in kept, len(files)


def test_long_tensors_are_abbreviated_and_the_oldest_removed(tmp_path):
    body = {"data": {"ndarray": [[0.5] * 100]}}
    sizes = {}
    for full in ([], ["--record-full"]):
        folder = tmp_path / f"recordings{len(full)}"
        with Server(graph(tmp_path), "--record", folder, *full) as server:
            ask(server, "long", body)
            [found] = recorded(folder, 1)
        [tensor] = found["events"][0]["asked"][0]["tensors"]
        assert len(tensor["values"]) + tensor.get("more", 0) == 100
        assert tensor.get("more", 0) == (0 if full else 68)
        [file] = folder.glob("*.recording.json")
        sizes[len(full)] = file.stat().st_size
    assert sizes[1] > sizes[0]
    folder, most = tmp_path / "few", 3 * sizes[0] + 100
    with Server(graph(tmp_path), "--record", folder, "--record-max-bytes", most) as server:
        for number in range(10):
            ask(server, f"n{number}", body)
    ids = [one["id"] for one in listed(folder)]
    assert ids == ["n9", "n8", "n7"]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= most
