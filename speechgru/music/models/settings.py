"""The settings of each network for music. Light: no torch, so that a recipe is checked without it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from speechgru.errors import ConfigError
from speechgru.models.settings import MOST_LAYERS
from speechgru.music.score import tokens
from speechgru.music.score.piano_roll import KEYS


@dataclass(frozen=True)
class RecurrentSettings:
    """Settings that networks of piano rolls share; each has defaults of its own."""

    layers: int = 1
    """GRU layers along time."""
    width: int = 256
    """Units of each."""
    dropout: float = 0.2
    """Before each layer and before the output, with one mask for all steps of a piece."""
    echo: bool = True
    """Give it the match model's prediction, what followed the longest earlier passage that equals the last steps."""
    clock: bool = True
    """Give it the number of the step."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/models/gru.py."""


@dataclass(frozen=True)
class BiaxialSettings(RecurrentSettings):
    """Sizes of the biaxial model. Dropout is before the second layer, the output and the GRU along the keys."""

    width: int = 96
    """Units of each, at each key."""
    output: Literal["independent", "chain"] = "chain"
    key_width: int = 64
    """Units of the GRU along the keys."""
    reach: int = 12
    """Semitones below and above a key whose last step it gets one by one."""
    place: int = 8
    """Numbers of each key's own vector."""
    lowest: int = 0
    """Of 88 keys, from 0: the lowest and the highest that are inputs."""
    highest: int = KEYS - 1

    def __post_init__(self) -> None:
        sizes = min(self.layers, self.width, self.key_width, self.reach, self.place)
        keys_fit = 0 <= self.lowest < self.highest < KEYS
        if sizes < 1 or self.layers > MOST_LAYERS or not 0 <= self.dropout < 1 or not keys_fit:
            raise ConfigError(
                "The biaxial model wants 1 to 100 layers, width, key_width, reach, place ≥ 1, dropout in [0, 1) and "
                f"0 ≤ lowest < highest < {KEYS}; got {self}."
            )

    @property
    def keys(self) -> slice:
        """Those that are inputs."""
        return slice(self.lowest, self.highest + 1)


@dataclass(frozen=True)
class RollSettings(RecurrentSettings):
    """Sizes of the roll model."""

    dropout: float = 0.3
    output: Literal["independent", "nade"] = "nade"
    hidden: int = 128
    """Units of the NADE."""

    def __post_init__(self) -> None:
        if (
            min(self.layers, self.width, self.hidden) < 1
            or self.layers > MOST_LAYERS
            or not 0 <= self.dropout < 1
        ):
            raise ConfigError(
                f"The roll model wants 1 to 100 layers, width, hidden ≥ 1 and dropout in [0, 1); got {self}."
            )


@dataclass(frozen=True)
class WordsSettings(tokens.Settings):
    """The encoding, and sizes of the network.

    Raises:
        MusicError: a value of the encoding is outside its range. ConfigError: one of the network is.
    """

    layers: int = 1
    """GRU layers."""
    width: int = 384
    """Units of each."""
    embedding: int = 96
    """Size of a token's vector."""
    dropout: float = 0.2
    """Before each layer and before the output, with one mask for all tokens of a piece."""
    echo: bool = True
    """Give it the match model's prediction, what followed the longest earlier passage that equals the last tokens."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/models/gru.py."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            min(self.layers, self.width, self.embedding) < 1
            or self.layers > MOST_LAYERS
            or not 0 <= self.dropout < 1
        ):
            raise ConfigError(
                f"The words model wants 1 to 100 layers, width, embedding ≥ 1 and dropout in [0, 1); got {self}."
            )

    def encoding(self) -> tokens.Encoding:
        """The tokens."""
        own = {field.name: getattr(self, field.name) for field in fields(tokens.Settings)}
        return tokens.Encoding(tokens.Settings(**own))


SETTINGS = {"biaxial": BiaxialSettings, "roll": RollSettings, "words": WordsSettings}
