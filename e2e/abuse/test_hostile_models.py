"""Hostile models and the real binary: refused with a line that says why, quickly and within memory;
nothing is executed, nothing is written."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pickles
import trees
from harness import Server, binary, environment, http, until

MIB = 1 << 20

# Beside the file, and what the binary takes for any file.
ROOM = 64 * MIB

# A refusal within this, on a machine that does something else at the same time.
SECONDS = 20

# As many at once as there are cores for them.
AT_ONCE = os.cpu_count() or 2


class Outcome:
    """How a command went, and the most memory that it held."""

    def __init__(self, code, output, memory, seconds):
        self.code, self.output, self.memory, self.seconds = code, output, memory, seconds


MEASURE = Path(__file__).with_name("measure.py")


def ended(command, folder):
    """Runs a command to its end; its memory is the kernel's own mark of that process."""
    log, report = folder / "output", folder / "report"
    command = [shutil.which(str(command[0])), *command[1:]]
    started = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(
            list(map(str, [sys.executable, "-I", "-S", MEASURE, report, *command])),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=environment({"HARI_CACHE_DIR": str(folder / "cache")}),
            start_new_session=True,
        )
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(
            f"{command} has not ended:\n{log.read_text(errors='replace')}"
        ) from None
    seconds = time.monotonic() - started
    code, memory = map(int, report.read_text().split())
    return Outcome(code, log.read_text(errors="replace"), memory, seconds)


def run(folder, name, file, *, command="run", before=()):
    """`hari run` (or `inspect`) of a file in a folder of its own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / name).write_bytes(file)
    line = [*before, binary(), command]
    if command == "run":
        for flag in ("--http", "--grpc", "--metrics"):
            line += [flag, "127.0.0.1:0"]
    outcome = ended([*line, place / name], place)
    appeared = {path.name for path in place.iterdir()} - {name, "output", "report", "cache", "trace"}
    assert not appeared, f"files appeared: {appeared}"
    trace = place / "trace"
    outcome.trace = trace.read_text(errors="replace") if trace.exists() else ""
    shutil.rmtree(place)
    return outcome


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """What the binary takes to refuse a file of nothing at all."""
    folder = tmp_path_factory.mktemp("idle")
    return max(run(folder, "model.pkl", b"K\x01.").memory for _ in range(3))


def refused(case, idle, folder):
    name, file_name, file = case
    try:
        outcome = run(folder, file_name, file)
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from None
    lines = [line for line in outcome.output.splitlines() if line.strip()]
    assert outcome.code == 1, f"{name}: exit code {outcome.code}\n{outcome.output}"
    assert "panicked" not in outcome.output, f"{name}\n{outcome.output}"
    reasons = [line for line in lines if "error" in line.lower()]
    assert reasons and len(reasons[0]) > 40, f"{name}: no reason is given\n{outcome.output}"
    check_memory(name, file, outcome, idle)


def check_memory(name, file, outcome, idle):
    room = idle + len(file) + ROOM
    assert outcome.memory <= room, f"{name}: {outcome.memory} bytes, {room} is the limit"


def each(cases, check):
    """All of them, a few at a time; says which failed."""
    failed = []

    def one(case):
        try:
            check(case)
        except AssertionError as error:
            failed.append(str(error)[:2000])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        count = sum(1 for _ in pool.map(one, cases))
    assert not failed, f"{len(failed)} of {count}:\n" + "\n\n".join(failed[:10])
    return count


@pytest.fixture
def canary(tmp_path):
    """A file that a gadget writes if it is run."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "a gadget was run"


def test_the_hostile_gadgets_are_real(tmp_path):
    """Python's own pickle runs each of them, in a process of its own."""
    canary = tmp_path / "canary"
    for module, name, arguments in pickles.live(canary):
        forms = pickles.forms(module, name, arguments)
        # Names of Python 2 are translated in old protocols alone.
        for form in ("global", "in-list") if module == "__builtin__" else ("global", "stack-global"):
            file = tmp_path / "model.pkl"
            file.write_bytes(forms[form])
            code = f"import pickle; pickle.load(open({str(file)!r}, 'rb'))"
            subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
            assert canary.exists(), f"{module}.{name} {form} does nothing under Python's pickle"
            canary.unlink()
    assert pickle.HIGHEST_PROTOCOL == 5, "a new protocol has opcodes to be tried"


def test_hostile_gadgets_are_refused(tmp_path, canary, idle):
    cases = pickles.gadgets(canary)
    assert each(cases, lambda case: refused(case, idle, tmp_path)) > 250


def test_hostile_opcodes_are_refused(tmp_path, idle):
    cases = (case for case in pickles.opcodes())
    assert each(cases, lambda case: refused(case, idle, tmp_path)) > 20


def test_hostile_bombs_are_refused(tmp_path, idle):
    assert each(pickles.bombs(), lambda case: refused(case, idle, tmp_path)) == 7


def test_hostile_skops_files_are_refused(tmp_path, canary, idle):
    assert each(pickles.skops(canary), lambda case: refused(case, idle, tmp_path)) > 200


def test_hostile_cuts_are_refused(tmp_path, idle):
    assert each(pickles.cut(), lambda case: refused(case, idle, tmp_path)) > 40


def test_hostile_boosters_are_refused(tmp_path, idle):
    assert each(trees.refused(), lambda case: refused(case, idle, tmp_path)) > 20


