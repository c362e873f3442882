"""Cepstral coefficients: the cosine transform of log bands, mel (MFCC) or linear (LFCC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.features.base import Kind
from speechgru.features.spectrogram import LogMelSettings, LogMelSpectrogram, Spectrogram, SpectrogramSettings
from speechgru.utils.dependencies import torchaudio_module


@dataclass(frozen=True)
class MFCCSettings(LogMelSettings):
    """Coefficients of the DCT-II over the log bands."""

    n_mfcc: int = 13
    dct_norm: Literal["ortho", "none"] = "ortho"
    lifter: float = 0.0
    """L: coefficient n is multiplied by 1 + L/2 sin(π n / L), as HTK does; 0: not."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_mfcc <= self.n_mels:
            raise ConfigError(f"n_mfcc must lie in 1..n_mels ({self.n_mels}); got {self.n_mfcc}.")
        if not 0 <= self.lifter < float("inf"):
            raise ConfigError(f"Expected lifter ≥ 0; got {self.lifter}.")


@dataclass(frozen=True)
class LFCCSettings(SpectrogramSettings):
    """Coefficients of the DCT-II over the logarithm of linear bands."""

    n_filter: int = 128
    f_min: float = 0.0
    f_max: float = 0.0
    """0: half the rate."""
    log_floor: float = 1e-6
    n_lfcc: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_lfcc <= self.n_filter:
            raise ConfigError(f"n_lfcc must lie in 1..n_filter ({self.n_filter}); got {self.n_lfcc}.")
        if not 0 <= self.f_min < self.highest <= self.rate / 2 or not self.log_floor > 0:
            raise ConfigError(
                f"Expected 0 ≤ f_min < f_max ≤ rate / 2 = {self.rate / 2:g} Hz and log_floor > 0; got "
                f"f_min={self.f_min:g}, f_max={self.highest:g}, log_floor={self.log_floor:g}."
            )

    @property
    def highest(self) -> float:
        """Upper edge of the last band, Hz."""
        return self.f_max or self.rate / 2


class MFCC(LogMelSpectrogram):
    """[B, frames, n_mfcc]. Davis and Mermelstein 1980; torchaudio's DCT matrix."""

    dct: Tensor

    def __init__(self, settings: MFCCSettings = MFCCSettings()) -> None:
        super().__init__(settings)
        dct = _dct(settings.n_mfcc, settings.n_mels, settings.dct_norm)
        if settings.lifter:
            order = torch.arange(settings.n_mfcc)
            dct = dct * (1 + settings.lifter / 2 * torch.sin(torch.pi * order / settings.lifter))
        self.register_buffer("dct", dct, persistent=False)
        self.bins = tuple(f"c{n}" for n in range(settings.n_mfcc))

    def finish(self, power: Tensor, mask: Tensor) -> Tensor:
        return super().finish(power, mask) @ self.dct


class LFCC(Spectrogram):
    """[B, frames, n_lfcc]: as MFCC, of bands of equal width."""

    bank: Tensor
    dct: Tensor

    def __init__(self, settings: LFCCSettings = LFCCSettings()) -> None:
        super().__init__(settings)
        bank = torchaudio_module("functional").linear_fbanks(
            settings.size // 2 + 1, settings.f_min, settings.highest, settings.n_filter, settings.rate
        )
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("dct", _dct(settings.n_lfcc, settings.n_filter, "ortho"), persistent=False)
        self.bins = tuple(f"c{n}" for n in range(settings.n_lfcc))

    def rows(self, signal: Tensor) -> Tensor:
        values: Tensor = (self.spectrum(signal, self.bank) + self.settings.log_floor).log() @ self.dct
        return values


def _dct(count: int, bands: int, norm: str) -> Tensor:
    create_dct = torchaudio_module("functional").create_dct
    matrix: Tensor = create_dct(count, bands, norm=None if norm == "none" else norm)
    return matrix


KINDS = {
    "mfcc": Kind(MFCCSettings, MFCC, "Mel-frequency cepstral coefficients", "cepstrum"),
    "lfcc": Kind(LFCCSettings, LFCC, "Linear-frequency cepstral coefficients", "cepstrum"),
}
