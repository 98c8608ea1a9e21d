"""The real `hari` binary as a child process: started, asked, watched and stopped. Builds nothing."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MNIST = ROOT / "examples" / "mnist"
MANIFEST = MNIST / "seldondeployment.yaml"
REQUESTS = MNIST / "requests"

# Predictions agree with TensorFlow's own to this much, absolute.
TOLERANCE = 1e-5

START_SECONDS = 30
STOP_SECONDS = 20


def binary():
    """The binary under test: HARI_BIN, else the newest that cargo built here."""
    named = os.environ.get("HARI_BIN")
    if named:
        return Path(named)
    built = [ROOT / "target" / profile / "hari" for profile in ("debug", "release")]
    built = [path for path in built if path.exists()]
    assert built, "no hari binary: run `cargo build -p hari`, or set HARI_BIN"
    return max(built, key=lambda path: path.stat().st_mtime)


def until(condition, what, seconds=10.0, pause=0.02):
    """Polls `condition` until it is true, and returns what it gave; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(pause)


def environment(extra=None):
    """The environment of the caller without settings of Hari or of OpenTelemetry."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HARI_", "OTEL_", "SELDON_", "PREDICTIVE_", "CORS_"))
    }
    return {**kept, **(extra or {})}


def hari(*arguments, code=0, env=None, cwd=None, timeout=60):
    """Runs a command of the binary to its end; its exit code is checked."""
    done = subprocess.run(
        [str(binary()), *map(str, arguments)],
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert "panicked" not in done.stderr, done.stderr
    assert done.returncode == code, (
        f"exit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}"
    )
    return done


class Reply:
    """Status, headers and body of an HTTP reply."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def http(url, body=None, headers=None, method=None, timeout=30):
    """One HTTP request with the standard library; errors are replies like any other."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return Reply(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


class Server:
    """`hari run` or `hari serve` on free ports of 127.0.0.1."""

    def __init__(self, *arguments, command="run", env=None, ready=True):
        self.folder = tempfile.TemporaryDirectory(prefix="hari-e2e-")
        folder = Path(self.folder.name)
        self._ports = folder / "ports.json"
        self._out, self._err = folder / "stdout", folder / "stderr"
        if command == "run":
            bind = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        else:
            bind = ["--host", "127.0.0.1"]
            bind += ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
        line = [binary(), command, *bind, "--ports-file", self._ports, *arguments]
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.process = subprocess.Popen(
                list(map(str, line)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment({"HARI_CACHE_DIR": str(folder / "cache"), **(env or {})}),
            )
        self.pid = self.process.pid
        try:
            self._wait(ready)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _wait(self, ready):
        until(self._has_ports, "the ports file", START_SECONDS)
        ports = json.loads(self._ports.read_text())
        self.http, self.grpc, self.metrics = ports["http"], ports["grpc"], ports["metrics"]
        if ready:
            until(self.ready, "/ready answers 200", START_SECONDS)

    def _has_ports(self):
        code = self.process.poll()
        assert code is None, f"hari ended with {code}\n{self.stdout()}\n{self.stderr()}"
        return self._ports.exists()

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        self.stop()

    def stdout(self):
        return self._out.read_text(errors="replace")

    def stderr(self):
        return self._err.read_text(errors="replace")

    def url(self, path=""):
        return f"http://{self.http}{path}"

    def ready(self):
        try:
            return http(f"http://{self.metrics}/ready", timeout=5).status == 200
        except OSError:
            return False

    def alive(self):
        return self.process.poll() is None

    def status(self, field):
        """A number of /proc/PID/status; sizes in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * (1024 if line.endswith("kB") else 1)
        raise KeyError(field)

    def resident(self):
        return self.status("VmRSS")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def scrape(self):
        return http(f"http://{self.metrics}/metrics").body.decode()

    def terminate(self):
        """Asks the process to stop, and returns its exit code."""
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def stop(self):
        """Stops it, and checks that it stopped in peace."""
        code = self.terminate()
        errors = self.stderr()
        self.folder.cleanup()
        assert code == 0, f"hari ended with {code}\n{errors}"
        assert "panicked" not in errors, errors


def pixels(digit):
    """A digit as the model takes it: float32 `[1, 28, 28, 1]`, 0 black to 1 white."""
    image = np.asarray(Image.open(MNIST / "digits" / f"{digit}.png").convert("L"))
    return (image / 255).astype(np.float32)[None, ..., None]


def ten_digits():
    """All ten digits: float32 `[10, 28, 28, 1]`."""
    return np.concatenate([pixels(digit) for digit in range(10)])


def expected(digit=None):
    """TensorFlow's own probabilities: `[1, 10]` for a digit, `[10, 10]` for all."""
    answers = json.loads((REQUESTS / "expected.json").read_text())
    digits = range(10) if digit is None else [digit]
    return np.array([answers[str(digit)] for digit in digits])


def close(found, wanted, tolerance=TOLERANCE):
    """Checks shape and values, the values to `tolerance` absolute."""
    found = np.asarray(found, dtype=np.float64)
    assert found.shape == wanted.shape, f"shape {found.shape}, expected {wanted.shape}"
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


def probabilities(reply):
    """The rows of a reply, whatever protocol it speaks."""
    if "data" in reply:
        data = reply["data"]
        if "tensor" in data:
            return np.reshape(data["tensor"]["values"], data["tensor"]["shape"])
        return data["ndarray"]
    if "predictions" in reply:
        return reply["predictions"]
    outputs = reply["outputs"]
    if isinstance(outputs[0], dict):
        return np.reshape(outputs[0]["data"], outputs[0]["shape"])
    return outputs


def predict_seven(server):
    """A good request over REST; fails unless the answer is right."""
    reply = http(
        server.url("/api/v1.0/predictions"),
        {"data": {"ndarray": pixels(7).tolist()}},
    )
    assert reply.status == 200, reply.body
    close(reply.json()["data"]["ndarray"], expected(7))


def certificate(folder, name):
    """A certificate for 127.0.0.1 that signs itself; its key beside it."""
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    kind += ["-addext", "basicConstraints=critical,CA:FALSE"]
    # Key first, each replaced whole.
    files = ["-keyout", f"{folder}/new.key", "-out", f"{folder}/new.crt"]
    subprocess.run(["openssl", "req", "-x509", *kind, *subject, *files], check=True, timeout=60)
    os.replace(f"{folder}/new.key", f"{folder}/chosen.key")
    os.replace(f"{folder}/new.crt", f"{folder}/chosen.crt")
