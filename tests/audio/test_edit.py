"""Editing of sound files: against theory, a second implementation, and what was there before."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru import audio
from speechgru.audio import AudioStream, decode_soundfile, encode, energy, formats, measure, split
from speechgru.audio import edit as editing
from speechgru.audio.loudness import FrameLevels, Loudness, TruePeak, amplitude, decibels
from speechgru.audio.stream import BLOCK
from speechgru.data import manifest
from speechgru.errors import AudioError

RATE = 16000


def sine(hertz: float = 997.0, seconds: float = 1.0, rate: int = RATE, level: float = 1.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def noise(*shape: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(shape)


def save(path: Path, signal: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, signal, rate, subtype=subtype)
    return path


def load(path: Path) -> np.ndarray:
    """[time, channels]."""
    return soundfile.read(path, always_2d=True)[0]


def power(signal: np.ndarray) -> float:
    return float(np.mean(np.square(signal)))


# --------------------------------------------------------------------------------------- loudness and levels


def measured(signal: np.ndarray, rate: int, step: int) -> float | None:
    meter = Loudness(rate, signal.shape[1])
    for start in range(0, len(signal), step):
        meter.add(signal[start : start + step].astype(np.float32))
    return meter.integrated


@pytest.mark.parametrize("channels", [1, 2])
def test_the_reference_tone_of_the_standard(channels: int) -> None:
    """BS.1770-4: a 997 Hz sine of full scale in one channel has -3.01 LKFS; in two 3.01 more."""
    tone = np.tile(sine(seconds=2, rate=48000)[:, None], channels)
    assert measured(tone, 48000, BLOCK) == pytest.approx(-3.01 + 10 * math.log10(channels), abs=0.01)


@pytest.mark.parametrize(("rate", "step"), [(8000, 100), (16000, 7777), (22050, 65536), (44100, 4410)])
def test_loudness_is_pyloudnorms(rate: int, step: int) -> None:
    import pyloudnorm

    loud = np.repeat([0.3, 0.001, 0.2, 1e-5, 0.05], round(1.37 * rate))  # above and below both gates
    signal = (noise(len(loud), 2) * loud[:, None]).astype(np.float32)
    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(signal.astype(np.float64))
    assert measured(signal, rate, step) == pytest.approx(expected, abs=1e-3)


def test_loudness_of_silence_and_of_too_little() -> None:
    assert measured(np.zeros((RATE, 1)), RATE, 1000) == -math.inf
    assert measured(sine(seconds=0.399)[:, None], RATE, 1000) is None
    assert measured(sine(seconds=0.4)[:, None], RATE, 1000) is not None


def test_true_peak_lies_between_the_samples() -> None:
    """A quarter of the rate, 45 degrees off: every sample is 3 dB below the peak."""
    time = np.arange(48000)
    tone = np.sin(np.pi / 2 * time + np.pi / 4) * np.hanning(len(time)) * 0.8
    meter = TruePeak(48000, 1)
    for part in np.array_split(tone.astype(np.float32)[:, None], 7):
        meter.add(part)
    assert np.abs(tone).max() == pytest.approx(0.8 / math.sqrt(2), rel=1e-4)
    assert meter.finish() == pytest.approx(0.8, rel=1e-3)


@given(st.floats(1e-6, 10))
def test_decibels_and_back(value: float) -> None:
    assert amplitude(decibels(value)) == pytest.approx(value)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=8), st.integers(1, 3))
def test_levels_do_not_depend_on_the_blocks(sizes: list[int], channels: int) -> None:
    signal = noise(sum(sizes), channels).astype(np.float32)
    whole, pieces = FrameLevels(RATE), FrameLevels(RATE)
    whole.add(signal)
    for part in np.split(signal, np.cumsum(sizes)[:-1]):
        pieces.add(part)
    levels = whole.finish()
    assert len(levels) == math.ceil(len(signal) / 160)
    assert np.array_equal(levels, pieces.finish())


def test_info_of_a_sine(tmp_path: Path) -> None:
    signal = np.concatenate([sine(level=0.5), np.zeros(RATE)])
    info = measure.measure(save(tmp_path / "a.wav", np.stack([signal, signal], 1), subtype="PCM_24"))
    assert (info.duration, info.sample_rate, info.channels) == (2.0, RATE, 2)
    assert (info.container, info.codec, info.bits) == ("WAV", "PCM_24", "24")
    assert info.peak == pytest.approx(-6.02, abs=0.01)
    assert info.rms == pytest.approx(-6.02 - 3.01 - 3.01, abs=0.01)
    assert info.silence == pytest.approx(0.5, abs=0.01)
    assert (info.clipped, info.problem) == (0.0, None)
    # The four blocks that reach into the second half are quieter, but above the relative gate.
    blocks = [1.0] * 7 + [0.75, 0.5, 0.25]
    expected = -3.01 - 6.02 + 3.01 + 10 * math.log10(np.mean(blocks))
    assert info.loudness == pytest.approx(expected, abs=0.1)


def test_info_of_what_is_wrong(tmp_path: Path) -> None:
    clipped = np.clip(3 * sine(), -1, 1)
    assert measure.measure(save(tmp_path / "a.wav", clipped, subtype="PCM_16")).clipped > 0.5
    silent = measure.measure(save(tmp_path / "b.wav", np.zeros(RATE)))
    assert (silent.peak, silent.rms, silent.loudness, silent.silence) == (-math.inf, -math.inf, -math.inf, 1)
    assert json.loads(json.dumps(measure.to_dict(silent), allow_nan=False))["peak"] is None
    short = measure.measure(save(tmp_path / "c.wav", sine(seconds=0.1)))
    assert short.loudness is None
    assert "not defined" in measure.describe(short)
    whole = save(tmp_path / "d.wav", sine(), subtype="PCM_16")
    whole.write_bytes(whole.read_bytes()[:-8000])
    assert measure.measure(whole).problem is not None


# ----------------------------------------------------------------------------------------- reading and writing


@settings(max_examples=25)
@given(
    st.sampled_from(
        [("8", "wav"), ("8", "aiff"), ("16", "wav"), ("16", "flac"), ("24", "flac"), ("24", "w64")]
    ),
    st.integers(1, 3),
    st.integers(0, 1000),
)
def test_integers_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[str, str], channels: int, seed: int
) -> None:
    bits, extension = kind
    folder = tmp_path_factory.mktemp("bits")
    full = 1 << (int(bits) - 1)
    whole = np.random.default_rng(seed).integers(-full, full, (500, channels))
    whole[0], whole[1] = -full, full - 1
    path = folder / f"a.{extension}"
    how = formats.encoding(path, bits)
    clipped = encode.write(path, [(whole / full).astype(np.float32)], RATE, how)
    assert clipped == 0
    assert np.array_equal(np.rint(load(path) * full).astype(int), whole)
    editing.convert(path, folder / "b.wav")
    assert np.array_equal(load(folder / "b.wav"), load(path))
    assert formats.bits_of(soundfile.info(folder / "b.wav").subtype) == bits


def test_rounding_has_no_offset(tmp_path: Path) -> None:
    """Truncation would shift the mean by half a step."""
    signal = noise(200_000)
    editing.convert(save(tmp_path / "a.wav", signal), tmp_path / "b.wav", bits="16")
    error = (load(tmp_path / "b.wav")[:, 0] - signal) * 32768
    assert abs(error.mean()) < 0.01
    assert np.abs(error).max() < 0.51


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg", "opus", "aiff", "au", "caf", "w64"])
def test_every_format_is_written_and_read(extension: str, tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", np.stack([sine(400, 2), sine(700, 2)], 1) * 0.3, subtype="PCM_16")
    target = tmp_path / f"b.{extension}"
    editing.convert(source, target)
    assert (soundfile.info(target).channels, soundfile.info(target).samplerate) == (2, RATE)
    found, wanted = load(target), load(source)
    assert abs(len(found) - len(wanted)) < 3000  # MP3 pads
    for channel, hertz in enumerate((400, 700)):
        spectrum = np.abs(np.fft.rfft(found[:, channel]))
        assert spectrum.argmax() * RATE / len(found) == pytest.approx(hertz, abs=2)
    assert editing.convert(target, tmp_path / "c.wav") == editing.Edited()


def test_long_vorbis_and_several_blocks(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(5 * BLOCK + 17), subtype="PCM_16")
    editing.convert(source, tmp_path / "b.ogg")
    assert soundfile.info(tmp_path / "b.ogg").frames == 5 * BLOCK + 17
    with AudioStream(source, None, None, "all") as stream:
        assert [len(block) for block in stream] == [BLOCK] * 5 + [17]


def test_bits_follow_the_source_where_they_can(tmp_path: Path) -> None:
    for subtype, extension, expected in (
        ("PCM_24", "flac", "PCM_24"),
        ("FLOAT", "flac", "PCM_24"),
        ("FLOAT", "wav", "FLOAT"),
        ("ULAW", "wav", "PCM_16"),
        ("PCM_U8", "flac", "PCM_S8"),
        ("PCM_16", "ogg", "VORBIS"),
    ):
        assert formats.encoding(f"a.{extension}", like=subtype).subtype == expected
    for path, bits in (("a.mp3", "16"), ("a.flac", "32"), ("a.txt", None), ("a", None)):
        with pytest.raises(AudioError, match=r"a(\.\w+)?: "):
            formats.encoding(path, bits)


def test_rates_that_a_format_lacks_are_named(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", sine(rate=44100), 44100)
    with pytest.raises(AudioError, match="resample --rate 48000"):
        editing.convert(source, tmp_path / "a.opus")
    editing.resample(source, tmp_path / "a.opus", 48000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.opus", "a.wav"]


def test_what_exceeds_full_scale_is_clipped_and_counted_but_not_in_floats(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", np.array([0.5, 1.5, -2.0, 1.0]))
    assert editing.convert(source, tmp_path / "b.wav", bits="16").notes == (
        "2 samples beyond full scale were clipped.",
    )
    assert load(tmp_path / "b.wav")[:, 0] == pytest.approx([0.5, 1, -1, 1], abs=1e-4)
    assert editing.convert(source, tmp_path / "c.wav") == editing.Edited()
    assert np.array_equal(load(tmp_path / "c.wav"), load(source))


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", noise(300_000), subtype="PCM_16")
    code = (
        "import resource, sys; from speechgru.audio import edit as editing; from speechgru.errors import AudioError\n"
        "import numba, scipy, soxr\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: editing.convert('a.wav', 'b.wav')\n"
        "except AudioError as error: sys.exit(0 if 'full' in str(error) else f'{error}')\n"
        "sys.exit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_four_gigabytes_are_refused_before_they_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(encode._LARGEST, "WAV", 2 * 2 * 1000)
    source = save(tmp_path / "a.wav", noise(1001, 2), subtype="PCM_16")
    with pytest.raises(AudioError, match=r"\.w64"):
        editing.convert(source, tmp_path / "b.wav")
    editing.convert(source, tmp_path / "b.w64")


@pytest.mark.parametrize("moment", range(3))
def test_ctrl_c_in_the_middle_of_a_read_is_not_the_end_of_the_recording(
    moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libsndfile reads through a callback, which can't pass an exception on."""
    real, calls = decode_soundfile._View.read, iter(range(1000))

    def read(view: decode_soundfile._View, length: int) -> bytes:
        if next(calls) == 3 + moment:
            os.kill(os.getpid(), signal.SIGINT)
        return real(view, length)

    monkeypatch.setattr(decode_soundfile._View, "read", read)
    source = save(tmp_path / "a.wav", noise(3 * BLOCK))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            editing.convert(source, tmp_path / "b.wav")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


