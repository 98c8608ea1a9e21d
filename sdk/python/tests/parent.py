"""Hari's end of the connection, for tests: starts a real worker and speaks frames with it.

Messages are given and returned in the JSON of the Seldon protocol, as a caller of Hari would see
them.
"""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from hari import frame, jsons
from hari.frame import Connection
from hari.worker import Worker

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent
SECONDS = 60


class Refused(Exception):
    """An `error` frame."""

    def __init__(self, said):
        super().__init__(said)
        self.said = said
        self.status, self.reason, self.info = said["status"], said["reason"], said["info"]


class Asker:
    """Hari's end of a connection: calls in JSON, answers in JSON."""

    def __init__(self, stream):
        self.stream = stream
        self.stream.settimeout(SECONDS)
        self.connection = Connection(stream)
        self._calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def output(self):
        """What the worker printed."""
        return ""

    def read(self, kind):
        found = self.connection.read()
        assert found is not None, f"the worker hung up\n{self.output()}"
        if found.kind == frame.ERROR and kind != frame.ERROR:
            raise Refused(found.content)
        assert found.kind == kind, found
        return found

    def load(self, name, parameters=None, folder=TESTS):
        said = {
            "class": name,
            "parameters": parameters or {},
            "unit": "unit",
            "folder": str(folder),
        }
        self.connection.write(frame.LOAD, 1, jsons.dumps(said))
        return self.read(frame.LOADED).content

    def ping(self):
        self.connection.write(frame.PING, 7, b"{}")
        found = self.read(frame.PONG)
        assert found.call == 7
        return found.content

    def send(self, method, messages=(), feedback=None, transport="rest"):
        """Sends a call of JSON messages; returns its id."""
        body = Body()
        said = {
            "method": method,
            "puid": "p",
            "transport": transport,
            "headers": {"traceparent": "00-1-2-01"},
            "messages": [wire(message, body, transport) for message in messages],
        }
        if feedback is not None:
            parts = {k: wire(feedback[k], body, transport) for k in PARTS if k in feedback}
            said["feedback"] = {**parts, "reward": feedback.get("reward", 0.0)}
        return self.send_wire(said, body)

    def send_wire(self, said, body=None):
        self._calls += 1
        self.connection.write(
            frame.CALL, self._calls, jsons.dumps(said), body.chunks if body else None
        )
        return self._calls

    def receive(self):
        """The message that answers a call, as it lies in the frame, and its body."""
        found = self.read(frame.REPLY)
        assert found.call == self._calls
        return found.content["message"], found.body

    def call(self, method, *messages, **more):
        """Asks in JSON and answers in JSON."""
        self.send(method, messages, **more)
        return to_json(*self.receive())


class Parent(Asker):
    """One worker process with a component loaded, unless `load` is false."""

    def __init__(
        self, name, parameters=None, env=None, folder=TESTS, load=True, python=sys.executable
    ):
        self._folder = tempfile.TemporaryDirectory(prefix="hari-worker-")
        path = str(Path(self._folder.name) / "socket")
        self.token = secrets.token_hex(16)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(SECONDS)
            self._output = tempfile.TemporaryFile("w+")
            self.process = subprocess.Popen(
                [python, "-m", "hari.worker"],
                cwd=folder,
                env=self._environment(path, env or {}),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
            super().__init__(listener.accept()[0])
        self.hello = self.read(frame.HELLO).content
        if load:
            self.loaded = self.load(name, parameters, folder)

    def _environment(self, path, extra):
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREDICTIVE_", "MODEL_"))},
            "PYTHONPATH": str(PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HARI_WORKER_SOCKET": path,
            "HARI_WORKER_TOKEN": self.token,
            "PREDICTIVE_UNIT_ID": "unit",
            **extra,
        }

    def close(self):
        """Hangs up and waits for the worker to end."""
        self.stream.close()
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self._output.close()
            self._folder.cleanup()

    def output(self):
        """What the worker printed."""
        self._output.seek(0)
        return self._output.read()

    def stop(self):
        """Tells the worker to end; returns its exit code."""
        self.connection.write(frame.STOP, 0, b"")
        return self.process.wait(SECONDS)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)


class Threaded(Asker):
    """A worker in a thread of this process, for many components in little time."""

    def __init__(self, name, parameters=None):
        here, there = socket.socketpair()
        super().__init__(here)
        self._worker = Worker(Connection(there))
        self._thread = threading.Thread(target=self._worker.run, daemon=True)
        self._thread.start()
        self._there = there
        self.loaded = self.load(name, parameters)

    def close(self):
        self.stream.close()
        self._thread.join(SECONDS)
        self._there.close()


PARTS = ("request", "response", "truth")


