"""Ours against librosa, torchaudio, its Kaldi part and kaldi-native-fbank on one recording: the largest difference.

    python tests/helpers/parity.py

prints the table of docs/features. Each row states the conventions that both sides have and the difference that float32
allows them. Powers are compared as a part of the recording's highest; all else (logarithms, cepstra, hertz) as it is.
A peer that isn't installed has no difference.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru import audio
from speechgru.errors import ConfigError
from speechgru.features import extract
from speechgru.utils import assets, tables

Array = NDArray[Any]
_PACKAGES = {"torchaudio.compliance.kaldi": "torchaudio", "kaldi-native-fbank": "kaldi-native-fbank"}


@dataclass(frozen=True)
class Case:
    """A comparison: `extract(signal, kind, preset=preset, **settings)` with `theirs(signal)`, both at `rate`."""

    kind: str
    peer: str
    conventions: str
    theirs: Callable[[Array], Array]
    tolerance: float
    preset: str | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    rate: int = 16000
    relative: bool = False
    """The difference is divided by their largest value."""
    edges: int = 0
    """Frames at both ends that are left out: there the two differ by design."""


@dataclass(frozen=True)
class Row:
    """The result of a comparison. `difference` is None where the peer isn't installed."""

    case: Case
    version: str
    difference: float | None

    @property
    def is_within(self) -> bool:
        """True unless the two differ by more than the tolerance."""
        return self.difference is None or self.difference <= self.case.tolerance


def table() -> list[Row]:
    """All comparisons on the packaged recording, 3.4 s of speech."""
    path = assets.ASSETS / "sample.flac"
    signals = {rate: audio.read(path, rate) for rate in {case.rate for case in cases()}}
    return [compare(case, signals[case.rate]) for case in cases()]


def compare(case: Case, signal: Array) -> Row:
    """Run one comparison on `signal` [time], float32 at `case.rate`."""
    try:
        installed = version(_PACKAGES.get(case.peer, case.peer))
    except PackageNotFoundError:
        return Row(case, "not installed", None)
    theirs = np.asarray(case.theirs(signal), np.float64)
    options = {"preset": case.preset, "output": "numpy", **dict(case.settings)}
    ours = extract(signal, case.kind, sample_rate=case.rate, **options).values.astype(np.float64)
    if ours.shape != theirs.shape:
        raise ConfigError(f"{case.kind} has the shape {ours.shape}, {case.peer} {theirs.shape}.")
    inner = slice(case.edges, len(ours) - case.edges)
    scale = np.abs(theirs).max() if case.relative else 1.0
    return Row(case, installed, float(np.abs(ours - theirs)[inner].max() / scale))


def format_table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    heads = ("kind", "preset", "peer", "conventions", "difference", "tolerance")
    return tables.table(heads, list(map(_cells, rows)))


def _cells(row: Row) -> tuple[str, ...]:
    case = row.case
    difference = "-" if row.difference is None else f"{row.difference:.1e}"
    tolerance = f"{case.tolerance:.0e}{' of the peak' if case.relative else ''}"
    beyond = "" if row.is_within else " BEYOND"
    peer = f"{case.peer} {row.version}"
    return case.kind, case.preset or "", peer, case.conventions, difference, tolerance + beyond


def cases() -> list[Case]:
    """All comparisons: first what is computed here, then what is a library's own."""
    return [*_torchaudio(), *_kaldi(), *_librosa(), *_librosa_own()]


