"""Fixtures: one server for the tests that only ask, and checks around it."""

import pytest

import harness


@pytest.fixture(scope="session")
def mnist():
    """`hari run examples/mnist/seldondeployment.yaml`, shared by all tests of a process."""
    with harness.Server(harness.MANIFEST) as server:
        yield server
        harness.predict_seven(server)


@pytest.fixture
def own():
    """Starts servers of one test alone; each is stopped and checked at its end."""
    servers = []

    def start(*arguments, **options):
        server = harness.Server(*arguments, **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
