"""Which decoder reads a checkpoint, and what the options of the command line make of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import RATE, VOCABULARY, Engine, beep, save_checkpoint
from lm_models import ARPA

from speechgru import cli
from speechgru.cli import _decoder_options as decoder_options
from speechgru.decoding import Hypothesis, beam, greedy
from speechgru.decoding.hypothesis import Token
from speechgru.errors import CheckpointError, ConfigError, LanguageModelError, TextError, UsageError
from speechgru.inference import CtcRecognizer, load_ctc
from speechgru.models import checkpoint
from speechgru.utils import assets


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "tiny.safetensors")


@pytest.fixture
def lm(tmp_path: Path) -> Path:
    path = tmp_path / "pets.arpa"
    path.write_text(ARPA)
    return path


def stored(model: Path, decoder: Any) -> Path:
    """A copy of the model whose header holds this decoder."""
    loaded = checkpoint.load(model)
    path = model.with_name("stored.safetensors")
    checkpoint.save(path, loaded.kind, {**loaded.header, "decoder": decoder}, loaded.tensors)
    return path


def options(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    decoder_options.add_arguments(parser)
    return decoder_options.choose(parser.parse_args(arguments))


# --------------------------------------------------------------------------------- which decoder reads


def test_by_default_the_stored_one(model: Path) -> None:
    assert isinstance(load_ctc(model).decoder, greedy.Decoder)
    searching = stored(model, {"name": "beam", "settings": {"beam": 8, "hotwords": ["hello"]}})
    decoder = load_ctc(searching).decoder
    assert decoder.settings == beam.Settings(beam=8, hotwords=("hello",))
    assert isinstance(load_ctc(searching, decoder="greedy").decoder, greedy.Decoder)


def test_settings_choose_the_search_and_lie_over_the_stored_ones(model: Path, lm: Path) -> None:
    assert load_ctc(model, beam=9).decoder.settings == beam.Settings(beam=9)
    assert load_ctc(model, decoder="beam").decoder.settings == beam.Settings()
    searching = stored(model, {"name": "beam", "settings": {"beam": 8, "lm_weight": 1.25}})
    decoder = load_ctc(searching, lm=str(lm), hotwords=["Kyunghyun Cho", "GRU"]).decoder
    assert decoder.settings == beam.Settings(
        beam=8, lm_weight=1.25, lm=str(lm), hotwords=("kyunghyun cho", "gru")
    )
    assert decoder.lm.words[3:] == ("cat", "dog", "the")


def test_a_language_model_of_few_words_is_told(
    model: Path, lm: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_ctc(model, lm=str(lm))
    assert [m for m in caplog.messages if f"{lm} knows only 3 words; speech that holds others is spoilt" in m]
    caplog.clear()
    load_ctc(model, decoder="beam")
    assert not caplog.messages


@pytest.mark.parametrize(
    "settings",
    [
        *({"lm_weight": 2.0}, {"unknown_word": -1.0}, {"hotword_weight": 2.0}, {"colour": 3}),
        *({"beam": "wide"}, {"beam": 0}, {"hotwords": ["世界"]}, {"hotwords": ["..."]}),
        {"decoder": "greedy", "beam": 3},
    ],
)
def test_settings_that_make_no_sense(model: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        load_ctc(model, **settings)


@pytest.mark.parametrize("settings", [{"beam": "8"}, {"beam": 0}, {"color": 1}, [8], {"lm": "gone"}])
def test_a_damaged_header(model: Path, settings: Any) -> None:
    with pytest.raises(CheckpointError, match="stored"):
        load_ctc(stored(model, {"name": "beam", "settings": settings}))


def test_a_header_never_leads_to_another_file(model: Path, lm: Path) -> None:
    """A model from elsewhere must not make its reader open what it likes."""
    leading = stored(model, {"name": "beam", "settings": {"lm": str(lm)}})
    with pytest.raises(CheckpointError, match="language model"):
        load_ctc(leading)
    assert load_ctc(leading, lm=str(lm)).decoder.lm is not None


def test_a_packaged_language_model(
    model: Path, lm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ASSETS", tmp_path / "assets")
    with pytest.raises(LanguageModelError, match="english"):
        load_ctc(model, lm="english")
    assert assets.find_lm(lm) == lm


# ----------------------------------------------------------------------------------------------- gate


class Says:
    """A decoder that makes the same of everything, as sure of each letter."""

    settings = None
    phones: tuple[str, ...] = ()

    def __init__(self, text: str, confidence: float) -> None:
        self.text, self.confidence = text, confidence

    def __call__(self, log_probs: Any) -> Hypothesis:
        tokens = [Token(letter, i, i + 1, self.confidence) for i, letter in enumerate(self.text)]
        return Hypothesis(self.text, tuple(tokens), 0.0)


def test_the_gate_judges_what_greedy_decoding_hears() -> None:
    """A language model makes words of noise, and unsure words of speech: neither says whether somebody spoke."""
    heard = CtcRecognizer(Engine(), Says("hi", 0.1))
    assert heard.transcribe(beep("hi you"), RATE).text == "hi"
    sure = CtcRecognizer(Engine(), Says("hi", 1.0))
    flat = np.log(np.full((30, len(VOCABULARY)), 1 / len(VOCABULARY)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sure, "outputs", lambda signals: iter([flat]))
        assert sure.transcribe(beep("hi you"), RATE).text == ""


# --------------------------------------------------------------------------------------- command line


def test_options_ask_only_for_what_they_say(tmp_path: Path) -> None:
    assert options() == {"decoder": None}
    assert options("--beam", "8", "--word-bonus", "-0.5") == {"decoder": None, "beam": 8, "word_bonus": -0.5}
    names = tmp_path / "names.txt"
    names.write_text("Bengio\n\nKyunghyun Cho\n")
    given = options("--hotwords", "GRU, CTC", "--hotwords-file", str(names))
    assert given["hotwords"] == ["GRU", "CTC", "Bengio", "Kyunghyun Cho"]


@pytest.mark.parametrize("option", ["--lm x", "--lm-weight 1", "--beam 2", "--hotwords a", "--word-bonus 0"])
def test_greedy_takes_none_of_them(option: str) -> None:
    with pytest.raises(UsageError, match=option.split()[0]):
        options("--decoder", "greedy", *option.split())


def test_hotwords_that_are_not_there(tmp_path: Path) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes("Müller".encode("latin-1"))
    for arguments in (
        ["--hotwords", " , "],
        ["--hotwords-file", str(tmp_path / "no")],
        ["--hotwords-file", str(latin)],
    ):
        with pytest.raises((ConfigError, TextError), match="hotwords"):
            options(*arguments)


def test_transcribe_and_evaluate_take_them(
    model: Path, lm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "a.wav"
    soundfile.write(recording, beep("the cat"), RATE)
    line = {"audio_filepath": "a.wav", "duration": len(beep("the cat")) / RATE, "text": "the cat"}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    wanted = ["--model", str(model), "--lm", str(lm), "--lm-weight", "0.5", "--hotwords", "cat"]
    assert cli.main(["transcribe", str(recording), *wanted]) == 0
    assert cli.main(["evaluate", str(tmp_path / "a.jsonl"), *wanted]) == 0
    assert "WER" in capsys.readouterr().out
    assert cli.main(["transcribe", str(recording), "--decoder", "greedy", "--lm", str(lm)]) == 2
    assert "--lm" in capsys.readouterr().err
    assert cli.main(["transcribe", str(recording), *wanted[:2], "--lm", "klingon"]) == 1
    assert "klingon" in capsys.readouterr().err
