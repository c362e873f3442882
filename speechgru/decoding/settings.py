"""The settings of each decoder. Light: a recipe is checked without the search."""

from __future__ import annotations

from dataclasses import dataclass

from speechgru.decoding import beam_settings


@dataclass(frozen=True)
class GreedySettings:
    """Greedy decoding has nothing to set."""


SETTINGS = {"beam": beam_settings.Settings, "greedy": GreedySettings}
