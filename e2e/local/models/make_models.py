"""Writes the ONNX models of this folder, for what no exporter makes by itself.

    pip install numpy==2.4.6 onnx==1.23.2
    python make_models.py

`external/`: weights in a file beside the model. `outside/`: weights in a file outside of the model's
folder, `short/`: in a file that is too short. `unservable.onnx`: operators that nobody has, and one
that there is. `case.json` holds an input and what numpy makes of it.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(11)


def model(nodes, weights=(), outputs=("y",)):
    ports = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 6])]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "net", ports, made, weights)
    domains = sorted({node.domain for node in nodes} - {""})
    sets = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=sets, ir_version=9)


def elsewhere(array, name, location, offset):
    """A constant whose values are `offset` bytes into the file `location`."""
    tensor = numpy_helper.from_array(array, name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    where = {"location": location, "offset": str(offset), "length": str(array.nbytes)}
    for key, value in where.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def save(path, made):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(made.SerializeToString(deterministic=True))


def main():
    w = RANDOM.standard_normal((6, 3)).astype(np.float32)
    b = RANDOM.standard_normal(3).astype(np.float32)
    dense = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    places = {"external": "weights.data", "outside": "../external/weights.data", "short": "weights.data"}
    for folder, location in places.items():
        weights = [elsewhere(w, "w", location, 0), elsewhere(b, "b", location, w.nbytes)]
        save(HERE / folder / "model.onnx", model(dense, weights))
    (HERE / "external" / "weights.data").write_bytes(w.tobytes() + b.tobytes())
    (HERE / "short" / "weights.data").write_bytes(w.tobytes())
    x = np.round(RANDOM.standard_normal((2, 6)), 3).astype(np.float32)
    case = {"x": x.tolist(), "y": (x @ w + b).tolist()}
    (HERE / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    strange = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Fold", ["a"], ["b"], name="origami", domain="com.example"),
        helper.make_node("Crease", ["b"], ["c"], name="sharp", domain="com.example"),
        helper.make_node("Sparkle", ["c"], ["y"], name="glitter"),
    ]
    save(HERE / "unservable.onnx", model(strange))


if __name__ == "__main__":
    main()
