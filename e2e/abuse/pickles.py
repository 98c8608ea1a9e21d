"""Hostile pickles, joblib files and skops files, as (name, file name, bytes)."""

import bz2
import gzip
import io
import json
import lzma
import random
import re
import struct
import zipfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICKLE = ROOT / "data-plane" / "runtime" / "pickle" / "tests"

MIB = 1 << 20


def names():
    """(module, name) of what scanners of pickles list."""
    text = (PICKLE / "support" / "gadgets.rs").read_text()
    table = text[text.index("GADGETS") :]
    for module, listed in re.findall(r'\(\s*"([^"]+)",\s*"([^"]+)"', table):
        for name in listed.replace("\\\n", " ").split():
            yield module, name


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def live(canary):
    """Gadgets that work: each would write the file, (module, name, arguments as opcodes)."""
    command = f"echo harm > {canary}"
    code = f"open({str(canary)!r}, 'w').write('harm')"
    shell = b"]" + b"".join(text(word) + b"a" for word in ("sh", "-c", command))
    return [
        ("os", "system", text(command) + b"\x85"),
        ("posix", "system", text(command) + b"\x85"),
        ("subprocess", "getoutput", text(command) + b"\x85"),
        ("subprocess", "check_output", shell + b"\x85"),
        ("builtins", "eval", text(code) + b"\x85"),
        ("builtins", "exec", text(code) + b"\x85"),
        ("__builtin__", "eval", text(code) + b"\x85"),
        ("timeit", "main", b"]" + text("-n") + b"a" + text("1") + b"a" + text(code) + b"a\x85"),
        ("cProfile", "run", text(code) + b"\x85"),
        ("profile", "run", text(code) + b"\x85"),
        ("runpy", "_run_code", text(code) + b"}\x86"),
    ]


def forms(module, name, arguments):
    """The call in each form that a pickle can give it."""
    glob = f"c{module}\n{name}\n".encode()
    stack = text(module) + text(name) + b"\x93"
    return {
        "global": b"\x80\x02" + glob + arguments + b"R.",
        "stack-global": b"\x80\x04" + stack + arguments + b"R.",
        "framed": framed(stack + arguments + b"R."),
        "popped": b"\x80\x02" + glob + arguments + b"R0N.",
        "memo": b"\x80\x02" + glob + b"q\x000" + b"h\x00" + arguments + b"Rq\x010]h\x01a.",
        "in-list": b"\x80\x02]" + glob + arguments + b"Ra.",
        "in-state": b"\x80\x02csklearn.svm._classes\nSVC\n)\x81}" + text("C") + glob + arguments + b"Rsb.",
        "reconstructor": b"ccopyreg\n_reconstructor\ncbuiltins\nobject\ncbuiltins\nobject\n"
        + glob + arguments + b"R\x87R.",
        "in-array": array(glob + arguments + b"R"),
        "in-joblib": joblib_array(glob + arguments + b"R"),
        "behind-a-model": b"\x80\x02csklearn.svm._classes\nSVC\n)\x81}b" + glob + arguments + b"R\x86.",
    }


def framed(body):
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


OBJECT = b"cnumpy\ndtype\nX\x01\0\0\0O\x89\x88\x87R"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"


def array(element):
    return b"\x80\x03" + EMPTY + b"(K\x01K\x01\x85" + OBJECT + b"\x89]" + element + b"atb."