class Body:
    """A body that is put together, at offsets of 64."""

    def __init__(self):
        self.chunks, self.size = [], 0

    def push(self, data):
        gap = -self.size % 64
        self.chunks += [bytes(gap), data]
        at = self.size + gap
        self.size = at + len(data)
        return {"offset": at, "length": len(data)}


NAMES = {
    "b1": "BOOL", "i8": "INT64", "f8": "FP64", "f4": "FP32", "f2": "FP16", "i4": "INT32",
    "i2": "INT16", "i1": "INT8", "u1": "UINT8", "u2": "UINT16", "u4": "UINT32", "u8": "UINT64",
}  # fmt: skip


def wire(message, body, transport="rest"):
    """A message in JSON as Hari puts it into a frame."""
    found = {"kind": "empty", "representation": "", "names": []}
    if message.get("meta"):
        found["meta"] = message["meta"]
    if "data" in message:
        found.update(kind="tensors", **_data(message["data"], body, transport))
    elif "strData" in message:
        found.update(kind="text", text=message["strData"])
    elif "binData" in message:
        found.update(kind="binary", **body.push(base64.b64decode(message["binData"])))
    elif "jsonData" in message:
        found.update(kind="json", json=message["jsonData"])
    return found


def _data(data, body, transport):
    found = {"names": data.get("names", [])}
    if "tensor" in data:
        array = np.array(data["tensor"]["values"]).reshape(data["tensor"]["shape"])
        found["representation"] = "tensor"
    else:
        array = np.array(data.get("ndarray", []))
        found["representation"] = "ndarray"
    if transport == "grpc" and array.dtype.kind == "i":
        array = array.astype(float)
    if not alike(data.get("ndarray", [])):
        found["ndarray"] = floats(data["ndarray"]) if transport == "grpc" else data["ndarray"]
        return found
    found["tensors"] = [tensor("", array, body)]
    return found


def alike(value):
    """Whether all elements are of one kind, so that they travel as a tensor."""
    kinds = set()

    def visit(one):
        if isinstance(one, list):
            for member in one:
                visit(member)
        else:
            kinds.add("n" if type(one) in (int, float) else type(one))

    visit(value)
    return len(kinds) <= 1 and type(None) not in kinds


def floats(value):
    """Nested lists whose numbers are floats, as protocol buffers have them."""
    if isinstance(value, list):
        return [floats(member) for member in value]
    return float(value) if type(value) is int else value


def tensor(name, array, body):
    """An array as a tensor of a frame."""
    shape = list(array.shape)
    if array.dtype.kind in "US":
        encoded = [e.encode() if isinstance(e, str) else bytes(e) for e in array.ravel().tolist()]
        data = b"".join(len(e).to_bytes(4, "little") + e for e in encoded)
        return {"name": name, "datatype": "BYTES", "shape": shape, **body.push(data)}
    datatype = NAMES[array.dtype.str[1:]]
    return {"name": name, "datatype": datatype, "shape": shape, **body.push(array.tobytes())}


DTYPES = {v: k for k, v in NAMES.items()}


def arrays(message, body):
    """The arrays of a reply by name, checked against what the tensors say of themselves."""
    found = {}
    for one in message["tensors"]:
        assert one["offset"] % 64 == 0
        part = body[one["offset"] : one["offset"] + one["length"]]
        assert len(part) == one["length"]
        if one["datatype"] == "BYTES":
            values, at = [], 0
            while at < len(part):
                length = int.from_bytes(part[at : at + 4], "little")
                values.append(bytes(part[at + 4 : at + 4 + length]))
                at += 4 + length
            found[one["name"]] = np.array(values, object).reshape(one["shape"])
        else:
            dtype = DTYPES[one["datatype"]]
            found[one["name"]] = np.frombuffer(part, dtype).reshape(one["shape"])
    return found


def to_json(message, body):
    """A reply as Hari writes it to a caller of the Seldon protocol."""
    meta = {k: v for k, v in message.get("meta", {}).items() if v}
    kind = message["kind"]
    if kind == "text":
        return {"meta": meta, "strData": message["text"]}
    if kind == "json":
        return {"meta": meta, "jsonData": message["json"]}
    if kind == "binary":
        part = body[message["offset"] : message["offset"] + message["length"]]
        return {"meta": meta, "binData": base64.b64encode(part).decode()}
    if kind == "empty":
        return {"meta": meta}
    form = message["representation"] or "tensor"
    data = {"names": message.get("names", [])}
    if message.get("ndarray") is not None:
        return {"meta": meta, "data": {**data, "ndarray": message["ndarray"]}}
    (array,) = arrays(message, body).values()
    if form == "tensor":
        data["tensor"] = {"shape": list(array.shape), "values": array.ravel().tolist()}
    else:
        data[form] = array.tolist()
    return json.loads(json.dumps({"meta": meta, "data": data}))
