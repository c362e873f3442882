"""Synthetic hums: what is struck again, glides, and noise that is no tune."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from speechgru.audio import encode
from speechgru.errors import MusicError
from speechgru.music.files import primer, recording

RATE = recording.RATE
NOTE = 0.4  # seconds


def hum(
    *pitches: int, gap: float = 0.04, glide: float = 0.05, vibrato: float = 0.25, tremolo: float = 0.0
) -> np.ndarray:
    """A voice a little flat, with three partials; the last `gap` seconds of a note are silent, after a short fade."""
    count = round(NOTE * RATE)
    time = np.arange(count) / RATE
    lines, loud = [], []
    for before, pitch in pairwise((pitches[0], *pitches)):
        line = np.full(count, float(pitch))
        line[: round(glide * RATE)] = np.linspace(before, pitch, round(glide * RATE))
        lines.append(line - 0.3 + vibrato * np.sin(2 * np.pi * 5.5 * time) * np.minimum(time / 0.2, 1))
        fade = np.clip((NOTE - gap - time) / 0.02, 0, 1) * np.clip(time / 0.01, 0, 1)
        loud.append(fade * (1 + tremolo * np.sin(2 * np.pi * 5.5 * time)))
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((np.concatenate(lines) - 69) / 12)) / RATE
    wave = np.concatenate(loud) * (np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase))
    return (0.3 * wave + 0.003 * np.random.default_rng(0).standard_normal(len(wave))).astype(np.float32)


def pitches(samples: np.ndarray) -> list[int]:
    return [note.pitch for note in recording.notes_of(recording.frequencies(samples))]


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.03, 0.06])
def test_what_is_struck_again_is_heard_twice_and_a_glide_is_no_note(gap: float) -> None:
    tune = (67, 62, 62, 60)
    assert pitches(hum(*tune, gap=gap)) == list(tune)


def test_a_tremolo_strikes_nothing_again() -> None:
    assert pitches(hum(60, 64, gap=0.01, tremolo=0.35)) == [60, 64]


def test_noise_is_no_melody(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(3).standard_normal(RATE).astype(np.float32)
    encode.write(tmp_path / "noise.wav", noise, RATE)
    with pytest.raises(MusicError, match=r"noise\.wav: no melody found"):
        primer.read(str(tmp_path / "noise.wav"))


def hertz(*pitches: float) -> np.ndarray:
    return 440 * 2 ** ((np.array(pitches) - 69) / 12)


def test_a_slide_between_two_notes_is_none_and_a_quick_note_is_one() -> None:
    down = (
        61.79,
        61.29,
        61.09,
        60.79,
        60.69,
        60.49,
        60.29,
        60.09,
        59.89,
        59.79,
    )  # after a gap, as pYIN heard it
    slide = np.concatenate([hertz(*[61.6] * 60), [0.0], hertz(*down, *[59.69] * 60)])
    assert [note.pitch for note in recording.notes_of(slide)] == [62, 60]
    quick = hertz(*[62.0] * 30, *[61.5, *[61.0] * 8, 60.5], *[60.0] * 30)
    assert [note.pitch for note in recording.notes_of(quick)] == [62, 61, 60]


def test_dips_are_where_the_level_comes_back() -> None:
    level = np.full(60, -20.0)
    level[30:33] = -26, -40, -31
    assert np.flatnonzero(recording.level_dips(level)).tolist() == [31]
    level[30:33] = -26, -29, -26
    assert not recording.level_dips(level).any(), "a tremolo"
    assert not recording.level_dips(np.linspace(-10, -60, 60)).any(), "a note that dies away"
    level[30:34] = -50
    assert np.flatnonzero(recording.level_dips(level)).tolist() == [30], "of equals the first"
    assert not recording.level_dips(np.full(3, -100.0)).any()


def test_levels_are_those_around_each_frame() -> None:
    samples = np.zeros(1600, dtype=np.float32)
    samples[800:] = 0.1
    found = recording.short_levels(samples, 160, 11)
    assert found[[0, 4, 6]] == pytest.approx([-100, -100, -20], abs=0.01) and found[5] == pytest.approx(
        -23, abs=0.1
    )
