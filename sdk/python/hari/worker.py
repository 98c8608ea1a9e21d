"""The worker process of a component: `python -m hari.worker`, started by Hari.

It connects to the socket that Hari made for it, loads the component, and answers calls one at a
time until it is told to stop or Hari is gone.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import platform
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from hari import frame, jsons, request
from hari.arrays import np
from hari.component import add_folder, construct, load_class
from hari.errors import as_frame
from hari.frame import Connection, Frame
from hari.handler import ErrorHandler
from hari.methods import Unit

log = logging.getLogger("hari")

PROTOCOL = 1
# How long a worker whose parent is gone may take to notice by itself.
GRACE_SECONDS = 1.0

REPLY_HEAD = b'{"message":'
REPLY_TAIL = b"}"


class Worker:
    """One component at one end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.unit: Unit | None = None
        self.errors: ErrorHandler | None = None
        self._busy = False
        self._stopping = False

    def run(self) -> int:
        """Answers frames until the end; returns the exit code."""
        while not self._stopping:
            found = self.connection.read()
            if found is None or found.kind == frame.STOP:
                return 0
            self._busy = True
            if not self._answer(found):
                return 1
            # Nothing of this call may keep its body from being used again.
            del found
            self._busy = False
        return 0

    def terminate(self, *_signal: Any) -> None:
        """Ends the worker: now if it is idle, else after the call under way."""
        if not self._busy:
            sys.exit(0)
        self._stopping = True

    def _answer(self, found: Frame) -> bool:
        """Answers one frame; false if the worker cannot go on."""
        if found.kind == frame.CALL:
            self._call(found)
        elif found.kind == frame.PING:
            self._ping(found)
        elif found.kind == frame.LOAD:
            return self._load(found)
        else:
            raise frame.ProtocolError(f"a worker is not sent frames of kind {found.kind}")
        return True

    def _call(self, found: Frame) -> None:
        try:
            if self.unit is None:
                raise RuntimeError("a call came before the component was loaded")
            request.begin(found.content)
            outgoing = self.unit.answer(found.content, found.body)
            text = REPLY_HEAD + jsons.dumps(outgoing.message) + REPLY_TAIL
        except Exception as error:
            self._fail(found.call, error)
        else:
            self.connection.write(frame.REPLY, found.call, text, outgoing.chunks)
        finally:
            request.end()

    def _fail(self, call: int, error: Exception) -> None:
        answered = self.errors.answer(error) if self.errors is not None else error
        described = as_frame(answered)
        if answered is error and described["kind"] == "model":
            _print(error)
        self.connection.write(frame.ERROR, call, jsons.dumps(described))

    def _ping(self, found: Frame) -> None:
        problem = self.unit.health() if self.unit is not None else None
        pong: dict[str, Any] = {"healthy": problem is None}
        if problem is not None:
            pong["info"] = problem
        self.connection.write(frame.PONG, found.call, jsons.dumps(pong))

    def _load(self, found: Frame) -> bool:
        try:
            loaded = jsons.dumps(self._component(found.content))
        except Exception as error:
            self._fail(found.call, error)
            return False
        self.connection.write(frame.LOADED, found.call, loaded)
        # What is there now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        return True

    def _component(self, said: dict[str, Any]) -> dict[str, Any]:
        add_folder(said.get("folder") or "")
        component = construct(load_class(said["class"]), said.get("parameters") or {})
        name = os.environ.get("PREDICTIVE_UNIT_ID") or said.get("unit") or "0"
        self.unit = Unit(component, name)
        load = self.unit.methods.find("load")
        if load is not None:
            load()
        self.errors = ErrorHandler(component)
        _start_service(self.unit)
        return {
            "methods": self.unit.methods.answered(),
            "metadata": self.unit.metadata or {},
            "numpy": np.__version__ if np is not None else None,
        }


PACKAGE = str(Path(__file__).parent)


def _print(error: Exception) -> None:
    """Prints an error with its stack from the component's first line on."""
    outer = error.__traceback__
    while outer is not None and outer.tb_frame.f_code.co_filename.startswith(PACKAGE):
        outer = outer.tb_next
    traceback.print_exception(type(error), error, outer or error.__traceback__)


def _start_service(unit: Unit) -> None:
    """Runs `custom_service()` in a thread beside the calls, in the first worker of a node."""
    service = unit.methods.find("custom_service")
    if service is None or os.environ.get("HARI_WORKER_INDEX", "0") != "0":
        return
    threading.Thread(target=_serve, args=(service,), name="custom_service", daemon=True).start()


def _serve(service: Any) -> None:
    try:
        service()
    except Exception:
        log.exception("custom_service failed; calls go on")


def _watch_parent(stream: socket.socket) -> None:
    """Ends the process when Hari is gone, also in the middle of a call."""
    poll = select.poll()
    poll.register(stream, getattr(select, "POLLRDHUP", 0))
    poll.poll()
    time.sleep(GRACE_SECONDS)
    os._exit(0)


def _prepare_process() -> None:
    faulthandler.enable()
    # Tells where a worker is that seems to do nothing.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    level = os.environ.get("SELDON_LOG_LEVEL", "INFO").upper()
    known = level if isinstance(logging.getLevelName(level), int) else "INFO"
    logging.basicConfig(level=known, format="%(levelname)s %(name)s: %(message)s")
    # Modules that stand in for the original's package, where it is not installed.
    sys.path.append(str(Path(__file__).with_name("compat")))
    # Ctrl-C goes to all of a terminal's processes: Hari decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _connect() -> Connection:
    try:
        path, token = os.environ["HARI_WORKER_SOCKET"], os.environ.pop("HARI_WORKER_TOKEN")
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set: a worker is started by Hari")
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(path)
    connection = Connection(stream)
    hello = {
        "token": token,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "protocol": PROTOCOL,
    }
    connection.write(frame.HELLO, 0, jsons.dumps(hello))
    return connection


def main() -> int:
    """Runs a worker to its end."""
    _prepare_process()
    connection = _connect()
    worker = Worker(connection)
    signal.signal(signal.SIGTERM, worker.terminate)
    threading.Thread(target=_watch_parent, args=(connection.socket,), daemon=True).start()
    try:
        return worker.run()
    except (BrokenPipeError, ConnectionResetError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
