"""The features that networks are fed with, in NumPy alone: for engines that do without PyTorch.

`LogMelArrays` is what `speechgru.features.frontend.LogMel` computes, `KaldiArrays` is torchaudio.compliance.kaldi's
filter bank, `NemoArrays` that of NVIDIA NeMo (its `AudioToMelSpectrogramPreprocessor` without dither),
`WaveformArrays` the samples themselves, as wav2vec 2.0 takes them. Each maps one signal [time], floats in [-1, 1] at
`rate` Hz, to float32 [frames, bins]. Tests hold them against the other implementations to 1e-4.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speechgru.features.settings import FrontendSettings

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MIN_DEVIATION = 1.0  # as in speechgru.features.spectrogram, which says why
_EPSILON = 1.1920928955078125e-07  # of float32: Kaldi's least power
_NEMO_GUARD = 2.0**-24
_BLOCK = 512  # frames at a time, so that they fit the cache


class Frontend(Protocol):
    """Makes one signal [time] at `rate` Hz into values [frames, bins]; frame t lies around t * `hop` / `rate`
    seconds."""

    @property
    def rate(self) -> int: ...
    @property
    def hop(self) -> int: ...
    @property
    def bins(self) -> int: ...

    def __call__(self, signal: Floats) -> Floats:
        """Values of a signal of any length, also of none."""


class LogMelArrays:
    """The log-mel features of trained models: see `speechgru.features.frontend`."""

    def __init__(self, settings: FrontendSettings) -> None:
        self.settings = settings
        self.rate, self.hop, self.bins = settings.sample_rate, settings.hop_length, settings.n_mels
        length = round(settings.window * settings.sample_rate)
        self._size = 1 << (length - 1).bit_length()
        periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        self._window = _centred(periodic, self._size)
        limits = settings.f_min, settings.f_max
        self._bank = mel_bank(self._size, self.rate, self.bins, *limits, scale="htk").astype(np.float32)

    def __call__(self, signal: Floats) -> Floats:
        padded = np.pad(signal.astype(np.float32, copy=False), self._size // 2)
        power = _bands(_frames(padded, self._size, self.hop), self._window, self._bank)
        values: Floats = np.log(power + np.float32(self.settings.log_floor))
        return _standardised(values) if self.settings.normalise == "utterance" else values


class KaldiArrays:
    """Kaldi's log filter bank, dither off, frames centred at (t + 1/2) · hop (snip_edges false): what icefall and
    WeNet take.

    Args:
        bins: triangles on the mel scale.
        f_min, f_max: Hz; an f_max of 0 or less counts from half the rate.
        full_scale: what a sample of 1.0 stands for; Kaldi's own is 32768, icefall's is 1.
    """

    rate = 16000
    hop = 160

    def __init__(
        self, bins: int = 80, f_min: float = 20.0, f_max: float = -400.0, full_scale: float = 1.0
    ) -> None:
        self.bins, self.full_scale = bins, np.float32(full_scale)
        self._length, self._size = 400, 512
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self._length) / (self._length - 1))
        self.window = (hann**0.85).astype(np.float32)  # Povey's
        highest = f_max if f_max > 0 else self.rate / 2 + f_max
        self.f_min, self.f_max = f_min, highest
        self.bank = kaldi_bank(self._size, self.rate, bins, f_min, highest).astype(np.float32)

    def __call__(self, signal: Floats) -> Floats:
        count = (len(signal) + self.hop // 2) // self.hop
        if not count:
            return np.zeros((0, self.bins), np.float32)
        signal = signal.astype(np.float32, copy=False) * self.full_scale
        left = self._length // 2 - self.hop // 2
        right = max(0, (count - 1) * self.hop - left + self._length - len(signal))
        frames = _frames(np.pad(signal, (left, right), "symmetric"), self._length, self.hop)[:count]
        values: Floats = np.concatenate(
            [self._block(frames[at : at + _BLOCK]) for at in range(0, count, _BLOCK)]
        )
        return values

    def _block(self, frames: Floats) -> Floats:
        frames = frames - frames.mean(axis=1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        spectrum = np.fft.rfft((frames - np.float32(0.97) * before) * self.window, self._size)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ self.bank
        values: Floats = np.log(np.maximum(power, np.float32(_EPSILON)))
        return values


class NemoArrays:
    """NeMo's log-mel features: pre-emphasis of the whole signal, Slaney's bands, each to mean 0 and deviation 1.

    Args:
        bins: bands from 0 to 8000 Hz.
        normalise: "per_feature", "all_features", or "" for values as they are.
    """

    rate = 16000
    hop = 160

    def __init__(self, bins: int = 80, normalise: str = "per_feature") -> None:
        self.bins, self.normalise = bins, normalise
        self._size = 512
        self._window = _centred(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399), self._size)
        bank = mel_bank(self._size, self.rate, bins, 0.0, self.rate / 2, scale="slaney")
        self._bank = bank.astype(np.float32)

    def __call__(self, signal: Floats) -> Floats:
        count = len(signal) // self.hop
        if not count:
            return np.zeros((0, self.bins), np.float32)
        signal = signal.astype(np.float32, copy=False)
        emphasised = np.concatenate([signal[:1], signal[1:] - np.float32(0.97) * signal[:-1]])
        frames = _frames(np.pad(emphasised, self._size // 2), self._size, self.hop)[:count]
        values: Floats = np.log(_bands(frames, self._window, self._bank) + np.float32(_NEMO_GUARD))
        if not self.normalise:
            return values
        axis = 0 if self.normalise == "per_feature" else None
        centred = values - values.mean(axis=axis, keepdims=True)
        # Of one frame alone there is no deviation; NeMo divides by the guard then.
        degrees = max(values.size if axis is None else count, 2) - 1
        deviation = np.sqrt((centred.astype(np.float64) ** 2).sum(axis=axis, keepdims=True) / degrees)
        normal: Floats = (centred / (deviation + 1e-5)).astype(np.float32)
        return normal


class WaveformArrays:
    """Samples as wav2vec 2.0 and HuBERT take them: [time, 1].

    Args:
        normalise: to mean 0 and deviation 1 over the recording.
    """

    rate = 16000
    hop = 1
    bins = 1

    def __init__(self, normalise: bool = True) -> None:
        self.normalise = normalise

    def __call__(self, signal: Floats) -> Floats:
        values = signal.astype(np.float32, copy=False)
        if self.normalise and len(values):
            values = (values - values.mean()) / np.sqrt(values.var() + np.float32(1e-5))
        return values[:, None]


def mel_bank(size: int, rate: int, bins: int, f_min: float, f_max: float, scale: str) -> Doubles:
    """Triangles over frequencies in Hz, [1 + size // 2, bins]: HTK's mel scale as they are, Slaney's of equal area."""
    to_mel, to_hertz = (_htk_mel, _htk_hertz) if scale == "htk" else (_slaney_mel, _slaney_hertz)
    frequencies = np.linspace(0, rate // 2, size // 2 + 1)
    lowest, highest = to_mel(np.array([f_min, f_max]))
    edges = to_hertz(np.linspace(lowest, highest, bins + 2))
    slopes = edges[None, :] - frequencies[:, None]
    widths = np.diff(edges)
    bank = np.maximum(0.0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]))
    weights: Doubles = bank if scale == "htk" else bank * (2.0 / (edges[2:] - edges[:-2]))
    return weights


