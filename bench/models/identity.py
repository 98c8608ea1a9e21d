"""Writes identity.onnx: any table of 32-bit floats comes back as it went in.

    pip install onnx==1.19.1 && python identity.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

table = ["row", "column"]
graph = helper.make_graph(
    [helper.make_node("Identity", ["x"], ["y"])],
    "identity",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, table)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, table)],
)
model = helper.make_model(
    graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)], producer_name="identity.py"
)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, Path(__file__).with_name("identity.onnx"))
