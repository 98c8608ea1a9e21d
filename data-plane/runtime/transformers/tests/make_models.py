"""Makes the models of tests/models and the answers of `transformers` to every case.

    python3.11 -m venv /tmp/hf && /tmp/hf/bin/pip install -r requirements.txt
    /tmp/hf/bin/python make_models.py

Random weights from fixed seeds, two layers of width 32; the tokenizers are trained on the text below.
Training breaks ties in no fixed order, so a new run gives other pieces and with them other answers, which
are written beside them. What is compared is the computation, not what the answers mean.
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import main_export
from sentence_transformers import SentenceTransformer
from sentence_transformers import models as modules
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import pipeline

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
LENGTH = 48

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()

TEXT = """
The quick brown fox jumps over the lazy dog. My name is Wolfgang and I live in Berlin, near Paris.
Angela Merkel visited the European Union offices in New York City with Barack Obama last Tuesday.
I love this movie! It was disgustingly good. Director tried too much; the plot was terrible.
Who wrote the book? The book was written by Jane Austen in 1813. Where is the station?
Seldon serves models, and models answer questions. A model that is small answers quickly.
The capital of France is Paris; the capital of Germany is Berlin. It's a dog's life, isn't it?
Café crème, naïve façade, größer, über, señor. Tokenizers split words into pieces: un-believ-able.
One two three four five six seven eight nine ten. He said: "We'll be there at 10:30!" (perhaps)
This example is about politics, sports, travel, cooking, science and music. 北京 是 中国 的 首都。
""".strip()
LINES = TEXT.split("\n")

# ---- tokenizers -----------------------------------------------------------------------------


def wordpiece(lowercase=True, specials=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), order=None):
    """As BERT has it."""
    pad, unk, cls, sep, mask = specials
    tokenizer = Tokenizer(models.WordPiece(unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=order or list(specials), min_frequency=1)
    tokenizer.train_from_iterator(LINES, trainer)
    ids = {name: tokenizer.token_to_id(name) for name in specials}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, ids[cls]), (sep, ids[sep])],
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def mpnet_pieces():
    tokenizer = wordpiece(specials=("<pad>", "[UNK]", "<s>", "</s>", "<mask>"),
                          order=["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
    tokenizer.post_processor = roberta_post(tokenizer)
    return tokenizer


def roberta_post(tokenizer, **options):
    names = [(name, tokenizer.token_to_id(name)) for name in ("</s>", "<s>")]
    return processors.RobertaProcessing(sep=names[0], cls=names[1], **options)


def byte_level():
    """As RoBERTa has it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = roberta_post(tokenizer, trim_offsets=True, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(specials, cls, sep, unk="<unk>", lowercase=False):
    """As SentencePiece makes them: XLM-RoBERTa, CamemBERT, ALBERT, DeBERTa v2."""
    tokenizer = Tokenizer(models.Unigram())
    steps = [normalizers.NFKC()] + ([normalizers.Lowercase()] if lowercase else [])
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=180, special_tokens=specials, unk_token=unk)
    tokenizer.train_from_iterator(LINES, trainer)
    double = cls == "<s>"
    one, two = (0, 0) if double else (0, 1)
    middle = f"{sep}:0 {sep}:0" if double else f"{sep}:0"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:{one} $A:{one} {middle} $B:{two} {sep}:{two}",
        special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))],
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


BRACKETS = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
ANGLES = dict(pad_token="<pad>", unk_token="<unk>", bos_token="<s>", cls_token="<s>", eos_token="</s>",
              sep_token="</s>", mask_token="<mask>")
PIECES = dict(pad_token="<pad>", unk_token="<unk>", bos_token="[CLS]", cls_token="[CLS]", eos_token="[SEP]",
              sep_token="[SEP]", mask_token="[MASK]")


def tokenizer_of(kind):
    fast = {
        "bert": (transformers.BertTokenizerFast, wordpiece, BRACKETS),
        "distilbert": (transformers.DistilBertTokenizerFast, wordpiece, BRACKETS),
        "electra": (transformers.ElectraTokenizerFast, lambda: wordpiece(lowercase=False), {**BRACKETS, "do_lower_case": False}),
        "mpnet": (transformers.MPNetTokenizerFast, mpnet_pieces, {**ANGLES, "unk_token": "[UNK]"}),
        "roberta": (transformers.RobertaTokenizerFast, byte_level, ANGLES),
        "xlm-roberta": (transformers.XLMRobertaTokenizerFast,
                        lambda: unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "<s>", "</s>"), ANGLES),
        "camembert": (transformers.CamembertTokenizerFast,
                      lambda: unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "<s>", "</s>"), ANGLES),
        "albert": (transformers.AlbertTokenizerFast,
                   lambda: unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], "[CLS]", "[SEP]", lowercase=True), PIECES),
        "deberta-v2": (transformers.PreTrainedTokenizerFast,
                       lambda: unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], "[CLS]", "[SEP]", unk="[UNK]"), BRACKETS),
    }
    cls, make, names = fast[kind]
    tokenizer = cls(tokenizer_object=make(), model_max_length=LENGTH, **names)
    if kind in ("bert", "albert", "deberta-v2"):
        tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    return tokenizer


