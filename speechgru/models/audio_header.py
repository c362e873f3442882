"""What the files of all models say that take log-mel features."""

from __future__ import annotations

from dataclasses import dataclass

from speechgru.features.frontend import Settings
from speechgru.models.checkpoint import Header


@dataclass(frozen=True, kw_only=True)
class AudioHeader(Header):
    """The header of a model of recordings."""

    features: Settings
