"""Words by their phones, and texts scored by characters and phones: against the enumeration of every path."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beeps import RATE, VOCABULARY, beep, save_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import ALL, SMALL, bigrams, every_text, lattice, worth
from lm_models import ARPA

from speechgru.decoding import beam, ctc, hotwords
from speechgru.decoding.phone_fusion import PhoneFusion
from speechgru.decoding.phone_search import PhoneSearch
from speechgru.errors import CheckpointError, ConfigError
from speechgru.inference import load_ctc
from speechgru.lexicon import g2p
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm import NGram
from speechgru.models import acoustic, checkpoint
from speechgru.text import Vocabulary

PHONES = (" ", "P", "Q")
HEARD = Vocabulary(("<blank>", " ", "P", "Q"))
# `ab` and `ba` sound alike, and so do `a` and `bab`.
WORDS = {"a": (2,), "bab": (2,), "b": (3,), "ab": (2, 3), "ba": (2, 3)}


class Never:
    """A graphone model that pronounces nothing."""

    def pronounce(self, word: str) -> None:
        return None


PRONOUNCER = Pronouncer(Dictionary(PHONES, WORDS), Never())  # type: ignore[arg-type]
LM = bigrams(*WORDS)
WIDE = beam.Settings(**ALL, lm_weight=0.8, word_bonus=0.3)


def said(text: str) -> str:
    return " ".join("".join(PHONES[s - 1] for s in WORDS[word]) for word in text.split())


@pytest.mark.parametrize("space", [1, -1])
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_a_text_has_the_probability_of_all_its_paths(space: int, seed: int, frames: int) -> None:
    vocabulary = SMALL if space > 0 else Vocabulary(("<blank>", "a", "b", "c"))
    matrix = lattice(seed, frames, len(vocabulary))
    for text, expected in every_text(matrix, vocabulary).items():
        labels = np.array(vocabulary.encode(text), np.int64)
        assert ctc.log_prob(np.exp(matrix), labels, space) == pytest.approx(expected, abs=1e-9)
    long = np.full(frames + 1, 2)
    assert ctc.log_prob(np.exp(matrix), long, space) == -np.inf


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_texts_come_in_the_order_of_their_scores(seed: int, frames: int) -> None:
    matrix = lattice(seed, frames, len(HEARD))
    heard = every_text(matrix, HEARD)
    expected = {
        text: heard[said(text)] + 0.8 * sum(LM.score(text.split())) + 0.3 * n
        for n in range(frames + 1)
        for text in map(" ".join, itertools.product(WORDS, repeat=n))
        if said(text) in heard
    }
    search = PhoneSearch(LM, PRONOUNCER)
    found = search(np.exp(matrix), search.scorer(WIDE), 1000)
    assert set(found) == set(expected)
    scores = [expected[text] for text in found]
    assert scores == pytest.approx(sorted(scores, reverse=True), abs=1e-9)


def test_words_that_are_wanted_come_first_and_unknown_ones_can_be_found() -> None:
    matrix = np.log(np.full((5, 4), 0.02))
    matrix[[1, 3], [2, 3]] = matrix[[0, 2, 4], 0] = np.log(0.94)
    search = PhoneSearch(LM, Pronouncer(Dictionary(PHONES, {**WORDS, "bb": (2, 3)}), Never()), ["bb"])  # type: ignore[arg-type]
    best = search(np.exp(matrix), search.scorer(WIDE), 1)[0]
    assert best in ("ab", "ba")
    for word in ("ab", "ba", "bb"):
        assert search(
            np.exp(matrix), search.scorer(replace(WIDE, hotwords=(word,), hotword_weight=10.0)), 1
        ) == [word]


def test_no_frames_are_an_empty_text() -> None:
    search = PhoneSearch(LM, PRONOUNCER)
    assert search(np.zeros((0, 4)), search.scorer(WIDE), 3) == [""]


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 5), share=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_characters_and_phones_are_scored_together(seed: int, frames: int, share: float) -> None:
    characters, phones = lattice(seed, frames, len(SMALL)), lattice(seed + 1, frames, len(HEARD))
    setting = beam.Settings(**ALL, sounds_weight=share, lm_weight=0.7, word_bonus=0.2, hotwords=("ab", "b"))
    hot = hotwords.build([[2, 3], [3]], SMALL.symbols)
    fusion = PhoneFusion(PRONOUNCER, SMALL, LM, hot, setting)
    spelt, heard = every_text(characters, SMALL), every_text(phones, HEARD)
    texts = [t for t in spelt if all(word in WORDS for word in t.split()) and said(t) in heard]
    expected = {t: (1 - share) * spelt[t] + share * heard[said(t)] + worth(t, setting, LM) for t in texts}
    expected |= (
        {"bb": spelt["bb"] + worth("bb", setting, LM)} if "bb" in spelt else {}
    )  # by its characters alone
    found = fusion.rank(np.exp(characters), np.exp(phones), [*expected, "b " * 9 + "b", "c"])
    ranked = [entry for entry in found if entry[1] > -np.inf]
    assert dict(ranked) == pytest.approx(expected, abs=1e-9)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert {text for text, score in found if score == -np.inf} == {"b " * 9 + "b", "c"}


def test_without_spaces_one_word_is_all() -> None:
    characters, phones = lattice(1, 4, 3), lattice(2, 4, len(HEARD))
    wordless = Vocabulary(("<blank>", "a", "b"))
    fusion = PhoneFusion(PRONOUNCER, wordless, LM, hotwords.build([], wordless.symbols), beam.Settings())
    found = dict(fusion.rank(np.exp(characters), np.exp(phones), ["ab", "a b"]))
    assert found["ab"] > found["a b"] == -np.inf


# ------------------------------------------------------------------------------------ with English phones


@pytest.fixture(scope="module")
def pets() -> NGram:
    return bigrams("cat", "kat", "dog", "ran")


def fused(pets: NGram, **changes: object) -> beam.Decoder:
    setting = beam.Settings(lm="pets", dictionary="english", beam_threshold=30.0, **changes)  # type: ignore[arg-type]
    return beam.Decoder(setting, VOCABULARY, pets)


def output(characters: str, phones: str) -> np.ndarray:
    """[frames, characters + phones] of emissions that are sure of both."""
    names = g2p.packaged("english").phones
    said = [1 + names.index(name) for name in phones.split("-")]
    parts = []
    for labels, size in ((VOCABULARY.encode(characters), len(VOCABULARY)), (said, len(names) + 1)):
        matrix = np.full((2 * max(len(characters), len(said)) + 1, size), 1e-4)
        matrix[:, 0] = 1.0
        for at, label in enumerate(labels):
            matrix[2 * at + 1, [0, label]] = 1e-4, 1.0
        parts.append(np.log(matrix / matrix.sum(axis=1, keepdims=True)))
    return np.concatenate(parts, axis=1)


def test_the_surer_head_decides(pets: NGram) -> None:
    decoder = fused(pets)
    assert decoder.phones[:3] == (" ", "AA", "AE")
    assert decoder(output("cat ran", "K-AE-T- -R-AE-N")).text == "cat ran"
    both = output("xxx ran", "D-AO-G- -R-AE-N")
    assert decoder(both).text == "dog ran"
    assert decoder(both).tokens[-1].symbol == "n"
    characters = decoder.with_settings(replace(decoder.settings, sounds_weight=0.0))
    assert characters(output("dog", "K-AE-T")).text == "dog"
    phones = decoder.with_settings(replace(decoder.settings, sounds_weight=1.0))
    assert phones(output("dog", "D-AO-G")).text == "dog"
    assert phones(output("cat", "D-AO-G")).text == "dog"


def test_hotwords_choose_among_homophones(pets: NGram) -> None:
    heard = output("xat", "K-AE-T")
    for word in ("cat", "kat", "katt"):
        decoder = fused(pets, hotwords=(word,), hotword_weight=10.0)
        assert decoder(heard).text == word


@pytest.mark.slow
def test_frames_must_have_the_columns_of_both(pets: NGram) -> None:
    decoder = fused(pets)
    with pytest.raises(ConfigError, match=r"expected \[frames, 69\]"):
        decoder(output("cat", "K-AE-T")[:, :28])
    assert decoder(output("cat", "K-AE-T")[:0]).text == ""
    plain = decoder.with_settings(replace(decoder.settings, dictionary=""))
    assert plain.phones == ()
    assert plain(output("cat", "K-AE-T")[:, :28]).text == "cat"


@pytest.fixture
def lm(tmp_path: Path) -> str:
    path = tmp_path / "pets.arpa"
    path.write_text(ARPA)
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A checkpoint with a second head, untrained."""
    first = checkpoint.load(save_checkpoint(tmp_path / "first.safetensors"))
    names = g2p.packaged("english").phones
    stated = first.header["model"]["settings"] | {"sounds": len(names) + 1}
    network = acoustic.Model(acoustic.Settings(**stated), 16, len(VOCABULARY))
    tensors = {**network.state_dict(), **first.tensors}
    header = first.header | {"sounds": list(names), "model": {"name": "acoustic", "settings": stated}}
    checkpoint.save(tmp_path / "both.safetensors", "acoustic", header, tensors)
    return tmp_path / "both.safetensors"


