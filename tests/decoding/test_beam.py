"""Prefix beam search against the enumeration of every path, and what its settings promise."""

from __future__ import annotations

import itertools
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import ALL, SMALL, Lattice, bigrams, every_text, lattice, letters_of_hotwords, worth

from speechgru.decoding import ctc, greedy, hotwords
from speechgru.decoding.beam import Decoder, Settings
from speechgru.errors import ConfigError, LanguageModelError
from speechgru.text import Vocabulary
from speechgru.utils import jit

WORDLESS = Vocabulary(("<blank>", "a", "b", "c"))
LETTERS = Vocabulary(("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz"))


MODELS = {"none": None, "one word": bigrams("a"), "words": bigrams("a", "ab", "bab", "b")}
weights = st.builds(
    Settings,
    **{key: st.just(value) for key, value in ALL.items()},
    lm_weight=st.floats(0, 2),
    word_bonus=st.floats(-2, 2),
    unknown_word=st.floats(-3, 0),
    unknown_letter=st.floats(-1, 0),
    hotwords=st.sampled_from([(), ("ab",), ("b", "ba"), ("a b", "b a"), ("a b a", "b")]),
    hotword_weight=st.floats(0, 2),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(setting=weights, seed=st.integers(0, 10**6), frames=st.integers(1, 5))
def test_equals_the_sum_over_every_path(name: str, setting: Settings, seed: int, frames: int) -> None:
    matrix, lm = lattice(seed, frames, len(SMALL)), MODELS[name]
    expected = {text: score + worth(text, setting, lm) for text, score in every_text(matrix, SMALL).items()}
    found = Decoder(setting, SMALL, lm).nbest(matrix, len(expected) + 1)
    assert {h.text: h.score for h in found} == pytest.approx(expected, abs=1e-6)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), hot=st.sampled_from([(), ("ab",), ("aba", "b")]))
def test_without_a_space_the_text_is_one_word(seed: int, hot: tuple[str, ...]) -> None:
    setting = Settings(**ALL, hotwords=hot, unknown_word=-1.0)
    matrix, lm = lattice(seed, 4, len(WORDLESS)), bigrams("ab", "abc")
    expected = {}
    for text, score in every_text(matrix, WORDLESS).items():
        # In such a text a hotword counts wherever it stands; and where it is the whole, it is no unknown word.
        anywhere = sum(len(phrase) * len(re.findall(rf"(?={phrase})", text)) for phrase in hot)
        plain = replace(setting, hotword_weight=0.0, hotwords=tuple(w for w in hot if w == text))
        expected[text] = score + anywhere + worth(text, plain, lm)
    found = Decoder(setting, WORDLESS, lm).nbest(matrix, 1000)
    assert {h.text: h.score for h in found} == pytest.approx(expected, abs=1e-6)


# --------------------------------------------------------------------------------------- the beam


def sure(text: str, vocabulary: Vocabulary = LETTERS, confidence: float = 0.85) -> Lattice:
    """Log-probabilities of a clear voice: two frames a letter, and a blank after each."""
    path = [0] + [symbol for label in vocabulary.encode(text) for symbol in (label, label, 0)]
    matrix = np.full((len(path), len(vocabulary)), (1 - confidence) / (len(vocabulary) - 1))
    matrix[np.arange(len(path)), path] = confidence
    return np.log(matrix)


def mixed(first: str, second: str, share: float) -> Lattice:
    """A voice that may have said either of two texts of the same length."""
    return np.log(share * np.exp(sure(first)) + (1 - share) * np.exp(sure(second)))


@given(words=st.lists(st.text("abcl'", min_size=1, max_size=5), max_size=4))
def test_a_beam_of_one_reads_a_clear_voice_as_greedy_does(words: list[str]) -> None:
    matrix = sure(" ".join(words))
    found = Decoder(Settings(beam=1), LETTERS)(matrix)
    expected = greedy.Decoder(greedy.Settings(), LETTERS)(matrix)
    assert found.text == expected.text == " ".join(words)
    assert [(t.symbol, t.start, t.end) for t in found.tokens] == [
        (t.symbol, t.start, t.end) for t in expected.tokens
    ]
    assert [t.confidence for t in found.tokens] == pytest.approx([t.confidence for t in expected.tokens])


def test_wider_is_better() -> None:
    lm = MODELS["words"]
    widths = (1, 2, 4, 8, 16, 5000)
    scores = np.array(
        [
            [
                Decoder(Settings(**{**ALL, "beam": width}), SMALL, lm)(lattice(seed, 12, 4)).score
                for width in widths
            ]
            for seed in range(20)
        ]
    )
    # No beam finds more than there is; and each finds more than a narrower one, on average.
    assert (scores <= scores[:, -1:] + 1e-9).all()
    assert (np.diff(scores.mean(axis=0)) >= 0).all()
    assert np.diff(scores.mean(axis=0))[0] > 0


