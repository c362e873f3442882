"""Models for benchmarks/fuzz.py: ARPA, .slm and their text, checkpoints of every kind, the state of a training."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zlib
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from fuzz_process import Reader

from speechgru import lm
from speechgru.cli.inspect import contents, text_lines
from speechgru.errors import CheckpointError, CorpusError, LanguageModelError, TrainingError, printable
from speechgru.features.settings import FrontendSettings
from speechgru.inference import load_classifier, load_recognizer
from speechgru.lm import arpa, ngram, sentences, slm
from speechgru.lm.neural import load_language_model
from speechgru.models import checkpoint
from speechgru.training.state import STATE, saved_state
from speechgru.utils import assets, plugins
from speechgru.vad import load_detector

_ARPA = """\\data\\
ngram 1=7
ngram 2=4
ngram 3=2

\\1-grams:
-1.0\t<unk>\t0
-99\t<s>\t-0.3
-0.9\t</s>
-0.6\tcat\t-0.3
-0.7\tdog\t0
-0.8\tthe\t-0.1
-1.25\tsat\t-2

\\2-grams:
-0.2\t<s> the\t-0.2
-0.3\tcat </s>
-0.4\tthe cat\t-0.5
-0.5\tdog sat

\\3-grams:
-0.1\t<s> the cat
-0.2\tthe cat </s>

\\end\\
"""
_SENTENCE = ("the cat sat", "a dog", "the the the cat")
_TEXT = "Mr. Smith saw a cat. It sat! “Did it?” he said; it's 3 o'clock…\n\nThe dog, J. S. said, was\nthere. <s> </s>\n"


@cache
def _arpa() -> list[bytes]:
    return [_ARPA.encode(), _ARPA.replace("\t", " ").replace("<unk>", "<UNK>").encode()]


@cache
def _slm() -> list[bytes]:
    """Packed from the ARPA file, exactly and with coded weights."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.arpa")
        path.write_bytes(_arpa()[0])
        for bits in (None, 2):
            model = ngram.from_table(arpa.read(path), bits)
            slm.save(Path(folder, "a.slm"), list(model.words), model.arrays, {"made": "here"})
            files.append(Path(folder, "a.slm").read_bytes())
    return files


def _read_model(path: Path) -> float:
    model = lm.load(path)
    scores = [score for text in _SENTENCE for score in model.score(text.split())]
    return sum(scores) + model.perplexity(_SENTENCE).with_oov


def _read_sentences(path: Path) -> int:
    return sum(map(len, sentences.read_sentences(path, skip_symbols=True))) + sum(
        map(len, sentences.read_sentences(path, wrapped=True, skip_symbols=True))
    )


def repair_gzip(whole: bytes, damaged: bytes, rng: Random) -> bytes:
    """What the damaged bytes unpack to, as far as that goes, or pieces of it changed: a right file again."""
    from fuzz_mutations import mutate

    inside = gzip.decompress(whole)
    return gzip.compress(mutate(inside, rng, [inside], (), True), 1)


def repair_slm(_: bytes, damaged: bytes, rng: Random) -> bytes:
    """The right size and checksum in the header, if that is JSON still, padded as it should be."""
    line, _, data = damaged.partition(b"\n")
    try:
        header = json.loads(line)
        header.update(size=len(data), crc32=zlib.crc32(data))
        written = json.dumps(header).encode()
    except (ValueError, AttributeError, RecursionError):
        return damaged
    return written + b" " * (-(len(written) + 1) % 64) + b"\n" + data


_SYMBOLS = ("<blank>", *" abcdehgt'")
_SMALL = {"layers": 1, "width": 4, "channels": 1}
_FRONTEND = FrontendSettings(n_mels=8)
_FEATURES = {"kind": "log_mel", "settings": asdict(_FRONTEND), "fingerprint": _FRONTEND.fingerprint}
# Of each kind: the settings of a network as small as can be, the sizes that it wants, and the rest of its header.
_FILES: dict[str, tuple[dict[str, Any], tuple[int, ...], dict[str, Any]]] = {
    "acoustic": (
        *(_SMALL, (8, len(_SYMBOLS))),
        {
            "vocabulary": _SYMBOLS,
            "features": _FEATURES,
            "languages": ["en"],
            "decoder": {"name": "greedy", "settings": {}},
            "gate": {},
            "confidence": {},
        },
    ),
    "classifier": (_SMALL, (8, 3), {"classes": ["bed", "cat", "happy"], "features": _FEATURES}),
    "language": ({"layers": 1, "width": 4, "embedding": 4}, (len(_SYMBOLS),), {"vocabulary": _SYMBOLS}),
}


@cache
def small_checkpoint(kind: str) -> list[bytes]:
    """A checkpoint of a kind."""
    settings, sizes, header = _FILES[kind]
    module: Any = plugins.find("models", kind)
    model = module.Model(module.Settings(**settings), *sizes)
    entry = {"name": kind, "settings": settings}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        checkpoint.save(
            path, kind, {"model": entry, "provenance": {"made": "here"}, **header}, model.state_dict()
        )
        return [path.read_bytes()]


