"""Capitals and punctuation: what is written, what stays, long texts, files that don't fit."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import taggers
from taggers import WORDS

from speechgru import CheckpointError, Segment, Transcript, Word, load_punctuator
from speechgru.inference import Punctuator
from speechgru.inference.punctuator import CONTEXT, WINDOW
from speechgru.utils.assets import ASSETS

PUNCTUATOR = Punctuator(taggers.model(), WORDS)


def test_marks_and_capitals() -> None:
    assert (
        PUNCTUATOR.restore("we stop in paris comma who nasa is") == "We stop. In Paris comma, who? NASA is."
    )
    assert PUNCTUATOR.restore("") == ""
    assert PUNCTUATOR.restore("who") == "Who?"


def test_times_confidences_and_segments_stay() -> None:
    parts = (
        (Word("we", 0.0, 0.2, 0.5), Word("stop", 0.2, 0.5, 0.25)),
        (Word("paris", 2.0, 2.5, 0.75), Word("is", 2.5, 2.6, 1.0)),
    )
    plain = Transcript(tuple(map(Segment, parts)), 3.0, source="a.wav", model="tiny", expected_wer=0.5)
    made = PUNCTUATOR.apply(plain)
    assert [segment.text for segment in made.segments] == ["We stop.", "Paris is."]
    assert [(w.start, w.end, w.confidence) for w in made.words] == [
        (w.start, w.end, w.confidence) for w in plain.words
    ]
    assert (made.duration, made.source, made.model, made.expected_wer) == (3.0, "a.wav", "tiny", 0.5)
    assert plain.text == "we stop paris is"
    silent = Transcript((), 1.0)
    assert PUNCTUATOR.apply(silent) == silent


@pytest.mark.parametrize("count", [1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW - 2 * CONTEXT, 3000])
def test_a_long_text_is_tagged_word_for_word(count: int) -> None:
    words = random.Random(count).choices(("stop", "comma", "paris", "other"), k=count)
    tags = PUNCTUATOR.tag(words)
    assert [tag.word for tag in tags] == words
    assert [tag.mark for tag in tags] == [{"stop": 2, "comma": 1}.get(word, 0) for word in words]


def test_a_file_gives_the_same_and_others_are_refused(tmp_path: Path) -> None:
    path = taggers.save(tmp_path / "tagger.safetensors")
    assert load_punctuator(path).restore("stop paris") == "Stop. Paris."
    with pytest.raises(CheckpointError, match=r"kind 'detector'; expected 'tagger'"):
        load_punctuator("vad")
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        load_punctuator(tmp_path / "none.safetensors")


@pytest.mark.skipif(not (ASSETS / "punctuation.safetensors").is_file(), reason="no packaged tagger")
def test_the_packaged_one_ends_and_asks() -> None:
    packaged = load_punctuator()
    assert packaged.restore("where are you going tonight i am going to london") == (
        "Where are you going tonight? I am going to London."
    )
    size = (ASSETS / "punctuation.safetensors").stat().st_size
    assert size <= 3_000_000
