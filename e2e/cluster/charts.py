"""Helm, and what it makes of the charts."""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
OPERATOR = CHARTS / "seldon-core-operator"
HELM = os.environ.get("HARI_E2E_HELM") or shutil.which("helm") or "helm"
# What Helm takes the cluster for where there is none.
KUBERNETES = "1.34.0"


def helm(*arguments, check=True):
    """Runs Helm; what it did, with its output as text."""
    done = subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if check and done.returncode:
        raise AssertionError(f"helm {' '.join(map(str, arguments))}\n{done.stderr}")
    return done


def template(chart, *options, release="seldon-core", namespace="seldon-system", check=True):
    """`helm template` of a chart."""
    return helm(
        "template", release, chart, "--namespace", namespace, "--kube-version", KUBERNETES,
        *options, check=check,
    )


def settings(values):
    """Options of Helm for values, `name=value` each."""
    return [word for value in values for word in ("--set", value)]


class Objects:
    """The objects of a rendered chart."""

    def __init__(self, text):
        self.all = [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]

    def of(self, kind):
        """Those of a kind, by name."""
        return {one["metadata"]["name"]: one for one in self.all if one["kind"] == kind}

    def one(self, kind):
        """The only one of a kind."""
        (found,) = self.of(kind).values()
        return found

    def kinds(self):
        """Kind and name of each, sorted."""
        return sorted((one["kind"], one["metadata"]["name"]) for one in self.all)


def operator(*values, crd=False, **more):
    """The objects of the operator's chart with these values."""
    chosen = [*values, *([] if crd else ["crd.create=false"])]
    return Objects(template(OPERATOR, *settings(chosen), **more).stdout)