def test_pruning_changes_little() -> None:
    matrix = mixed("the cat sat on it", "she cut set an at", 0.6)
    lm = bigrams("the", "cat", "sat", "on", "it", "she", "cut", "set", "an", "at")
    found = Decoder(Settings(), LETTERS, lm)(matrix)
    exact = Decoder(Settings(beam=3000, beam_threshold=40.0, token_threshold=-30.0), LETTERS, lm)(matrix)
    assert found.text == exact.text
    assert found.score == pytest.approx(exact.score, abs=0.1)


def test_a_long_recording_does_not_run_out_of_numbers() -> None:
    text = " ".join(["cat"] * 200)
    found = Decoder(Settings(beam=8, lm_weight=2.0), LETTERS, bigrams("cat", "dog"))(sure(text))
    assert found.text == text
    assert found.score < -800


def test_texts_of_a_narrow_beam_are_different_and_in_order() -> None:
    for seed in range(10):
        found = Decoder(Settings(beam=12), SMALL, MODELS["words"]).nbest(lattice(seed, 30, 4), 12)
        texts, scores = [h.text for h in found], [h.score for h in found]
        assert 1 < len(set(texts)) == len(texts) <= 12
        assert scores == sorted(scores, reverse=True)
        assert all(text == " ".join(text.split()) for text in texts)


def test_a_vocabulary_without_words() -> None:
    text = "abcab"
    assert Decoder(Settings(), WORDLESS)(sure(text, WORDLESS)).text == text


def test_impossible_symbols_do_not_stop_it() -> None:
    matrix = np.full((6, 4), -np.inf)
    matrix[:, 2] = 0.0
    assert Decoder(Settings(), SMALL)(matrix).text == "a"


# -------------------------------------------------------------------------------- words and hotwords


def test_a_word_model_decides_between_what_sounds_alike() -> None:
    heard = mixed("kat", "cat", 0.6)
    assert Decoder(Settings(), LETTERS)(heard).text == "kat"
    assert Decoder(Settings(lm_weight=1.0), LETTERS, bigrams("cat", "sat"))(heard).text == "cat"


def test_unknown_words_have_a_price() -> None:
    lm, heard = bigrams("cat", "sat"), mixed("kat", "cat", 0.9)
    texts = {
        price: Decoder(Settings(unknown_word=price, unknown_letter=0.0), LETTERS, lm)(heard).text
        for price in (0.0, -50.0)
    }
    assert texts == {0.0: "kat", -50.0: "cat"}


def test_hotwords_bring_out_a_name_that_the_model_does_not_know() -> None:
    lm, heard = bigrams("the", "grew", "chose", "is"), mixed("the gru  is", "the grew is", 0.4)
    assert Decoder(Settings(), LETTERS, lm)(heard).text == "the grew is"
    for phrases in [("gru",), ("the gru",), ("gruff", "gru is"), ("xylophone", "gru")]:
        found = Decoder(Settings(hotwords=phrases, hotword_weight=4.0), LETTERS, lm)(heard)
        assert found.text == "the gru is"
    begun = Settings(hotwords=("gruff", "grumble"), hotword_weight=2.0)
    assert Decoder(begun, LETTERS, lm)(heard).text == "the grew is"


@given(
    phrases=st.lists(st.sampled_from(["ab", "a", "ab a", "b a b", "ba b", "a a"]), max_size=4, unique=True),
    words=st.lists(st.text("ab", min_size=1, max_size=3), max_size=8),
)
def test_the_automaton_counts_letters_of_whole_hotwords(phrases: list[str], words: list[str]) -> None:
    automaton = hotwords.build([SMALL.encode(phrase) for phrase in phrases], SMALL.symbols)
    text = " ".join(words)
    state = found = 0
    for symbol in SMALL.encode(text):
        found += int(automaton.gain[state, symbol])
        state = int(automaton.next[state, symbol])
    assert found + automaton.end[state] == letters_of_hotwords(text, tuple(phrases))


# ------------------------------------------------------------------------------------------ alignment


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), text=st.sampled_from(["a", "ab", "aa", "a b", "b a", "abb"]))
def test_the_alignment_is_the_best_path_of_the_text(seed: int, text: str) -> None:
    matrix, labels = lattice(seed, 5, 4, 3.0), np.array(SMALL.encode(text))
    starts, ends, peaks = ctc.align(matrix, labels, 1)
    scores = []
    for path in itertools.product(range(4), repeat=5):
        spelt = "".join(SMALL.symbols[s] for s, _ in itertools.groupby(path) if s)
        if " ".join(spelt.split()) == text:
            scores.append(sum(matrix[frame, symbol] for frame, symbol in enumerate(path)))
    assert (starts[1:] >= ends[:-1]).all()
    assert (starts < ends).all()
    inside = np.full(5, -1)
    for label, start, end, peak in zip(labels, starts, ends, peaks):
        inside[start:end] = label
        assert peak == matrix[start:end, label].max()
    # What lies between is blank, or a space where the text leaves spaces out.
    silence = matrix[:, :2].max(axis=1) if " " in text else matrix[:, 0]
    silence[: starts[0]] = matrix[: starts[0], :2].max(axis=1)
    silence[ends[-1] :] = matrix[ends[-1] :, :2].max(axis=1)
    score = sum(matrix[t, inside[t]] if inside[t] >= 0 else silence[t] for t in range(5))
    assert score == pytest.approx(max(scores))