def test_a_recognizer_reads_both_heads(model: Path, lm: str, tmp_path: Path) -> None:
    letters = load_ctc(tmp_path / "first.safetensors")
    both = load_ctc(model)
    signal = beep("abc").astype(np.float32)
    (whole,) = both.outputs([signal])
    assert whole.shape[1] == len(VOCABULARY) + 1 + len(both.engine.sounds)
    assert np.exp(whole[:, len(VOCABULARY) :]).sum(axis=1) == pytest.approx(np.ones(len(whole)), abs=1e-5)
    assert np.array_equal(next(both.log_probs([signal])), next(letters.log_probs([signal])))
    assert both.transcribe(signal, RATE).text == letters.transcribe(signal, RATE).text
    decoder = load_ctc(model, lm=lm, dictionary="english").decoder
    assert decoder.phones == both.engine.sounds


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lm": "", "dictionary": "klingon"}, "one of: english"),
        ({"dictionary": "english"}, "dictionary does nothing without lm"),
        ({"lm": "", "sounds_weight": 0.3}, "sounds_weight does nothing without dictionary"),
        ({"lm": "", "dictionary": "english", "sounds_weight": 1.5}, r"sounds_weight is 1.5"),
    ],
)
def test_settings_that_make_no_sense(model: Path, lm: str, settings: dict[str, object], says: str) -> None:
    given = {name: lm if name == "lm" else value for name, value in settings.items()}
    with pytest.raises(ConfigError, match=says):
        load_ctc(model, **given)  # type: ignore[arg-type]


def test_a_model_that_hears_no_sounds_or_others_is_refused(model: Path, lm: str, tmp_path: Path) -> None:
    wanted = {"lm": lm, "dictionary": "english"}
    with pytest.raises(ConfigError, match=r"first\.safetensors has no phone head"):
        load_ctc(tmp_path / "first.safetensors", **wanted)  # type: ignore[arg-type]
    other = checkpoint.load(model)
    names = ["X", *other.header["sounds"][1:]]
    checkpoint.annotate(model, {"sounds": names}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="has other ones"):
        load_ctc(tmp_path / "other.safetensors", **wanted)  # type: ignore[arg-type]
    checkpoint.annotate(model, {"sounds": "AA"}, tmp_path / "damaged.safetensors")
    with pytest.raises(CheckpointError, match="sounds is 'AA'"):
        load_ctc(tmp_path / "damaged.safetensors")
    stored = {"name": "beam", "settings": {"lm": "english", "dictionary": "../secret"}}
    checkpoint.annotate(model, {"decoder": stored}, tmp_path / "strange.safetensors")
    with pytest.raises(CheckpointError, match=r"'\.\./secret'"):
        load_ctc(tmp_path / "strange.safetensors")
