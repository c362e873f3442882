"""The packaged model on recordings that can be read in a wrong way: very quiet, inverted, joined. No word is lost."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import speechgru
from speechgru.inference import Recognizer, load_recognizer

SAMPLE = Path(speechgru.__file__).parent / "assets" / "sample.flac"
SIGNAL, RATE = soundfile.read(SAMPLE, dtype="float32")


@cache
def recognizer() -> Recognizer:
    return load_recognizer(decoder="greedy")


@cache
def expected() -> str:
    return text(SIGNAL)


def text(signal: np.ndarray, **how: str) -> str:
    file = io.BytesIO()
    soundfile.write(file, signal, RATE, **(how or {"format": "WAV", "subtype": "FLOAT"}))
    return " ".join(word.text for word in recognizer().transcribe(file).words)


def at_peak(decibels: float) -> np.ndarray:
    scaled: np.ndarray = SIGNAL / np.abs(SIGNAL).max() * np.float32(10 ** (decibels / 20))
    return scaled


def agreement(words: str) -> float:
    ours, wanted = set(words.split()), set(expected().split())
    return len(ours & wanted) / len(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("decibels", [-50, -69, -90])
def test_a_quiet_recording_keeps_its_words(decibels: float) -> None:
    assert len(expected().split()) > 5
    assert agreement(text(at_peak(decibels))) >= 0.9
    if decibels > -80:  # more than 24 bits have
        assert agreement(text(at_peak(decibels), format="WAV", subtype="PCM_24")) >= 0.9


@pytest.mark.slow
def test_quiet_noise_makes_no_words() -> None:
    random = np.random.default_rng(0)
    size = RATE * 5
    dither = np.round(random.random(size) + random.random(size) - 1) / 32768
    toggles = (random.random(size) < 0.01) / 32768
    hiss = 1e-6 * random.standard_normal(size)
    for noise in (dither, toggles, hiss, np.zeros(size)):
        assert text(noise.astype(np.float32)) == ""


@pytest.mark.slow
def test_what_is_quiet_beside_the_rest_is_background() -> None:
    from speechgru.inference.job import Job

    # A murmur far below a loud voice: pieces of a recording have one floor.
    loud = np.tile(SIGNAL, 1 + int(25 * RATE / len(SIGNAL)))
    murmur = np.tile(at_peak(-69), 1 + int(25 * RATE / len(SIGNAL)))
    pieces = [piece.samples for _, piece in Job(np.concatenate([loud, murmur]), RATE).pieces()]
    assert np.abs(pieces[-1]).max() < 0.01
    (only,) = [piece.samples for _, piece in Job(at_peak(-69), RATE).pieces()][:1]
    assert np.abs(only).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("factor", [-1.0, -0.95])
def test_a_stereo_recording_with_one_side_inverted_keeps_its_words(factor: float) -> None:
    stereo = np.stack([SIGNAL, np.float32(factor) * SIGNAL], axis=1)
    assert agreement(text(stereo)) >= 0.9


@pytest.mark.slow
def test_joined_recordings_give_the_words_of_both_at_their_times(tmp_path: Path) -> None:
    path = tmp_path / "joined.mp3"
    soundfile.write(path, SIGNAL, RATE, format="MP3")
    once = recognizer().transcribe(path)
    path.write_bytes(path.read_bytes() * 2)
    twice = recognizer().transcribe(path)
    assert twice.duration == pytest.approx(2 * once.duration)
    assert not twice.truncated
    count = len(once.words)
    assert len(twice.words) >= 2 * count - 1
    for word, again in zip(once.words[1:], twice.words[-count + 1 :]):
        assert again.start - word.start == pytest.approx(once.duration, abs=0.2)


@pytest.mark.slow
def test_the_detector_of_speech_takes_quiet_files_too(tmp_path: Path) -> None:
    from speechgru.vad import load_detector

    detector = load_detector("vad")
    soundfile.write(tmp_path / "loud.wav", SIGNAL, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "quiet.wav", at_peak(-90), RATE, subtype="FLOAT")
    (loud, _), (quiet, _) = (detector.spans(tmp_path / f"{name}.wav") for name in ("loud", "quiet"))
    seconds = [sum(end - start for start, end in spans) for spans in (loud, quiet)]
    assert seconds[1] == pytest.approx(seconds[0], rel=0.25)
