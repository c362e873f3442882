"""What a recipe says: the typed schema behind the YAML. Standard library only; `compose.load_recipe` fills it.

Units: durations in seconds, counts in whole numbers, fractions in [0, 1].
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from speechgru.errors import ConfigError

DATA_VARIABLE = "SPEECHGRU_DATA"


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

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)


@dataclass(frozen=True)
class CorpusConfig:
    """Which recordings train, which choose the best epoch, which are scored at the end."""

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
    hold_out: float = 0.0
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
        _require(0 <= self.hold_out <= 0.5, "corpus.hold_out", self.hold_out, "from 0 to 0.5")
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
        return self.below_root(source.path)

    def below_root(self, given: str) -> Path:
        """A path below `data_root()`, or as it is where it is absolute."""
        path = Path(given).expanduser()
        return path if path.is_absolute() else self.data_root() / path


@dataclass(frozen=True)
class TextSourceConfig:
    """One file of written text."""

    path: str
    """Plain text in UTF-8, a sentence or paragraph a line, as it is or packed (.gz); below `corpus.root`, or
    absolute."""
    label: str = ""
    """Names the source in reports; the file's name where it is empty."""
    licence: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", Path(self.path).name.partition(".")[0])


@dataclass(frozen=True)
class TextConfig:
    """Written text that a language model learns from. What is said in `corpus.dev` and `corpus.test` is taken out of
    it, and scored beside it."""

    sources: list[TextSourceConfig] = field(default_factory=list)
    max_characters: int = 200
    """Longer sentences are cut between words."""
    held_out: float = 0.01
    """Share of the sentences that is not learnt from: they choose the best epoch."""
    parts: int = 1
    """An epoch takes one of so many parts of the text, the next epoch the next."""

    def __post_init__(self) -> None:
        _require(self.max_characters > 0, "text.max_characters", self.max_characters, "above 0")
        _require(0 < self.held_out < 1, "text.held_out", self.held_out, "above 0 and below 1")
        _require(self.parts > 0, "text.parts", self.parts, "above 0")


@dataclass(frozen=True)
class MusicConfig:
    """How pieces of music are cut for training; they are scored whole."""

    chunk: int = 256
    """Most steps (or events) that are learnt from at once; longer pieces are cut anew in every epoch."""
    run_in: int = 64
    """Steps before a cut that are heard first, without being learnt from."""

    def __post_init__(self) -> None:
        _require(self.chunk > 0, "music.chunk", self.chunk, "above 0")
        _require(self.run_in >= 0, "music.run_in", self.run_in, "0 or more")