def test_hostile_bits_are_refused_or_read(tmp_path, idle):
    def either(case):
        name, file_name, file = case
        outcome = run(tmp_path, file_name, file, command="inspect")
        assert outcome.code in (0, 1), f"{name}: exit code {outcome.code}\n{outcome.output}"
        assert "panicked" not in outcome.output, f"{name}\n{outcome.output}"
        check_memory(name, file, outcome, idle)

    each([*pickles.flipped(), *trees.flipped(), *trees.claimed()], either)


# What a process does that executes, connects or writes; a thread of its own is fine.
EXECUTES = re.compile(r"\b(execve|execveat|fork|vfork|ptrace)\(")
STARTS = re.compile(r"\bclone3?\((?!.*CLONE_THREAD)")
CONNECTS = re.compile(r"\b(connect|sendto|sendmsg|bind|listen)\(|\bsocket\((?!AF_UNIX)")
CHANGES = re.compile(
    r"\b(unlink|unlinkat|rename|renameat|renameat2|mkdir|mkdirat|rmdir|link|linkat|symlink|symlinkat"
    r"|chmod|fchmod|fchmodat|chown|truncate|ftruncate|mknod|mknodat|creat|mount|setxattr)\("
)
WRITES = re.compile(r"\bopen(at|at2)?\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)")


def harm(trace):
    """Calls that read no model; the first is the start of the binary itself."""
    lines = trace.splitlines()
    assert lines and "execve(" in lines[0], "the trace begins with the start of the binary"
    kinds = (EXECUTES, STARTS, CONNECTS, CHANGES, WRITES)
    return [line for line in lines[1:] if any(kind.search(line) for kind in kinds)]


def strace(folder):
    calls = "trace=%process,%network,%file,ftruncate,fchmod,ptrace"
    return ["strace", "-f", "-qq", "-o", folder, "-e", calls]


def traced(folder, name, file):
    return run(folder, name, file, command="inspect", before=strace("trace"))


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (Debian: strace)")
def test_hostile_models_make_no_calls_that_harm(tmp_path, canary):
    # A model that does harm is seen: the same trace of Python, whose pickle runs it.
    module, name, arguments = pickles.live(tmp_path / "seen")[0]
    (tmp_path / "live.pkl").write_bytes(pickles.forms(module, name, arguments)["global"])
    code = "import pickle; pickle.load(open('live.pkl', 'rb'))"
    ended([*strace(tmp_path / "python"), sys.executable, "-c", code], tmp_path)
    assert harm((tmp_path / "python").read_text(errors="replace")), "strace sees what a gadget does"
    assert (tmp_path / "seen").exists()

    def check(case):
        name, file_name, file = case
        found = harm(traced(tmp_path, file_name, file).trace)
        assert not found, f"{name}: {found[:5]}"

    live = [case for case in pickles.gadgets(canary) if case[0].startswith("live ")]
    others = [*pickles.opcodes(), *pickles.cut()][::3]
    archives = [case for case in pickles.skops(canary) if "Node" not in case[0]]
    real = [(name, "model" + Path(name).suffix, file) for name, file in pickles.fixtures()]
    each([*live, *others, *archives, *real, *trees.refused()], check)


MANIFEST = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: good}
spec:
  predictors:
    - name: default
      graph: {name: booster, implementation: IMPLEMENTATION, modelUri: FOLDER}
"""


def test_a_good_model_serves_while_hostile_ones_are_refused(tmp_path, canary):
    """A new version that is hostile takes no traffic; the old one answers all the time."""
    good = tmp_path / "good"
    good.mkdir()
    shutil.copy(trees.XGBOOST, good / "model.json")
    manifest = tmp_path / "deployment.yaml"

    def deploy(implementation, folder):
        text = MANIFEST.replace("IMPLEMENTATION", implementation).replace("FOLDER", str(folder))
        fresh = tmp_path / "fresh.yaml"
        fresh.write_text(text)
        fresh.replace(manifest)

    deploy("XGBOOST_SERVER", good)
    live = [case for case in pickles.gadgets(canary) if case[0].startswith("live ")][::9]
    skops = [case for case in pickles.skops(canary)][::40]
    hostile = [*live, *list(pickles.opcodes())[::2], *skops]
    with Server(manifest, "--watch") as server:
        columns = http(server.url("/v2/models/booster")).json()["inputs"][0]["shape"][-1]
        body = {"data": {"ndarray": [[0.5] * columns]}}

        def answer():
            reply = http(server.url("/api/v1.0/predictions"), body)
            assert reply.status == 200, reply.body
            return reply.json()["data"]["ndarray"]

        expected = answer()
        memory = server.resident()
        for index, (name, file_name, file) in enumerate(hostile):
            folder = tmp_path / f"bad-{index}"
            folder.mkdir()
            (folder / file_name).write_bytes(file)
            seen = len(server.stderr())
            deploy("SKLEARN_SERVER", folder)
            until(
                lambda: re.search(r"\berror\b", server.stderr()[seen:], re.IGNORECASE),
                f"{name} is refused:\n{server.stderr()[seen:]}",
                SECONDS,
            )
            assert server.alive() and answer() == expected, name
        until(
            lambda: server.resident() < memory + ROOM,
            f"memory comes back to {memory >> 20} MiB and 64",
            10,
            0.1,
        )
        assert "panicked" not in server.stderr()
