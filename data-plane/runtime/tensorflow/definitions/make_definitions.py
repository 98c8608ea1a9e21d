"""Writes `definitions.binpb`: what TensorFlow's operators give and which attributes have defaults.

Usage: `python make_definitions.py`, in the environment of `tests/fixtures/requirements.txt`.
The file is an `OpList` with, for each operator, its name, the names and counts of its outputs, and
the attributes that a graph may leave out.
"""

import pathlib

from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

HERE = pathlib.Path(__file__).resolve().parent


def all_operators():
    """Every operator that is built into TensorFlow and not of its own making."""
    operators = op_def_pb2.OpList()
    operators.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return [operator for operator in operators.op if not operator.name.startswith("_")]


def stripped(operator):
    """The parts of a definition by which a graph is read."""
    kept = op_def_pb2.OpDef(name=operator.name)
    for output in operator.output_arg:
        kept.output_arg.add(
            name=output.name, number_attr=output.number_attr, type_list_attr=output.type_list_attr
        )
    for attr in operator.attr:
        if attr.HasField("default_value") and not attr.name.startswith("_"):
            kept.attr.add(name=attr.name).default_value.CopyFrom(attr.default_value)
    return kept


def main():
    operators = sorted(all_operators(), key=lambda operator: operator.name)
    kept = op_def_pb2.OpList(op=[stripped(operator) for operator in operators])
    path = HERE / "definitions.binpb"
    path.write_bytes(kept.SerializeToString(deterministic=True))
    print(f"{len(kept.op)} operators, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
