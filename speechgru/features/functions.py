"""A function by the name of each kind: `speechgru.pitch("talk.mp3")`. Its values only; `extract` gives more.

Signatures are written out, for editors and type checkers; tests/features/test_functions.py holds them to the settings
of the kinds. What a call leaves out isn't passed on, so that a preset's conventions take its place. With output="numpy"
the values are an array instead of the tensor that the types promise.
"""

# A setting a line would fill thirty screens. No future annotations: help prints types, not their text.
# fmt: off
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, Literal, ParamSpec

from torch import Tensor

from speechgru.features.explanations import documentation
from speechgru.features.extraction import extract

P = ParamSpec("P")
NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


def _of_kind(declared: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """The function that `declared` states: its name is the kind, its arguments those of `extract`."""
    kind = declared.__name__

    @wraps(declared)
    def compute(source: Any, sample_rate: int | None = None, **options: Any) -> Any:
        return extract(source, kind, sample_rate=sample_rate, **options).values

    compute.__doc__ = f"{declared.__doc__}\n\n{documentation(kind)}"
    made: Any = compute
    return made  # type: ignore[no-any-return]


@_of_kind
def bandwidth(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Spectral bandwidth (Hz), [frames, bins]."""


@_of_kind
def beats(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    start_bpm: float = 120.0, tightness: float = 100.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Beats (seconds), [frames, bins]."""


@_of_kind
def centroid(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Spectral centroid (Hz), [frames, bins]."""


@_of_kind
def chroma(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, tuning: float | None = None,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Chroma (of the frame's strongest), [frames, bins]."""


@_of_kind
def cmvn(
    source: Any, sample_rate: int | None = None, *, base: str = "log_mel",
    base_settings: Mapping[str, Any] = NO_SETTINGS,
    mode: Literal["utterance", "global", "sliding"] = "utterance", variance: bool = True,
    mean: tuple[float, ...] = (), deviation: tuple[float, ...] = (), window: int = 600, min_window: int = 100,
    center: bool = False, min_deviation: float = 0.001,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Mean and variance normalisation (deviations), [frames, bins]."""


@_of_kind
def contrast(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, f_min: float = 200.0, n_bands: int = 6, linear: bool = False,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Spectral contrast (dB), [frames, bins]."""


@_of_kind
def cqt(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    f_min: float = 32.703195662574764, n_bins: int = 84, bins_per_octave: int = 12,
    tuning: float | None = 0.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Constant-Q transform (amplitude), [frames, bins]."""


@_of_kind
def deltas(
    source: Any, sample_rate: int | None = None, *, base: str = "mfcc",
    base_settings: Mapping[str, Any] = NO_SETTINGS, order: int = 2, width: int = 5, static: bool = True,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Deltas (of the base, per frame), [frames, bins]."""


@_of_kind
def energy(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, db: bool = False,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Energy (amplitude (full scale 1)), [frames, bins]."""


@_of_kind
def harmonic(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, kernel: int = 31, margin: float = 1.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Harmonic part (amplitude), [frames, bins]."""


@_of_kind
def kaldi_fbank(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, shape: Literal["povey", "hanning", "hamming", "rectangular", "blackman"] = "povey",
    preemphasis: float = 0.97, remove_dc: bool = True, snip_edges: bool = True, n_mels: int = 23,
    f_min: float = 20.0, f_max: float = 0.0, power: Literal[1, 2] = 2, energy: bool = False,
    raw_energy: bool = True, energy_floor: float = 0.0, htk_compat: bool = False, dither: float = 0.0,
    full_scale: float = 32768.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Kaldi's filter bank (ln power), [frames, bins]."""


@_of_kind
def kaldi_mfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, shape: Literal["povey", "hanning", "hamming", "rectangular", "blackman"] = "povey",
    preemphasis: float = 0.97, remove_dc: bool = True, snip_edges: bool = True, n_mels: int = 23,
    f_min: float = 20.0, f_max: float = 0.0, power: Literal[1, 2] = 2, energy: bool = True,
    raw_energy: bool = True, energy_floor: float = 0.0, htk_compat: bool = False, dither: float = 0.0,
    full_scale: float = 32768.0, n_mfcc: int = 13, lifter: float = 22.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Kaldi's MFCC (cepstrum), [frames, bins]."""


@_of_kind
def lfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann",
    padding: Literal["zeros", "reflect", "none"] = "zeros", drop_last: bool = False, power: float = 2.0,
    n_filter: int = 128, f_min: float = 0.0, f_max: float = 0.0, log_floor: float = 1e-06, n_lfcc: int = 40,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Linear-frequency cepstral coefficients (cepstrum), [frames, bins]."""


@_of_kind
def log_mel(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann",
    padding: Literal["zeros", "reflect", "none"] = "zeros", drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal["htk", "slaney"] = "htk",
    norm: Literal["none", "slaney"] = "none", log: Literal["ln", "db", "whisper"] = "ln",
    log_floor: float = 1e-06, top_db: float | None = None, normalise: Literal["none", "utterance"] = "none",
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Log-mel bands (ln power), [frames, bins]."""


@_of_kind
def mel(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann",
    padding: Literal["zeros", "reflect", "none"] = "zeros", drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal["htk", "slaney"] = "htk",
    norm: Literal["none", "slaney"] = "none",
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Mel bands (power), [frames, bins]."""


@_of_kind
def mfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann",
    padding: Literal["zeros", "reflect", "none"] = "zeros", drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal["htk", "slaney"] = "htk",
    norm: Literal["none", "slaney"] = "none", log: Literal["ln", "db", "whisper"] = "ln",
    log_floor: float = 1e-06, top_db: float | None = None, normalise: Literal["none", "utterance"] = "none",
    n_mfcc: int = 13, dct_norm: Literal["ortho", "none"] = "ortho", lifter: float = 0.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Mel-frequency cepstral coefficients (cepstrum), [frames, bins]."""


@_of_kind
def onset_strength(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Onset strength (dB), [frames, bins]."""


@_of_kind
def onsets(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Onsets (seconds), [frames, bins]."""


@_of_kind
def percussive(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, kernel: int = 31, margin: float = 1.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Percussive part (amplitude), [frames, bins]."""


@_of_kind
def pitch(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.064,
    hop: float = 0.01, f_min: float = 60.0, f_max: float = 1000.0, method: Literal["nccf", "pyin"] = "nccf",
    threshold: float = 0.5, silence: float = -60.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Pitch (Hz, and voicing in [0, 1]), [frames, bins]."""


@_of_kind
def rolloff(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, fraction: float = 0.85,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Spectral rolloff (Hz), [frames, bins]."""


@_of_kind
def spectrogram(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal["hann", "hamming", "blackman", "rectangular"] = "hann",
    padding: Literal["zeros", "reflect", "none"] = "zeros", drop_last: bool = False, power: float = 2.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Spectrogram (power), [frames, bins]."""


@_of_kind
def tempo(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    start_bpm: float = 120.0,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Tempo (beats per minute), [frames, bins]."""


@_of_kind
def tempogram(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    width: int = 384,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Tempogram (correlation), [frames, bins]."""


@_of_kind
def zero_crossings(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512,
    preset: str | None = None, output: Literal["torch", "numpy"] = "torch",
    lengths: Any = None, channels: Literal["mix", "each"] = "mix",
) -> Tensor:
    """Zero crossings (per sample), [frames, bins]."""
