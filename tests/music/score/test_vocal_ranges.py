"""A choir's range: which voice can sing what, and that chorales keep to it while they are drawn."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import music_models
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import MusicError
from speechgru.music import load_composer
from speechgru.music.files import primer
from speechgru.music.generation import harmonize, roll_composer
from speechgru.music.generation.request import Request
from speechgru.music.score import chorale, scales, vocal_ranges, voice_leading
from speechgru.music.score.chorale import REST
from speechgru.music.score.piano_roll import KEYS, LOWEST

KEY = st.integers(30, 80)


@pytest.mark.parametrize("text", ["C4 D4 E4 C4", "A5 G5 F5 A5", "C4 A5 C4 A5"])
def test_no_voice_leaves_its_range(text: str, tmp_path: Path) -> None:
    composer = load_composer(music_models.rolls(tmp_path / "chorales.safetensors"))
    for number in range(4):
        for wanted in (Request(temperature=2.0), Request(lowest=1, scale=scales.scale("C"))):
            found = harmonize.harmonize(composer, primer.parse(text), wanted, number, particles=8)
            parts = chorale.to_parts(found, 1)
            assert "range" not in {fault.kind for fault in voice_leading.find(parts)}
            assert (parts != REST).mean() > 0.7
            assert wanted.lowest or parts[parts != REST].min() >= roll_composer.CHOIR[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("G2 A2", r"from G2 to A2; expected a soprano's, C4 to A5.*by \+24 semitones .*--transpose 24"),
        ("C6 B5", r"from B5 to C6.*by -12 semitones"),
        ("C4 C6", "from C4 to C6.*No octave has room"),
        ("B3 C4", r"by \+12 semitones"),
        ("C1 E1", r"Move it by an octave or more, here by \+36 semitones"),
    ],
)
def test_a_melody_that_no_soprano_sings(text: str, message: str, tmp_path: Path) -> None:
    composer = load_composer(music_models.rolls(tmp_path / "chorales.safetensors"))
    with pytest.raises(MusicError, match=message):
        harmonize.harmonize(composer, primer.parse(text), Request())


def test_a_range_that_leaves_a_voice_nothing(tmp_path: Path) -> None:
    composer = load_composer(music_models.rolls(tmp_path / "chorales.safetensors"))
    with pytest.raises(
        MusicError, match="No note of the alto, F3 to D5, lies within the range and the scale"
    ):
        harmonize.harmonize(composer, primer.parse("C5"), Request(lowest=36, highest=50))


@given(st.sets(KEY, max_size=12), st.lists(KEY, min_size=3, max_size=3))
def test_what_may_be_drawn_has_its_voices(wanted: set[int], before: list[int]) -> None:
    places = vocal_ranges.KeyRanges(np.ones(KEYS, dtype=bool), LOWEST)
    drawn: list[int] = []
    highest = 0
    for pitch in sorted(wanted):
        key = pitch - LOWEST
        if len(drawn) < 3 and places.may(key, np.array([len(drawn)]), np.array([highest]))[0]:
            drawn.append(pitch)
            highest = key
    voices = vocal_ranges.assign(tuple(drawn), tuple(before))
    sung = [pitch for pitch in voices if pitch != REST]
    assert set(sung) == set(drawn) and sung == sorted(sung, reverse=True)
    for pitch, (low, high) in zip(voices, voice_leading.RANGES[1:], strict=True):
        assert pitch == REST or low <= pitch <= high


def test_every_chord_that_a_choir_can_sing_may_be_drawn() -> None:
    places = vocal_ranges.KeyRanges(np.ones(KEYS, dtype=bool), LOWEST)
    alto, tenor, bass = (range(low, high + 1) for low, high in voice_leading.RANGES[1:])
    for chord in combinations(range(36, 75, 2), 3):
        can = chord[0] in bass and chord[1] in tenor and chord[2] in alto
        highest, may = 0, True
        for below, pitch in enumerate(chord):
            may &= bool(places.may(pitch - LOWEST, np.array([below]), np.array([highest]))[0])
            highest = pitch - LOWEST
        assert may == can
    assert vocal_ranges.assign((60,), (64, 57, 50)) == (60, 60, 60)
    assert vocal_ranges.assign((40,), (64, 57, 50)) == (REST, REST, 40), "neither alto nor tenor goes so low"
