"""Trains a ResNet-18 on drawn shapes and writes it as ONNX, with requests and answers.

The network is torchvision's ResNet-18 with an eighth of its channels, for images of 64 by 64
pixels, so that it is small enough to keep beside the example. The images are drawn by this script:
one shape of five, of any colour and size, turned and moved, on a noisy background. What ONNX
Runtime answers for five images is written beside the requests.

    pip install -r requirements.txt
    python train.py

The full network, 224 by 224 pixels and a thousand classes, with random weights or with those of a
file that torchvision's `resnet18` takes:

    python train.py --full resnet18.onnx [--weights resnet18.pth]
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image, ImageDraw
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet

HERE = Path(__file__).parent
SHAPES = ["circle", "cross", "square", "star", "triangle"]
SIZE = 64
# Channels of the first stage; torchvision's own has 64.
WIDTH = 8
TRAINED, HELD_OUT = 6000, 1000
EPOCHS, BATCH = 12, 64
SEED = 0
OPSET = 18


class Narrow(ResNet):
    """ResNet-18 with fewer channels in every stage."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=len(SHAPES))
        self.conv1 = nn.Conv2d(3, WIDTH, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.fc = nn.Linear(8 * WIDTH, len(SHAPES))

    def _make_layer(self, block, planes, blocks, stride=1, **more):
        if planes == 64:
            self.inplanes = WIDTH
        return super()._make_layer(block, planes * WIDTH // 64, blocks, stride, **more)


class Classifier(nn.Module):
    """Takes an image in 0 to 1; gives a probability for each class."""

    def __init__(self, network, mean, deviation):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).reshape(1, 3, 1, 1))

    def forward(self, image):
        return torch.softmax(self.logits(image), dim=1)

    def logits(self, image):
        return self.network((image - self.mean) / self.deviation)


def outline(shape, angle):
    """The corners of a shape of radius 1 around the origin."""
    if shape == "cross":
        arm = 0.33
        quarter = [(arm, 1), (arm, arm), (1, arm)]
        points = []
        for _ in range(4):
            points += quarter
            quarter = [(y, -x) for x, y in quarter]
        scale = math.hypot(1, arm)
        points = [(x / scale, y / scale) for x, y in points]
    elif shape == "star":
        turns = [math.pi * k / 5 for k in range(10)]
        points = [(math.sin(turn), math.cos(turn)) for turn in turns]
        points[1::2] = [(0.4 * x, 0.4 * y) for x, y in points[1::2]]
    else:
        corners = {"square": 4, "triangle": 3, "circle": 48}[shape]
        turns = [2 * math.pi * k / corners for k in range(corners)]
        points = [(math.sin(turn), math.cos(turn)) for turn in turns]
    sine, cosine = math.sin(angle), math.cos(angle)
    return [(x * cosine - y * sine, x * sine + y * cosine) for x, y in points]


def draw(shape, random):
    """One image, uint8 `[64, 64, 3]`: drawn four times too large, then made smaller."""
    large = 4 * SIZE
    ground = random.integers(0, 256, 3)
    colour = random.integers(0, 256, 3)
    while np.abs(ground - colour).sum() < 150:
        colour = random.integers(0, 256, 3)
    image = Image.new("RGB", (large, large), tuple(map(int, ground)))
    radius = random.uniform(0.18, 0.42) * large
    at = random.uniform(radius, large - radius, 2)
    points = outline(shape, random.uniform(0, 2 * math.pi))
    points = [(at[0] + radius * x, at[1] + radius * y) for x, y in points]
    ImageDraw.Draw(image).polygon(points, fill=tuple(map(int, colour)))
    small = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX), dtype=np.float32)
    noisy = small + random.normal(0, 12, small.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def drawn(count, random):
    """`count` images, uint8 `[count, 64, 64, 3]`, and the numbers of their shapes."""
    labels = np.arange(count) % len(SHAPES)
    return np.stack([draw(SHAPES[label], random) for label in labels]), labels


def planes(images):
    """As the network takes them: float32 `[n, 3, 64, 64]`, 0 to 1."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def train(images, labels):
    torch.manual_seed(SEED)
    inputs, wanted = torch.from_numpy(planes(images)), torch.from_numpy(labels)
    model = Classifier(Narrow(), [0.5] * 3, [0.25] * 3)
    steps = EPOCHS * math.ceil(len(inputs) / BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        model.train()
        losses = []
        for rows in torch.randperm(len(inputs)).split(BATCH):
            loss = nn.functional.cross_entropy(model.logits(inputs[rows]), wanted[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return model.eval()


def export(model, size, path):
    """Writes the network for any number of images, weights inside the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, size, size),),
        path,
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
        opset_version=OPSET,
        external_data=False,
        dynamo=True,
    )
    onnx.save(without_notes(onnx.load(path)), path)


