"""READMEs of examples: their shell commands, run against the server and the binary under test."""

import json
import re
import shlex
import subprocess

from harness import binary, environment


def commands(readme):
    """The shell commands of a README: each block's lines, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", readme.read_text(), re.M | re.S)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip()


def here(line, server):
    """A command of a README against the server under test and the binary under test."""
    return (
        line.replace("cargo run --release --", shlex.quote(str(binary())))
        .replace("127.0.0.1:8000", server.http)
        .replace("127.0.0.1:5001", server.grpc)
    )


def shell(line, server=None, cwd=None):
    """Runs a command in a shell and returns what it printed; with a server, that one is asked."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here(line, server) if server else line],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(readme, server, count):
    """The replies to the `count` curl commands of a README, run in `requests` beside it."""
    lines = [line for line in commands(readme) if line.startswith("curl ")]
    assert len(lines) == count, lines
    return [json.loads(shell(line, server, readme.parent / "requests")) for line in lines]
