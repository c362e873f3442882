"""The settings of each network. Light: no torch, so that a recipe is checked without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speechgru.errors import ConfigError

MOST_LAYERS = 100
"""A file whose header asks for more is damaged, and would be built for hours."""
MOST_DELAY = 1000


@dataclass(frozen=True)
class EncoderSettings:
    """What the acoustic model and the classifier share: sizes of the network, and its dropout in training."""

    layers: int = 4
    """Bidirectional GRU layers."""
    width: int = 320
    """Units per direction."""
    dropout: float = 0.2
    """Before each GRU layer and before the head."""
    dropout_kind: Literal["locked", "frame"] = "locked"
    """One mask for all frames of a recording, or one for every frame: see speechgru/models/dropout.py."""
    weight_dropout: float = 0.0
    """Of the GRU's recurrent weights: see speechgru/models/gru.py."""
    residual: bool = False
    """Add to the output of each GRU layer what went into it (He et al. 2016, arXiv:1512.03385)."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/models/gru.py."""
    subsampling: Literal[2, 4, 8] = 4
    """Feature frames per GRU step."""
    channels: int = 32
    """Of the convolutions."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.channels) < 1 or self.layers > MOST_LAYERS:
            raise ConfigError(
                f"The network wants layers, width and channels ≥ 1, and up to {MOST_LAYERS} layers; got {self}."
            )
        for name in ("dropout", "weight_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"model.{name} lies in [0, 1); got {getattr(self, name)}.")
        if self.dropout_kind not in ("locked", "frame"):
            raise ConfigError(f"model.dropout_kind is locked or frame; got {self.dropout_kind!r}.")
        if self.subsampling not in (2, 4, 8):
            raise ConfigError(f"model.subsampling must be 2, 4 or 8; got {self.subsampling}.")


@dataclass(frozen=True)
class AcousticSettings(EncoderSettings):
    """Sizes of the acoustic model."""

    sounds: int = 0
    """Outputs of the phone head, its blank included; 0: there is none. A recipe's ctc.pronunciations decides."""


@dataclass(frozen=True)
class ClassifierSettings(EncoderSettings):
    """Sizes of the classifier: smaller than for transcribing."""

    layers: int = 2
    width: int = 96
    channels: int = 16
    pooling: Literal["attention", "mean"] = "attention"
    """How frames become one vector: by attention (Bahdanau et al. 2015, arXiv:1409.0473, without a query), or by their
    mean."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling not in ("attention", "mean"):
            raise ConfigError(f"model.pooling is attention or mean; got {self.pooling!r}.")


@dataclass(frozen=True)
class DetectorSettings:
    """Sizes of the detector: small, for it runs over everything."""

    layers: int = 1
    """GRU layers."""
    width: int = 96
    """Units of each."""
    channels: int = 8
    """Of the convolutions."""
    subsampling: Literal[2, 4, 8] = 2
    """Feature frames per output frame."""
    delay: int = 2
    """Later frames that a frame's output depends on: where speech begins is clearer a moment later."""
    dropout: float = 0.1
    """Before each GRU layer and before the head."""
    reset: Literal["before", "after"] = "after"
    """Where the reset gate acts: see speechgru/models/gru.py. A step alone, not in a batch, takes less time with
    "after"."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.channels) < 1 or not 0 <= self.delay <= MOST_DELAY:
            raise ConfigError(
                f"The network wants layers, width and channels ≥ 1 and delay from 0 to {MOST_DELAY}; got {self}."
            )
        if self.layers > MOST_LAYERS:
            raise ConfigError(f"The network wants up to {MOST_LAYERS} layers; got {self.layers}.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.dropout lies in [0, 1); got {self.dropout}.")
        if self.subsampling not in (2, 4, 8):
            raise ConfigError(f"model.subsampling must be 2, 4 or 8; got {self.subsampling}.")


@dataclass(frozen=True)
class LanguageSettings:
    """Sizes of the language model."""

    layers: int = 1
    """GRU layers."""
    width: int = 512
    """Units of each."""
    embedding: int = 64
    """Size of a symbol's vector."""
    dropout: float = 0.1
    """Before each GRU layer and before the head, with one mask for a whole text."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/models/gru.py."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.embedding) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The language model wants layers, width, embedding ≥ 1 and dropout in [0, 1); got {self}."
            )
        if self.layers > MOST_LAYERS:
            raise ConfigError(f"The language model wants up to {MOST_LAYERS} layers; got {self.layers}.")


@dataclass(frozen=True)
class TaggerSettings:
    """Sizes of the tagger of words."""

    layers: int = 2
    """Bidirectional GRU layers."""
    width: int = 128
    """Units per direction."""
    embedding: int = 64
    """Size of a word's vector."""
    pause: int = 8
    """Size of a pause's vector."""
    buckets: int = 4096
    """Vectors that the beginnings and ends of words share: see speechgru/text/word_features.py."""
    dropout: float = 0.1
    """Before each GRU layer and before the heads, with one mask for a whole text."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/models/gru.py."""

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.embedding, self.pause, self.buckets) < 1:
            raise ConfigError(
                f"The tagger wants layers, width, embedding, pause and buckets ≥ 1; got {self}."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.dropout lies in [0, 1); got {self.dropout}.")


SETTINGS = {
    "acoustic": AcousticSettings,
    "classifier": ClassifierSettings,
    "detector": DetectorSettings,
    "language": LanguageSettings,
    "tagger": TaggerSettings,
}
