"""Files of music for benchmarks/fuzz.py: MIDI, ABC, chorales in JSON, piano rolls, notes as text."""

from __future__ import annotations

import io
import json
import os
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzz_models import repair_safetensors
from fuzz_process import Reader

from speechgru.errors import CheckpointError, CorpusError, MusicError
from speechgru.models import checkpoint
from speechgru.music.corpora import jsb_chorales
from speechgru.music.files import load, midi, primer
from speechgru.music.generation.compose import load_composer
from speechgru.music.models import roll, words
from speechgru.music.score.notes import Metre, Note, NoteSequence, Tempo
from speechgru.music.score.piano_roll import to_roll

_TUNE = """X:1
T:A tune
M:6/8
L:1/8
Q:3/8=100
R:jig
P:AB
K:D
P:A
|:d2A (3ABc d|[fa]2 A>B c-|c3 z2|1 d3 D3:|2 d3 "G"{g}d2e||
P:B
[M:4/4] X|: ^f=c_B, F'' | Z2 |[K:Amin] (ab) ~c !trill!d | e/2f//g3/2 a4 :|
"""
_OTHER = "X:2\nT:Another\nM:C|\nK:HP\nV:1\nabc' d2|e4 f4|]\n\n% remark\nX:3\nM:none\nL:1/4\nK:G exp ^f\nG4\\\nA4|\n"
_TEXT = "C4 E4 G4:2 R C4+E4+G4:1/2 | Bb3:0.5, F#5:3/4 R:2 A4"


def _real(pattern: str, count: int) -> list[bytes]:
    """The shortest files below SPEECHGRU_DATA/music that match."""
    root = os.environ.get("SPEECHGRU_DATA")
    found = sorted(Path(root, "music").glob(pattern)) if root else []
    found.sort(key=lambda path: (path.stat().st_size, path.name))
    return [path.read_bytes() for path in found[:count]]


def _piece() -> NoteSequence:
    notes = [Note(i / 2, 60 + i % 12, i / 2 + 0.5, 40 + i, i % 3, i % 5 == 4) for i in range(24)]
    return NoteSequence(tuple(notes), (Tempo(0.0, 90.0), Tempo(4.0, 120.0)), metres=(Metre(0.0, 3, 4),))


@cache
def _midi() -> list[bytes]:
    return [
        midi.to_bytes(_piece()),
        midi.to_bytes(NoteSequence((Note(0, 60, 1),))),
        *_real("nottingham/**/*.mid", 3),
    ]


@cache
def _riff_midi() -> list[bytes]:
    files = []
    for data in _midi():
        body = b"RMIDdata" + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)
        files.append(b"RIFF" + len(body).to_bytes(4, "little") + body)
    return files


@cache
def _abc() -> list[bytes]:
    return [
        _TUNE.encode(),
        _OTHER.encode(),
        f"{_TUNE}\n{_OTHER}".encode(),
        *_real("folk/ryansMammoth/*.abc", 5),
    ]


@cache
def _chorales() -> list[bytes]:
    sets = {
        "train": [[[74, 70, 65, 58], [74, 70, 65, 58], [75, 70, 60, 51]], [[72, 67, 64, 48]]],
        "valid": [[[60, 55, -1, 36], [60.0, 55, 52]]],
        "test": [[[71, 67, 62, 55], []]],
    }
    return [json.dumps(sets).encode(), json.dumps(sets, indent=1).replace("-1", "NaN").encode()]


@cache
def _rolls() -> list[bytes]:
    """The three sets of the benchmark's form, of small rolls."""
    import scipy.io

    generator, files = np.random.default_rng(1), []
    for kind in (np.uint8, np.float64):
        sets = {}
        for name in ("traindata", "validdata", "testdata"):
            cells = np.empty((1, 2), object)
            for index in range(2):
                cells[0, index] = (generator.random((4, 88)) < 0.05).astype(kind)
            sets[name] = cells
        for compressed in (False, True):
            stream = io.BytesIO()
            scipy.io.savemat(stream, sets, do_compression=compressed)
            files.append(stream.getvalue())
    return files


