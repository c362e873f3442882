"""Segments that are told while a recording is still in work are those of the result."""

from __future__ import annotations

import pytest
from beeps import beep, recognizer, sentence

from speechgru.transcript import Segment, Transcript


@pytest.mark.parametrize(("words", "pause_every"), [(60, 0), (300, 2), (300, 11), (250, 0)])
def test_what_was_told_stays(words: int, pause_every: int) -> None:
    signal = beep(sentence(words, words + pause_every, pause_every))
    told: list[Segment] = []

    def tell(part: Transcript) -> None:
        assert part.segments
        told.extend(part.segments)

    ((_, result),) = recognizer().transcribe_many([signal], on_segments=tell)
    assert isinstance(result, Transcript)
    assert tuple(told) == result.segments[: len(told)]
    assert len(told) < len(result.segments)
    if pause_every:
        assert len(told) > len(result.segments) / 3
    ((_, whole),) = recognizer().transcribe_many([signal])
    assert whole == result


def test_of_several_recordings_each_is_told_before_its_result() -> None:
    signals = [beep(sentence(250, seed, 3)) for seed in (1, 2)]
    told: list[Segment] = []
    heads = []
    for _, result in recognizer().transcribe_many(
        signals, on_segments=lambda part: told.extend(part.segments)
    ):
        assert isinstance(result, Transcript)
        heads.append(tuple(told) == result.segments[: len(told)])
        told.clear()
    assert heads == [True, True]
