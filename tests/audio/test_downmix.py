"""Channels that cancel are turned round; all others give their mean, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru import audio
from speechgru.audio import AudioStream, AudioWarning, array, edit, measure

RATE = 16000
RNG = np.random.default_rng(0)
VOICE = (0.1 * RNG.standard_normal(RATE * 9)).astype(np.float32)


def written(path: Path, *channels: np.ndarray) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("factor", [-1.0, -0.99, -0.95, -0.8, -1.2])
def test_an_inverted_side_is_turned_round(tmp_path: Path, factor: float) -> None:
    path = written(tmp_path / "a.wav", VOICE, np.float32(factor) * VOICE)
    with AudioStream(path) as stream:
        signal = np.concatenate(list(stream))
    np.testing.assert_allclose(signal, VOICE * (1 - factor) / 2, atol=1e-6)
    assert [warning.kind for warning in stream.warnings] == ["channels"]
    assert "channel 2 cancels" in stream.warnings[0].text
    assert not stream.truncated
    with pytest.warns(AudioWarning, match="cancels"):
        audio.read(path)


def test_what_the_channels_have_of_their_own_keeps_nothing_from_being_turned(tmp_path: Path) -> None:
    own = [np.float32(0.03) * RNG.standard_normal(len(VOICE)).astype(np.float32) for _ in range(2)]
    path = written(tmp_path / "a.wav", VOICE + own[0], own[1] - VOICE)
    assert np.corrcoef(audio.read(path, warn=False), VOICE)[0, 1] > 0.95


@pytest.mark.parametrize("factor", [1.0, 0.3, 0.0, -0.3])
def test_channels_that_do_not_cancel_give_their_mean(tmp_path: Path, factor: float) -> None:
    second = np.float32(factor) * VOICE
    path = written(tmp_path / "a.wav", VOICE, second)
    with AudioStream(path) as stream:
        signal = np.concatenate(list(stream))
    np.testing.assert_array_equal(signal, np.stack([VOICE, second], axis=1).mean(axis=1, dtype=np.float32))
    assert stream.warnings == []


def test_two_speakers_one_a_side_and_independent_noise_give_their_mean(tmp_path: Path) -> None:
    half = len(VOICE) // 2
    left, right = VOICE.copy(), VOICE[::-1].copy()
    left[half:], right[:half] = 0, 0
    for channels in ((left, right), (VOICE, VOICE[::-1])):
        path = written(tmp_path / "a.wav", *channels)
        with AudioStream(path) as stream:
            np.testing.assert_allclose(np.concatenate(list(stream)), np.mean(channels, axis=0), atol=1e-7)
        assert stream.warnings == []


def test_of_six_channels_those_that_cancel_are_turned_round(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", VOICE, -VOICE, VOICE, -VOICE, VOICE, -VOICE)
    with AudioStream(path) as stream:
        np.testing.assert_allclose(np.concatenate(list(stream)), VOICE, atol=1e-6)
    assert "channels 2, 4, 6 cancel" in stream.warnings[0].text


def test_a_change_of_sign_in_the_middle_makes_no_click(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE * 20) / RATE).astype(np.float32) * np.float32(0.3)
    other = tone.copy()
    other[RATE * 10 :] *= -1
    mixed = audio.read(written(tmp_path / "a.wav", tone, other), warn=False)
    assert np.abs(np.diff(mixed)).max() < 0.05  # the tone's own slope is 0.024
    assert np.std(mixed[-RATE * 5 :]) > 0.2


@pytest.mark.parametrize("seconds", [0.11, 3.0, None])
def test_blocks_equal_the_whole(tmp_path: Path, seconds: float | None) -> None:
    other = np.concatenate([VOICE[: RATE * 5], -VOICE[RATE * 5 :]])
    path = written(tmp_path / "a.wav", VOICE, other)
    with AudioStream(path, RATE, seconds) as stream:
        np.testing.assert_array_equal(np.concatenate(list(stream)), audio.read(path, warn=False))


def test_arrays_editing_and_measuring_do_the_same(tmp_path: Path) -> None:
    stereo = np.stack([VOICE, -VOICE])
    sound = array.from_array(stereo, RATE, RATE)
    np.testing.assert_allclose(sound.signal, VOICE, atol=1e-6)
    assert "channels" in [warning.kind for warning in sound.warnings]
    path = written(tmp_path / "a.wav", VOICE, -VOICE)
    notes = edit.convert(path, tmp_path / "mono.wav", channels=1).notes
    assert any("cancels" in note for note in notes)
    np.testing.assert_allclose(audio.read(tmp_path / "mono.wav"), VOICE, atol=1e-4)
    assert edit.convert(path, tmp_path / "stereo.wav").notes == ()  # nothing is mixed
    assert any("cancels" in note for note in measure.measure(path).notes)


def test_silence_is_no_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", VOICE * 0, VOICE * 0)
    with AudioStream(path) as stream:
        assert not np.concatenate(list(stream)).any()
    assert stream.warnings == []