def _used(piece: NoteSequence) -> int:
    """What commands do with a piece: its length, its bars, a roll of it, and MIDI again, which is read once more."""
    bars = len(piece.bar_lines())
    if not piece.duration >= 0:
        raise AssertionError(f"a piece of {piece.duration} s")
    if piece.length < 2000:
        to_roll(piece, 4)
    again = midi.parse(midi.to_bytes(piece)).notes if piece.notes else piece
    if len(again.notes) != len(piece.notes):
        raise AssertionError(f"{len(piece.notes)} notes were written, {len(again.notes)} read again")
    return bars


def _read(path: Path) -> int:
    return sum(_used(piece.notes) for piece in load.read_file(path).pieces)


def _read_text(path: Path) -> int:
    return _used(primer.parse(path.read_bytes().decode("utf-8", "surrogateescape")))


def _read_rolls(path: Path) -> int:
    return sum(len(piece.notes.notes) for pieces in jsb_chorales.prepare(path).values() for piece in pieces)


def repair_midi(_: bytes, damaged: bytes, rng: Random) -> bytes:
    """Tracks as long as they say, each with its end, so that their events are looked at."""
    head, *tracks = damaged.split(b"MTrk")
    fixed = [track[4:] if len(track) > 4 else track for track in tracks]
    if rng.random() < 0.5:
        fixed = [track + b"\0\xff\x2f\0" for track in fixed]
    return head[:14].ljust(14, b"\0") + b"".join(b"MTrk" + len(t).to_bytes(4, "big") + t for t in fixed)


_EVENTS = (
    b"\xff\x51\x03\0\0\0",
    b"\xff\x58\x04\x04\x02\x18\x08",
    b"\xff\x59\x02\x80\x01",
    b"\xff\x2f\0",
    b"\xf0\x7f",
)
_EVENTS += (
    b"\x90\x3c\x40",
    b"\xff\xff\xff\x7f",
    b"\xff\x58\x02\xff\xff",
    b"\x81\x00\x90\x00\x01",
    b"MTrk",
    b"\xff\x01\x05hello",
)
_ABC_TOKENS = (
    *(
        b"X:1\n",
        b"K:C\n",
        b"M:4/4\n",
        b"L:1/256\n",
        b"Q:9999",
        b"P:A9B9",
        b"[K:",
        b"V:2\n",
        b"z999",
        b"Z256",
        b"A256",
    ),
    *(b":||::", b"|1", b"[1", b"(9:9:99", b">>>", b"(3", b"\\\n", b"%%", b"::::"),
)


def _model(kind: str, network: Any) -> list[bytes]:
    """A checkpoint of a small network."""
    header = {
        "model": {"name": kind, "settings": asdict(network.settings)},
        "corpus": {"sources": [{"name": "folk", "path": "."}], "train": ["train"], "test": ["test"]},
        "provenance": {"seed": 1},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        checkpoint.save(path, kind, header, network.state_dict())
        return [path.read_bytes()]


@cache
def _token_model() -> list[bytes]:
    return _model("words", words.Model(words.Settings(width=4, embedding=3, steps_per_beat=2, longest=4)))


@cache
def _roll_model() -> list[bytes]:
    return _model("roll", roll.Model(roll.Settings(width=4, hidden=3)))


def _read_composer(path: Path) -> object:
    return load_composer(path)


READERS = [
    *(
        Reader(name, seeds, _read_composer, ".safetensors", (CheckpointError,), repair=repair_safetensors)
        for name, seeds in (("token-model", _token_model), ("roll-model", _roll_model))
    ),
    Reader("midi", _midi, _read, ".mid", (MusicError,), tokens=_EVENTS, repair=repair_midi),
    Reader(
        "riff-midi", _riff_midi, _read, ".rmi", (MusicError,), tokens=(*_EVENTS, b"data", b"LIST", b"RMID")
    ),
    Reader("abc", _abc, _read, ".abc", (MusicError,), is_text=True, tokens=_ABC_TOKENS),
    Reader(
        "chorales",
        _chorales,
        _read,
        ".json",
        (MusicError,),
        is_text=True,
        tokens=(b"NaN", b"Infinity", b"[]", b"-1", b"1e400"),
    ),
    Reader("rolls", _rolls, _read_rolls, ".mat", (CorpusError,)),
    Reader(
        "notes",
        cache(lambda: [_TEXT.encode()]),
        _read_text,
        ".txt",
        (MusicError,),
        is_text=True,
        tokens=(b"R:", b"C9", b"G#-1", b"+", b":1/"),
    ),
]
