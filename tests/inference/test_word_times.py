"""Word times: pauses in the sound win, words stay in order, in the recording, and keep some of their run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from beeps import save_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import CheckpointError
from speechgru.inference import load_ctc
from speechgru.inference.word_times import SHORTEST_PAUSE_SECONDS, Times, corrected
from speechgru.models import checkpoint
from speechgru.transcript import Word

RATE = 8000
FRAME = 0.04
TIMES = Times(start=0.03, end=0.05, reach=0.2, quiet=0.3)


def _sound(*loud: tuple[float, float], seconds: float = 3.0) -> np.ndarray:
    """Faint noise, and loud between the given times."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * RATE))
    time = np.arange(len(noise)) / RATE
    level = np.full(len(noise), 1e-4)
    for start, end in loud:
        level[(time >= start) & (time < end)] = 0.2
    return (level * noise).astype(np.float32)


def _spans(words: tuple[Word, ...]) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in words]


A = Word("one", 0.62, 0.78, 0.9)
B = Word("two", 1.46, 1.70, 0.8)


def test_words_end_and_begin_where_the_pauses_say() -> None:
    found = corrected([A, B], _sound((0.57, 0.95), (1.5, 1.85)), RATE, TIMES, FRAME)
    assert np.allclose(_spans(found), [(0.57, 0.95), (1.5, 1.85)], atol=0.011)
    assert [(word.text, word.confidence) for word in found] == [("one", 0.9), ("two", 0.8)]


def test_without_a_pause_the_average_shifts_hold() -> None:
    found = corrected([A, B], _sound((0.0, 3.0)), RATE, TIMES, FRAME)
    assert np.allclose(_spans(found), [(0.59, 0.83), (1.43, 1.75)])


def test_a_pause_out_of_reach_counts_for_nothing() -> None:
    found = corrected([A, B], _sound((0.3, 1.1), (1.2, 2.0)), RATE, TIMES, FRAME)
    assert np.allclose(_spans(found), [(0.59, 0.83), (1.43, 1.75)])


def test_a_closure_is_no_pause() -> None:
    gap = SHORTEST_PAUSE_SECONDS - 0.02
    found = corrected([A, B], _sound((0.57, 0.85), (0.85 + gap, 1.85)), RATE, TIMES, FRAME)
    assert found[0].end == pytest.approx(0.83)


def test_words_that_touch_share_the_later_ones_start() -> None:
    words = [Word("a", 0.50, 0.62, 1.0), Word("b", 0.62, 0.74, 1.0)]
    (_, end), (start, _) = _spans(corrected(words, _sound((0.0, 3.0)), RATE, TIMES, FRAME))
    assert end == start == pytest.approx(0.59)


def test_times_count_from_where_the_signal_begins() -> None:
    signal = _sound((0.57, 0.95), (1.5, 1.85))
    here = corrected([A, B], signal, RATE, TIMES, FRAME)
    later = [Word(w.text, w.start + 7, w.end + 7, w.confidence) for w in (A, B)]
    there = corrected(later, signal, RATE, TIMES, FRAME, begin=7.0)
    assert np.allclose(np.array(_spans(there)) - 7, _spans(here))


def test_nothing_said_stays_so() -> None:
    assert corrected([], _sound(), RATE, TIMES, FRAME) == ()


RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), min_size=1, max_size=12)
STRETCHES = st.lists(st.tuples(st.floats(0, 2), st.floats(0.02, 1)), max_size=4)
SETTINGS = st.builds(
    Times,
    start=st.floats(-0.5, 0.5),
    end=st.floats(-0.5, 0.5),
    reach=st.floats(0, 1),
    quiet=st.floats(0.05, 0.95),
)


@given(RUNS, STRETCHES, SETTINGS, st.sampled_from([0.0, 12.5]))
def test_words_never_overlap_never_vanish_and_lie_in_the_recording(runs, stretches, times, begin) -> None:
    words, frame = [], 0
    for gap, length in runs:
        frame += gap
        start = (
            begin + (frame - 0.5) * FRAME
        )  # as the recognizer has them: the first reaches out of the audio
        words.append(Word("w", start, start + length * FRAME, 0.5))
        frame += length
    seconds = frame * FRAME
    signal = _sound(*((start, start + length) for start, length in stretches), seconds=seconds)
    found = corrected(words, signal, RATE, times, FRAME, begin)
    assert len(found) == len(words)
    assert all(begin <= word.start < word.end <= begin + len(signal) / RATE + 1e-9 for word in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    for old, new in zip(words, found, strict=True):
        assert new.start <= max((old.start + old.end) / 2, begin)
        assert new.end >= (old.start + old.end) / 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", 0.6), ("end", -0.6), ("start", float("nan")), ("reach", -0.1), ("quiet", 0.0), ("quiet", 1.0)],
)
def test_numbers_that_cannot_be(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is"):
        Times(**{**vars(TIMES), name: value})


def _with_header(path: Path, **more: object) -> Path:
    loaded = checkpoint.load(save_checkpoint(path))
    checkpoint.save(path, loaded.kind, {**loaded.header, **more}, loaded.tensors)
    return path


def test_a_model_brings_its_own_times(tmp_path: Path) -> None:
    own = _with_header(tmp_path / "own.safetensors", times=vars(TIMES))
    assert load_ctc(own).times == TIMES
    assert load_ctc(save_checkpoint(tmp_path / "none.safetensors")).times is None


@pytest.mark.parametrize(
    "times", [{**vars(TIMES), "start": 9}, {"start": 0.1}, {**vars(TIMES), "more": 1}, [0.1], 0.1, None]
)
def test_damaged_times_are_refused(tmp_path: Path, times: object) -> None:
    bad = _with_header(tmp_path / "bad.safetensors", times=times)
    with pytest.raises(CheckpointError, match="damaged header"):
        load_ctc(bad)
