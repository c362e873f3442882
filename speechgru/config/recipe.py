"""What a recipe says: the typed schema behind the YAML. Standard library only; `compose.load_recipe` fills it.

Units: durations in seconds, counts in whole numbers, fractions in [0, 1].
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from speechgru.config.section import (
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    Rule,
    Section,
    between,
    ends,
    some,
)
from speechgru.config.trainer import OptimizerConfig, ScheduleConfig, TrainerConfig
from speechgru.errors import ConfigError, CorpusError

DATA_VARIABLE = "SPEECHGRU_DATA"
T = TypeVar("T", bound=Section)


@dataclass(frozen=True)
class SourceConfig:
    """One corpus: a module of speechgru/data/corpora and where its files lie."""

    name: str
    """Name of a file in speechgru/data/corpora."""
    path: str = ""
    """Folder or file below `corpus.root`; an absolute path is taken as it is."""
    label: str = ""
    """Names the source in split files and reports; `name` where it is empty."""
    licence: str = ""
    """Of the recordings, for the report; the corpus module's own where it is empty."""
    url: str = ""
    """Where they come from, for the report; the corpus module's own where it is empty."""
    language: str = ""
    """What is spoken, over `corpus.language`."""
    alternatives: list[str] = field(default_factory=list)
    """Other places below `corpus.root`, in order, where nothing is at `path`."""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)


@dataclass(frozen=True)
class CorpusConfig(Section):
    """Which recordings train, which choose the best epoch, which are scored at the end."""

    KEY: ClassVar[str] = "corpus"

    root: str = ""
    """Folder that holds the corpora; the environment variable SPEECHGRU_DATA where it is empty."""
    sources: list[SourceConfig] = field(default_factory=list)
    language: str = ""
    """What is spoken, as a code (en, de, pt-BR). Your own recordings (folder, tsv, jsonl) are taken for English where
    it is empty; public corpora know theirs, and are refused where it is another."""
    splits: str = ""
    """Folder of id lists, relative to the recipe: a file NAME.txt a split, a line `label/utterance_id` an
    utterance. Empty: the splits that the corpora publish."""
    train: list[str] = field(default_factory=list)
    """Names of splits; what several sources publish under one name is taken together."""
    dev: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    hold_out: Annotated[float, between(0, 0.5)] = 0.0
    """Share of train's recordings that is taken out of it as the split `held-out`, which dev or test then names. Its
    speakers are train's on purpose: this is for a model that is to know one voice. Repeated sentences stay together."""
    min_duration: float = 0.1
    """Shorter recordings are dropped and counted, in seconds."""
    max_duration: float = 20.0
    """Longer recordings are dropped and counted, in seconds."""
    download: bool = False
    """Fetch what is missing of public corpora, where they have a download; else no connection is ever opened."""
    cache: bool = True
    """Keep the decoded audio on disk, so that it is decoded once."""
    cache_folder: str = ""
    """Where; empty: audio-cache beside the run's folder, so that runs share it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.min_duration < self.max_duration:
            raise self.refused("min_duration", "0 ≤ min_duration < max_duration")

    def data_root(self) -> Path:
        """`root`, or SPEECHGRU_DATA where it is empty.

        Raises:
            ConfigError: neither is set.
            CorpusError: there is no such folder.
        """
        given = self.root or os.environ.get(DATA_VARIABLE, "")
        advice = f"Pass corpus.root=PATH or set {DATA_VARIABLE} to the folder that holds the corpora."
        if not given:
            raise ConfigError(f"No data folder is given. {advice}")
        root = Path(given).expanduser()
        if not root.is_dir():
            raise CorpusError(f"There is no folder {given!r}. {advice}")
        return root

    def source_path(self, source: SourceConfig) -> Path:
        """Where `source` lies: its path below `data_root()`, or the first of its alternatives that is there where
        that isn't; the path itself where it is absolute."""
        place = self.below_root(source.path)
        if place.exists() or Path(source.path).expanduser().is_absolute():
            return place
        return next(filter(Path.exists, map(self.below_root, source.alternatives)), place)

    def below_root(self, given: str) -> Path:
        """A path below `data_root()`, or as it is where it is absolute."""
        path = Path(given).expanduser()
        return path if path.is_absolute() else self.data_root() / path


