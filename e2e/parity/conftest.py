"""The wrapper's processes and one Hari for all scenarios."""

import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "local")]

from harness import Server, until  # noqa: E402
from scenario import component, deployment, load, modes, nodes  # noqa: E402
from wrapper import CLASSES, Microservice  # noqa: E402


@pytest.fixture(scope="session")
def microservices(tmp_path_factory):
    """One process of the original's wrapper for each component that a scenario has."""
    used = {component(node) for scenario in load() for node in nodes(scenario["graph"])}
    folder = tmp_path_factory.mktemp("wrapper")
    running = {}
    try:
        for name in sorted(used):
            running[name] = Microservice(name, folder)
        for name, one in running.items():
            until(one.ready, f"the component {name}", 60)
        yield running
    finally:
        for one in running.values():
            one.stop()


@pytest.fixture(scope="session")
def hari(microservices, tmp_path_factory):
    """`hari run` of every scenario in every mode."""
    folder = tmp_path_factory.mktemp("deployments")
    documents = [
        deployment(scenario, mode, microservices, CLASSES)
        for scenario in load()
        for mode in modes(scenario)
    ]
    manifest = folder / "scenarios.yaml"
    manifest.write_text(yaml.safe_dump_all(documents))
    # The workers take the interpreter of the tests, which has numpy.
    with Server(manifest, env={"HARI_PYTHON": sys.executable}) as server:
        yield server
