"""What the files of all models say that take log-mel features."""

from __future__ import annotations

from dataclasses import dataclass

from speechgru.features.settings import FrontendSettings
from speechgru.models.header import Header


@dataclass(frozen=True, kw_only=True)
class AudioHeader(Header):
    """The header of a model of recordings."""

    features: FrontendSettings
