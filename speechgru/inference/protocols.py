"""What the parts of recognition ask of one another: whatever has these can stand in for the package's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from speechgru.audio.energy import Signal
from speechgru.text import Vocabulary

if TYPE_CHECKING:
    from torch import Tensor


class AcousticModel(Protocol):
    """A network of kind "acoustic": features [B, T, F], lengths [B] → log-probabilities [B, T', V], lengths [B].

    `stride` feature frames are one output frame; `settings.sounds` is the number of outputs of its phone head.
    """

    @property
    def settings(self) -> Any: ...
    @property
    def stride(self) -> int: ...

    def both(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of all heads side by side, [B, T', V + phones], and their lengths [B]."""

    def read(
        self, features: Tensor, lengths: Tensor, after: Collection[int] = ()
    ) -> tuple[Tensor, Tensor, list[Tensor], Tensor | None]:
        """Log-probabilities of characters, their lengths, those of the layers in `after`, and those of phones."""


class Device(Protocol):
    """Where an engine computes; its `str` is "cpu", "cuda", "cuda:1"."""

    @property
    def type(self) -> str:
        """The kind: "cpu" or "cuda"."""


class Engine(Protocol):
    """Runs an acoustic model, features included, with one of the runtimes of `speechgru.inference.engines`.

    `vocabulary` has the V characters (or pieces of words), `sounds` the S phones of the second head, where there is
    one. Output frame t is centred at t * `frame_seconds`.
    """

    @property
    def device(self) -> Device: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def frame_seconds(self) -> float: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def sounds(self) -> tuple[str, ...]: ...

    def run(self, signals: Sequence[Signal]) -> Iterator[NDArray[Any]]:
        """The output for each of `signals` [time] at `sample_rate` Hz, run as one batch, without padding.

        [frames, V] log-probabilities, or with a phone head [frames, V + 1 + S]: the phone outputs (blank first) are a
        distribution of their own. A signal's output is the same alone and beside others, to 1e-4.
        """


class SpeechDetector(Protocol):
    """Detects whether there is speech in a signal [time] at its `sample_rate`, in Hz."""

    @property
    def sample_rate(self) -> int: ...

    def holds_speech(self, signal: Signal) -> bool:
        """Whether anybody speaks."""
