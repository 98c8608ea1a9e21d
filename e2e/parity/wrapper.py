"""The original's Python wrapper, one process for each component that the scenarios name."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parent / "components"

# Component to class. A node of a graph is one of these, whatever its name is there.
CLASSES = {
    "double": "units.Double",
    "shift": "units.Shift",
    "choose": "units.Choose",
    "first": "units.First",
    "mean": "units.Mean",
    "echo": "units.Echo",
    "constant": "units.Constant",
    "learner": "units.Learner",
    "faulty": "units.Faulty",
    "custom": "custom.Custom",
}


def free_ports(count):
    """Ports of 127.0.0.1 that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Microservice:
    """One component behind the original's wrapper, on REST and gRPC."""

    def __init__(self, component, folder):
        self.component = component
        self.http, self.grpc, metrics = free_ports(3)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{COMPONENTS}:{COMPONENTS / 'without'}",
            "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(self.http),
            "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(self.grpc),
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(metrics),
            "PREDICTIVE_UNIT_ID": component,
            "PREDICTIVE_UNIT_IMAGE": f"parity/{component}:1",
            "OMP_NUM_THREADS": "1",
        }
        self._log = Path(folder) / f"{component}.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "seldon_core.microservice", CLASSES[component]],
                cwd=COMPONENTS,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self):
        """Whether both ports take connections."""
        assert self.process.poll() is None, self.log()
        return all(listens(port) for port in (self.http, self.grpc))

    def log(self):
        return self._log.read_text(errors="replace")

    def stop(self):
        """Ends the process and the workers that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
