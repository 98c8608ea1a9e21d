"""Compares the logits of whole applications of Keras with TensorFlow's: `python applications.py PARITY [NAME ...]`.

PARITY is the example `parity` of this crate, built:
`cargo build -p hari-tensorflow --example parity`. Writes `applications.tsv` beside this
file: name, input, parameters, greatest logit,
greatest deviation in parts of that, rounded up, and the tolerance. The versions are those of
`fixtures/requirements.txt`. Models and answers go to a temporary folder, one at a time.
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from fixtures.generator.registry import randomise

SIZES = {
    "MobileNetV2": 224,
    "MobileNetV3Small": 224,
    "ResNet50": 224,
    "EfficientNetB0": 224,
    "InceptionV3": 299,
    "DenseNet121": 224,
}
TOLERANCE = 1e-5
HERE = pathlib.Path(__file__).resolve().parent


def rounded_up(number):
    """The number with one digit, never smaller."""
    if number == 0:
        return "0e0"
    power = math.floor(math.log10(number))
    digit = math.ceil(round(number / 10**power, 9))
    return f"{digit}e{power}" if digit < 10 else f"1e{power + 1}"


def measure(name, parity):
    """The greatest deviation of an application with random weights, and its parameters."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    size = SIZES[name]
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None
    )
    randomise(model.weights, np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model.export(folder / "model", verbose=False)
        cases = []
        for batch in (1, 2):
            image = np.random.default_rng(batch).uniform(0, 255, (batch, size, size, 3))
            image = image.astype(np.float32)
            if name not in ("MobileNetV3Small", "EfficientNetB0"):
                image = image / np.float32(127.5) - np.float32(1)
            answer = model.predict(image, verbose=0)
            cases.append({"input": put(folder, f"x{batch}", image), "output": put(folder, f"y{batch}", answer)})
        (folder / "cases.json").write_text(json.dumps(cases))
        command = [parity, folder / "model", folder / "cases.json"]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
    deviation, greatest = map(float, found.stdout.split())
    return deviation, greatest, model.count_params()


def put(folder, name, array):
    array.astype("<f4").tofile(folder / name)
    return {"file": name, "shape": list(array.shape)}


def main():
    parity, *names = sys.argv[1:]
    path = HERE / "applications.tsv"
    rows = {}
    if path.exists():
        rows = {line.split("\t")[0]: line for line in path.read_text().splitlines()}
    for name in names or SIZES:
        deviation, greatest, parameters = measure(name, parity)
        print(name, deviation, flush=True)
        size = SIZES[name]
        deviation /= greatest
        sizes = [f"{size} x {size} x 3", f"{parameters:,}", f"{greatest:.1e}"]
        cells = [name, *sizes, rounded_up(deviation), "1e-5"]
        rows[name] = "\t".join(cells)
        path.write_text("".join(f"{rows[name]}\n" for name in SIZES if name in rows))
        if deviation > TOLERANCE:
            sys.exit(f"{name}: {deviation} is more than {TOLERANCE}")


if __name__ == "__main__":
    main()
