"""Made by tools/docs/feature_stubs.py from the settings of each kind; a test holds it to them."""

# fmt: off
from typing import Any, Literal

def bandwidth(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Spectral bandwidth (Hz), [frames, bins]. `extract(source, 'bandwidth')` has more."""

def beats(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    start_bpm: float = 120.0, tightness: float = 100.0, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Beats (seconds), [frames, bins]. `extract(source, 'beats')` has more."""

def centroid(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Spectral centroid (Hz), [frames, bins]. `extract(source, 'centroid')` has more."""

def chroma(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, tuning: float | None = None, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Chroma (of the frame's strongest), [frames, bins]. `extract(source, 'chroma')` has more."""

def cmvn(
    source: Any, sample_rate: int | None = None, *, base: str = 'log_mel', base_settings: dict[str, Any] = {},
    mode: Literal['utterance', 'global', 'sliding'] = 'utterance', variance: bool = True,
    mean: tuple[float, ...] = (), deviation: tuple[float, ...] = (), window: int = 600, min_window: int = 100,
    center: bool = False, min_deviation: float = 0.001, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Mean and variance normalisation (deviations), [frames, bins]. `extract(source, 'cmvn')` has more."""

def contrast(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, f_min: float = 200.0, n_bands: int = 6, linear: bool = False,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Spectral contrast (dB), [frames, bins]. `extract(source, 'contrast')` has more."""

def cqt(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    f_min: float = 32.703195662574764, n_bins: int = 84, bins_per_octave: int = 12,
    tuning: float | None = 0.0, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Constant-Q transform (amplitude), [frames, bins]. `extract(source, 'cqt')` has more."""

def deltas(
    source: Any, sample_rate: int | None = None, *, base: str = 'mfcc', base_settings: dict[str, Any] = {},
    order: int = 2, width: int = 5, static: bool = True, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Deltas (of the base, per frame), [frames, bins]. `extract(source, 'deltas')` has more."""

def energy(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, db: bool = False, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Energy (amplitude (full scale 1)), [frames, bins]. `extract(source, 'energy')` has more."""

def harmonic(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, kernel: int = 31, margin: float = 1.0, preset: str | None = None,
    output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Harmonic part (amplitude), [frames, bins]. `extract(source, 'harmonic')` has more."""

def kaldi_fbank(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, shape: Literal['povey', 'hanning', 'hamming', 'rectangular', 'blackman'] = 'povey',
    preemphasis: float = 0.97, remove_dc: bool = True, snip_edges: bool = True, n_mels: int = 23,
    f_min: float = 20.0, f_max: float = 0.0, power: Literal[1, 2] = 2, energy: bool = False,
    raw_energy: bool = True, energy_floor: float = 0.0, htk_compat: bool = False, dither: float = 0.0,
    full_scale: float = 32768.0, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Kaldi's filter bank (ln power), [frames, bins]. `extract(source, 'kaldi_fbank')` has more."""

def kaldi_mfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, shape: Literal['povey', 'hanning', 'hamming', 'rectangular', 'blackman'] = 'povey',
    preemphasis: float = 0.97, remove_dc: bool = True, snip_edges: bool = True, n_mels: int = 23,
    f_min: float = 20.0, f_max: float = 0.0, power: Literal[1, 2] = 2, energy: bool = True,
    raw_energy: bool = True, energy_floor: float = 0.0, htk_compat: bool = False, dither: float = 0.0,
    full_scale: float = 32768.0, n_mfcc: int = 13, lifter: float = 22.0, preset: str | None = None,
    output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Kaldi's MFCC (cepstrum), [frames, bins]. `extract(source, 'kaldi_mfcc')` has more."""

def lfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal['hann', 'hamming', 'blackman', 'rectangular'] = 'hann',
    padding: Literal['zeros', 'reflect', 'none'] = 'zeros', drop_last: bool = False, power: float = 2.0,
    n_filter: int = 128, f_min: float = 0.0, f_max: float = 0.0, log_floor: float = 1e-06, n_lfcc: int = 40,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Linear-frequency cepstral coefficients (cepstrum), [frames, bins]. `extract(source, 'lfcc')` has more."""

def log_mel(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal['hann', 'hamming', 'blackman', 'rectangular'] = 'hann',
    padding: Literal['zeros', 'reflect', 'none'] = 'zeros', drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal['htk', 'slaney'] = 'htk',
    norm: Literal['none', 'slaney'] = 'none', log: Literal['ln', 'db', 'whisper'] = 'ln',
    log_floor: float = 1e-06, top_db: float | None = None, normalise: Literal['none', 'utterance'] = 'none',
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Log-mel bands (ln power), [frames, bins]. `extract(source, 'log_mel')` has more."""

def mel(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal['hann', 'hamming', 'blackman', 'rectangular'] = 'hann',
    padding: Literal['zeros', 'reflect', 'none'] = 'zeros', drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal['htk', 'slaney'] = 'htk',
    norm: Literal['none', 'slaney'] = 'none', preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Mel bands (power), [frames, bins]. `extract(source, 'mel')` has more."""

def mfcc(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal['hann', 'hamming', 'blackman', 'rectangular'] = 'hann',
    padding: Literal['zeros', 'reflect', 'none'] = 'zeros', drop_last: bool = False, power: float = 2.0,
    n_mels: int = 80, f_min: float = 20.0, f_max: float = 0.0, mel_scale: Literal['htk', 'slaney'] = 'htk',
    norm: Literal['none', 'slaney'] = 'none', log: Literal['ln', 'db', 'whisper'] = 'ln',
    log_floor: float = 1e-06, top_db: float | None = None, normalise: Literal['none', 'utterance'] = 'none',
    n_mfcc: int = 13, dct_norm: Literal['ortho', 'none'] = 'ortho', lifter: float = 0.0,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Mel-frequency cepstral coefficients (cepstrum), [frames, bins]. `extract(source, 'mfcc')` has more."""

def onset_strength(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Onset strength (dB), [frames, bins]. `extract(source, 'onset_strength')` has more."""

def onsets(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Onsets (seconds), [frames, bins]. `extract(source, 'onsets')` has more."""

def percussive(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, kernel: int = 31, margin: float = 1.0, preset: str | None = None,
    output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Percussive part (amplitude), [frames, bins]. `extract(source, 'percussive')` has more."""

def pitch(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.064,
    hop: float = 0.01, f_min: float = 60.0, f_max: float = 1000.0, method: Literal['nccf', 'pyin'] = 'nccf',
    threshold: float = 0.5, silence: float = -60.0, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Pitch (Hz, and voicing in [0, 1]), [frames, bins]. `extract(source, 'pitch')` has more."""

def rolloff(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, fraction: float = 0.85, preset: str | None = None, output: str = 'torch',
    lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Spectral rolloff (Hz), [frames, bins]. `extract(source, 'rolloff')` has more."""

def spectrogram(
    source: Any, sample_rate: int | None = None, *, rate: int = 16000, window: float = 0.025,
    hop: float = 0.01, n_fft: int = 0, shape: Literal['hann', 'hamming', 'blackman', 'rectangular'] = 'hann',
    padding: Literal['zeros', 'reflect', 'none'] = 'zeros', drop_last: bool = False, power: float = 2.0,
    preset: str | None = None, output: str = 'torch', lengths: Any = None, channels: str = 'mix'
) -> Any:
    """Spectrogram (power), [frames, bins]. `extract(source, 'spectrogram')` has more."""

def tempo(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    start_bpm: float = 120.0, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Tempo (beats per minute), [frames, bins]. `extract(source, 'tempo')` has more."""

def tempogram(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, hop_length: int = 512,
    width: int = 384, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Tempogram (correlation), [frames, bins]. `extract(source, 'tempogram')` has more."""

def zero_crossings(
    source: Any, sample_rate: int | None = None, *, rate: int = 22050, n_fft: int = 2048,
    hop_length: int = 512, preset: str | None = None, output: str = 'torch', lengths: Any = None,
    channels: str = 'mix'
) -> Any:
    """Zero crossings (per sample), [frames, bins]. `extract(source, 'zero_crossings')` has more."""
