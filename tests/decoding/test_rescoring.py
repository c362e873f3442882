"""Rescoring: the formula, the order, and what doesn't fit together."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch

from speechgru.cli import _decoder_options as decoder_options
from speechgru.decoding import Hypothesis, greedy
from speechgru.decoding.rescoring import Rescorer, Settings, load_rescorer, rescore
from speechgru.errors import CheckpointError, ConfigError, UsageError
from speechgru.inference import load_ctc
from speechgru.models import checkpoint
from speechgru.models.language import Model
from speechgru.models.language import Settings as ModelSettings
from speechgru.text import Vocabulary
from speechgru.utils.assets import find_model

SYMBOLS = ("<blank>", " ", *"abc")


def found(*pairs: tuple[str, float]) -> list[Hypothesis]:
    return [Hypothesis(text, (), score) for text, score in pairs]


class Lists:
    """A search that always finds the same."""

    phones: tuple[str, ...] = ()

    def __init__(self, *pairs: tuple[str, float]) -> None:
        self.pairs, self.asked = pairs, 0

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        self.asked = n
        return found(*self.pairs)[:n]


class Thinks:
    """A language model with fixed opinions."""

    def __init__(self, **opinions: float) -> None:
        self.opinions = opinions

    def score(self, texts: list[str]) -> list[float]:
        return [self.opinions[text.replace(" ", "_")] for text in texts]


def test_the_formula() -> None:
    scored = rescore(found(("a", -1.0), ("a b", -2.0), ("", -3.0)), [-4.0, -5.0, -1.0], Settings(0.5, 0.25))
    assert [(h.text, h.score) for h in scored] == [("a", -2.75), ("", -3.5), ("a b", -4.0)]


def test_without_weight_and_bonus_nothing_changes() -> None:
    first = found(("b", -1.0), ("a", -1.0), ("c", -2.0))
    assert rescore(first, [-9.0, -1.0, -1.0], Settings(0.0)) == first


def test_a_rescorer_is_a_decoder() -> None:
    search = Lists(("a b", -1.0), ("ab", -1.5), ("b", -9.0))
    model: Any = Thinks(a_b=-6.0, ab=-2.0, b=-0.1)
    rescorer = Rescorer(search, model, Settings(1.0, 0.0, nbest=2))
    assert rescorer(None) == Hypothesis("ab", (), -3.5)
    assert search.asked == 2
    assert [h.text for h in rescorer.nbest(None, 1)] == ["ab"]
    assert [h.text for h in rescorer.nbest(None, 3)] == ["ab", "a b", "b"]
    assert Rescorer(search, model, Settings(0.0))(None).text == "a b"


@pytest.mark.parametrize("settings", [{"weight": -1}, {"word_bonus": float("nan")}, {"nbest": 0}])
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Rescoring wants weight"):
        Settings(**settings)


def save(path: Path, symbols: tuple[str, ...] = SYMBOLS, **header: Any) -> Path:
    settings = ModelSettings(width=8, embedding=4)
    about = {"model": {"name": "language", "settings": vars(settings)}, "vocabulary": list(symbols), **header}
    checkpoint.save(path, "language", about, Model(settings, len(symbols)).state_dict())
    return path


def test_the_file_says_how_much_it_counts(tmp_path: Path) -> None:
    path = save(tmp_path / "lm.safetensors", rescoring={"weight": 0.75, "nbest": 4})
    search = Lists(("a", -1.0), ("b", -1.1))
    rescorer = load_rescorer(search, path, SYMBOLS)
    assert rescorer.settings == Settings(0.75, 0.0, 4)
    best = rescorer(torch.zeros(3, len(SYMBOLS)))
    scores = rescorer.model.score(["a", "b"])
    assert best.score == pytest.approx(max(-1.0 + 0.75 * scores[0], -1.1 + 0.75 * scores[1]))
    assert load_rescorer(search, save(tmp_path / "plain.safetensors"), SYMBOLS).settings == Settings()


@pytest.mark.slow
def test_a_recognizer_lets_it_choose(tmp_path: Path) -> None:
    symbols = tuple(checkpoint.load(find_model("english-small")).header["vocabulary"])
    path = save(tmp_path / "lm.safetensors", symbols, rescoring={"weight": 50.0})
    recognizer = load_ctc(rescore=path)
    plain = load_ctc(decoder="beam")
    generator = torch.Generator().manual_seed(1)
    phones = plain.decoder.phones
    sizes = [len(symbols), *([1 + len(phones)] if phones else [])]
    log_probs = torch.cat([(3 * torch.randn(40, n, generator=generator)).log_softmax(1) for n in sizes], 1)
    texts = [h.text for h in plain.decoder.nbest(log_probs, 32)]
    scores = recognizer.decoder.model.score(texts)
    assert recognizer.decoder(log_probs).text == texts[scores.index(max(scores))] != texts[0]


def test_the_option(tmp_path: Path) -> None:
    model = tmp_path / "lm.safetensors"
    model.touch()
    parser = argparse.ArgumentParser()
    decoder_options.add_arguments(parser)
    assert decoder_options.choose(parser.parse_args(["--rescore", str(model)])) == {
        "decoder": None,
        "rescore": str(model),
    }
    with pytest.raises(UsageError, match="can't use --rescore"):
        decoder_options.choose(parser.parse_args(["--rescore", str(model), "--decoder", "greedy"]))


def test_what_does_not_fit(tmp_path: Path) -> None:
    search = Lists(("a", -1.0))
    plain = greedy.Decoder(greedy.Settings(), Vocabulary(SYMBOLS))
    with pytest.raises(ConfigError, match=r"returns one text only.*decoder beam"):
        load_rescorer(plain, save(tmp_path / "lm.safetensors"), SYMBOLS)
    with pytest.raises(CheckpointError, match="doesn't know 'z'"):
        load_rescorer(search, tmp_path / "lm.safetensors", (*SYMBOLS, "z"))
    with pytest.raises(CheckpointError, match="expected 'language'"):
        load_rescorer(search, find_model(), SYMBOLS)
    for rescoring in ({"weight": "much"}, {"wait": 1}, [3]):
        with pytest.raises(CheckpointError, match="damaged header"):
            load_rescorer(search, save(tmp_path / "lm.safetensors", rescoring=rescoring), SYMBOLS)