def _torchaudio() -> Iterator[Case]:
    name = "torchaudio"
    stft: dict[str, Any] = {"n_fft": 512, "win_length": 400, "hop_length": 160, "pad_mode": "constant"}
    mel: dict[str, Any] = {**stft, "n_mels": 80, "f_min": 20.0}
    frames = "Hann 25 ms / 10 ms, n_fft 512, zeros beyond the ends"

    def of(transform: str, *args: Any, log: bool = False, **options: Any) -> Callable[[Array], Array]:
        def compute(signal: Array) -> Array:
            made = getattr(importlib.import_module("torchaudio.transforms"), transform)(*args, **options)
            values = made(torch.from_numpy(signal)).T
            return np.asarray((values + 1e-6).log() if log else values)

        return compute

    yield Case("spectrogram", name, f"{frames}, power", of("Spectrogram", **stft), 1e-6, relative=True)
    mels = f"{frames}; 80 HTK bands from 20 Hz"
    yield Case("mel", name, mels, of("MelSpectrogram", 16000, **mel), 1e-6, relative=True)
    yield Case("log_mel", name, f"{mels}, ln(x + 1e-6)", of("MelSpectrogram", 16000, log=True, **mel), 1e-4)
    mfcc = of("MFCC", 16000, 13, log_mels=True, melkwargs=mel)
    yield Case("mfcc", name, f"{mels}, ln(x + 1e-6), orthonormal DCT", mfcc, 1e-4)
    lfcc = of("LFCC", 16000, 128, n_lfcc=40, log_lf=True, speckwargs=stft)
    yield Case("lfcc", name, f"{frames}; 128 linear bands, ln(x + 1e-6), orthonormal DCT", lfcc, 1e-4)

    def sliding(signal: Array) -> Array:
        functional = importlib.import_module("torchaudio.functional")
        values = extract(signal, "mfcc", sample_rate=16000).values
        return np.asarray(functional.sliding_window_cmn(values, 100, 50, False, True))

    options = (("base", "mfcc"), ("mode", "sliding"), ("window", 100), ("min_window", 50))
    yield Case(
        "cmvn", name, "of mfcc; causal window of 100 frames, at least 50", sliding, 1e-3, settings=options
    )


def _kaldi() -> Iterator[Case]:
    compliance, native = "torchaudio.compliance.kaldi", "kaldi-native-fbank"
    povey = "Povey 25 ms / 10 ms, pre-emphasis 0.97, 16-bit scale, frames within the signal"
    fbank, mfcc = f"{povey}; 23 bands from 20 Hz, ln", f"{povey}; 13 of 23 bands, lifter 22, energy as c0"

    def torch_side(function: str, **options: Any) -> Callable[[Array], Array]:
        def compute(signal: Array) -> Array:
            return np.asarray(
                getattr(importlib.import_module(compliance), function)(
                    torch.from_numpy(signal)[None] * 32768, **options
                )
            )

        return compute

    yield Case("kaldi_fbank", compliance, fbank, torch_side("fbank"), 1e-6)
    options: dict[str, Any] = {"use_energy": True, "energy_floor": 0.0}
    yield Case("kaldi_mfcc", compliance, mfcc, torch_side("mfcc", **options), 1e-6)
    yield Case("log_mel", native, fbank, _native("Fbank"), 5e-3, "kaldi")
    whole = f"{povey.replace('within the signal', 'mirrored beyond it')}; 80 bands from 20 Hz, ln"
    given = (("snip_edges", False), ("n_mels", 80))
    native_80 = _native("Fbank", frame_opts__snip_edges=False, mel_opts__num_bins=80)
    yield Case("log_mel", native, whole, native_80, 5e-3, "kaldi", given)
    yield Case("mfcc", native, mfcc, _native("Mfcc"), 1e-2, "kaldi")
    htk = "Hamming 25 ms / 10 ms, pre-emphasis 0.97, 16-bit scale; 26 bands from 0 Hz"
    same: dict[str, Any] = {
        "frame_opts__window_type": "hamming",
        "frame_opts__remove_dc_offset": False,
        "mel_opts__low_freq": 0.0,
        "mel_opts__num_bins": 26,
        "htk_compat": True,
    }
    yield Case(
        "log_mel", native, f"{htk}, ln of magnitude", _native("Fbank", use_power=False, **same), 5e-3, "htk"
    )
    yield Case(
        "mfcc", native, f"{htk}, lifter 22, c0 last", _native("Mfcc", use_energy=False, **same), 1e-2, "htk"
    )


def _native(which: str, **options: Any) -> Callable[[Array], Array]:
    """kaldi-native-fbank's features; `a__b` is the option b of its part a."""

    def compute(signal: Array) -> Array:
        native = importlib.import_module("kaldi_native_fbank")
        opts = getattr(native, f"{which}Options")()
        opts.frame_opts.dither = 0.0
        for name, value in options.items():
            part, _, inner = name.partition("__")
            setattr(getattr(opts, part) if inner else opts, inner or name, value)
        online = getattr(native, f"Online{which}")(opts)
        online.accept_waveform(16000, (signal * 32768).tolist())
        online.input_finished()
        return np.stack([online.get_frame(i) for i in range(online.num_frames_ready)])

    return compute