@dataclass(frozen=True)
class AugmentConfig(Section):
    """Changes made to training recordings only."""

    KEY: ClassVar[str] = "augment"

    speed: Annotated[list[float], some("factors", 0.5, 2)] = field(default_factory=lambda: [1.0])
    """Factors to draw from, one a recording and epoch; 1.0 leaves it."""
    time_masks: Annotated[int, NOT_NEGATIVE] = 0
    """SpecAugment: masks along time, each up to `time_mask_max` seconds."""
    time_masks_every: Annotated[float, NOT_NEGATIVE] = 0.0
    """Seconds of a recording for each further mask along time; 0: none."""
    time_mask_max: Annotated[float, NOT_NEGATIVE] = 0.5
    frequency_masks: Annotated[int, NOT_NEGATIVE] = 0
    """SpecAugment: masks along frequency, each up to `frequency_mask_max` bands."""
    frequency_mask_max: Annotated[int, NOT_NEGATIVE] = 20
    tempo: Annotated[list[float], some("factors", 0.5, 2)] = field(default_factory=lambda: [1.0])
    """Factors to draw from: the speaking rate changes, the pitch doesn't."""
    pitch: Annotated[list[float], some("semitones", -12, 12)] = field(default_factory=lambda: [0.0])
    """Semitones to draw from: the pitch changes, the speaking rate doesn't. Music is transposed."""
    vocal_tract: Annotated[float, between(0, 0.3)] = 0.0
    """Formants are moved by a factor of 1 - x to 1 + x."""
    reverb: Annotated[float, PROBABILITY] = 0.0
    """Probability that a recording gets reverberation; so too `noise`, `band` and `codec`."""
    reverb_files: str = ""
    """Folder or pattern (with `*`) of impulse responses, below `corpus.root`; empty: they are simulated."""
    reverb_t60: Annotated[list[float], ends(0.01)] = field(default_factory=lambda: [0.15, 0.7])
    """Reverberation times of simulated rooms, least and most, in seconds."""
    reverb_direct: Annotated[list[float], ends(-60)] = field(default_factory=lambda: [0.0, 12.0])
    """Direct over reflected sound in simulated rooms, least and most, in dB."""
    noise: Annotated[float, PROBABILITY] = 0.0
    noise_files: str = ""
    """Folder or pattern (with `*`) of noises, below `corpus.root`; empty: Gaussian noise, white to brown."""
    noise_snr: Annotated[list[float], ends(-60)] = field(default_factory=lambda: [5.0, 25.0])
    """Signal-to-noise ratios, least and most, in dB."""
    band: Annotated[float, PROBABILITY] = 0.0
    band_edges: Annotated[list[float], ends(0)] = field(default_factory=lambda: [300.0, 3400.0])
    """What is left between, in Hz: a telephone's band."""
    codec: Annotated[float, PROBABILITY] = 0.0
    codecs: Annotated[
        list[Literal["ulaw", "alaw", "gsm", "mp3", "opus"]], Rule(bool, "one codec at least")
    ] = field(default_factory=lambda: ["ulaw", "gsm", "mp3"])
    """To draw from, each at a low rate; opus is the slowest to encode: 15 ms for a second of sound."""

    @property
    def fastest(self) -> float:
        """The factor by which the shortest version of a recording is shorter."""
        return max(self.speed) * max(self.tempo)


@dataclass(frozen=True)
class RangeConfig:
    """What `speechgru tune` draws a setting from: numbers from `low` to `high`, both included, or `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    """Even in the logarithm: for what is rather doubled than added to."""
    choices: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        if (low is None) != (high is None) or (low is None) == (not self.choices):
            raise ValueError("expected low and high, or choices.")
        if low is not None and high is not None and not low < high:
            raise ValueError(f"low is {low}, high is {high}; expected low below high.")
        if self.log and (low is None or low <= 0):
            raise ValueError(f"log wants a low above 0; got {low}.")


@dataclass(frozen=True)
class TuneConfig(Section):
    """What `speechgru tune` searches; a training takes no notice of it."""

    KEY: ClassVar[str] = "tune"

    ranges: dict[str, RangeConfig] = field(default_factory=dict)
    """By setting (optimizer.lr) or config group (schedule, whose choices are names)."""
    trials: Annotated[int, POSITIVE] = 20
    pruner: Literal["median", "halving", "none"] = "median"
    """What ends a trial early: a dev score worse than the median of the others after as many epochs, once a third of
    the epochs is over; or successive halving, which lets a third of the trials go on at each of its rungs."""


@dataclass(frozen=True)
class Recipe(Section):
    """A whole training run."""

    name: str
    seed: Annotated[int, NOT_NEGATIVE] = 1
    output: str = ""
    """Folder of the run's results; runs/NAME where it is empty."""
    task: str = "ctc"
    """What is learnt: name of a file in speechgru/tasks."""
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    features: dict[str, Any] = field(default_factory=dict)
    """`name` and the fields of its Settings; so too `model` and `decoder`."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)
    settings: Section | None = None
    """Of the task, where it has any: a section of its own key (`ctc`, `text`, ...), which `task_settings` reads."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    folder: str = field(default="", compare=False)
    """Where recipe.yaml lies: set by `load_recipe`, no key of the file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.output:
            object.__setattr__(self, "output", f"runs/{self.name}")

    def task_settings(self, kind: type[T]) -> T:
        """The settings of the task, which are of `kind`; the defaults where the recipe has none."""
        if self.settings is None:
            return kind()
        assert isinstance(self.settings, kind), f"task={self.task} has no {kind.__name__}"
        return self.settings

    def augmentation(self) -> AugmentConfig:
        """`augment`, its files of noise and impulse responses looked for below `corpus.data_root()`."""
        noises, responses = (
            str(self.corpus.below_root(where)) if where else ""
            for where in (self.augment.noise_files, self.augment.reverb_files)
        )
        return replace(self.augment, noise_files=noises, reverb_files=responses)

    def audio_cache(self) -> Path | None:
        """Folder of decoded audio, shared by runs; None where nothing is kept."""
        if not self.corpus.cache:
            return None
        return Path(self.corpus.cache_folder or Path(self.output).parent / "audio-cache")

    def splits_folder(self) -> Path | None:
        """Folder of the recipe's own id lists; None where the corpora's published splits hold."""
        return Path(self.folder) / self.corpus.splits if self.corpus.splits else None