def kaldi_bank(size: int, rate: int, bins: int, f_min: float, f_max: float) -> Doubles:
    """Triangles over mels (HTK's), [1 + size // 2, bins], without the bin of half the rate."""
    mels = _htk_mel(np.arange(size // 2) * rate / size)
    lowest, highest = _htk_mel(np.array([f_min, f_max]))
    edges = np.linspace(lowest, highest, bins + 2)
    step = edges[1] - edges[0]
    up, down = (mels[:, None] - edges[None, :-2]) / step, (edges[None, 2:] - mels[:, None]) / step
    return np.pad(np.maximum(0.0, np.minimum(up, down)), ((0, 1), (0, 0)))


def _htk_mel(hertz: Doubles) -> Doubles:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def _htk_hertz(mels: Doubles) -> Doubles:
    hertz: Doubles = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return hertz


_LINEAR = 1000.0  # Hz; Slaney's scale is linear below, with 3 mels for 200 Hz, and logarithmic above
_LOG_STEP = np.log(6.4) / 27.0


def _slaney_mel(hertz: Doubles) -> Doubles:
    above = 15.0 + np.log(np.maximum(hertz, _LINEAR) / _LINEAR) / _LOG_STEP
    return np.where(hertz < _LINEAR, hertz * 3.0 / 200.0, above)


def _slaney_hertz(mels: Doubles) -> Doubles:
    return np.where(mels < 15.0, mels * 200.0 / 3.0, _LINEAR * np.exp(_LOG_STEP * (mels - 15.0)))


def _centred(window: Doubles, size: int) -> Floats:
    left = (size - len(window)) // 2
    return np.pad(window, (left, size - len(window) - left)).astype(np.float32)


def _frames(signal: Floats, size: int, hop: int) -> Floats:
    """Views [frames, size] of `signal`, which has at least `size` samples."""
    views: Floats = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    return views


def _bands(frames: Floats, window: Floats, bank: Floats) -> Floats:
    """Power in bands [frames, bins]."""
    parts = []
    for at in range(0, len(frames), _BLOCK):
        spectrum = np.fft.rfft(frames[at : at + _BLOCK] * window)
        parts.append((spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ bank)
    power: Floats = np.concatenate(parts)
    return power


def _standardised(values: Floats) -> Floats:
    """Each band to mean 0 and deviation 1 over all frames; nearly constant bands to mean 0."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt((centred**2).mean(axis=0))
    normal: Floats = (centred / np.maximum(deviation, MIN_DEVIATION)).astype(np.float32)
    return normal
