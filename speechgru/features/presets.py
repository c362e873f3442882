"""The conventions of others by name: preset → kind → the kind that has them, and its settings.

What a preset doesn't list has no conventions of that name. The defaults of the kinds are speechgru's own.
"""

from __future__ import annotations

from typing import Any

_LIBROSA: dict[str, Any] = {"rate": 22050, "window": 2048 / 22050, "hop": 512 / 22050, "n_fft": 2048}
_LIBROSA_MEL: dict[str, Any] = {
    **_LIBROSA,
    "n_mels": 128,
    "f_min": 0.0,
    "mel_scale": "slaney",
    "norm": "slaney",
}
_LIBROSA_LOG: dict[str, Any] = {**_LIBROSA_MEL, "log": "db", "log_floor": 1e-10, "top_db": 80.0}

_WHISPER: dict[str, Any] = {"n_fft": 400, "padding": "reflect", "drop_last": True}
_WHISPER_MEL: dict[str, Any] = {**_WHISPER, "f_min": 0.0, "mel_scale": "slaney", "norm": "slaney"}

# HTK: Hamming window, the mean of a frame stays, bands from 0 Hz, c0 or energy last; filter banks of magnitudes.
_HTK: dict[str, Any] = {
    "shape": "hamming",
    "remove_dc": False,
    "f_min": 0.0,
    "n_mels": 26,
    "htk_compat": True,
}
_HTK_MFCC: dict[str, Any] = {**_HTK, "energy": False}

PRESETS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "htk": {
        "cmvn": ("cmvn", {"base": "kaldi_fbank", "base_settings": {**_HTK, "power": 1}}),
        "deltas": ("deltas", {"base": "kaldi_mfcc", "base_settings": _HTK_MFCC}),
        "kaldi_fbank": ("kaldi_fbank", {**_HTK, "power": 1}),
        "kaldi_mfcc": ("kaldi_mfcc", _HTK_MFCC),
        "log_mel": ("kaldi_fbank", {**_HTK, "power": 1}),
        "mfcc": ("kaldi_mfcc", _HTK_MFCC),
    },
    "kaldi": {
        "cmvn": ("cmvn", {"base": "kaldi_fbank"}),
        "deltas": ("deltas", {"base": "kaldi_mfcc"}),
        "kaldi_fbank": ("kaldi_fbank", {}),
        "kaldi_mfcc": ("kaldi_mfcc", {}),
        "log_mel": ("kaldi_fbank", {}),
        "mfcc": ("kaldi_mfcc", {}),
    },
    "librosa": {
        "spectrogram": ("spectrogram", _LIBROSA),
        "mel": ("mel", _LIBROSA_MEL),
        "log_mel": ("log_mel", _LIBROSA_LOG),
        "mfcc": ("mfcc", {**_LIBROSA_LOG, "n_mfcc": 20}),
    },
    "whisper": {
        "spectrogram": ("spectrogram", _WHISPER),
        "mel": ("mel", _WHISPER_MEL),
        "log_mel": ("log_mel", {**_WHISPER_MEL, "log": "whisper", "log_floor": 1e-10}),
    },
}
