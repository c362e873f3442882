"""The channel between microphone and listener: a band limit, and lossy codecs."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from speechgru.audio import resample
from speechgru.augment import convolve

TELEPHONE = (300.0, 3400.0)  # Hz: ITU-T G.712
TRANSITION = 100.0  # Hz from the edge of a band to where it is shut


@dataclass(frozen=True)
class Codec:
    """How libsndfile writes it: rate in Hz, container, encoding, options."""

    rate: int
    container: str
    encoding: str
    options: tuple[tuple[str, Any], ...] = ()


CODECS = {
    "ulaw": Codec(8000, "WAV", "ULAW"),  # ITU-T G.711, 64 kbit/s: telephones
    "alaw": Codec(8000, "WAV", "ALAW"),
    "gsm": Codec(8000, "WAV", "GSM610"),  # ETSI GSM 06.10, 13 kbit/s: mobile phones
    "mp3": Codec(16000, "MP3", "MPEG_LAYER_III", (("compression_level", 0.99),)),  # about 18 kbit/s
    "opus": Codec(16000, "OGG", "OPUS", (("compression_level", 1.0),)),  # about 6 kbit/s: calls on a bad line
}


def band(signal: Tensor, rate: int, low: float, high: float) -> Tensor:
    """`signal` [time] between `low` and `high` Hz; 100 Hz outside them it is 50 dB weaker. Not delayed.

    A linear-phase filter by the window method (Harris 1978, Blackman). `low` 0 passes all that is low, `high` from
    half of `rate` on all that is high.
    """
    half = math.ceil(2.75 * rate / TRANSITION)  # a Blackman window's transition is 5.5 / length
    time = torch.arange(-half, half + 1, dtype=torch.float64) / rate
    # The edges of the window method are half-way into the transition.
    top, bottom = min(high + TRANSITION / 2, rate / 2), max(low - TRANSITION / 2, 0.0)
    ideal = (2 * top * torch.sinc(2 * top * time) - 2 * bottom * torch.sinc(2 * bottom * time)) / rate
    window = torch.blackman_window(2 * half + 1, periodic=False, dtype=torch.float64)
    taps = (ideal * window).to(signal.dtype)
    return convolve(signal, taps)[half : half + len(signal)]


def codec(signal: Tensor, rate: int, name: str) -> Tensor:
    """`signal` [time], samples in [-1, 1], encoded and decoded by `CODECS[name]`, as long as before.

    Codecs of 8 kHz leave nothing above 4 kHz.
    """
    import soundfile

    if not len(signal):
        return signal
    how = CODECS[name]
    narrow = resample(signal, rate, how.rate).clamp(-1, 1)
    stored = io.BytesIO()
    soundfile.write(
        stored, narrow.numpy(), how.rate, format=how.container, subtype=how.encoding, **dict(how.options)
    )
    stored.seek(0)
    decoded, _ = soundfile.read(stored, dtype="float32")
    wide = resample(torch.from_numpy(decoded), how.rate, rate)[: len(signal)]
    return torch.nn.functional.pad(wide, (0, len(signal) - len(wide)))


def telephone(signal: Tensor, rate: int) -> Tensor:
    """`signal` [time] over a landline: 300 to 3400 Hz, 8 kHz, G.711 mu-law."""
    return codec(band(signal, rate, *TELEPHONE), rate, "ulaw")
