"""Features of features: deltas over neighbouring frames, and normalisation by mean and variance (CMVN)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.features.base import Kind, Transform
from speechgru.utils.dependencies import torchaudio_module


@dataclass(frozen=True)
class DeltasSettings:
    """Of the kind `base`, with its own settings in `base_settings`."""

    base: str = "mfcc"
    base_settings: dict[str, Any] = field(default_factory=dict)
    order: int = 2
    """1: first differences; 2: their differences too; ..."""
    width: int = 5
    """Frames of the regression, odd."""
    static: bool = True
    """Begin with the base's own bins."""

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 5 or self.width < 3 or self.width % 2 == 0:
            raise ConfigError(
                f"Expected order in 1..5 and an odd width ≥ 3; got {self.order} and {self.width}."
            )


@dataclass(frozen=True)
class CMVNSettings:
    """Of the kind `base`, with its own settings in `base_settings`; each bin by itself."""

    base: str = "log_mel"
    base_settings: dict[str, Any] = field(default_factory=dict)
    mode: Literal["utterance", "global", "sliding"] = "utterance"
    """Mean and variance of the recording; of `mean` and `deviation`; or of the frames around each."""
    variance: bool = True
    """Divide by the deviation too."""
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    """With global: one number a bin, of a corpus."""
    window: int = 600
    min_window: int = 100
    """With sliding: frames, as Kaldi's apply-cmvn-sliding counts them."""
    center: bool = False
    """With sliding: window around each frame, not before it."""
    min_deviation: float = 1e-3

    def __post_init__(self) -> None:
        if not 1 <= self.min_window <= self.window or not self.min_deviation > 0:
            raise ConfigError(
                f"Expected 1 ≤ min_window ≤ window and min_deviation > 0; got {self.min_window}, "
                f"{self.window}, {self.min_deviation}."
            )
        if (self.mode == "global") != bool(self.mean):
            raise ConfigError(
                "mode='global' takes mean=[...] (and deviation=[...]), one number a bin; other modes take neither."
            )
        if self.mean and self.variance and len(self.deviation) != len(self.mean):
            raise ConfigError(
                f"Expected as many deviations as means, {len(self.mean)}; got {len(self.deviation)}. "
                "With variance=False none are needed."
            )


class _Derived(Transform):
    """Frames that are computed from those of another kind."""

    block_frames = 8192

    def __init__(self, settings: Any) -> None:
        from speechgru.features.registry import transform

        super().__init__()
        self.base = transform(settings.base, **settings.base_settings)
        if self.base.framing is None:
            raise ConfigError(f"{settings.base} finds events; expected a kind with frames as base.")
        # With all that the base was made of, so that they repeat it whatever its defaults become.
        self.settings = replace(settings, base_settings=asdict(self.base.settings))
        self.rate, self.bins, self.whole = self.base.rate, self.base.bins, self.base.whole
        self.framing, self.shortest = self.base.framing, self.base.shortest


class Deltas(_Derived):
    """[B, frames, bins · (static + order)]: regression over `width` frames, torchaudio's `compute_deltas`."""

    def __init__(self, settings: DeltasSettings = DeltasSettings()) -> None:
        super().__init__(settings)
        assert self.framing is not None
        reach = settings.order * (settings.width // 2)
        self.framing = self.framing.widened(reach, reach)
        names = [f"{b:.1f} Hz" if isinstance(b, float) else b for b in self.base.bins]
        marks = [*([""] if settings.static else []), "Δ", *(f"Δ{n}" for n in range(2, settings.order + 1))]
        self.bins = tuple(f"{mark} {name}".strip() for mark in marks for name in names)

    def rows(self, signal: Tensor) -> Tensor:
        compute_deltas = torchaudio_module("functional").compute_deltas
        values = self.base.compute(signal).transpose(1, 2)
        parts = [values] if self.settings.static else []
        for _ in range(self.settings.order):
            values = compute_deltas(values, self.settings.width)
            parts.append(values)
        return torch.cat(parts, dim=1).transpose(1, 2)


class CMVN(_Derived):
    """[B, frames, bins] with mean 0 and, with `variance`, deviation 1."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: CMVNSettings = CMVNSettings()) -> None:
        super().__init__(settings)
        assert self.framing is not None
        if settings.mode == "utterance":
            self.whole = self.whole or "mode='utterance' needs the mean of the whole recording"
        elif settings.mode == "sliding":
            self.framing = self.framing.widened(settings.window + 1, settings.window)
        elif len(settings.mean) != len(self.bins):
            raise ConfigError(f"Expected a mean for each of {len(self.bins)} bins; got {len(settings.mean)}.")
        self.register_buffer("mean", torch.tensor(settings.mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(settings.deviation), persistent=False)

    def rows(self, signal: Tensor) -> Tensor:
        values = self.base.compute(signal)
        if self.settings.mode == "global":
            mean, deviation = self.mean, self.deviation
        elif self.settings.mode == "utterance":
            mean = values.mean(dim=1, keepdim=True)
            deviation = values.std(dim=1, keepdim=True, correction=0)
        else:
            mean, deviation = self._around(values)
        centred = values - mean
        return (
            centred / deviation.clamp(min=self.settings.min_deviation) if self.settings.variance else centred
        )

    def _around(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the window of each frame.

        The windows are those of torchaudio's `sliding_window_cmn` (and Kaldi's), which walks over the frames in
        Python; sums from the beginning on give the same some hundred times faster.
        """
        s, count = self.settings, values.shape[1]
        t = torch.arange(count, device=values.device)
        start = t - s.window // 2 if s.center else t - s.window
        end = start + s.window if s.center else t + 1
        end = torch.where(start < 0, end - start, end)
        start = start.clamp(min=0)
        if not s.center:
            end = torch.where(end > t, (t + 1).clamp(min=s.min_window), end)
        start = (start - (end - count).clamp(min=0)).clamp(min=0)
        end = end.clamp(max=count)
        width = (end - start).unsqueeze(1)
        # Around the mean of all, so that the difference of squares keeps its digits.
        middle = values.mean(dim=1, keepdim=True).double()
        shifted = values.double() - middle
        sums = [torch.nn.functional.pad(x.cumsum(dim=1), (0, 0, 1, 0)) for x in (shifted, shifted.square())]
        mean, square = ((total[:, end] - total[:, start]) / width for total in sums)
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        return (mean + middle).to(values.dtype), deviation.to(values.dtype)


KINDS = {
    "cmvn": Kind(CMVNSettings, CMVN, "Mean and variance normalisation", "deviations"),
    "deltas": Kind(DeltasSettings, Deltas, "Deltas", "of the base, per frame"),
}
