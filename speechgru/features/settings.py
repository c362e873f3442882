"""The settings of the features of models. Light: no torch, so that a recipe is checked without it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from speechgru.errors import ConfigError
from speechgru.utils import schema

MAX_RATE = 1_000_000
MOST_MELS = 4096
"""A file that asks for more is damaged, and its filters would take gigabytes."""


@dataclass(frozen=True)
class FrontendSettings:
    """Of log-mel features: rate in Hz, window and hop in seconds, band edges in Hz."""

    sample_rate: int = 16000
    n_mels: int = 80
    window: float = 0.025
    hop: float = 0.010
    f_min: float = 20.0
    f_max: float = 8000.0
    log_floor: float = 1e-6
    normalise: Literal["utterance", "none"] = "utterance"
    """utterance: each band to mean 0 and deviation 1 over the recording; none: as it is."""

    def __post_init__(self) -> None:
        if (
            not 4000 <= self.sample_rate <= MAX_RATE
            or not 1 <= self.n_mels <= MOST_MELS
            or not self.log_floor > 0
        ):
            raise ConfigError(
                f"Features want sample_rate from 4000 to {MAX_RATE} Hz, n_mels from 1 to {MOST_MELS} and log_floor > 0;"
                f" got {self.sample_rate}, {self.n_mels} and {self.log_floor}."
            )
        if not 1 / self.sample_rate <= self.hop <= self.window <= 1:
            raise ConfigError(
                f"Features want one sample ≤ hop ≤ window ≤ 1 s; got {self.hop} s and {self.window} s."
            )
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ConfigError(
                f"Features want 0 ≤ f_min < f_max ≤ sample_rate / 2 = {self.sample_rate / 2:g} Hz; got "
                f"f_min={self.f_min:g} and f_max={self.f_max:g}."
            )
        if self.normalise not in ("utterance", "none"):
            raise ConfigError(f"Features want normalise 'utterance' or 'none'; got {self.normalise!r}.")

    @classmethod
    def stored(cls, value: Any, where: str = "features") -> FrontendSettings:
        """Those in a checkpoint's `features`: {"settings": ..., "fingerprint": ...}.

        Raises:
            ConfigError: a part is missing, no such settings, or they meant something else when the model was trained.
        """
        entry = schema.convert(_Entry, value, where)
        settings = schema.build(cls, entry.settings, where)
        if settings.fingerprint != entry.fingerprint:
            raise ConfigError(
                f"{where} were {entry.fingerprint} in training and are {settings.fingerprint} here"
            )
        return settings

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop * self.sample_rate)

    @property
    def fingerprint(self) -> str:
        """Changes when any setting does: 16 hexadecimal digits. Equal settings have equal ones."""
        same = schema.build(FrontendSettings, asdict(self))  # 20 Hz given as 20 or as 20.0
        text = json.dumps({"kind": "log_mel", **asdict(same)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Entry:
    """`FrontendSettings` as a checkpoint's header holds them."""

    settings: dict[str, Any]
    fingerprint: str
    kind: str = "log_mel"


SETTINGS = {"log_mel": FrontendSettings}
