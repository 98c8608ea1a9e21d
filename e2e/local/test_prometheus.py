"""The real Prometheus scrapes the real binary: rules, alerts and dashboards find what they query."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

import grpc
import pytest
import yaml

from harness import MANIFEST, ROOT, Server, http, pixels, until

RULES = ROOT / "monitoring" / "prometheus"
DASHBOARDS = sorted((ROOT / "monitoring" / "grafana").glob("*.json"))

# Queries whose answer is empty as long as nothing is wrong.
QUIET = (
    "hari_custom_metrics_dropped_total",
    "hari_payload_log_",
    "hari_kafka_",
)

# `{"strData": "x"}` as a SeldonMessage.
TEXT = b"\x2a\x01x"

BANDIT = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: bandit}
spec:
  predictors:
    - name: default
      graph:
        name: chooser
        implementation: EPSILON_GREEDY
        children:
          - {name: blue, implementation: SIMPLE_MODEL}
          - {name: green, implementation: SIMPLE_MODEL}
"""

CANARY = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: canary}
spec:
  predictors:
    - {name: stable, traffic: 50, labels: {version: v1}, graph: {name: model, implementation: SIMPLE_MODEL}}
    - {name: new, traffic: 50, labels: {version: v2}, graph: {name: model, implementation: SIMPLE_MODEL}}
"""


PYTHON = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: class}
spec:
  predictors:
    - name: default
      graph: {name: counted, implementation: PYTHON, modelUri: counted}
"""

COUNTED = """
class Model:
    def predict(self, X, names=None, meta=None):
        return X

    def metrics(self):
        return [
            {"type": "COUNTER", "key": "rows_seen", "value": 2},
            {"type": "GAUGE", "key": "level", "value": 0.5, "tags": {"city": "Bern", "model_name": "x"}},
            {"type": "TIMER", "key": "step", "value": 20.2},
        ]
"""


def program(name):
    """A program of Debian's package, which `cargo xtask e2e` unpacks."""
    folder = os.environ.get("HARI_E2E_PROMETHEUS")
    assert folder, "HARI_E2E_PROMETHEUS is unset: run these tests with `cargo xtask e2e`"
    return str(Path(folder) / name)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """The server, scraping one target every half a second."""

    def __init__(self, folder, target):
        self.port = free_port()
        config = {
            "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(path) for path in sorted(RULES.glob("*.yaml"))],
            "scrape_configs": [
                {
                    "job_name": "hari",
                    "metrics_path": "/prometheus",
                    "static_configs": [{"targets": [target]}],
                }
            ],
        }
        file = folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(config))
        self.log = folder / "prometheus.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={file}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )

    def api(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        reply = http(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}").json()
        assert reply["status"] == "success", (parameters, reply)
        return reply["data"]

    def query(self, expression):
        """Labels and value of every series of an instant query."""
        found = self.api("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def up(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return http(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def rules(self):
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]

    def firing(self):
        alerts = self.api("alerts")["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def load(server, rounds):
    """Traffic of every kind: three deployments, REST and gRPC, good and bad, with feedback."""

    def at(name, path):
        return server.url(f"/seldon/default/{name}/api/v1.0/{path}")

    question = {"data": {"ndarray": [[1.0]]}}
    with grpc.insecure_channel(server.grpc) as channel:
        predict = channel.unary_unary("/seldon.protos.Seldon/Predict")
        for number in range(rounds):
            answer = http(at("bandit", "predictions"), question)
            assert answer.status == 200, answer.body
            good = answer.json()["meta"]["routing"]["chooser"]
            feedback = {"request": question, "response": answer.json(), "reward": float(good)}
            assert http(at("bandit", "feedback"), feedback).status == 200
            assert http(at("canary", "predictions"), question).status == 200
            # A worker is killed on the way: its one call fails.
            assert http(at("class", "predictions"), question).status in (200, 503)
            predict(TEXT, metadata=[("seldon", "canary"), ("namespace", "default")])
            if number % 20 == 0:
                seven = {"data": {"ndarray": pixels(7).tolist()}}
                assert http(at("mnist", "predictions"), seven).status == 200
                assert http(at("mnist", "predictions"), question).status == 400
                assert http(at("mnist", "predictions"), {"strData": "x" * 200_000}).status == 413


@contextlib.contextmanager
def traffic(server):
    """[`load`] without an end, beside the tests."""
    done, failures = threading.Event(), []

    def drive():
        while not done.is_set():
            try:
                load(server, 1)
            except Exception as failure:  # Told to the test that waits.
                failures.append(failure)
                return
            done.wait(0.05)

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert not failures, failures


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployments")
    (folder / "bandit.yaml").write_text(BANDIT)
    (folder / "canary.yaml").write_text(CANARY)
    (folder / "class.yaml").write_text(PYTHON)
    (folder / "counted").mkdir()
    (folder / "counted" / "Model.py").write_text(COUNTED)
    return folder


@pytest.fixture(scope="module")
def server(manifest):
    env = {"HARI_MAX_BODY_BYTES": "100000", "HARI_PYTHON": sys.executable}
    files = (manifest / f"{name}.yaml" for name in ("bandit", "canary", "class"))
    with Server(MANIFEST, *files, "--watch", env=env) as server:
        yield server


@pytest.fixture(scope="module")
def prometheus(server, manifest, tmp_path_factory):
    """With some seconds of traffic behind it, one reload among it, and more to come."""
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), server.metrics)
    try:
        until(prometheus.up, "Prometheus is ready", 30)
        with traffic(server):
            # Every series is scraped before it counts on, so that there is a rate.
            until(lambda: prometheus.query("hari_router_reward"), "a first scrape", 30)
            canary = manifest / "canary.yaml"
            canary.write_text(CANARY.replace("version: v2", "version: v3"))
            version = 'seldon_api_executor_server_requests_seconds_count{predictor_version="v3"}'
            until(lambda: prometheus.query(f"{version} > 5"), "traffic of the new version", 30)
            until(
                lambda: prometheus.query("hari:request_seconds:p99_rate5m"), "recorded rules", 30
            )
            until(lambda: prometheus.query("hari:branch_choices:ratio_rate5m"), "rates", 30)
            yield prometheus
    finally:
        prometheus.stop()