def joblib_array(element):
    wrapper = b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("
    wrapper += text("dtype") + OBJECT + text("shape") + b"K\x01\x85" + text("order") + text("C") + b"ub"
    return wrapper + array(element) + b"."


def gadgets(canary):
    """Each listed name once, in forms that take turns; each one that works in every form."""
    harmless = text("id") + b"\x85"
    for index, (module, name) in enumerate(names()):
        made = forms(module, name, harmless)
        form = list(made)[index % len(made)]
        yield f"{module}.{name} {form}", "model.joblib", made[form]
    for module, name, arguments in live(canary):
        made = forms(module, name, arguments)
        for form, file in made.items():
            yield f"live {module}.{name} {form}", "model.joblib", file
        for packer, pack in PACKERS.items():
            yield f"live {module}.{name} {packer}", "model.pkl", pack(made["global"])


PACKERS = {
    "zlib": lambda data: zlib.compress(data, 9),
    "gzip": lambda data: gzip.compress(data, 9),
    "bz2": lambda data: bz2.compress(data, 9),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "xz": lambda data: lzma.compress(data, lzma.FORMAT_XZ),
}


def opcodes():
    """Files that no name makes harmful."""
    long = (1 << 63) - 1
    cases = {
        "persistent id": b"Pos.system\n.",
        "binary persistent id": b"K\x01Q.",
        "extension 1": b"\x80\x02\x82\x01.",
        "extension 2": b"\x80\x02\x83\x01\x00.",
        "extension 4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "buffer outside": b"\x80\x05\x97.",
        "deep tuples": b"N" + b"\x85" * 1_000_000 + b".",
        "deep lists": b"]" * 500_000 + b"a" * 499_999 + b".",
        "itself": b"]q\x00h\x00a.",
        "memo bomb": b"Nr\xff\xff\xff\xff.",
        "memo bomb in text": b"Np4294967295\n.",
        "long4": b"\x80\x02\x8b\xff\xff\xff\x7f.",
        "binunicode8": b"\x80\x04\x8d" + struct.pack("<Q", long) + b"a.",
        "binbytes8": b"\x80\x04\x8e" + struct.pack("<Q", long) + b"a.",
        "frame": b"\x80\x04\x95" + struct.pack("<Q", long) + b"N.",
        "one-byte values": b"]" * (7 * MIB) + b".",
        "marks": b"(" * (7 * MIB) + b".",
        "stack": b"N" * (7 * MIB) + b".",
        "copies": b"(" + b"N" * 100_000 + b"lq\x00" + b"cbuiltins\nlist\nh\x00\x85R0" * 10_000 + b".",
        "laughing list": b"]q\x00" + b"0(" + b"0(".join(b"h\x00" * 10 + b"lq\x00" for _ in range(5000)) + b".",
        "digits": b"L" + b"9" * (4 * MIB) + b"L\n.",
        "shape": array_claim(2**31 - 1),
        "empty": b"",
        "text": b"<html><body>404 Not Found</body></html>",
        "protocol 6": b"\x80\x06N.",
        "joblib 0.9": b"ZF0x1000",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }
    for name, file in cases.items():
        yield name, "model.pkl", file


def array_claim(length):
    dtype = b"cnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R"
    state = text("dtype") + dtype + text("shape") + b"J" + struct.pack("<i", length) + b"\x85"
    state += text("order") + text("C")
    return b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub."


def bombs():
    """Small files that would be large."""
    zeros = b"\x80\x04\x8e" + struct.pack("<Q", 128 * MIB) + bytes(128 * MIB) + b"."
    lists = b"]" * (64 * MIB) + b"."
    for packer in ("zlib", "gzip", "bz2"):
        yield f"zeros {packer}", "model.joblib", PACKERS[packer](zeros)
    for packer in ("zlib", "lzma", "xz"):
        yield f"lists {packer}", "model.joblib", PACKERS[packer](lists)
    twice = PACKERS["zlib"](PACKERS["zlib"](zeros))
    yield "zeros twice", "model.joblib", twice


def schema(node):
    return json.dumps({**node, "protocol": 2, "_skops_version": "0.16.0"})


def archive(*files, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=compression) as target:
        for name, data in files:
            target.writestr(name, data)
    return buffer.getvalue()


def node(loader, module, name, **rest):
    return {"__class__": name, "__module__": module, "__loader__": loader, **rest}


def skops(canary):
    """Archives that name what is not on the list, lie, or expand without end."""
    empty = node("TupleNode", "builtins", "tuple", content=[])
    loaders = ("TypeNode", "FunctionNode", "ObjectNode", "ConstructorFromReduceNode", "LossNode", "EvalNode")
    for index, (module, name) in enumerate(names()):
        loader = loaders[index % len(loaders)]
        call = node(loader, module, name, content=empty, __reduce__={"args": empty})
        yield f"skops {loader} {module}.{name}", "model.skops", archive(("schema.json", schema(call)))
    argument = node("JsonNode", "builtins", "str", content=json.dumps(f"touch {canary}"))
    arguments = node("TupleNode", "builtins", "tuple", content=[argument])
    call = node("OperatorFuncNode", "operator", "methodcaller", attrs=arguments)
    yield "skops operator", "model.skops", archive(("schema.json", schema(call)))
    partial = node("PartialNode", "functools", "partial", content={
        "func": node("FunctionNode", "os", "system"), "args": arguments, "kwds": empty, "namespace": empty})
    yield "skops partial", "model.skops", archive(("schema.json", schema(partial)))
    saved = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="a.npy")
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"cos\nsystem\n."
    yield "skops pickled array", "model.skops", archive(("schema.json", schema(saved)), ("a.npy", npy))
    for name in ("../a.npy", "/etc/passwd", "a/../../b.npy"):
        far = node("NdArrayNode", "numpy", "ndarray", type="numpy", file=name)
        yield f"skops {name}", "model.skops", archive(("schema.json", schema(far)), (name, npy))
    one = node("JsonNode", "builtins", "str", content="1")
    big = bytes(128 * MIB)
    yield "skops bomb", "model.skops", archive(("schema.json", schema(one)), ("a.npy", big),
                                               compression=zipfile.ZIP_DEFLATED)
    yield "skops spaces", "model.skops", archive(("schema.json", b" " * (128 * MIB)),
                                                 compression=zipfile.ZIP_DEFLATED)
    deep = schema(one)
    for _ in range(3000):
        deep = '{"__class__":"list","__module__":"builtins","__loader__":"ListNode","content":[' + deep + "]}"
    yield "skops deep", "model.skops", archive(("schema.json", deep))
    yield "zip without a schema", "model.skops", archive(("model.pkl", b"cos\nsystem\n."))


def fixtures():
    """Real files of a few kilobytes."""
    folder = PICKLE / "fixtures" / "1.9.1"
    for name in ("tree.joblib", "logistic_pipeline.pkl", "tfidf.joblib", "tree.deflated.0.16.0.skops"):
        yield name, (folder / name).read_bytes()


def cut():
    """Real models, cut at many places."""
    for name, file in fixtures():
        for at in sorted({len(file) * step // 12 for step in range(12)} | {1, 2, len(file) - 1}):
            yield f"{name} cut at {at}", "model" + Path(name).suffix, file[:at]


def flipped(count=40):
    """Real models with a few bits changed: refused, or read as the other values that they are."""
    random.seed(20261122)
    for name, file in fixtures():
        for index in range(count):
            changed = bytearray(file)
            for _ in range(random.randint(1, 3)):
                changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
            yield f"{name} flipped {index}", "model" + Path(name).suffix, bytes(changed)
