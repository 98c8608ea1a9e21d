"""Writes the node tests of the ONNX package as files, for the program beside this script.

    python write_cases.py FOLDER

The package makes its node tests in memory. Each becomes a folder with `model.onnx` and
`input_0.pb`, `output_0.pb` and so on, one message for each value of the graph; `case.json` holds
the tolerances. A finished folder holds the package's version in `version` and is not written again.
"""

import json
import pathlib
import shutil
import sys
import warnings

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_node_model_tests


def message(value, kind, name):
    """A value of the graph as the message for its type; None is a value that is absent."""
    if kind.HasField("optional_type"):
        return numpy_helper.from_optional(value, name)
    if kind.HasField("map_type"):
        return numpy_helper.from_dict(value, name)
    if kind.HasField("sequence_type"):
        return numpy_helper.from_list(value, name)
    if isinstance(value, onnx.TensorProto):
        return value
    return numpy_helper.from_array(numpy.asarray(value), name)


def write(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    about = {"rtol": case.rtol, "atol": case.atol}
    (folder / "case.json").write_text(json.dumps(about))
    inputs, outputs = case.data_sets[0]
    graph = case.model.graph
    for role, values, ports in (("input", inputs, graph.input), ("output", outputs, graph.output)):
        for at, (value, port) in enumerate(zip(values, ports, strict=True)):
            made = message(value, port.type, port.name)
            (folder / f"{role}_{at}.pb").write_bytes(made.SerializeToString())


def main(target):
    done = target / "version"
    if done.exists() and done.read_text() == onnx.__version__:
        return
    shutil.rmtree(target, ignore_errors=True)
    warnings.simplefilter("ignore")  # the reference divides by zero on purpose
    for case in load_node_model_tests():
        write(case, target / case.name)
    done.write_text(onnx.__version__)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
