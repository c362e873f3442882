"""Tables and texts for benchmarks/fuzz.py: manifests, corpora's tables, dictionaries, recipes, archives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fuzz_process import Reader

from speechgru.config import load_recipe
from speechgru.config.compose import parsed
from speechgru.config.compose import split as split_override
from speechgru.data import manifest
from speechgru.data.corpora import (
    an4,
    cmu_arctic,
    commonvoice,
    folder,
    jsonl,
    librispeech,
    ljspeech,
    speech_commands,
    speechocean762,
    tedlium,
    tsv,
)
from speechgru.errors import ConfigError, CorpusError, ManifestError, TrainingError
from speechgru.lexicon import dictionary
from speechgru.training import receipt

_LINES = (
    {"audio_filepath": "a.wav", "duration": 0.1, "text": "a cat", "speaker": "s", "id": "1", "offset": 0.0},
    {
        "audio_filepath": "a.wav",
        "duration": 0.05,
        "text": "the dog",
        "offset": 0.02,
        "lang": "en",
        "speaker": 7,
    },
    {"audio_filepath": "/nowhere/b.wav", "duration": 1, "text": "Straße", "id": "\udc80x", "lang": None},
)
_MANIFEST = "".join(json.dumps(line) + "\n" for line in _LINES)


def _recording(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(1600, np.float32), 16000)
    return path


def _layout(
    audio: tuple[str, ...], table: str, others: tuple[tuple[str, str], ...] = ()
) -> Callable[[Path], Path]:
    """A function that makes recordings and tables below a folder and returns where the damaged one stands."""

    def make(root: Path) -> Path:
        for name in audio:
            _recording(root / name)
        for name, content in others:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        (root / table).parent.mkdir(parents=True, exist_ok=True)
        return root / table

    return make


def _corpus(
    name: str,
    module: Any,
    content: str,
    table: str,
    audio: tuple[str, ...] = ("a.wav",),
    others: tuple[tuple[str, str], ...] = (),
) -> Reader:
    """The reader of a corpus, one table of which is damaged: `table`, below the root or the root itself."""
    depth = len(Path(table).parts) if "/" in table or module in _FOLDERS else 0

    def read(path: Path) -> object:
        return module.prepare(path.parents[depth - 1] if depth else path)

    layout = _layout(audio, table, others)
    return Reader(
        name,
        cache(lambda: [content.encode()]),
        read,
        Path(table).suffix,
        (CorpusError,),
        True,
        (),
        None,
        layout,
    )


_FOLDERS = (commonvoice, ljspeech, folder, speech_commands)
_CLIPS = "client_id\tpath\tsentence\tlocale\nx\ta.mp3\tA cat.\ten\ny\tb\tThe dog?\ten\n"
_STM = "a 1 s 0.00 0.05 <o,f0,male> it 's a <unk> cat\n;; remark\na 1 s 0.05 0.10 <o> ignore_time_segment_in_scoring\n"
_SPHERE = ("legacy/train/sph/a.wav", "legacy/dev/sph/a.wav", "legacy/test/sph/a.wav")
_OCEAN = tuple(
    (f"{s}/{name}", content)
    for s in ("train", "test")
    for name, content in (
        ("text", f"{s}1 A CAT\n"),
        ("utt2spk", f"{s}1 0001\n"),
        ("wav.scp", f"{s}1\tWAVE/a.wav\n"),
    )
)


def _corpora() -> list[Reader]:
    return [
        _corpus("jsonl", jsonl, _MANIFEST, "m.jsonl"),
        _corpus("tsv", tsv, "path\ttext\tspeaker\na.wav\tA cat.\ts\nb.wav\tnothing\n", "t.tsv"),
        _corpus("folder", folder, "A cat, 7 dogs.\nIt's here.\n", "a.txt"),
        _corpus(
            *("commonvoice", commonvoice, _CLIPS, "train.tsv", ("clips/a.wav", "clips/b.wav")),
            (("dev.tsv", _CLIPS), ("test.tsv", _CLIPS)),
        ),
        _corpus(
            "ljspeech", ljspeech, "a|A cat.|A cat.\nb|7 dogs|seven dogs\n", "metadata.csv", ("wavs/a.wav",)
        ),
        _corpus(
            *("librispeech", librispeech, "1-2-3 A CAT\n1-2-4 THE DOG\n", "dev-clean/1/2/1-2.trans.txt"),
            ("dev-clean/1/2/1-2-3.wav",),
        ),
        _corpus(
            *("an4", an4, "<s> A CAT </s> (an1-fash-b)\nE V E (an2-fash-b)\n", "etc/an4_train.transcription"),
            ("wav/an4_clstk/fash/an1-fash-b.wav", "wav/an4test_clstk/fash/an1-fash-b.wav"),
            (("etc/an4_test.transcription", "<s> A CAT </s> (an1-fash-b)\n"),),
        ),
        _corpus(
            *("cmu_arctic", cmu_arctic, '( arctic_a0001 "A cat." )\n( arctic_a0002 "Dogs" )\n'),
            *("cmu_us_aew_arctic/etc/txt.done.data", ("cmu_us_aew_arctic/wav/arctic_a0001.wav",)),
        ),
        _corpus(
            *("tedlium", tedlium, _STM, "legacy/train/stm/a.stm", _SPHERE),
            (("legacy/dev/stm/a.stm", _STM), ("legacy/test/stm/a.stm", _STM)),
        ),
        _corpus("speechocean762", speechocean762, "train1 A CAT\n", "train/text", ("WAVE/a.wav",), _OCEAN),
        _corpus(
            *("speech_commands", speech_commands, "bed/a_nohash_0.wav\n", "testing_list.txt"),
            ("bed/a_nohash_0.wav", "cat/b_nohash_0.wav", "bed/c_nohash_1.wav"),
            (("validation_list.txt", "cat/b_nohash_0.wav\n"),),
        ),
    ]


# --------------------------------------------------------------------------------------- dictionaries and recipes

_DICTIONARY = ";;; remark\ncat K AE1 T\na AH0\na(2) EY1 # strong\n'tis T IH1 Z\n"
_RECIPE = """defaults:
  - model: acoustic
  - features: log_mel
  - decoder: greedy
  - augment: light
  - optimizer: adamw
  - schedule: cosine
  - trainer: standard
  - _self_
