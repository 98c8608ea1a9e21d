"""The API server over HTTP, many requests on one connection: kubectl is too slow for hundreds of
objects. `kubectl proxy` brings the credentials, so this goes wherever kubectl goes."""

import datetime
import http.client
import json
import re
import subprocess
import time
from collections import Counter
from urllib.parse import urlencode

GROUP = "machinelearning.seldon.io"
SDEPS = f"/apis/{GROUP}/v1"
WRITES = ("APPLY", "POST", "PUT", "PATCH", "DELETE")


class Api:
    """A context manager; paths are those of the API server."""

    def __init__(self, plane):
        self.process = subprocess.Popen(
            [plane.program, "--kubeconfig", str(plane.kubeconfig), "proxy", "--port=0",
             "--reject-methods=", "--reject-paths="],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"kubectl proxy said {line!r}"
        self.connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def ask(self, method, path, body=None, kind="application/json"):
        """Status and body, whatever they are."""
        headers = {"Content-Type": kind} if body is not None else {}
        self.connection.request(method, path, body and json.dumps(body), headers)
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def call(self, method, path, body=None, **more):
        """The object of the reply; fails with the API server's words."""
        status, text = self.ask(method, path, body, **more)
        assert status < 300, f"{method} {path}: {status} {text.decode(errors='replace')[:2000]}"
        return json.loads(text)

    def list(self, path, **query):
        """The objects of a list."""
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)["items"]

    def merge(self, path, change):
        return self.call("PATCH", path, change, kind="application/merge-patch+json")

    def writes(self, resources):
        """Writes of these resources that the API server has been asked for, by anyone but the
        controller manager, which keeps the status of Deployments: how many of each kind."""
        total = Counter()
        status, text = self.ask("GET", "/metrics")
        assert status == 200, text
        for line in text.decode().splitlines():
            if line.startswith("apiserver_request_total{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                if labels["verb"] in WRITES and labels["resource"] in resources:
                    kind = f"{labels['verb']} {labels['resource']} {labels['subresource']}".strip()
                    total[kind] += int(float(line.rsplit(" ", 1)[1]))
        total.pop("PUT deployments status", None)
        return total

    def settled_writes(self, resources):
        """The same, once nothing was written for two seconds."""
        last = None
        for _ in range(30):
            now = self.writes(resources)
            if now == last:
                return now
            last = now
            time.sleep(2)
        raise AssertionError(f"writes of {resources} never end")


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def make_pods_ready(api, namespace, accept=lambda pod: True):
    """Plays the kubelet: says of pods that nothing runs that they are ready. How many it was."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        {"type": name, "status": "True", "lastTransitionTime": now}
        for name in ("Initialized", "ContainersReady", "Ready")
    ]
    made = 0
    for pod in api.list(f"/api/v1/namespaces/{namespace}/pods"):
        if is_ready(pod) or not accept(pod) or "deletionTimestamp" in pod["metadata"]:
            continue
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        change = {"status": {"phase": "Running", "conditions": conditions}}
        # A pod may be taken away meanwhile.
        status, text = api.ask("PATCH", path, change, kind="application/merge-patch+json")
        assert status in (200, 404), text
        made += status == 200
    return made
