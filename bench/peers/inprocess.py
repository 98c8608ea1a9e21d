"""A model called in process: the time that a user of Python would compare with.

    python inprocess.py onnxruntime FILE CASE SECONDS
    python inprocess.py tensorflow FOLDER CASE SECONDS

Prints microseconds per run as a line of JSON, and writes the answer beside the case, so that what
servers answer can be held against it. Threads are as many as the process has cores.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

DTYPES = {"FP32": "<f4", "INT64": "<i8"}
WARMUP_SECONDS = 1.0


def tensors(case):
    """The inputs of a case by name, and its output's name."""
    request = json.loads(case.read_text())
    inputs = {}
    for tensor in request["inputs"]:
        values = np.fromfile(case.parent / tensor["file"], dtype=DTYPES[tensor["datatype"]])
        inputs[tensor["name"]] = values.reshape(tensor["shape"])
    return inputs, request["outputs"][0]["name"]


def onnxruntime(model, inputs, output):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run([output], inputs)[0]


def tensorflow(model, inputs, output):
    import tensorflow

    # Kept alive by the closure: a signature alone lets its variables go.
    saved = tensorflow.saved_model.load(model)
    signature = saved.signatures["serving_default"]

    def run():
        given = {name: tensorflow.constant(values) for name, values in inputs.items()}
        return saved and signature(**given)[output].numpy()

    return run


def timed(run, seconds):
    """Microseconds of each run."""
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return times


def main():
    engine, model, case, seconds = sys.argv[1:]
    case = Path(case)
    inputs, output = tensors(case)
    make = {"onnxruntime": onnxruntime, "tensorflow": tensorflow}[engine]
    begin = time.perf_counter()
    run = make(model, inputs, output)
    load = (time.perf_counter() - begin) * 1e6
    case.with_suffix(".expected").write_bytes(run().astype("<f4").tobytes())
    timed(run, WARMUP_SECONDS)
    times = timed(run, float(seconds))
    p50, p99 = np.percentile(times, [50, 99])
    print(json.dumps({"runs": len(times), "p50": p50, "p99": p99, "load": load}))


if __name__ == "__main__":
    main()
