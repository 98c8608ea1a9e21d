"""`hari operator` as a child process on this machine, working on a cluster: started, asked, stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "local"))

from harness import binary, environment, until  # noqa: E402

NAMESPACE = "seldon-system"
PATH = "/validate-machinelearning-seldon-io-v1-seldondeployment"
CONFIGURATION = f"seldon-validating-webhook-configuration-{NAMESPACE}"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def webhook_configuration(port):
    """A configuration that finds the operator on this machine: by URL, not by a Service."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION},
        "webhooks": [
            {
                "name": "v1.vseldondeployment.kb.io",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": f"https://127.0.0.1:{port}{PATH}"},
                "failurePolicy": "Fail",
                "matchPolicy": "Equivalent",
                "sideEffects": "None",
                "rules": [
                    {
                        "apiGroups": ["machinelearning.seldon.io"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["seldondeployments"],
                    }
                ],
            }
        ],
    }


class Operator:
    """One replica. A context manager; its log is at `log`."""

    def __init__(self, kubeconfig, *flags, webhook_port=0, env=None, namespace=NAMESPACE):
        self.metrics_port = free_port()
        self.webhook_port = webhook_port
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "log"
        arguments = [
            "operator",
            f"--operator-namespace={namespace}",
            f"--metrics-addr=127.0.0.1:{self.metrics_port}",
            "--webhook-host=127.0.0.1",
            f"--webhook-port={webhook_port}",
            f"--webhook-cert-dir={self.folder.name}/certificates",
            *flags,
        ]
        variables = {"KUBECONFIG": str(kubeconfig), "HARI_WEBHOOK_HOSTS": "127.0.0.1", **(env or {})}
        self.process = subprocess.Popen(
            [str(binary()), *arguments],
            env=environment(variables),
            stderr=self.log.open("wb"),
            stdout=subprocess.DEVNULL,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()

    def get(self, path):
        """Status and body of one of its own pages; 0 while it does not answer."""
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self, seconds=30):
        def answers():
            assert self.process.poll() is None, self.words()
            return self.get("/readyz")[0] == 200

        try:
            until(answers, "the operator is ready", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.get('/readyz')[1]}\n{self.words()}") from None
        return self

    def metric(self, name):
        """Value of a metric, with its labels as they are written; 0 if it is not there yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    def words(self):
        return self.log.read_text(errors="replace")[-6000:]

    def stop(self, sig=signal.SIGTERM, seconds=30):
        """Ends it and gives its exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, sig)
        code = self.process.wait(timeout=seconds)
        assert "panicked" not in self.words(), self.words()
        return code
