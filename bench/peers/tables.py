"""Tables computed in process, as a user of a library would compare.

    python tables.py PEER MODEL CASE SECONDS [ANSWER]

xgboost-c   XGBoosterPredictFromDense through ctypes
xgboost     Booster.inplace_predict
treelite    treelite.gtil.predict
lightgbm    Booster.predict
sklearn     predict_proba of a joblib file

Prints a line of JSON: microseconds per run, `load` to load the model (imports aside), and bytes of
memory that it took, `memory` once it was loaded and `peak` on the way. One thread.

ANSWER is a file of 64-bit floats. If it is there, the answer is held against it; else it is written.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

import numpy as np

DTYPES = {"FP32": "<f4", "FP64": "<f8"}
WARMUP_SECONDS = 0.5


def matrix(case):
    [tensor] = json.loads(case.read_text())["inputs"]
    if "file" in tensor:
        values = np.fromfile(case.parent / tensor["file"], dtype=DTYPES[tensor["datatype"]])
    else:
        values = np.array(tensor["data"], dtype=DTYPES[tensor["datatype"]])
    return values.reshape(tensor["shape"])


def xgboost_c(model, rows):
    """What a program in C would call: no Python per row but the call itself."""
    import xgboost

    booster = xgboost.Booster(params={"nthread": 1}, model_file=model)
    library = xgboost.core._LIB
    array = json.dumps({"data": [rows.ctypes.data, True], "shape": list(rows.shape),
                        "typestr": "<f4", "version": 3}).encode()
    config = json.dumps({"type": 0, "training": False, "iteration_begin": 0, "iteration_end": 0,
                         "strict_shape": False, "missing": float("nan"), "cache_id": 0}).encode()
    shape, dims, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64(), ctypes.POINTER(ctypes.c_float)()
    call, given = library.XGBoosterPredictFromDense, (booster.handle, array, config, None)
    out = (ctypes.byref(shape), ctypes.byref(dims), ctypes.byref(result))

    def run():
        assert call(*given, *out) == 0
        return result

    return run, booster, rows


def xgboost(model, rows):
    import xgboost

    booster = xgboost.Booster(params={"nthread": 1}, model_file=model)
    return lambda: booster.inplace_predict(rows), booster


def treelite(model, rows):
    import treelite

    loaded = treelite.frontend.load_xgboost_model(model)
    return lambda: treelite.gtil.predict(loaded, rows, nthread=1), loaded


def lightgbm(model, rows):
    import lightgbm

    booster = lightgbm.Booster(model_file=model, params={"num_threads": 1})
    return lambda: booster.predict(rows, num_threads=1), booster


def sklearn(model, rows):
    import joblib
    import sklearn.ensemble  # noqa: F401  imports are not counted

    loaded = joblib.load(model)
    loaded.set_params(n_jobs=1)  # threads of joblib would only cost on one core
    return lambda: loaded.predict_proba(rows), loaded


PEERS = {"xgboost-c": xgboost_c, "xgboost": xgboost, "treelite": treelite, "lightgbm": lightgbm,
         "sklearn": sklearn}
MODULES = {"xgboost-c": "xgboost", "sklearn": "sklearn.ensemble"}


def status(key):
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{key}:")[1].split()[0]) * 1024


def loaded(peer, model, rows):
    """What runs the model, and what loading it took."""
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before, begin = status("VmRSS"), time.perf_counter()
    run, *kept = PEERS[peer](model, rows)
    load = (time.perf_counter() - begin) * 1e6
    took = {"load": load, "memory": status("VmRSS") - before, "peak": status("VmHWM") - before}
    return run, kept, took


def check(found, rows, path):
    """Holds an answer against the one in the file; the first to come writes it."""
    if isinstance(found, ctypes.POINTER(ctypes.c_float)):
        found = np.ctypeslib.as_array(found, (len(rows),))
    found = np.asarray(found, dtype="<f8").ravel()
    if path.exists():
        np.testing.assert_allclose(found, np.fromfile(path, dtype="<f8"), rtol=1e-5, atol=1e-6)
    else:
        found.tofile(path)


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
    peer, model, case, seconds, *answer = sys.argv[1:]
    rows = matrix(Path(case))
    __import__(MODULES.get(peer, peer))
    if peer == "sklearn":
        import joblib  # noqa: F401
    run, _kept, took = loaded(peer, model, rows)
    for path in answer:
        check(run(), rows, Path(path))
    timed(run, WARMUP_SECONDS)
    times = timed(run, float(seconds))
    p50, p99 = np.percentile(times, [50, 99])
    print(json.dumps({"runs": len(times), "p50": p50, "p99": p99, **took}))


if __name__ == "__main__":
    main()
