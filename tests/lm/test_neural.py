"""A language model from its file: probabilities that add up, texts that repeat, and what is refused."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgru import cli
from speechgru.errors import CheckpointError, CorpusError, LanguageModelError
from speechgru.lm import LanguageModel, load_language_model, neural
from speechgru.lm.neural import Perplexity
from speechgru.models import checkpoint
from speechgru.models.language import Model, Settings
from speechgru.text import Vocabulary
from speechgru.utils.assets import find_model

VOCABULARY = Vocabulary(("<blank>", " ", *"abc"))


def make(vocabulary: Vocabulary = VOCABULARY, seed: int = 0, **settings: Any) -> LanguageModel:
    """A small model with opinions."""
    torch.manual_seed(seed)
    model = Model(
        Settings(**{"width": 12, "embedding": 4, "dropout": 0.0, **settings}), len(vocabulary)
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3 if parameter.dim() > 1 else 1)
    return LanguageModel(model, vocabulary)


def by_hand(scorer: LanguageModel, text: str, end: bool = True) -> float:
    """The chain rule, a character at a time."""
    total, state, before = 0.0, None, 0
    for label in [*scorer.vocabulary.encode(text), *([0] if end else [])]:
        log_probs, state = scorer.model(torch.tensor([[before]]), state)
        total += float(log_probs[0, 0, label])
        before = label
    return total


TEXTS = st.lists(st.text("abc ", max_size=12), max_size=8)


@given(TEXTS)
def test_a_text_s_score_is_the_chain_rule_whatever_stands_beside_it(texts: list[str]) -> None:
    scorer = make()
    with torch.inference_mode():
        assert scorer.score(texts) == pytest.approx([by_hand(scorer, text) for text in texts], abs=1e-4)


def test_the_probabilities_of_all_texts_add_up_to_one() -> None:
    scorer = make(Vocabulary(("<blank>", "a", "b")), layers=2)
    texts = ["".join(letters) for n in range(7) for letters in itertools.product("ab", repeat=n)]
    ended = sum(math.exp(score) for score in scorer.score(texts))
    with torch.inference_mode():
        longer = sum(
            math.exp(by_hand(scorer, "".join(letters), end=False))
            for letters in itertools.product("ab", repeat=7)
        )
    assert 0.01 < ended < 0.99, "neither part proves it alone"
    assert ended + longer == pytest.approx(1, abs=1e-5)


def test_many_texts_are_scored_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, texts = make(), ["abc" * (i % 7) for i in range(40)]
    whole = scorer.score(texts)
    monkeypatch.setattr(neural, "MOST", 3)
    assert scorer.score(texts) == pytest.approx(whole, abs=1e-5)


def test_what_texts_share_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, read = make(), []
    step = scorer.model.step
    monkeypatch.setattr(scorer.model, "step", lambda x, *state: (read.extend(x.tolist()), step(x, *state))[1])
    scorer.score(["ab", "abc", "abca", "b", "ab", ""])
    assert len(read) == len(["", "a", "ab", "abc", "abca", "b"])


def test_perplexities() -> None:
    measured = Perplexity(nats=10 * math.log(2), characters=18, words=3, texts=2)
    assert measured.bits == pytest.approx(0.5)
    assert measured.per_character == pytest.approx(2**0.5)
    assert measured.per_word == pytest.approx(4)
    assert measured.to_dict()["bits_per_character"] == 0.5
    scorer, texts = make(), ["a b", "cc"]
    found = scorer.perplexity(texts)
    assert (found.characters, found.words, found.texts) == (5, 3, 2)
    assert found.nats == pytest.approx(-sum(scorer.score(texts)))


def test_letters_outside_the_vocabulary_are_named() -> None:
    with pytest.raises(CorpusError, match=r"outside the vocabulary: 'xz' in 'ab xz'"):
        make().score(["ab", "ab xz"])


# --- sampling


def test_the_seed_decides_the_text() -> None:
    scorer = make()
    first = scorer.sample("ab", 60, seed=4)
    assert first == scorer.sample("ab", 60, seed=4) != scorer.sample("ab", 60, seed=5)
    assert first.startswith("ab") and len(first) == 62
    assert set(first) <= set(" abc\n")
    assert "\n\n" not in first


def test_characters_come_as_often_as_they_are_likely() -> None:
    scorer, draws = make(), 800
    with torch.inference_mode():
        _, state = scorer.model(torch.tensor([[0]]))
        log_probs = scorer.model(torch.tensor([VOCABULARY.encode("a")]), state)[0][0, 0]
    for temperature in (1.0, 0.5):
        expected = (log_probs.double() / temperature).softmax(0)
        drawn = [scorer.sample("a", 1, temperature=temperature, seed=i)[1:] for i in range(draws)]
        for label, symbol in enumerate(["\n", *VOCABULARY.symbols[1:]]):
            p = float(expected[label])
            assert abs(drawn.count(symbol) / draws - p) < 5 * math.sqrt(p * (1 - p) / draws) + 1e-3


def test_the_likeliest_alone_or_no_heat_is_greedy() -> None:
    scorer = make()
    greedy = scorer.sample("c", 30, top_k=1)
    assert greedy == scorer.sample("c", 30, temperature=1e-6, seed=9)
    assert len({scorer.sample("c", 30, top_k=2, seed=i) for i in range(5)}) > 1


def test_after_an_end_a_text_begins_as_any_does() -> None:
    scorer = make()
    with torch.no_grad():
        scorer.model.head.bias[0] += 1.5
    first, *others = scorer.sample("cb", 200, top_k=1).split("\n")
    fresh, *_ = scorer.sample("", 200, top_k=1).split("\n")
    assert first.startswith("cb") and len(others) > 2
    assert fresh and set(others[:-1]) == {fresh}


def test_a_prompt_is_normalised() -> None:
    scorer = make()
    assert scorer.sample("A, b!", 0) == "a b"
    assert scorer.sample("A ", 0) == "a "
    assert scorer.sample("", 0) == scorer.sample("  ", 0) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature 0; expected a number above 0"),
        ({"temperature": -1}, "temperature -1; expected"),
        ({"temperature": math.nan}, "temperature nan"),
        ({"temperature": math.inf}, "temperature inf"),
        ({"length": -1}, "length -1; expected 0 or more"),
        ({"top_k": -2}, "top_k -2; expected 0 or more"),
        ({"prompt": "abcz"}, r"doesn't know: 'z'\. Expected only ' abc'"),
        ({"prompt": "a 世"}, "doesn't know: '世'"),
    ],
)
def test_what_cannot_be_sampled(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(LanguageModelError, match=message):
        make().sample(**arguments)


# --- files


def save(path: Path, **changed: Any) -> LanguageModel:
    scorer = make()
    header = {
        "model": {"name": "language", "settings": vars(scorer.model.settings)},
        "vocabulary": list(VOCABULARY.symbols),
        **changed,
    }
    checkpoint.save(path, "language", header, scorer.model.state_dict())
    return scorer


def test_a_saved_model_says_the_same(tmp_path: Path) -> None:
    scorer = save(tmp_path / "lm.safetensors")
    loaded = load_language_model(tmp_path / "lm.safetensors")
    assert loaded.score(["abc", ""]) == pytest.approx(scorer.score(["abc", ""]), abs=1e-5)
    assert loaded.header.vocabulary == VOCABULARY
    assert not loaded.model.training


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(CheckpointError, match="of kind 'hybrid'; expected 'language'"):
        load_language_model(find_model())


@pytest.mark.parametrize(
    "changed",
    [
        {"vocabulary": ["<blank>", "a"]},
        {"vocabulary": 3},
        {"model": {"name": "nothing", "settings": {}}},
        {"model": {"name": "language", "settings": {"width": "wide"}}},
        {"model": {"name": "language", "settings": {"width": 9}}},
        {"model": []},
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    save(tmp_path / "lm.safetensors", **changed)
    with pytest.raises(CheckpointError, match=r"lm\.safetensors .*(fits no model|does not fit)"):
        load_language_model(tmp_path / "lm.safetensors")


# --- the command


def test_the_command_prints_the_same_text_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "lm.safetensors")
    command = [
        "lm",
        "sample",
        "--model",
        str(tmp_path / "lm.safetensors"),
        "--prompt",
        "A b",
        "--length",
        "40",
    ]
    assert cli.main([*command, "--seed", "3"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("a b") and len(first) == 3 + 40 + 1
    assert cli.main([*command, "--seed", "3"]) == 0
    assert capsys.readouterr().out == first
    assert cli.main([*command, "--seed", "3", "--top-k", "1", "--temperature", "2"]) == 0
    assert capsys.readouterr().out != first


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--temperature", "0"], 2, "'0' is not a number above 0"),
        (["--temperature", "hot"], 2, "'hot' is not a number above 0"),
        (["--length", "0"], 2, "'0' is not a whole number of at least 1"),
        (["--top-k", "0"], 2, "at least 1"),
        (["--seed", "-1"], 2, "at least 0"),
        (["--prompt", "xyz"], 1, "characters that the model doesn't know: 'xyz'"),
        (["--model", "nowhere.safetensors"], 1, "nowhere.safetensors does not exist"),
    ],
)
def test_the_command_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    save(tmp_path / "lm.safetensors")
    assert cli.main(["lm", "sample", "--model", str(tmp_path / "lm.safetensors"), *arguments]) == code
    assert message in capsys.readouterr().err
