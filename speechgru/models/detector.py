"""Speech detection: subsampling, GRU layers in one direction, the log-odds of each sound in each frame.

    features [B, T, F] → conv 3x3, stride 2 (once per halving) → linear → layer norm → GRU layers → linear → log-odds

It can run as the sound comes in: its output for a frame depends on that and earlier ones, on one frame of features less
than the stride after it, and on `delay` frames more. Features are taken as they are, without normalisation over a
recording, which would have to be read to its end first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgru.models.dropout import LockedDropout
from speechgru.models.encoder import inside
from speechgru.models.gru import GRU
from speechgru.models.settings import DetectorSettings
from speechgru.models.subsampling import Subsampling

Settings = DetectorSettings
KIND = "detector"
# About the mean and the deviation of natural-log mel bands of speech and noise.
CENTRE, SPREAD = -6.0, 5.0


class Model(nn.Module):
    """The detector, of `n_labels` sounds. `stride` is the number of features a frame."""

    CONTEXT = 1  # frames before a frame whose features `encode` looks at

    def __init__(self, settings: Settings, n_features: int, n_labels: int) -> None:
        super().__init__()
        self.settings = settings
        self.stride = settings.subsampling
        self.front = Subsampling(settings.subsampling, settings.channels, n_features, settings.width)
        self.norm = nn.LayerNorm(settings.width)
        self.layers = nn.ModuleList(
            GRU(settings.width, settings.width, bidirectional=False, reset=settings.reset)
            for _ in range(settings.layers)
        )
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(settings.width, n_labels)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds of each sound [B, T', n_labels] in float32, without meaning past each end, and lengths [B].

        Args:
            features: [B, T, n_features]; what lies past each row's length is not looked at.
            lengths: valid frames of each row, [B], at least 1.
        """
        frames, lengths = self.encode(features, lengths)
        delay = self.settings.delay
        log_odds, _ = self.judge(nn.functional.pad(frames, (0, 0, 0, delay)))
        return log_odds[:, delay:], lengths

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Frames [B, T', width], zero past each end, and their lengths; arguments as for `forward`."""
        scaled = (features - CENTRE) / SPREAD
        valid = inside(lengths, features.shape[1]).unsqueeze(2)
        x, lengths = self.front(torch.where(valid, scaled, 0.0), lengths)
        x = self.norm(x)
        return x * inside(lengths, x.shape[1]).unsqueeze(2).to(x.dtype), lengths

    def judge(self, frames: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-odds, `delay` frames late, and the state after the last frame.

        Args:
            frames: [B, T', width], T' at least 1.
            state: that after the frames before, [layers, B, width]; None at the beginning.
        """
        finals = []
        for number, layer in enumerate(self.layers):
            before = None if state is None else state[number : number + 1]
            frames, final = layer(self.dropout(frames), initial=before)
            finals.append(final)
        return self.head(self.dropout(frames)).float(), torch.cat(finals)