@dataclass(frozen=True)
class AugmentConfig:
    """Changes made to training recordings only."""

    speed: list[float] = field(default_factory=lambda: [1.0])
    """Factors to draw from, one a recording and epoch; 1.0 leaves it."""
    time_masks: int = 0
    """SpecAugment: masks along time, each up to `time_mask_max` seconds."""
    time_masks_every: float = 0.0
    """Seconds of a recording for each further mask along time; 0: none."""
    time_mask_max: float = 0.5
    frequency_masks: int = 0
    """SpecAugment: masks along frequency, each up to `frequency_mask_max` bands."""
    frequency_mask_max: int = 20
    tempo: list[float] = field(default_factory=lambda: [1.0])
    """Factors to draw from: the speaking rate changes, the pitch doesn't."""
    pitch: list[float] = field(default_factory=lambda: [0.0])
    """Semitones to draw from: the pitch changes, the speaking rate doesn't. Music is transposed."""
    vocal_tract: float = 0.0
    """Formants are moved by a factor of 1 - x to 1 + x."""
    reverb: float = 0.0
    """Probability that a recording is heard in a room; so too `noise`, `band` and `codec`."""
    reverb_files: str = ""
    """Folder or pattern (with `*`) of impulse responses, below `corpus.root`; empty: they are simulated."""
    reverb_t60: list[float] = field(default_factory=lambda: [0.15, 0.7])
    """Reverberation times of simulated rooms, least and most, in seconds."""
    reverb_direct: list[float] = field(default_factory=lambda: [0.0, 12.0])
    """Direct over reflected sound in simulated rooms, least and most, in dB."""
    noise: float = 0.0
    noise_files: str = ""
    """Folder or pattern (with `*`) of noises, below `corpus.root`; empty: Gaussian noise, white to brown."""
    noise_snr: list[float] = field(default_factory=lambda: [5.0, 25.0])
    """Signal-to-noise ratios, least and most, in dB."""
    band: float = 0.0
    band_edges: list[float] = field(default_factory=lambda: [300.0, 3400.0])
    """What is left between, in Hz: a telephone's band."""
    codec: float = 0.0
    codecs: list[Literal["ulaw", "alaw", "gsm", "mp3", "opus"]] = field(
        default_factory=lambda: ["ulaw", "gsm", "mp3"]
    )
    """To draw from, each at a low rate; opus is the slowest to encode: 15 ms for a second of sound."""

    def __post_init__(self) -> None:
        for name in ("speed", "tempo"):
            factors = getattr(self, name)
            _require(
                bool(factors) and all(0.5 <= s <= 2 for s in factors),
                f"augment.{name}",
                factors,
                "factors from 0.5 to 2",
            )
        counts = ("time_masks", "time_masks_every", "time_mask_max", "frequency_masks", "frequency_mask_max")
        for name in counts:
            _require(getattr(self, name) >= 0, f"augment.{name}", getattr(self, name), "0 or more")
        for name in ("reverb", "noise", "band", "codec"):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name}", getattr(self, name), "from 0 to 1")
        semitones = bool(self.pitch) and all(-12 <= s <= 12 for s in self.pitch)
        _require(semitones, "augment.pitch", self.pitch, "semitones from -12 to 12")
        _require(0 <= self.vocal_tract <= 0.3, "augment.vocal_tract", self.vocal_tract, "from 0 to 0.3")
        _require(bool(self.codecs), "augment.codecs", self.codecs, "one codec at least")
        for name, lowest in (
            ("reverb_t60", 0.01),
            ("reverb_direct", -60.0),
            ("noise_snr", -60.0),
            ("band_edges", 0.0),
        ):
            ends = getattr(self, name)
            in_order = len(ends) == 2 and lowest <= ends[0] <= ends[1]
            _require(in_order, f"augment.{name}", ends, f"two numbers from {lowest:g} up, the lower first")

    @property
    def fastest(self) -> float:
        """The factor by which the shortest version of a recording is shorter."""
        return max(self.speed) * max(self.tempo)


