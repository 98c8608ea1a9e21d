"""What most tests of the control plane start from."""

import pytest
from api import Api
from cluster import ControlPlane
from operator_process import NAMESPACE


@pytest.fixture(scope="module")
def plane():
    """A control plane of one file, with the CRD and the operator's namespace."""
    with ControlPlane() as plane:
        plane.apply_crd()
        plane.namespace(NAMESPACE)
        yield plane


@pytest.fixture(scope="module")
def api(plane):
    """Its API server over HTTP."""
    with Api(plane) as api:
        yield api
