"""Deployments that log their payloads."""

import json


def document(folder, graph, protocol="seldon", annotations=None):
    """A deployment `clerk` in the namespace `post`, whose predictor is `main`."""
    resource = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "clerk", "namespace": "post"},
        "spec": {
            "protocol": protocol,
            "annotations": annotations or {},
            "predictors": [{"name": "main", "graph": graph}],
        },
    }
    path = folder / "clerk.yaml"
    path.write_text(json.dumps(resource))
    return path


def simple(url=None, mode="all", name="m"):
    """A node that answers a constant, and is logged."""
    logger = {"mode": mode, **({"url": url} if url else {})}
    return {"name": name, "implementation": "SIMPLE_MODEL", "logger": logger}


def rows(*values):
    return {"data": {"ndarray": [list(values)]}}


def counter(server, name, **labels):
    """The sum of a metric of payload logging over the labels that are not named."""
    found = 0.0
    for line in server.scrape().splitlines():
        if line.startswith(f"hari_payload_log_{name}{{"):
            if all(f'{key}="{value}"' in line for key, value in labels.items()):
                found += float(line.rsplit(" ", 1)[1])
    return found