@dataclass(frozen=True)
class CtcConfig:
    """task=ctc: what is minimised beside the CTC loss. See speechgru/tasks/ctc_loss.py."""

    intermediate: float = 0.0
    """Share of the loss that is the CTC loss of lower layers, read by the same head."""
    intermediate_layers: list[int] = field(default_factory=list)
    """Which, counted from 1; empty: the middle one."""
    smoothing: float = 0.0
    """Share of the loss that is the frames' divergence from knowing nothing: label smoothing, or entropy penalty."""
    consistency: float = 0.0
    """Weight of how far two views of a recording, masked apart, are read differently (CR-CTC); 0: one view. Two take
    twice the time."""
    pronunciations: str = "start"
    """Pronouncing dictionary from which a second head learns sounds: the name of one that comes with the package
    (`english`), or a file like CMUdict, below `corpus.root`; `start`: that of the model that the run starts from, if it
    is read with one; empty: none."""
    pronounced: float = 0.5
    """Share of the loss that is the CTC loss of the sounds, where there is a dictionary."""

    def __post_init__(self) -> None:
        for name in ("intermediate", "smoothing", "pronounced"):
            _require(
                0 <= getattr(self, name) < 1, f"ctc.{name}", getattr(self, name), "0 or more and below 1"
            )
        _require(self.consistency >= 0, "ctc.consistency", self.consistency, "0 or more")

    def layers(self, count: int) -> list[int]:
        """The lower layers that are read, of a network of `count`.

        Raises:
            ConfigError: a layer that isn't one of those below the last.
        """
        if not self.intermediate:
            return []
        chosen = self.intermediate_layers or [count // 2]
        below = all(1 <= layer < count for layer in chosen)
        _require(
            below, "ctc.intermediate_layers", chosen, f"layers from 1 to {count - 1}, those below the last"
        )
        return chosen


@dataclass(frozen=True)
class VadConfig:
    """task=vad: stretches of speech and noise in which a detector of speech learns where somebody speaks. What noise
    training hears, and how much, `augment` says. See speechgru/tasks/vad_mixtures.py."""

    seconds: float = 8.0
    """Of a stretch."""
    gap: list[float] = field(default_factory=lambda: [0.1, 3.0])
    """Seconds without speech before each recording, least and most."""
    level: list[float] = field(default_factory=lambda: [-38.0, -15.0])
    """Of speech, pauses not counted: least and most, in dB of full scale."""
    alone: float = 0.2
    """Share of the training stretches that hold no speech."""
    noise_level: list[float] = field(default_factory=lambda: [-55.0, -15.0])
    """Of noise where nobody speaks, in dB of full scale."""
    steady: float = 0.25
    """Share of the noises that are Gaussian although augment.noise_files names recordings."""
    dev_noise: str = ""
    """Folder or pattern (with `*`) of noises for the dev sets, below `corpus.root`; so too `test_noise`."""
    test_noise: str = ""
    snrs: list[float] = field(default_factory=lambda: [20.0, 10.0, 5.0, 0.0])
    """Of dev and test stretches, in turn, in dB; one in between has no noise."""
    licence: str = ""
    """Of the noises, for the report."""
    url: str = ""

    def __post_init__(self) -> None:
        _require(1 <= self.seconds <= 60, "vad.seconds", self.seconds, "from 1 to 60")
        for name in ("alone", "steady"):
            _require(0 <= getattr(self, name) <= 1, f"vad.{name}", getattr(self, name), "from 0 to 1")
        for name, lowest in (("gap", 0.01), ("level", -100.0), ("noise_level", -100.0)):
            ends = getattr(self, name)
            in_order = len(ends) == 2 and lowest <= ends[0] <= ends[1]
            _require(in_order, f"vad.{name}", ends, f"two numbers from {lowest:g} up, the lower first")


@dataclass(frozen=True)
class OptimizerConfig:
    """How gradients become steps."""

    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adamw"
    lr: float = 1e-3
    """The highest learning rate, reached at the end of the warm-up."""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])
    """Adam and AdamW: decay of the means of gradients and of their squares. RMSprop takes the second."""
    momentum: float = 0.0
    """SGD (Nesterov's) and RMSprop."""
    weight_decay: float = 0.01
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _require(self.lr > 0, "optimizer.lr", self.lr, "above 0")
        _require(self.eps > 0, "optimizer.eps", self.eps, "above 0")
        _require(self.weight_decay >= 0, "optimizer.weight_decay", self.weight_decay, "0 or more")
        _require(0 <= self.momentum < 1, "optimizer.momentum", self.momentum, "0 or more and below 1")
        _require(
            len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas),
            "optimizer.betas",
            self.betas,
            "two numbers in [0, 1)",
        )


@dataclass(frozen=True)
class ScheduleConfig:
    """The learning rate over a run, as a factor of `optimizer.lr`."""

    name: Literal["constant", "cosine", "linear", "noam", "onecycle", "plateau"] = "cosine"
    warmup: float = 0.05
    """Share of all steps spent rising from 0."""
    final: float = 0.01
    """The factor at the last step; `constant` and `noam` have none to fall to, for `plateau` it is the least."""
    decay: float = 0.5
    """plateau: what the factor is multiplied with after `patience` dev evaluations without a better score."""
    patience: int = 2

    def __post_init__(self) -> None:
        _require(0 <= self.warmup < 1, "schedule.warmup", self.warmup, "0 or more and below 1")
        _require(0 <= self.final <= 1, "schedule.final", self.final, "from 0 to 1")
        _require(0 < self.decay < 1, "schedule.decay", self.decay, "above 0 and below 1")
        _require(self.patience > 0, "schedule.patience", self.patience, "above 0")


