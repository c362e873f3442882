"""A function by the name of each kind: `speechgru.pitch("talk.mp3")`. Its values only; `extract` says more."""

from __future__ import annotations

from typing import Any, Protocol

from speechgru.features.extraction import extract


class Function(Protocol):
    """Any source → values [frames, bins], or [batch, frames, bins]. Arguments as for `extract`."""

    def __call__(
        self,
        source: Any,
        sample_rate: int | None = None,
        *,
        preset: str | None = None,
        output: str = "torch",
        lengths: Any = None,
        channels: str = "mix",
        **settings: Any,
    ) -> Any: ...


def _named(kind: str) -> Function:
    def compute(source: Any, sample_rate: int | None = None, **options: Any) -> Any:
        return extract(source, kind, sample_rate=sample_rate, **options).values

    compute.__name__ = compute.__qualname__ = kind
    compute.__doc__ = f"`extract(source, {kind!r}, sample_rate=sample_rate, **options).values`; see there."
    return compute


bandwidth = _named("bandwidth")
beats = _named("beats")
centroid = _named("centroid")
chroma = _named("chroma")
cmvn = _named("cmvn")
contrast = _named("contrast")
cqt = _named("cqt")
deltas = _named("deltas")
energy = _named("energy")
harmonic = _named("harmonic")
kaldi_fbank = _named("kaldi_fbank")
kaldi_mfcc = _named("kaldi_mfcc")
lfcc = _named("lfcc")
log_mel = _named("log_mel")
mel = _named("mel")
mfcc = _named("mfcc")
onset_strength = _named("onset_strength")
onsets = _named("onsets")
percussive = _named("percussive")
pitch = _named("pitch")
rolloff = _named("rolloff")
spectrogram = _named("spectrogram")
tempo = _named("tempo")
tempogram = _named("tempogram")
zero_crossings = _named("zero_crossings")