def without_notes(model):
    """The exporter notes the lines of source, with their paths, that each node comes from."""
    for part in [*model.graph.node, *model.graph.value_info, model.graph]:
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def answers(path, images):
    """What ONNX Runtime gives for images in 0 to 1."""
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"image": images})
    return found


def small():
    random = np.random.default_rng(SEED)
    model = train(*drawn(TRAINED, random))
    images, labels = drawn(HELD_OUT, random)
    path = HERE / "model" / "1" / "model.onnx"
    export(model, SIZE, path)
    right = (answers(path, planes(images)).argmax(axis=1) == labels).mean()
    print(f"{right:.1%} of {HELD_OUT} held-out images right")
    assert right >= 0.95, "the network has not learnt its shapes"
    write_requests(path, images[: len(SHAPES)])


def write_requests(path, images):
    """One held-out image of each shape as a picture, as JSON and as binary tensor."""
    found = answers(path, planes(images))
    for shape, image in zip(SHAPES, images):
        picture = HERE / "images" / f"{shape}.png"
        picture.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(picture, optimize=True)
    requests = HERE / "requests"
    requests.mkdir(exist_ok=True)
    one = planes(images[SHAPES.index("star")][None])
    values = [round(float(value), 4) for value in one.ravel()]
    nested = np.reshape(values, one.shape).tolist()
    compact(requests / "seldon-ndarray.json", {"data": {"ndarray": nested}})
    compact(requests / "v2-infer.json", {"inputs": [tensor(one, data=values)]})
    compact(requests / "tensorflow-predict.json", {"instances": nested})
    (requests / "v2-infer.bin").write_bytes(binary(one))
    expected = {shape: row.tolist() for shape, row in zip(SHAPES, found)}
    (requests / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def tensor(values, **more):
    return {"name": "image", "datatype": "FP32", "shape": list(values.shape), **more}


def binary(values):
    """A request of the binary tensor extension: a JSON head, then the numbers as they are.

    The head is filled with blanks to 256 bytes, so that its length need not be looked up.
    """
    raw = values.astype("<f4").tobytes()
    head = {
        "inputs": [tensor(values, parameters={"binary_data_size": len(raw)})],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": False}}],
    }
    return json.dumps(head).encode().ljust(256) + raw


def compact(path, value):
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def full(path, weights):
    torch.manual_seed(SEED)
    network = resnet18()
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True))
    # What torchvision's weights were trained with.
    model = Classifier(network, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).eval()
    export(model, 224, path)
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        apart = np.abs(answers(path, image.numpy()) - model(image).numpy()).max()
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {apart:.1e} from torch's own answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", type=Path, metavar="FILE", help="write the full network")
    parser.add_argument("--weights", type=Path, help="weights for it, as torchvision saves them")
    chosen = parser.parse_args()
    if chosen.full:
        full(chosen.full, chosen.weights)
    else:
        small()


if __name__ == "__main__":
    main()
