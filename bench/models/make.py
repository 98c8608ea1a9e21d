"""Makes the networks of the benchmark, and what they are asked.

    python make.py FOLDER

ResNet-18 and MiniLM-L6 have their full size and random weights: what they answer means nothing, how
long it takes is the same. For each model and batch size a case is written: a request of the open
inference protocol whose tensors are files beside it, so that every program is asked the same.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
BATCHES = [1, 32]
TOKENS = 32
SEED = 0
OPSET = 18
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# As `sentence-transformers/all-MiniLM-L6-v2` says in its config.json.
MINILM = BertConfig(
    vocab_size=30522,
    hidden_size=384,
    num_hidden_layers=6,
    num_attention_heads=12,
    intermediate_size=1536,
    max_position_embeddings=512,
    attn_implementation="eager",
)


class Hidden(torch.nn.Module):
    """The last hidden state alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask, token_type_ids):
        found = self.network(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return found.last_hidden_state


def resnet(folder):
    script = EXAMPLES / "resnet-onnx" / "train.py"
    subprocess.run([sys.executable, script, "--full", folder / "resnet18.onnx"], check=True)


def minilm(folder):
    """A folder as the Hub has it, and the network alone."""
    torch.manual_seed(SEED)
    network = BertModel(MINILM, add_pooling_layer=False).eval()
    home = folder / "minilm"
    network.save_pretrained(home)
    words = SPECIAL + [f"w{number}" for number in range(MINILM.vocab_size - len(SPECIAL))]
    (home / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizerFast(str(home / "vocab.txt"), model_max_length=512).save_pretrained(home)
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    path = folder / "minilm.onnx"
    torch.onnx.export(
        Hidden(network),
        tuple(torch.ones(2, TOKENS, dtype=torch.int64) for _ in names),
        path,
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_shapes={name: shape for name in names},
        opset_version=OPSET,
        external_data=False,
        dynamo=True,
    )
    shutil.copy(path, home / "model.onnx")
    return network


def texts(count):
    """Texts that come to 32 tokens each: 30 words, a start and an end."""
    random = np.random.default_rng(SEED)
    words = random.integers(0, MINILM.vocab_size - len(SPECIAL), (count, TOKENS - 2))
    return [" ".join(f"w{word}" for word in row) for row in words]


def case(folder, name, tensors, output):
    """Writes the tensors of one request, and the request that names them."""
    inputs = []
    for tensor, values in tensors.items():
        file = f"{name}-{tensor}.bin"
        (folder / file).write_bytes(values.tobytes())
        datatype = {"f": "FP32", "i": "INT64"}[values.dtype.kind]
        inputs.append({"name": tensor, "shape": values.shape, "datatype": datatype, "file": file})
    request = {"inputs": inputs, "outputs": [{"name": output}]}
    (folder / f"{name}.json").write_text(json.dumps(request, indent=1) + "\n")


def text_cases(folder, network):
    """Texts, and where the last text's vectors have their highest number."""
    split = BertTokenizerFast.from_pretrained(folder / "minilm")
    for batch in BATCHES:
        given = texts(batch)
        tokens = split(given[-1:], return_tensors="pt")
        assert tokens["input_ids"].shape == (1, TOKENS)
        with torch.no_grad():
            vectors = network(**tokens).last_hidden_state.flatten()
        best = vectors.topk(2)
        print(f"text-{batch}: highest number {best.values[0]:.3f}, next {best.values[1]:.3f}")
        # MLServer takes several texts under this name; of several `args` it computes the first.
        name = "args" if batch == 1 else "array_inputs"
        tensor = {"name": name, "shape": [batch], "datatype": "BYTES", "data": given}
        (folder / f"text-{batch}.highest").write_text(f"{best.indices[0]}\n")
        (folder / f"text-{batch}.json").write_text(json.dumps({"inputs": [tensor]}) + "\n")


def cases(folder):
    random = np.random.default_rng(SEED)
    for batch in BATCHES:
        pixels = random.random((batch, 28, 28, 1), dtype=np.float32)
        case(folder, f"mnist-{batch}", {"image": pixels}, "output_0")
        pixels = random.random((batch, 3, 224, 224), dtype=np.float32)
        case(folder, f"resnet18-{batch}", {"image": pixels}, "probabilities")
        tokens = random.integers(len(SPECIAL), MINILM.vocab_size, (batch, TOKENS))
        tensors = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        case(folder, f"minilm-{batch}", tensors, "last_hidden_state")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    resnet(folder)
    network = minilm(folder)
    cases(folder)
    text_cases(folder, network)


if __name__ == "__main__":
    main()