name: mine
seed: 3
task: ctc
corpus:
  sources: [{name: folder, path: here, label: mine}]
  train: [train]
  dev: [dev]
  hold_out: 0.1
  max_duration: 12.5
trainer: {epochs: 3}
model: {layers: 2, width: 64}
tune:
  ranges: {optimizer.lr: {low: 1e-4, high: 1e-2, log: true}}
"""
_OVERRIDES = (
    "trainer.epochs=3",
    "model.layers=[1,2]",
    "corpus.root='a b'",
    "schedule=linear",
    "augment.speed=[0.9,1.1]",
)


@cache
def _recipes() -> list[bytes]:
    """A recipe of one's own, and some that come with the package, of different tasks."""
    from speechgru.config.files import home

    packaged = [path.read_bytes() for path in sorted(home("recipes").glob("[eltv]*/recipe.yaml"))]
    return [_RECIPE.encode(), *packaged]


def _read_recipe(path: Path) -> object:
    return load_recipe(path)


def _read_override(path: Path) -> object:
    key, value = split_override(path.read_bytes().decode("utf-8", "surrogateescape"))
    return parsed(key, value).value()


_YAML = (
    b"defaults:",
    b"- model: ",
    b"_self_",
    b"${oc.env:HOME}",
    b"${name}",
    b"&a",
    b"*a",
    b"!!python/object/apply:os.system",
)
_YAML += (
    b"!!python/name:os.system",
    b"<<: *a",
    b"_target_: os.system",
    b"hydra:",
    b"optional ",
    b"override ",
    b"???",
    b"@_global_",
)
_YAML += (
    b"\n? [a]\n: b\n",
    b"1e3",
    b"0o17",
    b"2001-01-01",
    b"~",
    b"|\n",
    b"'",
    b"/etc/passwd",
    b"&a [*a]",
    b"\n---\n",
)


_RECEIPT = receipt.Receipt(
    *("digits", "recipes/digits", ["seed=1"], 1, 1, "cpu", 1, "abc", {"torch": "2.11"}, "aa", "bb", "cc", 0.5)
)


_JSON = (
    b'"audio_filepath":',
    b'"duration":',
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"null",
    b'"\\ud800"',
    b"\\u0000",
    b"1e400",
    b"{}",
)

READERS = [
    Reader(
        *("manifest", cache(lambda: [_MANIFEST.encode()]), manifest.read, ".jsonl", (ManifestError,)),
        is_text=True,
        tokens=_JSON,
    ),
    *_corpora(),
    Reader(
        "dictionary",
        cache(lambda: [_DICTIONARY.encode()]),
        dictionary.load,
        ".dict",
        (CorpusError,),
        is_text=True,
    ),
    Reader(
        *("dictionary-gz", cache(lambda: [gzip.compress(_DICTIONARY.encode())]), dictionary.load, ".dict.gz"),
        (CorpusError,),
    ),
    Reader(
        *(
            "receipt",
            cache(lambda: [json.dumps(asdict(_RECEIPT)).encode()]),
            receipt.read,
            ".json",
            (TrainingError,),
        ),
        is_text=True,
        tokens=_JSON,
    ),
    Reader(
        "override",
        cache(lambda: [o.encode() for o in _OVERRIDES]),
        _read_override,
        ".txt",
        (ConfigError,),
        is_text=True,
    ),
    Reader("recipe", _recipes, _read_recipe, ".yaml", (ConfigError,), is_text=True, tokens=_YAML),
]