# ---- models ---------------------------------------------------------------------------------

SIZE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, initializer_range=0.3)


def config_of(kind, tokenizer, **more):
    vocabulary = len(tokenizer)
    pad = tokenizer.pad_token_id
    if kind == "distilbert":
        return transformers.DistilBertConfig(
            vocab_size=vocabulary, dim=32, n_layers=2, n_heads=4, hidden_dim=48, initializer_range=0.3,
            max_position_embeddings=LENGTH, pad_token_id=pad, **more)
    shared = dict(vocab_size=vocabulary, pad_token_id=pad, **SIZE, **more)
    if kind == "bert":
        return transformers.BertConfig(max_position_embeddings=LENGTH, **shared)
    if kind == "electra":
        return transformers.ElectraConfig(max_position_embeddings=LENGTH, embedding_size=16, **shared)
    if kind == "albert":
        return transformers.AlbertConfig(max_position_embeddings=LENGTH, embedding_size=16, num_hidden_groups=1,
                                         inner_group_num=1, bos_token_id=2, eos_token_id=3, **shared)
    if kind == "deberta-v2":
        return transformers.DebertaV2Config(
            max_position_embeddings=LENGTH, relative_attention=True, position_buckets=8, max_relative_positions=-1,
            norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0,
            position_biased_input=False, legacy=True, **shared)
    named = {
        "roberta": (transformers.RobertaConfig, {"type_vocab_size": 1}),
        "xlm-roberta": (transformers.XLMRobertaConfig, {"type_vocab_size": 1}),
        "camembert": (transformers.CamembertConfig, {"type_vocab_size": 1}),
        "mpnet": (transformers.MPNetConfig, {}),
    }
    cls, own = named[kind]
    if "bos_token_id" in cls().to_dict():
        own = {**own, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return cls(max_position_embeddings=LENGTH + pad + 1, **own, **shared)


def labelled(names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: at for at, name in enumerate(names)}}


TASKS = {
    "text-classification": (transformers.AutoModelForSequenceClassification, labelled(["NEGATIVE", "NEUTRAL", "POSITIVE"])),
    "token-classification": (transformers.AutoModelForTokenClassification,
                             labelled(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])),
    "question-answering": (transformers.AutoModelForQuestionAnswering, {}),
    "fill-mask": (transformers.AutoModelForMaskedLM, {}),
    "feature-extraction": (transformers.AutoModel, {}),
    "zero-shot-classification": (transformers.AutoModelForSequenceClassification,
                                 labelled(["contradiction", "neutral", "entailment"])),
}