@cache
def _detector() -> list[bytes]:
    """The packaged one."""
    return [(assets.ASSETS / "vad.safetensors").read_bytes()]


def repair_safetensors(whole: bytes, damaged: bytes, rng: Random) -> bytes:
    """A changed header with its right length before it, and the tensors as they were."""
    from fuzz_mutations import mutate

    size = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + size]
    any_place = rng.random() < 0.5
    changed = (
        mutate(header, rng, [header], _HEADER_TOKENS, True) if any_place else _another_entry(header, rng)
    )
    return len(changed).to_bytes(8, "little") + changed + whole[8 + size :]


def _another_entry(header: bytes, rng: Random) -> bytes:
    """One entry of the metadata, itself JSON, has a value of another kind somewhere within; the rest stays."""
    entries = json.loads(header)
    metadata = entries["__metadata__"]
    key = rng.choice(sorted(metadata))
    if key in ("format", "kind"):
        metadata[key] = str(rng.choice(_VALUES))
    else:
        metadata[key] = json.dumps(_changed(json.loads(metadata[key]), rng))
    return json.dumps(entries).encode()


def _changed(value: Any, rng: Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], _changed(value[place], rng), *value[place + 1 :]]
    return rng.choice(_VALUES)


_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2,
        7,
        1 << 31,
        1 << 63,
        10**30,
        1e308,
        -1e308,
        float("nan"),
        float("inf"),
        0.5,
        1e-320,
    ),
    *(
        "",
        "a",
        "acoustic",
        "../../x",
        "\x1b[31m",
        "\ud800",
        "x" * 3000,
        [],
        {},
        [[]],
        [1],
        ["a", "a"],
        {"name": "x"},
    ),
)
_HEADER_TOKENS = (
    b'"dtype":"F64"',
    b'"BF16"',
    b'"shape":[0]',
    b'"data_offsets":[0,0]',
    b"\\u0000",
    b"null",
    b"NaN",
    b'\\"',
)


def _inspected(path: Path) -> int:
    loaded = checkpoint.load(path)
    json.dumps(contents(loaded))
    lines = text_lines(loaded)
    assert lines == list(map(printable, lines)), "control characters of the file"
    return len(lines)


def _read_acoustic(path: Path) -> int:
    size = _inspected(path)
    recognizer = load_recognizer(path)
    list(recognizer.outputs([np.zeros(8000, np.float32)]))
    return size


def _read_classifier(path: Path) -> int:
    size = _inspected(path)
    load_classifier(path).classify([np.zeros(8000, np.float32)])
    return size


def _read_detector(path: Path) -> int:
    size = _inspected(path)
    load_detector(path).probabilities([np.zeros(8000, np.float32)])
    return size


def _read_language(path: Path) -> int:
    size = _inspected(path)
    load_language_model(path).perplexity(["a cat"])
    return size


# ---------------------------------------------------------------------------------------------- a training's state


@cache
def _states() -> list[bytes]:
    stream = io.BytesIO()
    state = {
        "fingerprint": "x",
        "model": {"a": torch.zeros(3)},
        "progress": {"epoch": 1, "history": [{"loss": 0.5}]},
    }
    torch.save(state, stream)
    return [stream.getvalue()]


def _read_state(path: Path) -> object:
    return saved_state(path.parent, "x")


_ARPA_TOKENS = (
    b"\\data\\",
    b"\\1-grams:",
    b"\\end\\",
    b"ngram 1=",
    b"<s>",
    b"</s>",
    b"<unk>",
    b"\t",
    b"ngram 99=1",
)

READERS = [
    Reader("arpa", _arpa, _read_model, ".arpa", (LanguageModelError,), is_text=True, tokens=_ARPA_TOKENS),
    Reader(
        *("arpa-gz", cache(lambda: [gzip.compress(data) for data in _arpa()]), _read_model, ".arpa.gz"),
        (LanguageModelError,),
        repair=repair_gzip,
    ),
    Reader("slm", _slm, _read_model, ".slm", (LanguageModelError,), is_text=True, repair=repair_slm),
    Reader(
        "sentences",
        cache(lambda: [_TEXT.encode()]),
        _read_sentences,
        ".txt",
        (LanguageModelError,),
        is_text=True,
    ),
    Reader(
        "acoustic",
        partial(small_checkpoint, "acoustic"),
        _read_acoustic,
        ".safetensors",
        (CheckpointError,),
        repair=repair_safetensors,
    ),
    Reader(
        "classifier",
        partial(small_checkpoint, "classifier"),
        _read_classifier,
        ".safetensors",
        (CheckpointError,),
        repair=repair_safetensors,
    ),
    Reader(
        "detector", _detector, _read_detector, ".safetensors", (CheckpointError,), repair=repair_safetensors
    ),
    Reader(
        "language",
        partial(small_checkpoint, "language"),
        _read_language,
        ".safetensors",
        (CheckpointError, CorpusError),
        repair=repair_safetensors,
    ),
    Reader("state", _states, _read_state, ".pt", (TrainingError,), layout=lambda folder: folder / STATE),
]
