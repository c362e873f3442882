"""What the recipe of each task holds. Light: it imports neither the tasks nor torch."""

from __future__ import annotations

from dataclasses import dataclass

from speechgru.config.section import Section
from speechgru.music.training.settings import MusicConfig
from speechgru.tasks.ctc_settings import CtcConfig
from speechgru.tasks.hybrid_settings import HybridConfig
from speechgru.tasks.punctuation_settings import PunctuationConfig
from speechgru.tasks.text_settings import TextConfig
from speechgru.tasks.vad_settings import VadConfig


@dataclass(frozen=True)
class Settings:
    """Of one task: the config groups with plugins from which its recipes choose (features, model, decoder), the folders
    of its networks and corpora, and its own section."""

    groups: tuple[str, ...]
    section: type[Section] | None = None
    models: str = "models"
    corpora: str = "data.corpora"


_MUSIC = Settings(("model",), MusicConfig, "music.models", "music.corpora")

SETTINGS = {
    "classify": Settings(("features", "model")),
    "ctc": Settings(("features", "model", "decoder"), CtcConfig),
    "hybrid": Settings((), HybridConfig),
    "language": Settings(("model",), TextConfig),
    "punctuation": Settings(("model",), PunctuationConfig),
    "rolls": _MUSIC,
    "vad": Settings(("features", "model"), VadConfig),
    "words": _MUSIC,
}
