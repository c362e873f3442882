"""What a piece becomes: where its sound begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru.music import Note, NoteSequence
from speechgru.music.rendering import render, soundfont, synth
from speechgru.music.score.notes import Tempo

UPBEAT = NoteSequence((Note(3, 67, 4), Note(4, 72, 6)), (Tempo(0, 120), Tempo(2, 60)))


def test_sound_begins_with_the_first_note(tmp_path: Path) -> None:
    render.save(tmp_path / "a.wav", UPBEAT)
    wave, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    whole = synth.render(UPBEAT, rate)
    assert np.allclose(wave, whole[2 * rate :], atol=1e-4) and not whole[: 2 * rate].any()
    assert np.abs(wave[: rate // 10]).max() > 0.05 and len(wave) / rate == pytest.approx(3.1, abs=0.05)


def test_so_does_that_of_a_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfont, "render", lambda piece, font, rate: np.arange(5 * rate, dtype=np.float32))
    assert render.sound(UPBEAT, 100, "any.sf2")[0] == 200