# ------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"beam": 0},
        {"beam_threshold": 0.0},
        {"beam_threshold": math.nan},
        {"token_threshold": 1.0},
        {"look_ahead": 1.5},
        {"lm_weight": -1.0},
        {"lm_weight": math.inf},
        {"word_bonus": math.nan},
        {"unknown_word": 1.0},
        {"unknown_letter": -math.inf},
        {"hotword_weight": -0.1},
    ],
)
def test_settings_outside_their_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Settings(**wrong)


def test_a_language_model_of_other_letters() -> None:
    with pytest.raises(LanguageModelError, match="é"):
        Decoder(Settings(), LETTERS, bigrams("café", "bar"))


@pytest.mark.parametrize("phrase", ["GRU", "naïve", "", " "])
def test_hotwords_that_the_model_can_not_write(phrase: str) -> None:
    with pytest.raises(ConfigError, match="Hotword"):
        Decoder(Settings(hotwords=("good", phrase)), LETTERS)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (1, 5, 4)])
def test_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="shape"):
        Decoder(Settings(), SMALL)(np.zeros(shape))


def test_no_numbers() -> None:
    with pytest.raises(ConfigError, match="NaN"):
        Decoder(Settings(), SMALL)(np.full((3, 4), np.nan))


def test_a_language_model_that_is_not_there() -> None:
    with pytest.raises(LanguageModelError, match="klingon"):
        Decoder(Settings(lm="klingon"), SMALL)


# ------------------------------------------------------------------------------------------ compiling


def test_a_cache_that_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    source = tmp_path / "source.py"
    source.write_text("")

    def twice(x: int) -> int:
        return 2 * x

    function = jit.compiled(str(source))(twice)
    jit.announce(function, "a test")
    assert function(21) == 42
    (message,) = caplog.messages
    assert "a test" in message
    assert "XDG_CACHE_HOME" in message
    jit.announce(function, "a test")
    assert len(caplog.messages) == 1


def test_what_is_compiled_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In two processes; what the second finds is what the first left, and a changed source is compiled anew."""
    (tmp_path / "kernel.py").write_text(
        "from speechgru.utils import jit\n@jit.compiled(__file__)\ndef one(x):\n    return x + 1\n"
        "jit.announce(one, 'one')\nassert one(1) == 2\n"
        "print(sum(one.stats.cache_hits.values()), sum(one.stats.cache_misses.values()))\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run() -> tuple[str, str]:
        found = subprocess.run(
            [sys.executable, str(tmp_path / "kernel.py")],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout.strip(), found.stderr

    first, said = run()
    assert first == "0 1"
    assert "compiling one" in said
    assert run() == ("1 0", "")
    assert list((tmp_path / "cache" / "speechgru").rglob("*.nbi"))


def test_greedy_and_help_do_without_the_compiler() -> None:
    code = (
        "import sys, contextlib, io, speechgru.inference.load, speechgru.inference.ctc, speechgru.cli as cli\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    for command in ([], ['transcribe'], ['evaluate'], ['lm']):\n"
        "        assert cli.main([*command, '--help']) == 0\n"
        "from speechgru.utils import plugins; plugins.find('decoding', 'greedy')\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(seed=st.integers(0, 10**6), weight=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_prior_is_divided_out(seed: int, weight: float) -> None:
    matrix, lm = lattice(seed, 6, len(SMALL)), MODELS["words"]
    prior = lattice(seed + 1, 1, len(SMALL))[0]
    freed = matrix - weight * prior
    freed -= np.log(np.exp(freed).sum(axis=1, keepdims=True))
    plain = Settings(lm_weight=0.6)
    wanted = replace(plain, prior=(*prior.tolist(), -1.0), prior_weight=weight)
    expected, found = Decoder(plain, SMALL, lm).nbest(freed, 5), Decoder(wanted, SMALL, lm).nbest(matrix, 5)
    assert [h.text for h in found] == [h.text for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)


def test_a_prior_of_another_network_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"decoder\.prior has 2 numbers; expected 4"):
        Decoder(Settings(prior=(-1.0, -2.0), prior_weight=0.5), SMALL)(lattice(0, 3, len(SMALL)))
    with pytest.raises(ConfigError, match=r"decoder\.prior is"):
        Settings(prior=(0.5,))
