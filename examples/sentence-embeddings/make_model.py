"""Makes the model of this example, its requests and their expected answers.

A BERT of two layers and 32 dimensions starts from random weights and is trained for a few seconds to
put sentences about the same thing near each other: rain, money or food. It knows the words below and
little else; a model from the Hub is served the same way.
"""

import itertools
import json
import random
import shutil
import tempfile
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = Path(__file__).resolve().parent
SEED, STEPS, PAIRS = 7, 300, 16

TOPICS = {
    "weather": (
        ["the rain", "a cold wind", "heavy snow", "the sun", "a storm"],
        ["falls on", "blows over", "warms", "comes to", "darkens"],
        ["the hills", "the coast", "our valley", "the north", "the fields"],
    ),
    "money": (
        ["the bank", "a lender", "the market", "an investor", "the fund"],
        ["raises", "lowers", "pays", "sells", "buys"],
        ["interest rates", "its shares", "the loan", "government bonds", "a dividend"],
    ),
    "food": (
        ["the cook", "my mother", "a baker", "the chef", "our guest"],
        ["prepares", "tastes", "bakes", "serves", "seasons"],
        ["fresh bread", "tomato soup", "an apple pie", "grilled fish", "the salad"],
    ),
}
ASKED = [
    "A storm comes to the coast.",
    "Heavy snow falls on the hills.",
    "The bank lowers interest rates.",
    "The chef serves tomato soup.",
]


def sentences():
    return {name: [" ".join(words) for words in itertools.product(*parts)] for name, parts in TOPICS.items()}


def tokenizer(texts):
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=specials)
    pieces.train_from_iterator(texts, trainer)
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    pieces.decoder = decoders.WordPiece()
    return BertTokenizerFast(tokenizer_object=pieces, model_max_length=64)


def train(model, topics):
    """Of a batch of pairs about random topics, each text is to find one of its own topic."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    names = sorted(topics)
    for _ in range(STEPS):
        chosen = [random.choice(names) for _ in range(PAIRS)]
        pairs = [random.sample(topics[name], 2) for name in chosen]
        left, right = (
            torch.nn.functional.normalize(model(model.preprocess(list(side)))["sentence_embedding"])
            for side in zip(*pairs)
        )
        same = torch.tensor([[a == b for b in chosen] for a in chosen]).float()
        wanted = same / same.sum(dim=1, keepdim=True)
        loss = torch.nn.functional.cross_entropy(left @ right.T * 10, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def make():
    random.seed(SEED)
    torch.manual_seed(SEED)
    topics = sentences()
    words = tokenizer([text for texts in topics.values() for text in texts])
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    with tempfile.TemporaryDirectory() as scratch:
        BertModel(config, add_pooling_layer=False).save_pretrained(scratch)
        words.save_pretrained(scratch)
        first = modules.Transformer(scratch, max_seq_length=64)
        model = SentenceTransformer(modules=[first, modules.Pooling(32, pooling_mode="mean"), modules.Normalize()], device="cpu")
        model.train()
        loss = train(model, topics)
    print(f"loss {loss:.3f}")
    return model.eval()


def write(model):
    shutil.rmtree(HERE / "model", ignore_errors=True)
    model.save(str(HERE / "model"), create_model_card=False)
    vectors = model.encode(ASKED)
    near = (vectors @ vectors.T).round(4)
    print(near)
    assert near[0, 1] > 0.8 > max(near[0, 2], near[0, 3]), "the two about the weather are not the nearest"
    requests = {
        "seldon-ndarray.json": {"data": {"ndarray": ASKED}},
        "v2-infer.json": {
            "inputs": [{"name": "args", "shape": [len(ASKED)], "datatype": "BYTES", "data": ASKED}],
            "outputs": [{"name": "embedding"}],
        },
        "expected.json": {text: [float(f"{value:.8g}") for value in row] for text, row in zip(ASKED, vectors.tolist())},
    }
    for name, body in requests.items():
        (HERE / "requests" / name).write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    write(make())
