"""The model of tunes in the package: small, described by its card, and used where no other is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from offline import run_offline

from speechgru.cli import main
from speechgru.models import checkpoint
from speechgru.music import load_composer
from speechgru.music.evaluation import statistics
from speechgru.music.files import midi
from speechgru.music.generation import compose
from speechgru.music.generation.compose import DEFAULT_MODEL
from speechgru.music.generation.request import Request
from speechgru.music.score import form
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import NoteSequence
from speechgru.utils.assets import ASSETS

LARGEST = 4_000_000
MODEL = ASSETS / f"{DEFAULT_MODEL}.safetensors"


def test_it_is_small_and_its_card_is_of_this_file() -> None:
    card = MODEL.with_suffix(".md").read_text(encoding="utf-8")
    loaded = checkpoint.load(MODEL)
    provenance = loaded.header["provenance"]
    assert MODEL.stat().st_size <= LARGEST and loaded.kind == "words"
    assert f"{sum(tensor.numel() for tensor in loaded.tensors.values()):,} (float16" in card
    assert all(tensor.dtype.itemsize == 2 for tensor in loaded.tensors.values())
    assert f"| dev | {provenance['score']:.3f} |" in card, "float16 costs less than the third decimal"
    assert f"commit `{provenance['commit']}`, best epoch {provenance['epoch']}" in card
    for word in (
        "transcribers state no licence",
        "1782 to 1903",
        "test",
        "Longest passage",
        "can't do",
        "Apache-2.0",
    ):
        assert word in card


def test_it_learnt_from_what_may_be_passed_on() -> None:
    provenance = checkpoint.load(MODEL).header["provenance"]
    assert [corpus["name"] for corpus in provenance["corpora"]] == ["folk"]
    assert "public domain" in provenance["corpora"][0]["licence"]
    assert not any("/" in override.partition("=")[2] for override in provenance["overrides"])


@pytest.mark.slow
def test_a_tune_is_made_offline_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "tune.mid"
    run_offline("compose", "-o", str(out), "--wav", "--png", "--bars", "8")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mid", ".png", ".wav"]
    assert form.whole_bars(midi.read(out)) == 1


def in_key(piece: NoteSequence) -> float:
    """Share of a piece's notes in the scale of its first key."""
    return float(np.mean([note.pitch % 12 in piece.keys[0].key.scale for note in piece.pitched()]))


def test_it_has_learnt_something() -> None:
    """Far from chance, not a benchmark: the card has the measures."""
    pieces = load_composer().compose(Request(bars=16, seed=1), 6)
    assert all(form.whole_bars(piece) == 1 and form.ends_on_tonic(piece) == 1 for piece in pieces)
    assert all(len(piece.pitched()) > 30 and abs(piece.keys[0].key.fifths) <= 3 for piece in pieces)
    assert sum(in_key(piece) for piece in pieces) / 6 > 0.9
    assert sum(statistics.measure(piece).mean_interval for piece in pieces) / 6 < 4


@pytest.mark.parametrize(
    ("key", "scale"), [("A minor", None), ("D", "dorian"), ("Gb", None), ("E", "pentatonic")]
)
def test_a_key_is_kept(key: str, scale: str | None, tmp_path: Path) -> None:
    given = ["--key", key, *(["--scale", scale] if scale else []), "--bars", "8"]
    assert main(["compose", *given, "-o", str(tmp_path / "a.mid")]) == 0
    piece = midi.read(tmp_path / "a.mid")
    # MIDI knows major and minor alone: D dorian is told as C major.
    assert in_key(piece) == 1
    assert piece.notes[-1].pitch % 12 == Key(key.split()[0]).tonic_class


def test_its_name_is_enough(tmp_path: Path) -> None:
    for name, given in (("a", []), ("b", ["--model", DEFAULT_MODEL]), ("c", ["--model", str(MODEL)])):
        assert (
            main(["compose", *given, "--bars", "4", "--key", "G", "-o", str(tmp_path / f"{name}.mid")]) == 0
        )
    first, second, third = (midi.read(tmp_path / f"{name}.mid") for name in "abc")
    assert first == second == third and first.keys[0].key == Key("G")
    assert compose.default_model() == MODEL