@dataclass(frozen=True)
class TrainerConfig:
    """The loop: how long, how much at once, on what."""

    start: str = ""
    """Checkpoint (or the name of a packaged model) whose weights the run starts from; it must have the recipe's sizes
    and features. Empty: from chance."""
    symbols: Literal["start", "texts"] = "start"
    """task=ctc with `start`: the new model writes the symbols of the old one, and texts with others are left out; or
    those of the training texts, where shared ones keep their weights."""
    epochs: int = 20
    batch_seconds: float = 120.0
    """Most seconds of audio in a batch, padding included; each of several processes takes so many."""
    batch_characters: int = 8192
    """Of text: most characters in a batch, in the same way; of music: most steps or events."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step: a large batch in little memory."""
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
    keep: int = 0
    """Checkpoints of so many of the best epochs are kept beside best.safetensors, as epoch-012.safetensors:
    `speechgru model average` takes their mean."""
    workers: int = 0
    """Processes that read audio beside the loop; 0: the loop reads it itself."""
    evaluate_every: int = 1
    """Epochs from one dev evaluation to the next."""
    save_minutes: float = 10.0
    """Minutes from one saved state to the next within a long epoch; each epoch's end is saved anyway."""
    log_every: int = 50
    """Steps from one log line to the next."""
    tensorboard: bool = True

    def __post_init__(self) -> None:
        sizes = ("epochs", "batch_seconds", "batch_characters", "accumulate")
        for name in (*sizes, "evaluate_every", "save_minutes", "log_every"):
            _require(getattr(self, name) > 0, f"trainer.{name}", getattr(self, name), "above 0")
        for name in ("clip", "patience", "threads", "workers", "keep"):
            _require(getattr(self, name) >= 0, f"trainer.{name}", getattr(self, name), "0 or more")
        _require(0 <= self.average < 1, "trainer.average", self.average, "0 or more and below 1")
        if self.symbols != "start" and not self.start:
            raise ConfigError(
                f"trainer.symbols is {self.symbols!r}, but trainer.start names no model to start from."
            )


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
class TuneConfig:
    """What `speechgru tune` searches; a training takes no notice of it."""

    ranges: dict[str, RangeConfig] = field(default_factory=dict)
    """By setting (optimizer.lr) or config group (schedule, whose choices are names)."""
    trials: int = 20
    pruner: Literal["median", "halving", "none"] = "median"
    """What ends a trial early: a dev score worse than the median of the others after as many epochs, once a third of
    the epochs is over; or successive halving, which lets a third of the trials go on at each of its rungs."""

    def __post_init__(self) -> None:
        _require(self.trials > 0, "tune.trials", self.trials, "above 0")


@dataclass(frozen=True)
class Recipe:
    """A whole training run."""

    name: str
    seed: int = 1
    output: str = ""
    """Folder of the run's results; runs/NAME where it is empty."""
    task: str = "ctc"
    """What is learnt: name of a file in speechgru/tasks."""
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    features: dict[str, Any] = field(default_factory=dict)
    """`name` and the fields of its Settings; so too `model` and `decoder`."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    text: TextConfig = field(default_factory=TextConfig)
    music: MusicConfig = field(default_factory=MusicConfig)
    model: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)
    ctc: CtcConfig = field(default_factory=CtcConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    folder: str = field(default="", compare=False)
    """Where recipe.yaml lies: set by `load_recipe`, no key of the file."""

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        if self.task != "ctc" and self.ctc != CtcConfig():
            raise ConfigError(
                f"task={self.task} has no CTC loss; leave the settings of ctc out of the recipe."
            )
        if self.task != "vad" and self.vad != VadConfig():
            raise ConfigError(
                f"task={self.task} hears no stretches of speech and noise; leave the settings of vad out of the recipe."
            )
        if not self.output:
            object.__setattr__(self, "output", f"runs/{self.name}")

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


def _require(fine: bool, key: str, got: object, expected: str) -> None:
    if not fine:
        raise ConfigError(f"{key} is {got!r}; expected {expected}. Pass {key}=VALUE or change the recipe.")
