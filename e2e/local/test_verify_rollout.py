"""`hari verify-rollout`: every request is accounted for; swaps and handovers lose none."""

import asyncio
import json
import shutil
import sys
import threading

import pytest

from harness import MANIFEST, MNIST, REQUESTS, Server, hari, until

SEVEN = REQUESTS / "v2-infer.json"
MODEL = ["--model", "mnist-model"]
RATE = 100
VERSIONS = [
    *["--expect-version", 'v1={"model_version": "1"}'],
    *["--expect-version", 'v2={"model_version": "2"}'],
]


def verify(url, *arguments, code=0, body=SEVEN):
    """The report, as JSON."""
    line = ["verify-rollout", "--url", url, "--json", body, "--json-output", "--rate", RATE]
    return json.loads(hari(*line, *MODEL, *arguments, code=code, timeout=120).stdout)


def served(server, folder):
    """A command that succeeds when version 2 is served."""
    script = folder / "served.py"
    url = server.url("/v2/models/mnist-model")
    script.write_text(
        "import json, sys, urllib.request\n"
        f"model = json.load(urllib.request.urlopen({url!r}))\n"
        "sys.exit(model['versions'] != ['2'])\n"
    )
    return f"{sys.executable} {script}"


@pytest.fixture
def watched(tmp_path):
    shutil.copytree(MNIST / "model", tmp_path / "model")
    shutil.copytree(MNIST / "model" / "1", tmp_path / "new")
    shutil.copy(MANIFEST, tmp_path / "mnist.yaml")
    with Server(tmp_path / "mnist.yaml", "--watch") as server:
        yield server, tmp_path


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_a_swap_passes_and_shows_which_version_answered_when(watched, transport):
    server, folder = watched
    report = verify(
        f"{transport}://{getattr(server, transport)}",
        *["--change", f"mv {folder}/new {folder}/model/2", "--until", served(server, folder)],
        *["--before", "1s", "--after", "2s", *VERSIONS],
    )
    assert report["passed"] and report["reasons"] == []
    phases = report["phases"]
    assert phases["before"]["versions"] == {"v1": phases["before"]["sent"], "v2": 0}
    assert phases["after"]["versions"] == {"v1": 0, "v2": phases["after"]["sent"]}
    assert sum(phases[name]["sent"] for name in phases if name != "all") == phases["all"]["sent"]
    assert phases["after"]["sent"] >= 2 * RATE - 2
    assert 0 < report["change"]["begun"] <= report["change"]["complete"]
    assert report["timeline"][0]["versions"] == ["v1"]
    assert report["timeline"][-1]["versions"] == ["v2"]


def test_a_change_that_is_not_made_is_found(watched):
    server, _ = watched
    line = ["--change", "true", "--before", "500ms", "--after", "500ms", *VERSIONS]
    report = verify(server.url(), *line, code=1)
    after = report["phases"]["after"]
    assert after["wrong"] == after["sent"] > 0
    assert {example["kind"] for example in report["examples"]} == {"OLD_VERSION"}
    line = ["--change", "echo no >&2; exit 7", "--before", "200ms"]
    assert "exit status: 7: no" in verify(server.url(), *line, code=1)["reasons"][0]


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_a_server_that_is_killed_is_reported_request_by_request(tmp_path, transport):
    server = Server(MANIFEST)
    try:
        url = f"{transport}://{getattr(server, transport)}"
        line = ["--change", f"kill -9 {server.pid}", "--before", "1s", "--after", "1s"]
        report = verify(url, *line, code=1)
        server.process.wait(10)
    finally:
        server.process.kill()
        server.process.wait()
        server.folder.cleanup()
    phases, everything = report["phases"], report["phases"]["all"]
    assert phases["before"]["ok"] >= RATE - 5
    assert phases["after"]["failed"] == {"CONNECTION_REFUSED": phases["after"]["sent"]}
    assert everything["ok"] + sum(everything["failed"].values()) == everything["sent"]
    assert set(everything["failed"]) <= {
        *["CONNECTION_REFUSED", "CONNECTION_RESET", "CONNECTION_CLOSED"],
        *["GRPC_UNAVAILABLE", "GRPC_UNKNOWN"],
    }


class Balancer:
    """A TCP proxy that gives each new connection to the server that it points to."""

    def __init__(self, target):
        self.target = target
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self.loop)
        self.address = "127.0.0.1:%d" % listening.result(10)

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        host, port = self.target.rsplit(":", 1)
        try:
            upstream = await asyncio.open_connection(host, int(port))
            await asyncio.gather(self._pump(reader, upstream[1]), self._pump(upstream[0], writer))
        except OSError:
            writer.transport.abort()

    async def _pump(self, reader, writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.mark.parametrize("transport", ["http", "grpc"])
@pytest.mark.parametrize("command", ["run", "serve", "engine"])
def test_a_server_that_is_told_to_stop_hands_over_without_loss(command, transport):
    """Two servers behind a balancer that hears of the end late, as the network of a cluster does."""
    given = {
        "run": [MANIFEST],
        "serve": ["--name", "mnist-model", "--model-uri", MNIST / "model"],
        "engine": ["--file", MANIFEST, "--node-ports=false"],
    }[command]
    line = [*given, "--shutdown-delay", "1500ms"]
    kind = {"command": command}
    with Server(*line, **kind) as old, Server(*line, **kind) as new:
        balancer = Balancer(getattr(old, transport))

        def hand_over():
            until(lambda: not old.ready(), "the old server is not ready", 30)
            balancer.target = getattr(new, transport)

        handing = threading.Thread(target=hand_over)
        handing.start()
        # The old process is gone when it is a zombie, or is no more.
        gone = f"! grep -qs '^State:.[RSD]' /proc/{old.pid}/status"
        report = verify(
            f"{transport}://{balancer.address}",
            *["--change", f"kill -TERM {old.pid}", "--until", gone],
            *["--before", "1s", "--after", "1s", "--new-connection-every", "7"],
        )
        handing.join(30)
        balancer.close()
        assert report["passed"], report["examples"]
        assert report["phases"]["during"]["sent"] > RATE
        assert old.process.wait(10) == 0