def _librosa() -> Iterator[Case]:
    """Mel kinds, which are computed here in librosa's conventions."""
    frames = "Hann and n_fft 2048 / 512, zeros beyond the ends"
    mels = f"{frames}; 128 Slaney bands of unit area"

    def mel(signal: Array) -> Array:
        return _feature("melspectrogram", y=signal, sr=22050)

    def spectrum(signal: Array) -> Array:
        import librosa

        power: Array = np.asarray(np.abs(librosa.stft(signal)) ** 2).T
        return power

    def decibel(signal: Array) -> Array:
        import librosa

        levels: Array = np.asarray(librosa.power_to_db(mel(signal).T)).T
        return levels

    yield _at_22k("spectrogram", f"{frames}, power", spectrum, 1e-6, preset="librosa")
    yield _at_22k("mel", mels, mel, 1e-5, preset="librosa")
    logs = f"{mels}; dB of at least 1e-10, 80 dB"
    yield _at_22k("log_mel", logs, decibel, 1e-2, relative=False, preset="librosa")
    mfcc = f"{logs}; orthonormal DCT"
    theirs = _feature_of("mfcc", sr=22050)
    yield _at_22k("mfcc", mfcc, theirs, 1e-2, relative=False, preset="librosa")

    def whisper(signal: Array) -> Array:
        options = {"n_fft": 400, "hop_length": 160, "n_mels": 80, "pad_mode": "reflect"}
        power = _feature("melspectrogram", y=signal, sr=16000, **options)[:-1]
        values = np.log10(np.maximum(power, 1e-10))
        return np.asarray((np.maximum(values, values.max() - 8) + 4) / 4)

    said = "Hann and n_fft 400 / 160, mirrored ends, last frame dropped; 80 Slaney bands; log10, 8 below the peak"
    yield Case("log_mel", "librosa", said, whisper, 1e-4, "whisper")


def _at_22k(
    kind: str,
    conventions: str,
    theirs: Callable[[Array], Array],
    tolerance: float,
    *,
    relative: bool = True,
    preset: str | None = None,
) -> Case:
    return Case(kind, "librosa", conventions, theirs, tolerance, preset, (), 22050, relative)


def _librosa_own() -> Iterator[Case]:
    """Kinds that are librosa's: that they are passed through as they are."""
    own = "librosa's defaults"

    for kind, function in {
        "energy": "rms",
        "zero_crossings": "zero_crossing_rate",
        "centroid": "spectral_centroid",
        "bandwidth": "spectral_bandwidth",
        "rolloff": "spectral_rolloff",
        "contrast": "spectral_contrast",
        "chroma": "chroma_stft",
        "tempogram": "tempogram",
    }.items():
        yield _at_22k(kind, own, _feature_of(function), 1e-5)
    for number, part in enumerate(("harmonic", "percussive")):
        yield _at_22k(part, own, _part(number), 1e-5)
    yield _at_22k("cqt", own, _cqt, 1e-5)
    yield _at_22k("onset_strength", own, _onset, 1e-5)


def _feature(function: str, **options: Any) -> Array:
    """[frames, bins]"""
    made: Array = getattr(importlib.import_module("librosa.feature"), function)(**options).T
    return made


def _feature_of(function: str, **options: Any) -> Callable[[Array], Array]:
    return lambda signal: _feature(function, y=signal, **options)


def _part(number: int) -> Callable[[Array], Array]:
    def compute(signal: Array) -> Array:
        import librosa

        parts = librosa.decompose.hpss(np.abs(librosa.stft(signal)))
        values: Array = np.asarray(parts[number]).T
        return values

    return compute


def _cqt(signal: Array) -> Array:
    import librosa

    magnitudes: Array = np.asarray(np.abs(librosa.cqt(signal))).T
    return magnitudes


def _onset(signal: Array) -> Array:
    import librosa

    return np.asarray(librosa.onset.onset_strength(y=signal))[:, None]


if __name__ == "__main__":
    print(format_table(table()))