def randomised(model):
    """Biases and scales are not left at their neutral values."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.2)
    return model.eval()


# ---- cases ----------------------------------------------------------------------------------

SENTENCES = [
    "I love this movie!",
    "Angela Merkel visited New York City.",
    "It's a dog's life: größer, naïve façade; isn't it?",
    "北京 是 capital",
    "Seldon serves models",
]
LONG = " ".join(LINES[:4])
CONTEXT = "My name is Wolfgang and I live in Berlin. The book was written by Jane Austen in 1813."


def cases_of(task, mask):
    case = lambda inputs, **parameters: {"inputs": inputs, "parameters": parameters}
    if task == "text-classification":
        return [case(text) for text in SENTENCES] + [
            case(SENTENCES[0], top_k=2), case(SENTENCES[1], top_k=None),
            case(SENTENCES[1], function_to_apply="sigmoid", top_k=3), case(SENTENCES[1], function_to_apply="none"),
            case(LONG, truncation=True), case(SENTENCES[0], truncation=True, max_length=5),
        ]
    if task == "token-classification":
        strategies = ["none", "simple", "first", "average", "max"]
        return [case(text, aggregation_strategy=name) for name in strategies for text in SENTENCES] + [
            case(SENTENCES[1], ignore_labels=[]), case(SENTENCES[2], ignore_labels=["I-PER", "O"]),
            case(LONG, aggregation_strategy="simple"), case(LONG, aggregation_strategy="first", stride=8),
        ]
    if task == "question-answering":
        ask = lambda question, context, **more: case({"question": question, "context": context}, **more)
        return [
            ask("Where do I live?", CONTEXT), ask("Who wrote the book?", CONTEXT, top_k=4),
            ask("Who?", "The book", top_k=3), ask("Who wrote the book?", CONTEXT, max_answer_len=3),
            ask("Where do I live?", CONTEXT, handle_impossible_answer=True, top_k=3),
            ask("Where is the station?", LONG, top_k=3), ask("Where is the station?", LONG, doc_stride=6, top_k=2),
            ask("Where is the station?", LONG, max_seq_len=32, doc_stride=4, max_question_len=12),
            ask("Who?", "größer Café — naïve façade", align_to_words=False, top_k=2),
            ask("Who?", "Café größer naïve", top_k=2),
        ]
    if task == "fill-mask":
        return [
            case(f"The capital of France is {mask}."), case(f"{mask} name is Wolfgang", top_k=3),
            case(f"The {mask} of Germany is {mask}!", top_k=2), case(f"I {mask} this movie", targets=["dog", "The"]),
            case(f"I {mask} this movie", targets=["book"], top_k=4),
        ]
    if task == "feature-extraction":
        return [case(SENTENCES[0]), case(SENTENCES[3]), case(LONG, truncation=True)]
    labels = ["politics", "sports", "travel"]
    return [
        case(SENTENCES[1], candidate_labels=labels), case(SENTENCES[1], candidate_labels="politics, travel"),
        case(SENTENCES[0], candidate_labels=labels, multi_label=True),
        case(SENTENCES[0], candidate_labels=["music"]),
        case(SENTENCES[2], candidate_labels=labels, hypothesis_template="It is about {}!"),
        case(LONG, candidate_labels=labels),
    ]


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.8g}")
    return value.item() if isinstance(value, np.generic) else value


def answer(pipe, task, case):
    inputs, parameters = case["inputs"], dict(case["parameters"])
    if task == "question-answering":
        return pipe(**inputs, **parameters)
    if task == "fill-mask" and "targets" in parameters:
        found = pipe(inputs, **parameters)
        return found
    if task == "text-classification" and "top_k" not in parameters:
        return pipe(inputs, **parameters)[0]
    return pipe(inputs, **parameters)


def write_cases(folder, cases):
    text = ",\n".join(json.dumps(plain(case), ensure_ascii=False) for case in cases)
    (folder / "cases.json").write_text(f"[\n{text}\n]\n")


# ---- writing --------------------------------------------------------------------------------


def make(kind, task, seed, onnx_too=False, half=False, sharded=False, pieces_only=(), name=None, **more):
    torch.manual_seed(seed)
    folder = MODELS / (name or f"{kind}-{task}")
    tokenizer = tokenizer_of(kind)
    cls, labels = TASKS[task]
    config = config_of(kind, tokenizer, **labels, **more)
    model = randomised(cls.from_config(config))
    if half:
        model = model.half().float()
    pipe = pipeline(task, model=model, tokenizer=tokenizer, device="cpu")
    cases = [{"task": task, **case} for case in cases_of(task, tokenizer.mask_token)]
    for case in cases:
        case["expected"] = answer(pipe, task, case)
    folder.mkdir(parents=True)
    saved = model.half() if half else model
    saved.save_pretrained(folder, max_shard_size="60KB" if sharded else "5GB")
    if half:
        config = json.loads((folder / "config.json").read_text())
        config["dtype"] = "float16"
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer.save_pretrained(folder)
    write_cases(folder, cases)
    if onnx_too:
        export(folder, task)
        if (kind, task) == ("bert", "text-classification"):
            quantize(folder)
    if pieces_only:
        (folder / "tokenizer.json").unlink()
        for path in folder.glob("*"):
            if path.name in ("vocab.txt", "vocab.json", "merges.txt") and path.name not in pieces_only:
                path.unlink()
    print(folder.name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def export(folder, task):
    """The model as optimum writes it, and its quantised form."""
    task = "text-classification" if task == "zero-shot-classification" else task
    with tempfile.TemporaryDirectory() as scratch:
        main_export(str(folder), scratch, task=task, do_validation=False, no_post_process=True, opset=17)
        (folder / "onnx").mkdir()
        graph = onnx.load(Path(scratch) / "model.onnx")
        for node in graph.graph.node:
            node.ClearField("doc_string")
        onnx.save(graph, folder / "onnx" / "model.onnx")


def quantize(folder):
    """The export in 8-bit integers, and the scores that ONNX Runtime computes with it."""
    path = folder / "onnx" / "model_quantized.onnx"
    quantize_dynamic(folder / "onnx" / "model.onnx", path, weight_type=QuantType.QInt8)
    session = onnxruntime.InferenceSession(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    answers = {}
    for text in SENTENCES:
        inputs = {name: ids for name, ids in tokenizer(text, return_tensors="np").items()}
        [logits] = session.run(["logits"], inputs)
        answers[text] = [float(f"{score:.8g}") for score in torch.softmax(torch.tensor(logits[0]), dim=-1).tolist()]
    (folder / "quantized.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1) + "\n")


def sentences(name, kind, seed, pooling, normalize, dense=None):
    torch.manual_seed(seed)
    folder = MODELS / name
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = tokenizer_of(kind)
        model = randomised(transformers.AutoModel.from_config(config_of(kind, tokenizer)))
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        first = modules.Transformer(scratch, max_seq_length=24)
        parts = [first, modules.Pooling(32, pooling_mode=pooling)]
        if dense:
            parts.append(modules.Dense(32, dense, activation_function=torch.nn.Tanh()))
        if normalize:
            parts.append(modules.Normalize())
        whole = SentenceTransformer(modules=parts, device="cpu")
        texts = SENTENCES + [LONG]
        rows = whole.encode(texts)
        whole.save(str(folder), create_model_card=False)
    cases = [{"task": "sentence-embeddings", "inputs": text, "parameters": {}, "expected": row.tolist()}
             for text, row in zip(texts, rows)]
    write_cases(folder, cases)
    print(name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def main():
    only = sys.argv[1:]
    if not only:
        shutil.rmtree(MODELS, ignore_errors=True)
    jobs = {}
    for at, kind in enumerate(["bert", "distilbert", "roberta", "mpnet", "electra", "albert", "deberta-v2"]):
        for index, task in enumerate(TASKS):
            if task == "zero-shot-classification" and kind not in ("bert", "roberta", "deberta-v2"):
                continue
            both = kind == "bert" or (kind, task) in [("distilbert", "text-classification"), ("roberta", "fill-mask"),
                                                      ("mpnet", "feature-extraction")]
            jobs[f"{kind}-{task}"] = lambda kind=kind, task=task, both=both, seed=10 * at + index: make(
                kind, task, seed, onnx_too=both)
    jobs["xlm-roberta-token-classification"] = lambda: make("xlm-roberta", "token-classification", 91)
    jobs["camembert-fill-mask"] = lambda: make("camembert", "fill-mask", 92)
    jobs["bert-multi-label"] = lambda: make("bert", "text-classification", 93, half=True, name="bert-multi-label",
                                            problem_type="multi_label_classification")
    jobs["bert-one-label"] = lambda: one_label("bert-one-label", 94)
    jobs["bert-regression"] = lambda: one_label("bert-regression", 95, problem_type="regression")
    jobs["bert-sharded"] = lambda: make("bert", "fill-mask", 96, sharded=True, name="bert-sharded")
    jobs["bert-vocabulary"] = lambda: make("bert", "token-classification", 97, name="bert-vocabulary",
                                           pieces_only=("vocab.txt",))
    jobs["roberta-merges"] = lambda: make("roberta", "question-answering", 98, name="roberta-merges",
                                          pieces_only=("vocab.json", "merges.txt"))
    jobs["sentences-mean"] = lambda: sentences("sentences-mean", "bert", 71, "mean", True)
    jobs["sentences-cls-dense"] = lambda: sentences("sentences-cls-dense", "roberta", 72, "cls", False, dense=16)
    jobs["sentences-max"] = lambda: sentences("sentences-max", "mpnet", 73, "max", False)
    for name, job in jobs.items():
        if not only or name in only:
            shutil.rmtree(MODELS / name, ignore_errors=True)
            job()


def one_label(name, seed, **more):
    TASKS["one"] = (transformers.AutoModelForSequenceClassification, labelled(["SCORE"]))
    cls, TASKS["text-classification"] = TASKS["text-classification"], TASKS["one"]
    make("bert", "text-classification", seed, name=name, **more)
    TASKS["text-classification"] = cls
    del TASKS["one"]


if __name__ == "__main__":
    main()
