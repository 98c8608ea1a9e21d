"""Frames between Hari and a worker: header, JSON and body over one stream socket.

The layout is told in `docs/src/internals/worker-protocol.md`.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from typing import Any, NamedTuple, Union

from hari.arrays import np

MAGIC = b"HARI"
VERSION = 1
HEADER = struct.Struct("<4sBBHIIQ")

HELLO, LOAD, LOADED, CALL, REPLY, ERROR, PING, PONG, STOP = range(1, 10)

MAX_JSON = 64 << 20
# Offsets into a body are multiples of this.
ALIGNMENT = 64
# Frames up to this size are read with one call of the system, most of the time.
SCRATCH = 64 << 10
# Bodies up to this size are joined with what precedes them: one copy is cheaper than one more part.
JOINED = 16 << 10

Chunk = Union[bytes, bytearray, memoryview]


class Frame(NamedTuple):
    """One frame; `content` is the JSON, `body` what it points into."""

    kind: int
    call: int
    content: dict[str, Any]
    body: memoryview


class ProtocolError(Exception):
    """What came is no frame of this protocol; the connection is of no use any more."""


_decode = json.JSONDecoder().decode


class Connection:
    """One end of the stream. A body's bytes are written over only when nobody looks at them."""

    def __init__(self, stream: socket.socket) -> None:
        self.socket = stream
        self._scratch = bytearray(SCRATCH)
        self._view = memoryview(self._scratch)
        self._start = self._end = 0
        self._large: Any = None

    def read(self) -> Frame | None:
        """The next frame; none once the other end is gone."""
        while self._end - self._start < HEADER.size:
            if not self._fill():
                return None
        magic, version, kind, zero, call, text_length, body_length = HEADER.unpack_from(
            self._scratch, self._start
        )
        if magic != MAGIC or version != VERSION or zero:
            raise ProtocolError(f"expected a frame of version {VERSION}, found {magic!r} {version}")
        if text_length > MAX_JSON:
            raise ProtocolError(f"{text_length} bytes of JSON, at most {MAX_JSON} are taken")
        self._start += HEADER.size
        text, there = self._take(text_length)
        if not there:
            return None
        body, there = self._body(body_length)
        if not there:
            return None
        return Frame(kind, call, _decode(text.decode()) if text_length else {}, body)

    def write(self, kind: int, call: int, text: bytes, chunks: list[Chunk] | None = None) -> None:
        """Sends a frame; large chunks go out from where they lie."""
        size = sum(map(len, chunks)) if chunks else 0
        head = HEADER.pack(MAGIC, VERSION, kind, 0, call, len(text), size)
        if not chunks:
            self.socket.sendall(head + text)
        elif size <= JOINED:
            self.socket.sendall(b"".join((head, text, *chunks)))
        else:
            self._send([memoryview(head + text), *(memoryview(chunk) for chunk in chunks)])

    def _send(self, parts: list[memoryview]) -> None:
        at = 0
        while at < len(parts):
            sent = self.socket.sendmsg(parts[at : at + 512])
            while at < len(parts) and sent >= len(parts[at]):
                sent -= len(parts[at])
                at += 1
            if sent:
                parts[at] = parts[at][sent:]

    def _fill(self) -> bool:
        """Reads what there is behind what was read; false at the end of the stream."""
        if self._start:
            left = bytes(self._view[self._start : self._end])
            self._view[: len(left)] = left
            self._start, self._end = 0, len(left)
        count = self.socket.recv_into(self._view[self._end :])
        self._end += count
        return count > 0

    def _take(self, length: int) -> tuple[Chunk, bool]:
        """The next `length` bytes, copied; and whether they all came."""
        start, end = self._start, self._start + length
        if end <= self._end:
            self._start = end
            return self._scratch[start:end], True
        taken = bytearray(length)
        return taken, self._into(memoryview(taken))

    def _body(self, length: int) -> tuple[memoryview, bool]:
        """The next `length` bytes where they may be written to by those who look at them."""
        if np is None or length <= SCRATCH:
            taken, there = self._take(length)
            return memoryview(taken), there
        view = memoryview(self._room(length))[:length]
        return view, self._into(view)

    def _room(self, length: int) -> Any:
        """An array of at least `length` bytes, the last one if nothing refers to it any more."""
        mine = 2  # `self._large` and the argument of getrefcount
        if (
            self._large is None
            or not length <= len(self._large) <= 4 * length
            or sys.getrefcount(self._large) > mine
        ):
            self._large = np.empty(length, np.uint8)
        return self._large

    def _into(self, view: memoryview) -> bool:
        """Fills `view` with what was read already, then from the socket."""
        ready = min(self._end - self._start, len(view))
        view[:ready] = self._view[self._start : self._start + ready]
        self._start += ready
        while ready < len(view):
            count = self.socket.recv_into(view[ready:])
            if not count:
                return False
            ready += count
        return True
