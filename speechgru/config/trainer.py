"""Settings of every training: optimizer, schedule, loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from speechgru.config.section import BELOW_ONE, FRACTION, NOT_NEGATIVE, POSITIVE, PROBABILITY, Rule, Section
from speechgru.errors import ConfigError

_BETAS = Rule(lambda pair: len(pair) == 2 and all(0 <= b < 1 for b in pair), "two numbers in [0, 1)")


@dataclass(frozen=True)
class OptimizerConfig(Section):
    """How gradients become steps."""

    KEY: ClassVar[str] = "optimizer"

    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adamw"
    lr: Annotated[float, POSITIVE] = 1e-3
    """The highest learning rate, reached at the end of the warm-up."""
    betas: Annotated[list[float], _BETAS] = field(default_factory=lambda: [0.9, 0.98])
    """Adam and AdamW: decay of the means of gradients and of their squares. RMSprop takes the second."""
    momentum: Annotated[float, BELOW_ONE] = 0.0
    """SGD (Nesterov's) and RMSprop."""
    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.01
    eps: Annotated[float, POSITIVE] = 1e-8


@dataclass(frozen=True)
class ScheduleConfig(Section):
    """The learning rate over a run, as a factor of `optimizer.lr`."""

    KEY: ClassVar[str] = "schedule"

    name: Literal["constant", "cosine", "linear", "noam", "onecycle", "plateau"] = "cosine"
    warmup: Annotated[float, BELOW_ONE] = 0.05
    """Share of all steps spent rising from 0."""
    final: Annotated[float, PROBABILITY] = 0.01
    """The factor at the last step; `constant` and `noam` have none to fall to, for `plateau` it is the least."""
    decay: Annotated[float, FRACTION] = 0.5
    """plateau: what the factor is multiplied with after `patience` dev evaluations without a better score."""
    patience: Annotated[int, POSITIVE] = 2


@dataclass(frozen=True)
class TrainerConfig(Section):
    """The loop: how long, how much at once, on what."""

    KEY: ClassVar[str] = "trainer"

    start: str = ""
    """Checkpoint (or the name of a packaged model) whose weights the run starts from; it must have the recipe's sizes
    and features. Empty: from chance."""
    symbols: Literal["start", "texts"] = "start"
    """task=ctc with `start`: the new model writes the symbols of the old one, and texts with others are left out; or
    those of the training texts, where shared ones keep their weights."""
    epochs: Annotated[int, POSITIVE] = 20
    batch_seconds: Annotated[float, POSITIVE] = 120.0
    """Most seconds of audio in a batch, padding included; each of several processes takes so many."""
    batch_characters: Annotated[int, POSITIVE] = 8192
    """Of text: most characters in a batch, in the same way; of music: most steps or events."""
    accumulate: Annotated[int, POSITIVE] = 1
    """Batches whose gradients are added up before a step: a large batch in little memory."""
    clip: Annotated[float, NOT_NEGATIVE] = 5.0
    """Largest norm of the gradient; 0 leaves it."""
    patience: Annotated[int, NOT_NEGATIVE] = 0
    """Dev evaluations without a better score before the run stops early; 0: never."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU or CPU that has it in hardware, else float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, NOT_NEGATIVE] = 0
    """Threads of the CPU; 0: as many as PyTorch takes."""
    average: Annotated[float, BELOW_ONE] = 0.0
    """Decay of the running average of the weights that is evaluated and saved; 0: none is kept."""
    keep: Annotated[int, NOT_NEGATIVE] = 0
    """Checkpoints of so many of the best epochs are kept beside best.safetensors, as epoch-012.safetensors:
    `speechgru model average` takes their mean."""
    workers: Annotated[int, NOT_NEGATIVE] = 0
    """Processes that read audio beside the loop; 0: the loop reads it itself."""
    evaluate_every: Annotated[int, POSITIVE] = 1
    """Epochs from one dev evaluation to the next."""
    save_minutes: Annotated[float, POSITIVE] = 10.0
    """Minutes from one saved state to the next within a long epoch; each epoch's end is saved anyway."""
    log_every: Annotated[int, POSITIVE] = 50
    """Steps from one log line to the next."""
    tensorboard: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.symbols != "start" and not self.start:
            raise ConfigError(
                f"trainer.symbols is {self.symbols!r}, but trainer.start names no model to start from."
            )
