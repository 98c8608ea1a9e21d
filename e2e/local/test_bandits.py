"""Routers that learn: rewards over REST and gRPC, metrics, and what a restart keeps."""

import json
import re
import shutil

import grpc
import pytest
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

from harness import ROOT, Server, hari, http
from readme import answers

EXAMPLE = ROOT / "examples" / "epsilon-greedy"
QUESTION = {"data": {"ndarray": [[1.0]]}}
LEARNERS = ("EPSILON_GREEDY", "THOMPSON_SAMPLING", "UCB")


def deployed(folder, implementation="EPSILON_GREEDY", extra=""):
    """The example under another policy, with its state in `folder`."""
    text = (EXAMPLE / "seldondeployment.yaml").read_text()
    if implementation != "EPSILON_GREEDY":
        text = re.sub(r".*name: epsilon,.*\n", "", text).replace("EPSILON_GREEDY", implementation)
    text = text.replace("        parameters:\n", f"        parameters:\n{extra}")
    manifest = folder / "seldondeployment.yaml"
    manifest.write_text(text)
    return manifest


def ask(server):
    reply = http(server.url("/api/v1.0/predictions"), QUESTION)
    assert reply.status == 200, reply.body
    return reply.json()


def reward(server, response, value):
    body = {"request": QUESTION, "response": response, "reward": value}
    return http(server.url("/api/v1.0/feedback"), body)


def learnt(server, name, branch):
    pattern = rf'^{name}{{[^}}]*branch="{branch}"[^}}]*}} (\S+)$'
    return float(re.search(pattern, server.scrape(), re.M)[1])


@pytest.mark.parametrize("implementation", LEARNERS)
def test_it_learns_over_rest_and_remembers(tmp_path, implementation):
    manifest = deployed(tmp_path, implementation)
    with Server(manifest) as server:
        for _ in range(200):
            response = ask(server)
            good = response["meta"]["routing"]["chooser"] == 1
            assert reward(server, response, float(good)).status == 200
        before = {
            (name, branch): learnt(server, name, branch)
            for name in ("hari_router_successes", "hari_router_failures")
            for branch in ("blue", "green")
        }
        assert learnt(server, "hari_router_choices_total", "green") > 120
        assert learnt(server, "hari_router_posterior_mean", "green") > 0.9
    assert sum(before.values()) == 200
    assert before["hari_router_successes", "blue"] == 0
    with Server(manifest) as server:
        for (name, branch), value in before.items():
            assert learnt(server, name, branch) == value
        taken = [ask(server)["meta"]["routing"]["chooser"] for _ in range(100)]
        assert sum(taken) > 60, taken


def test_it_learns_over_grpc(tmp_path):
    with Server(deployed(tmp_path)) as server, grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_pb2_grpc.SeldonStub(channel)
        request = prediction_pb2.SeldonMessage()
        request.data.tensor.shape.extend([10, 1])
        request.data.tensor.values.extend([1.0] * 10)
        rows = 0
        for _ in range(20):
            response = stub.Predict(request, timeout=10)
            good = response.meta.routing["chooser"] == 0
            feedback = prediction_pb2.Feedback(
                request=request, response=response, reward=0.7 if good else 0.0
            )
            stub.SendFeedback(feedback, timeout=10)
            rows += 7 if good else 0
        assert learnt(server, "hari_router_successes", "blue") == rows > 0
        assert learnt(server, "hari_router_successes", "green") == 0


def test_feedback_without_a_branch_says_so(tmp_path):
    with Server(deployed(tmp_path)) as server:
        response = ask(server)
        for change, words in (
            ({"meta": {}}, "expected the branch that `chooser` chose"),
            ({"meta": {"routing": {"chooser": 9}}}, "response.meta.routing"),
        ):
            reply = reward(server, {**response, **change}, 1.0)
            assert reply.status == 400 and words in reply.body.decode(), reply.body
        reply = reward(server, response, 2.0)
        assert reply.status == 400 and "from 0 to 1" in reply.body.decode(), reply.body
        assert learnt(server, "hari_router_successes", "blue") == 0


def test_a_broken_state_stops_the_start_with_its_name(tmp_path):
    manifest = deployed(tmp_path)
    with Server(manifest):
        pass
    [state] = (tmp_path / "state").glob("*.json")
    assert json.loads(state.read_text())["version"] == 1
    state.write_text("{")
    done = hari("run", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
                manifest, code=1)
    assert state.name in done.stderr and "remove it" in done.stderr, done.stderr


def test_parameters_that_do_not_fit_the_children_are_refused(tmp_path):
    wrong = '          - {name: n_branches, type: INT, value: "3"}\n'
    done = hari("validate", deployed(tmp_path, extra=wrong), code=1)
    assert "2, the number of children" in done.stdout + done.stderr


def test_the_choice_is_logged_if_asked_for(tmp_path):
    loud = '          - {name: verbose, type: BOOL, value: "true"}\n'
    with Server(deployed(tmp_path, extra=loud)) as server:
        reward(server, ask(server), 1.0)
        assert "chosen" in server.stderr() and "rewarded" in server.stderr(), server.stderr()


def test_the_commands_of_the_readme(tmp_path):
    shutil.copy(EXAMPLE / "seldondeployment.yaml", tmp_path)
    with Server(tmp_path / "seldondeployment.yaml") as server:
        answer, _ = answers(EXAMPLE / "README.md", server, 2)
        assert answer["meta"]["routing"]["chooser"] in (0, 1)
        assert learnt(server, "hari_router_successes", "green") == 3
        assert learnt(server, "hari_router_failures", "green") == 1