# ------------------------------------------------------------------------------------------ channels, rate, ends


def test_channels(tmp_path: Path) -> None:
    stereo = save(tmp_path / "a.wav", noise(1000, 2))
    editing.convert(stereo, tmp_path / "mono.wav", channels=1)
    assert load(tmp_path / "mono.wav")[:, 0] == pytest.approx(load(stereo).mean(axis=1), abs=1e-7)
    editing.convert(tmp_path / "mono.wav", tmp_path / "three.wav", channels=3)
    assert np.array_equal(load(tmp_path / "three.wav"), np.repeat(load(tmp_path / "mono.wav"), 3, axis=1))
    with pytest.raises(AudioError, match="2 channels; they can become 1"):
        editing.convert(stereo, tmp_path / "b.wav", channels=3)


@pytest.mark.parametrize(("old", "new"), [(16000, 8000), (16000, 44100), (44100, 16000), (8000, 8000)])
def test_resampling_a_sine_gives_that_sine(old: int, new: int, tmp_path: Path) -> None:
    tones = np.stack([sine(440, 3, old), sine(1000, 3, old)], 1) * 0.5
    editing.resample(save(tmp_path / "a.wav", tones, old), tmp_path / "b.wav", new)
    found = load(tmp_path / "b.wav")
    assert len(found) == 3 * new
    expected = np.stack([sine(440, 3, new), sine(1000, 3, new)], 1) * 0.5
    inside = slice(new // 10, -new // 10)
    assert np.abs(found[inside] - expected[inside]).max() < 2e-4


def test_silence_is_cut_at_both_ends(tmp_path: Path) -> None:
    quiet = noise(RATE, level=1e-4)
    gap = np.zeros(RATE // 2)
    signal = np.concatenate([quiet, sine(level=0.5), gap, sine(level=0.5), quiet[:8000]])
    source = save(tmp_path / "a.wav", np.stack([signal, 0 * signal], 1))
    editing.trim_silence(source, tmp_path / "b.wav", padding=0)
    assert len(load(tmp_path / "b.wav")) == pytest.approx(2.5 * RATE, abs=320)
    edited = editing.trim_silence(source, tmp_path / "c.wav", padding=0.2)
    assert np.array_equal(load(tmp_path / "c.wav"), load(source)[round(0.8 * RATE) : round(3.7 * RATE)])
    assert edited.notes == ("kept 0.80 to 3.70 s.",)
    editing.trim_silence(source, tmp_path / "d.wav", threshold=100)
    assert len(load(tmp_path / "d.wav")) == len(signal)


def test_silence_is_not_trimmed_to_nothing(tmp_path: Path) -> None:
    for edit in (editing.trim_silence, editing.normalise, lambda s, t: editing.normalise_peak(s, t, peak=-1)):
        with pytest.raises(AudioError, match="silent"):
            edit(save(tmp_path / "a.wav", np.zeros(RATE)), tmp_path / "b.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


# ---------------------------------------------------------------------------------------------- noise, loudness


@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
@pytest.mark.parametrize("recorded", [True, False])
def test_the_ratio_is_what_was_asked_for(snr: float, recorded: bool, tmp_path: Path) -> None:
    signal = np.stack([sine(level=0.05, seconds=2), noise(2 * RATE, level=0.02)], 1)
    source = save(tmp_path / "a.wav", signal)
    file = save(tmp_path / "noise.wav", noise(4000, seed=1), 8000) if recorded else None
    editing.mix_noise(source, tmp_path / "b.wav", snr=snr, noise=file, seed=3)
    added = load(tmp_path / "b.wav") - load(source)
    assert 10 * np.log10(power(signal) / power(added)) == pytest.approx(snr, abs=0.01)
    assert added[:, 0] == pytest.approx(added[:, 1], abs=1e-6)


@pytest.mark.parametrize(("colour", "slope"), [(0.0, 0.0), (1.0, -3.01), (2.0, -6.02)])
def test_the_noise_has_its_colour(colour: float, slope: float, tmp_path: Path) -> None:
    """dB an octave, between 500 and 1000 Hz and the octave above."""
    source = save(tmp_path / "a.wav", sine(100, 20, level=1e-3))
    editing.mix_noise(source, tmp_path / "b.wav", snr=-60, colour=colour)
    spectrum = np.abs(np.fft.rfft(load(tmp_path / "b.wav")[:, 0])) ** 2
    density = [spectrum[20 * f : 40 * f].mean() for f in (500, 1000)]
    assert 10 * np.log10(density[1] / density[0]) == pytest.approx(slope, abs=0.3)


def test_a_seed_repeats_its_noise_and_loud_mixtures_are_turned_down(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", sine(level=0.9), subtype="PCM_16")
    for name, seed in (("b", 1), ("c", 1), ("d", 2)):
        edited = editing.mix_noise(source, tmp_path / f"{name}.wav", snr=0, seed=seed)
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "c.wav").read_bytes()
    assert (tmp_path / "b.wav").read_bytes() != (tmp_path / "d.wav").read_bytes()
    assert np.abs(load(tmp_path / "d.wav")).max() == pytest.approx(1, abs=1e-4)
    assert edited.notes[0].startswith("turned down by ")
    silent = save(tmp_path / "e.wav", np.zeros(RATE))
    for pair in ((silent, source), (source, silent)):
        with pytest.raises(AudioError, match=r"e\.wav is silent"):
            editing.mix_noise(pair[0], tmp_path / "f.wav", snr=0, noise=pair[1])


@pytest.mark.parametrize("lufs", [-23.0, -16.0])
def test_normalised_recordings_have_the_loudness(lufs: float, tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(3 * RATE, 2, level=0.01))
    editing.normalise(source, tmp_path / "b.wav", lufs=lufs)
    assert measure.measure(tmp_path / "b.wav").loudness == pytest.approx(lufs, abs=0.01)
    ratio = load(tmp_path / "b.wav") / load(source)
    assert ratio == pytest.approx(np.full_like(ratio, ratio[0, 0]), rel=1e-5)  # one gain for all


def test_the_ceiling_holds(tmp_path: Path) -> None:
    click = noise(2 * RATE, level=0.001)
    click[RATE] = 0.9
    edited = editing.normalise(save(tmp_path / "a.wav", click), tmp_path / "b.wav", ceiling=-3)
    info = measure.measure(tmp_path / "b.wav")
    assert info.true_peak == pytest.approx(-3, abs=0.01)
    assert f"{info.loudness:.1f} LUFS instead of -23" in " ".join(edited.notes)


def test_peaks_and_what_has_no_loudness(tmp_path: Path) -> None:
    short = save(tmp_path / "a.wav", sine(seconds=0.2, level=0.1))
    with pytest.raises(AudioError, match=r"shorter than 0\.4 s.*--peak"):
        editing.normalise(short, tmp_path / "b.wav")
    editing.normalise_peak(short, tmp_path / "b.wav", peak=-1)
    assert np.abs(load(tmp_path / "b.wav")).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    with pytest.raises(AudioError, match="6 channels"):
        editing.normalise(save(tmp_path / "c.wav", noise(RATE, 6)), tmp_path / "d.wav")


# --------------------------------------------------------------------------------------------------------- cutting


def spoken(*bursts: tuple[float, float], seconds: float, rate: int = RATE) -> np.ndarray:
    """White noise from start to end of each of `bursts`, over a faint one."""
    signal = noise(round(seconds * rate), level=1e-4)
    for number, (start, end) in enumerate(bursts):
        part = slice(round(start * rate), round(end * rate))
        signal[part] += noise(part.stop - part.start, seed=number)
    return signal


def test_parts_are_cut_where_the_pauses_are(tmp_path: Path) -> None:
    bursts = ((0.8, 1.5), (1.8, 2.6), (3.6, 4.6))  # the first pause is too short
    signal = spoken(*bursts, seconds=5.5, rate=44100)
    source = save(tmp_path / "talk.wav", np.stack([signal, 0.5 * signal], 1), 44100, "PCM_16")
    parts = split.spans(source, pause=0.5, padding=0.1)
    assert [p.start for p in parts] == pytest.approx([0.7, 3.5], abs=0.03)
    assert [p.end for p in parts] == pytest.approx([2.7, 4.7], abs=0.03)
    cut = split.write_parts(source, parts, tmp_path / "out", "talk", "flac")
    assert [p.name for p in cut.paths] == ["talk-0001.flac", "talk-0002.flac"]
    assert len(split.spans(source, pause=0.2)) == 3
    assert len(split.spans(source, pause=0.2, shortest=0.75)) == 2
    for line, path in zip((tmp_path / "out" / "talk.jsonl").read_text().splitlines(), cut.paths):
        entry = json.loads(line)
        start = round(entry["source_offset"] * 44100)
        found = load(path)
        assert len(found) == round(entry["duration"] * 44100)
        assert np.array_equal(found, load(source)[start : start + len(found)])
    read = manifest.read(tmp_path / "out" / "talk.jsonl")
    assert [(u.audio_filepath, u.offset) for u in read] == [(path, 0.0) for path in cut.paths]


def test_steady_sound_is_one_part_and_padding_never_overlaps(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(2 * RATE))
    assert split.spans(source) == [split.Span(0.0, 2.0)]
    signal = spoken((0.0, 1.0), (1.6, 3.0), seconds=3)
    first, second = split.spans(save(tmp_path / "b.wav", signal), pause=0.5, padding=5)
    assert first.end == second.start == pytest.approx(1.3, abs=0.03)
    assert (first.start, second.end) == (0.0, 3.0)


def test_a_second_cut_leaves_none_of_the_first(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(BLOCK * 2))
    other = save(tmp_path / "a-note.wav", sine())
    spans = [split.Span(i / 2, i / 2 + 0.25) for i in range(8)]
    split.write_parts(source, spans, tmp_path, "a", "wav")
    split.write_parts(source, spans[:2], tmp_path, "a", "flac")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["a-0001.flac", "a-0002.flac", "a-note.wav", "a.jsonl", "a.wav"]
    assert other.exists()


def test_a_broken_part_leaves_the_earlier_cut(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(RATE))
    split.write_parts(source, [split.Span(0, 0.5)], tmp_path, "a", "wav")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(AudioError, match="no samples"):
        split.write_parts(source, [split.Span(0, 0.3), split.Span(5, 6)], tmp_path, "a", "wav")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@settings(max_examples=30)
@given(st.lists(st.integers(1, 3 * BLOCK), min_size=1, max_size=5), st.booleans())
def test_the_parts_of_a_partition_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    signal = np.arange(sum(sizes)) % 30000 / 32768
    source = save(folder / "a.wav", signal, subtype="PCM_16")
    edges = np.concatenate([[0], np.cumsum(sizes)])
    spans = [split.Span(a / RATE, b / RATE) for a, b in pairwise(edges)]
    kept = spans[1:] if cut and len(spans) > 1 else spans
    written = split.write_parts(source, kept, folder, "b", "wav").paths
    joined = np.concatenate([load(path)[:, 0] for path in written])
    assert np.array_equal(joined, signal[round(kept[0].start * RATE) :])


def test_pauses_agree_with_the_rest_of_the_house(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", spoken((0.2, 1), (2, 3), seconds=4))
    quiet = energy.pauses(audio.read(source), RATE, shortest=0.5)
    gaps = [(one.end, other.start) for one, other in pairwise(split.spans(source, padding=0))]
    assert gaps == [(a / RATE, b / RATE) for a, b in quiet if a > 0 and b < 3.9 * RATE]
    assert len(gaps) == 1


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """Two minutes of stereo are 46 MB as floats; the pass over them may not hold them."""
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 48000, 2, "PCM_16") as file:
        for seed in range(120):
            file.write(noise(48000, 2, seed=seed))
    code = (
        "import resource, sys; from speechgru.audio import edit as editing, measure as soundinfo\n"
        "editing.normalise('short.wav', 's.wav'); soundinfo.measure('short.wav')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "editing.resample('a.wav', 'c.wav', 44100)\n"
        "editing.trim_silence('a.wav', 'd.wav'); soundinfo.measure('a.wav')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    save(tmp_path / "short.wav", noise(4 * 48000, 2), 48000)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    per_megabyte = 1 << (20 if sys.platform == "darwin" else 10)
    assert int(done.stdout) / per_megabyte < 30
