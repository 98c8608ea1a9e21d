"""A Kubernetes for tests: one of its own that `cargo xtask cluster` starts, or, with KUBECONFIG set,
the cluster that it names."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "local"))

from harness import hari, until  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# Long, for the first start on a machine builds Kubernetes.
UP_SECONDS = 3600
NUMBERS = itertools.count(1)
CRD = "crd/seldondeployments.machinelearning.seldon.io"


def tool(*arguments, timeout=120):
    """What `cargo xtask cluster` prints."""
    named = os.environ.get("HARI_E2E_XTASK")
    program = [named] if named else ["cargo", "xtask"]
    done = subprocess.run(
        [*program, "cluster", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
    )
    assert done.returncode == 0, f"cargo xtask cluster {' '.join(map(str, arguments))}\n{done.stderr}"
    return done.stdout


class ControlPlane:
    """etcd, API server and controller manager: pods are made and never run. A context manager; with
    KUBECONFIG set it is that cluster, which is left as it is."""

    tier = "control-plane"

    def __init__(self, name=None):
        self.name = name or f"test-{os.getpid()}-{next(NUMBERS)}"
        given = os.environ.get("KUBECONFIG")
        self.is_own = not given
        self.kubeconfig = Path(given) if given else None
        self.program = "kubectl"

    def __enter__(self):
        if self.is_own:
            try:
                self.up()
            except BaseException:
                self.down()
                raise
        return self

    def __exit__(self, *_):
        if self.is_own:
            self.down()

    def up(self):
        """Starts what of it does not run."""
        told = json.loads(tool("up", "--tier", self.tier, "--name", self.name, "--json", timeout=UP_SECONDS))
        self.kubeconfig, self.program = Path(told["kubeconfig"]), told["kubectl"]

    def down(self):
        tool("down", "--name", self.name)

    def log(self, part):
        """The log of a part, `kube-apiserver` say."""
        return (self.kubeconfig.parent / f"{part}.log").read_text(errors="replace")

    def kill(self, part):
        """Ends a part at once, as the kernel does when memory is short; `up` starts it again."""
        process = int((self.kubeconfig.parent / f"{part}.pid").read_text())
        os.kill(process, signal.SIGKILL)
        until(lambda: not is_alive(process), f"{part} has ended")

    def run(self, *arguments, input=None, timeout=60):  # noqa: A002
        """kubectl: exit code and output, whatever they are."""
        return subprocess.run(
            [self.program, "--kubeconfig", str(self.kubeconfig), *map(str, arguments)],
            input=input, capture_output=True, text=True, timeout=timeout,
        )

    def kubectl(self, *arguments, input=None, timeout=60):  # noqa: A002
        """What kubectl prints; fails with its words."""
        done = self.run(*arguments, input=input, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}\n{done.stderr}"
        return done.stdout

    def get(self, *arguments):
        """Objects as kubectl prints them with `-o json`."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def items(self, *arguments):
        """The objects of a list."""
        return self.get(*arguments)["items"]

    def exists(self, *arguments):
        return bool(self.kubectl("get", *arguments, "--ignore-not-found", "-o", "name").strip())

    def apply(self, manifest, *arguments):
        """Server-side apply of YAML or JSON text, of an object, or of a list of objects."""
        if isinstance(manifest, list):
            manifest = {"apiVersion": "v1", "kind": "List", "items": manifest}
        if isinstance(manifest, dict):
            manifest = json.dumps(manifest)
        command = ["apply", "--server-side", "--force-conflicts", *arguments, "-f", "-"]
        return self.kubectl(*command, input=manifest)

    def namespace(self, name):
        """Makes a namespace, if it is not there."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def apply_crd(self):
        """Applies what `hari crd` prints, and waits until its objects can be stored."""
        self.apply(hari("crd").stdout)

        def established():
            conditions = self.get(CRD).get("status", {}).get("conditions") or []
            return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

        until(established, "the CRD is established", 30)
        until(lambda: self.run("get", "sdep").returncode == 0, "the API server serves it", 30)

    def raw(self, path):
        """What the API server answers on a path."""
        return self.kubectl("get", "--raw", path)


class Cluster(ControlPlane):
    """A node too, with containers that run."""

    tier = "node"

    def load(self, *archives):
        """Brings the images of OCI archives onto the node."""
        return tool("load-image", "--name", self.name, *archives, timeout=300)

    def load_program(self, program, image):
        """Brings a program that links to nothing onto the node, as an image."""
        return tool("load-program", "--name", self.name, program, "--image", image, timeout=300)


def is_alive(process):
    """Whether any thread of it is left: the first may have ended before those that hold its ports."""
    try:
        states = [thread.read_text() for thread in Path(f"/proc/{process}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(state.rsplit(")", 1)[1].split()[0] not in "ZX" for state in states)
