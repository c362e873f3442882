"""What the parts of recognition ask of one another: whatever has these can stand in for the package's own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

from speechgru.audio.energy import Signal
from speechgru.text import Vocabulary

if TYPE_CHECKING:
    import torch
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


class Engine(Protocol):
    """Runs an acoustic model: features [B, T, F], lengths [B] → log-probabilities [B, T', V], lengths [B].

    With a phone head, [B, T', V + 1 + S]: the phone outputs (blank first) are a distribution of their own. `features`
    makes signals [B, time] of `sample_rate` Hz and their lengths [B] into what the call takes; output frame t is
    centred at t * `frame_seconds`.
    """

    @property
    def device(self) -> torch.device: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def frame_seconds(self) -> float: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def sounds(self) -> tuple[str, ...]: ...
    @property
    def features(self) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]: ...

    def __call__(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run the model; tensors live on any device."""


class SpeechDetector(Protocol):
    """Detects whether there is speech in a signal [time] at its `sample_rate`, in Hz."""

    @property
    def sample_rate(self) -> int: ...

    def holds_speech(self, signal: Signal) -> bool:
        """Whether anybody speaks."""
