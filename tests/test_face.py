"""What `import speechgru` offers: everything that the commands do, and nothing else."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from beeps import beep, recognizer

import speechgru
from speechgru import errors
from speechgru.alignment import align, align_text
from speechgru.audio.array import Sound

PACKAGES = [
    name
    for _, name, is_package in pkgutil.walk_packages(speechgru.__path__, "speechgru.")
    if is_package and hasattr(importlib.import_module(name), "__all__")
]


def test_errors_and_the_verbs_are_there() -> None:
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]
    assert len(kinds) >= 14
    for kind in kinds:
        assert getattr(speechgru, kind.__name__) is kind and kind.__name__ in dir(speechgru)
    for name in ("Transcript", "align", "transcribe", "load_detector", "evaluate", "train"):
        assert name in dir(speechgru) and callable(getattr(speechgru, name))


@pytest.mark.parametrize("name", ["speechgru", *PACKAGES])
def test_completion_offers_what_is_public_and_nothing_else(name: str) -> None:
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    for public in package.__all__:
        getattr(package, public)


def test_what_type_checkers_see_is_what_there_is() -> None:
    source = Path(speechgru.__file__).read_text(encoding="utf-8")
    typed = source.partition("if TYPE_CHECKING:")[2].partition("__version__")[0]
    for name in set(speechgru.__all__) - {"__version__"}:
        assert f" {name}" in typed, name


def test_importing_it_costs_nothing() -> None:
    code = "import speechgru, sys; speechgru.AudioError; dir(speechgru); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_align_takes_arrays_at_any_rate() -> None:
    model = recognizer()
    signal = beep("a cab")
    expected = align_text(model, Sound(signal), "A cab!").to_dict()
    assert align(signal, "A cab!", model.sample_rate, model).to_dict() == expected
    assert [
        w.text for w in align(np.repeat(signal, 2), "A cab!", 2 * model.sample_rate, model).transcript.words
    ] == [
        "A",
        "cab!",
    ]
    with pytest.raises(speechgru.AudioError, match="sample_rate"):
        align(signal, "A cab!", model=model)
    with pytest.raises(speechgru.AudioError, match="states its own rate"):
        align("talk.wav", "A cab!", 16000, model)


def test_align_reads_the_text_of_a_path_and_shows_itself_briefly(tmp_path: Path) -> None:
    model, file = recognizer(), tmp_path / "a.txt"
    file.write_text("A cab!")
    made = align(beep("a cab"), file, model.sample_rate, model)
    assert made.to_dict()["text"] == "A cab!"
    assert repr(made) == f"<Alignment of 2 of 2 words, {made.transcript!r}>" and len(repr(made)) < 120
    with pytest.raises(speechgru.TextError, match=r"none\.txt"):
        align(beep("a cab"), tmp_path / "none.txt", model.sample_rate, model)


def test_train_takes_the_name_of_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(speechgru.ConfigError, match="Did you mean 'digits'"):
        speechgru.train("digit")
    with pytest.raises(speechgru.ConfigError, match="epoch"):
        speechgru.train("digits", ["trainer.epoch=3"])
    with pytest.raises(speechgru.SpeechGruError, match="nowhere"):
        speechgru.train("digits", [f"corpus.root={tmp_path / 'nowhere'}", f"output={tmp_path / 'run'}"])


def test_evaluate_takes_a_manifest_and_the_name_of_a_model(tmp_path: Path) -> None:
    with pytest.raises(speechgru.ManifestError, match=r"none\.jsonl"):
        speechgru.evaluate("english-small", tmp_path / "none.jsonl")
