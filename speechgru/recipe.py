"""What a recipe says: the typed schema behind the YAML. Standard library only; `config.load_recipe` fills it.

Units: durations in seconds, counts in whole numbers, fractions in [0, 1].
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from speechgru.errors import ConfigError

DATA_VARIABLE = "SPEECHGRU_DATA"


@dataclass(frozen=True)
class SourceConfig:
    """One corpus: a module of speechgru/corpora and where its files lie."""

    name: str
    """Name of a file in speechgru/corpora."""
    path: str = ""
    """Folder or file below `corpus.root`; an absolute path is taken as it is."""
    label: str = ""
    """Names the source in split files and reports; `name` where it is empty."""
    licence: str = ""
    """Of the recordings, for the report; the corpus module's own where it is empty."""
    url: str = ""
    """Where they come from, for the report; the corpus module's own where it is empty."""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)


@dataclass(frozen=True)
class CorpusConfig:
    """Which recordings train, which choose the best epoch, which are scored at the end."""

    root: str = ""
    """Folder that holds the corpora; the environment variable SPEECHGRU_DATA where it is empty."""
    sources: list[SourceConfig] = field(default_factory=list)
    splits: str = ""
    """Folder of id lists, relative to the recipe: a file NAME.txt a split, a line `label/utterance_id` an
    utterance. Empty: the splits that the corpora publish."""
    train: list[str] = field(default_factory=list)
    """Names of splits; what several sources publish under one name is taken together."""
    dev: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    min_duration: float = 0.1
    """Shorter recordings are dropped and counted, in seconds."""
    max_duration: float = 20.0
    """Longer recordings are dropped and counted, in seconds."""
    cache: bool = True
    """Keep the decoded audio on disk beside the run, so that it is decoded once."""

    def __post_init__(self) -> None:
        _require(
            0 <= self.min_duration < self.max_duration,
            "corpus.min_duration",
            self.min_duration,
            "0 ≤ min_duration < max_duration",
        )

    def data_root(self) -> Path:
        """`root`, or SPEECHGRU_DATA where it is empty.

        Raises:
            ConfigError: neither is set, or there is no such folder.
        """
        given = self.root or os.environ.get(DATA_VARIABLE, "")
        advice = f"Pass corpus.root=PATH or set {DATA_VARIABLE} to the folder that holds the corpora."
        if not given:
            raise ConfigError(f"No data folder is given. {advice}")
        root = Path(given).expanduser()
        if not root.is_dir():
            raise ConfigError(f"There is no folder {given!r}. {advice}")
        return root

    def source_path(self, source: SourceConfig) -> Path:
        """Where `source` lies: its path below `data_root()`, or the path itself where it is absolute."""
        path = Path(source.path).expanduser()
        return path if path.is_absolute() else self.data_root() / path


@dataclass(frozen=True)
class AugmentConfig:
    """Changes made to training recordings only."""

    speed: list[float] = field(default_factory=lambda: [1.0])
    """Factors to draw from, one a recording and epoch; 1.0 leaves it."""
    time_masks: int = 0
    """SpecAugment: masks along time, each up to `time_mask_max` seconds."""
    time_mask_max: float = 0.5
    frequency_masks: int = 0
    """SpecAugment: masks along frequency, each up to `frequency_mask_max` bands."""
    frequency_mask_max: int = 20

    def __post_init__(self) -> None:
        _require(
            bool(self.speed) and all(0.5 <= s <= 2 for s in self.speed),
            "augment.speed",
            self.speed,
            "factors from 0.5 to 2",
        )
        for name in ("time_masks", "time_mask_max", "frequency_masks", "frequency_mask_max"):
            _require(getattr(self, name) >= 0, f"augment.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class OptimizerConfig:
    """How gradients become steps."""

    name: Literal["adam", "adamw"] = "adamw"
    lr: float = 1e-3
    """The highest learning rate, reached at the end of the warm-up."""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])
    weight_decay: float = 0.01
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _require(self.lr > 0, "optimizer.lr", self.lr, "above 0")
        _require(self.eps > 0, "optimizer.eps", self.eps, "above 0")
        _require(self.weight_decay >= 0, "optimizer.weight_decay", self.weight_decay, "0 or more")
        _require(
            len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas),
            "optimizer.betas",
            self.betas,
            "two numbers in [0, 1)",
        )


@dataclass(frozen=True)
class ScheduleConfig:
    """The learning rate over a run, as a factor of `optimizer.lr`."""

    name: Literal["constant", "cosine", "linear"] = "cosine"
    warmup: float = 0.05
    """Share of all steps spent rising from 0."""
    final: float = 0.01
    """The factor at the last step; `constant` has none to fall to and leaves it unread."""

    def __post_init__(self) -> None:
        _require(0 <= self.warmup < 1, "schedule.warmup", self.warmup, "0 or more and below 1")
        _require(0 <= self.final <= 1, "schedule.final", self.final, "from 0 to 1")


@dataclass(frozen=True)
class TrainerConfig:
    """The loop: how long, how much at once, on what."""

    start: str = ""
    """Checkpoint (or the name of a packaged model) whose weights and symbols the run starts from; it must have the
    recipe's sizes and features. Empty: from chance."""
    epochs: int = 20
    batch_seconds: float = 120.0
    """Most seconds of audio in a batch, padding included; each of several processes takes so many."""
    clip: float = 5.0
    """Largest norm of the gradient; 0 leaves it."""
    patience: int = 0
    """Dev evaluations without a better score before the run stops early; 0: never."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU or CPU that has it in hardware, else float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    """Threads of the CPU; 0: as many as PyTorch takes."""
    average: float = 0.0
    """Decay of the running average of the weights that is evaluated and saved; 0: none is kept."""
    workers: int = 0
    """Processes that read audio beside the loop; 0: the loop reads it itself."""
    evaluate_every: int = 1
    """Epochs from one dev evaluation to the next."""
    log_every: int = 50
    """Steps from one log line to the next."""
    tensorboard: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_seconds", "evaluate_every", "log_every"):
            _require(getattr(self, name) > 0, f"trainer.{name}", getattr(self, name), "above 0")
        for name in ("clip", "patience", "threads", "workers"):
            _require(getattr(self, name) >= 0, f"trainer.{name}", getattr(self, name), "0 or more")
        _require(0 <= self.average < 1, "trainer.average", self.average, "0 or more and below 1")


@dataclass(frozen=True)
class Recipe:
    """A whole training run."""

    name: str
    seed: int = 1
    output: str = ""
    """Folder of the run's results; runs/NAME where it is empty."""
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    features: dict[str, Any] = field(default_factory=dict)
    """`name` and the fields of its Settings; so too `model` and `decoder`."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    folder: str = field(default="", compare=False)
    """Where recipe.yaml lies: set by `load_recipe`, no key of the file."""

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        if not self.output:
            object.__setattr__(self, "output", f"runs/{self.name}")

    def splits_folder(self) -> Path | None:
        """Folder of the recipe's own id lists; None where the corpora's published splits hold."""
        return Path(self.folder) / self.corpus.splits if self.corpus.splits else None


def _require(fine: bool, key: str, got: object, expected: str) -> None:
    if not fine:
        raise ConfigError(f"{key} is {got!r}; expected {expected}. Pass {key}=VALUE or change the recipe.")
