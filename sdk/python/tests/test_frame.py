"""Frames: what is written is what is read, however the stream cuts it; what is none is refused."""

import random
import socket
import struct
import threading

import numpy as np
import pytest

from hari import frame
from hari.frame import Connection, ProtocolError


def pair():
    left, right = socket.socketpair()
    left.settimeout(30)
    right.settimeout(30)
    return Connection(left), Connection(right)


def written(*arguments):
    """The bytes of a frame."""
    left, right = pair()
    left.write(*arguments)
    left.socket.close()
    parts = []
    while True:
        part = right.socket.recv(1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def random_frame(rng):
    text = ('{"x": "' + "é" * rng.choice([0, 1, 100, 70_000]) + '"}').encode()
    sizes = [rng.choice([0, 1, 63, 64, 1000, 20_000, 200_000]) for _ in range(rng.randrange(4))]
    return rng.randrange(1, 10), rng.randrange(1 << 32), text, [rng.randbytes(n) for n in sizes]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read(seed):
    rng = random.Random(seed)
    frames = [random_frame(rng) for _ in range(6)]
    left, right = pair()
    writer = threading.Thread(target=lambda: [left.write(*one) for one in frames])
    writer.start()
    for kind, call, text, chunks in frames:
        found = right.read()
        assert (found.kind, found.call) == (kind, call)
        assert len(found.content["x"].encode()) == len(text) - 9
        assert bytes(found.body) == b"".join(chunks)
    writer.join()
    left.socket.close()
    assert right.read() is None


@pytest.mark.parametrize("seed", range(10))
def test_frames_may_come_in_pieces(seed):
    rng = random.Random(seed)
    kind, call, text, _ = random_frame(rng)
    data = header(kind=kind, call=call, text=len(text), body=5) + text + b"12345"
    data += header(kind=frame.PING, text=2) + b"{}"
    left, right = pair()

    def trickle():
        at = 0
        while at < len(data):
            step = rng.choice([1, 2, 7, 24, 5000, 66_000])
            left.socket.sendall(data[at : at + step])
            at += step
        left.socket.close()

    writer = threading.Thread(target=trickle)
    writer.start()
    first, second = right.read(), right.read()
    writer.join()
    assert (first.kind, first.call, bytes(first.body)) == (kind, call, b"12345")
    assert (second.kind, second.content, len(second.body)) == (frame.PING, {}, 0)
    assert right.read() is None


def header(magic=b"HARI", version=1, kind=4, zero=0, call=1, text=0, body=0):
    return struct.pack("<4sBBHIIQ", magic, version, kind, zero, call, text, body)


def test_the_header_is_as_the_book_says():
    data = written(frame.REPLY, 258, b"{}", [b"abc"])
    assert data[:24] == b"HARI\x01\x05\x00\x00\x02\x01\x00\x00\x02\x00\x00\x00\x03" + bytes(7)
    assert data[24:] == b"{}abc"


@pytest.mark.parametrize(
    "wrong", [{"magic": b"HTTP"}, {"version": 2}, {"zero": 1}, {"text": (64 << 20) + 1}]
)
def test_what_is_no_frame_is_refused(wrong):
    left, right = pair()
    left.socket.sendall(header(**wrong))
    with pytest.raises(ProtocolError):
        right.read()


@pytest.mark.parametrize("cut", [1, 23, 24, 25, 30])
def test_a_stream_that_ends_within_a_frame_is_at_its_end(cut):
    data = header(text=2, body=100_000) + b"{}" + b"body"
    left, right = pair()
    left.socket.sendall(data[:cut])
    left.socket.close()
    assert right.read() is None


def exchange(left, right, data):
    writer = threading.Thread(target=left.write, args=(frame.CALL, 1, b"{}", [data]))
    writer.start()
    found = right.read()
    writer.join()
    return found


@pytest.mark.parametrize("size", [10, 1000, 300_000])
def test_a_body_that_is_looked_at_is_not_written_over(size):
    left, right = pair()
    kept = [
        np.frombuffer(exchange(left, right, bytes([n]) * size).body, np.uint8) for n in range(5)
    ]
    for n, array in enumerate(kept):
        assert (array == n).all()
        assert array.flags.writeable


def test_a_large_body_that_nobody_looks_at_is_used_again():
    left, right = pair()
    places = set()
    for n in range(5):
        found = exchange(left, right, bytes([n]) * 300_000)
        array = np.frombuffer(found.body, np.uint8)
        assert (array == n).all()
        places.add(array.ctypes.data)
        del found, array
    assert len(places) == 1


def test_the_rest_of_a_large_write_follows():
    left, right = pair()
    chunks = [np.random.default_rng(n).bytes(1_500_000) for n in range(3)]
    writer = threading.Thread(target=left.write, args=(frame.REPLY, 9, b"{}", chunks))
    writer.start()
    assert bytes(right.read().body) == b"".join(chunks)
    writer.join()


def test_more_parts_than_one_call_of_the_system_takes():
    left, right = pair()
    chunks = [bytes([n % 256]) * 40 for n in range(3000)]
    writer = threading.Thread(target=left.write, args=(frame.REPLY, 9, b"{}", chunks))
    writer.start()
    assert bytes(right.read().body) == b"".join(chunks)
    writer.join()