def test_the_rules_fire_when_they_should():
    """Rules and their own tests, by the tool that comes with Prometheus."""
    files = sorted(map(str, RULES.glob("*.yaml")))
    tests = sorted(map(str, (RULES / "tests").glob("*.yaml")))
    assert len(files) == 2 and tests
    for line in (["check", "rules", *files], ["test", "rules", *tests]):
        done = subprocess.run([program("promtool"), *line], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test():
    alerts = yaml.safe_load((RULES / "alerts.yaml").read_text())
    alerts = {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    tests = (RULES / "tests" / "alerts.yaml").read_text()
    fires = set()
    for case in yaml.safe_load(tests)["tests"]:
        fires |= {one["alertname"] for one in case["alert_rule_test"] if one["exp_alerts"]} if (
            "alert_rule_test" in case
        ) else set()
    assert fires == alerts


def test_all_of_the_exposition_is_taken(prometheus):
    [target] = prometheus.api("targets")["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""
    [(_, samples)] = prometheus.query("scrape_samples_post_metric_relabeling")
    assert samples > 300
    [(_, duration)] = prometheus.query("max_over_time(scrape_duration_seconds[1m])")
    assert duration < 2


def test_every_rule_is_evaluated_and_every_record_is_there(prometheus):
    rules = prometheus.rules()
    assert len(rules) >= 20
    for rule in rules:
        assert rule["health"] == "ok", rule
    for rule in rules:
        if rule["type"] == "recording":
            assert prometheus.query(rule["name"]), rule["name"]


def expressions(dashboard):
    """Title and query of every panel."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def filled_in(expression):
    """As Grafana sends it with all variables at `All`."""
    text = expression.replace("$__rate_interval", "20s")
    text = re.sub(r"\$(namespace|deployment|predictor|model)\b", ".*", text)
    assert "$" not in text, expression
    return text


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_of_a_dashboard_shows_something(prometheus, file):
    dashboard = json.loads(file.read_text())
    shown = 0
    for title, expression in expressions(dashboard):
        query = filled_in(expression)
        if any(name in query for name in QUIET):
            prometheus.query(query)
            continue
        until(lambda query=query: prometheus.query(query), f"panel `{title}`: {query}", 15)
        shown += 1
    assert shown >= 8


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda path: path.stem)
def test_the_variables_of_a_dashboard_have_values(prometheus, file):
    dashboard = json.loads(file.read_text())
    assert dashboard["uid"].startswith("hari-")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        definition = variable["definition"]
        metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", definition).groups()
        found = prometheus.query(filled_in(metric))
        assert found, definition
        # A label that the scrape of a cluster adds.
        if label != "namespace":
            assert all(labels.get(label) is not None for labels, _ in found), definition


def test_dashboards_have_ids_of_their_own():
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert len(set(uids)) == len(uids) == 4


def test_calls_to_nodes_have_the_labels_of_the_original(prometheus):
    name = "seldon_api_executor_client_requests_seconds_count"
    found = prometheus.query(f'{name}{{deployment_name="bandit"}}')
    labels = {
        "deployment_name",
        "predictor_name",
        "service",
        "method",
        "code",
        "model_name",
        "model_image",
    }
    assert all(labels <= set(series) for series, _ in found), found
    by_node = {(series["model_name"], series["service"]) for series, _ in found}
    assert {("chooser", "/route"), ("chooser", "/send-feedback"), ("green", "/predict")} <= by_node


def test_feedback_without_a_reward_counts(prometheus):
    chosen = 'deployment_name="bandit",model_name="chooser"'
    [(labels, count)] = prometheus.query(f"seldon_api_model_feedback_total{{{chosen}}}")
    [(_, reward)] = prometheus.query(f"seldon_api_model_feedback_reward_total{{{chosen}}}")
    assert 0 < reward < count
    assert labels["method"] == "feedback" and labels["seldon_deployment_name"] == "bandit"


def children(pid):
    """Processes that any thread of `pid` started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def test_custom_metrics_of_a_class_have_its_labels(prometheus):
    [(labels, seen)] = prometheus.query("rows_seen_total")
    assert seen >= 2 and seen % 2 == 0
    own = {"deployment_name": "class", "model_name": "counted", "method": "predict"}
    assert own.items() <= labels.items()
    [(labels, level)] = prometheus.query("level")
    assert level == 0.5 and labels["city"] == "Bern" and labels["model_name"] == "counted"
    [(_, mean)] = prometheus.query("step_sum / step_count")
    assert abs(mean - 0.0202) < 1e-9
    assert len(prometheus.query("step_bucket")) == 51


def test_a_worker_that_is_killed_is_counted(prometheus, server):
    restarts = "hari_python_worker_restarts_total"
    [(_, before)] = prometheus.query(restarts)
    [(_, up)] = prometheus.query("hari_python_workers")
    assert (before, up) == (0, 1)
    [worker] = [pid for pid in children(server.pid) if "hari.worker" in command(pid)]
    os.kill(int(worker), signal.SIGKILL)
    until(lambda: prometheus.query(f"{restarts} == 1"), "the restart is counted", 15)
    until(lambda: prometheus.query("hari_python_workers == 1"), "the next worker is up", 15)


def test_the_two_versions_of_a_canary_are_told_apart(prometheus):
    name = "seldon_api_executor_server_requests_seconds_count"
    grouped = f'sum by (predictor_name, predictor_version) ({name}{{deployment_name="canary"}})'
    found = {tuple(labels.values()) for labels, value in prometheus.query(grouped) if value > 0}
    assert {("stable", "v1"), ("new", "v2"), ("new", "v3")} <= found


def test_every_predictor_is_ready(prometheus):
    ready = {
        (labels["deployment_name"], labels["predictor_name"]): value
        for labels, value in prometheus.query("hari_ready")
    }
    assert len(ready) == 5 and set(ready.values()) == {1}, ready


def test_an_alert_fires_for_a_reload_that_fails_and_for_nothing_else(prometheus, manifest):
    assert prometheus.firing() == set()
    (manifest / "canary.yaml").write_text(CANARY.replace("SIMPLE_MODEL", "NO_SUCH_SERVER"))
    until(lambda: "HariReloadFailed" in prometheus.firing(), "the alert fires", 30)
    assert prometheus.firing() == {"HariReloadFailed"}
