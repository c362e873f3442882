"""The model in the package, through the public path: the sample, held-out speech, and what holds no speech."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from offline import run_offline

from speechgru import cli
from speechgru.evaluation import wer
from speechgru.inference import Recognizer, load_recognizer
from speechgru.utils.assets import ASSETS

RATE = 16000
LARGEST = 16_000_000
MADE_BY = {"english": "make_hybrid.py", "english-small": "speechgru train english-small"}


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer()


@pytest.mark.parametrize("name", MADE_BY)
def test_it_is_small_and_says_what_it_is(name: str) -> None:
    model = ASSETS / f"{name}.safetensors"
    card = model.with_suffix(".md").read_text(encoding="utf-8")
    assert model.stat().st_size <= LARGEST
    for word in (
        "test-libri",
        "test-l2",
        "95 %",
        "seed",
        "CC BY 4.0",
        "Apache-2.0",
        MADE_BY[name],
    ):
        assert word in card


@pytest.mark.parametrize("name", MADE_BY)
def test_it_trained_on_nothing_share_alike(name: str) -> None:
    from speechgru.models import load

    provenance = load(ASSETS / f"{name}.safetensors").header["provenance"]
    assert len(provenance["corpora"]) >= 3
    for corpus in provenance["corpora"]:
        assert "SA" not in corpus["licence"]
        assert "GPL" not in corpus["licence"]
    assert not any("/" in override.partition("=")[2] for override in provenance.get("overrides", ()))
    assert "/" not in str(provenance.get("settings", ""))


@pytest.mark.slow
def test_the_sample_is_transcribed_offline_from_the_command_line() -> None:
    told = run_offline("transcribe", str(ASSETS / "sample.flac"))
    expected = (ASSETS / "sample.txt").read_text(encoding="utf-8")
    assert wer.score([expected], [told]).wer <= 0.25


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.01, 0.1])
def test_silence_and_steady_noise_give_no_words(recognizer: Recognizer, level: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 8 * RATE).astype(np.float32) * np.float32(level)
    assert recognizer.transcribe(noise, RATE).text == ""
    brown = np.cumsum(noise)
    brown *= level / max(float(np.abs(brown).max()), 1e-9)
    assert recognizer.transcribe(brown.astype(np.float32), RATE).text == ""


def test_noises_of_the_world_give_hardly_a_word(recognizer: Recognizer, data_root: Path) -> None:
    clips = sorted((data_root / "noise" / "ESC-10").rglob("*.opus"))[::10]
    found = [t for _, t in recognizer.transcribe_many(clips)]
    assert len(found) == len(clips) >= 40
    silent = sum(not t.text for t in found)  # type: ignore[union-attr]
    assert silent >= 0.85 * len(clips)


@pytest.mark.slow
def test_held_out_speech_from_the_command_line(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Far below chance, not a benchmark: `speechgru evaluate` on whole test sets is in the card."""
    book = data_root / "speech" / "LibriSpeech" / "dev-clean" / "84" / "121550"
    truth = dict(line.split(" ", 1) for line in next(book.glob("*.txt")).read_text().splitlines())
    assert cli.main(["transcribe", str(book), "--format", "json", "--output-dir", str(tmp_path)]) == 0
    capsys.readouterr()
    written = sorted(tmp_path.rglob("*.json"))
    texts = [json.loads(path.read_text())["text"] for path in written]
    assert len(written) > 10
    assert wer.score([truth[path.stem] for path in written], texts).wer < 0.8
