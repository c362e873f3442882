"""A GRU over the steps of a piano roll: each step comes in as 88 numbers, and the state predicts the next.

Two distributions of a step (`output`):

- independent: each key by itself, as in Chung et al. 2014 (arXiv:1412.3555) and Bai et al. 2018 (arXiv:1803.01271).
- nade: each key knows those below it, by the neural autoregressive distribution estimator (Larochelle and Murray 2011),
  whose two biases come from the GRU's state h (RNN-NADE, Boulanger-Lewandowski et al. 2012, section 5.2):

      a_k = c + C h + sum_{j < k} W_j v_j,    p(v_k = 1 | v_<k, h) = sigma(b_k + B_k h + V_k tanh(a_k))

  (tanh in place of their sigmoid, which is the same up to V and b.)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechgru.music.models import roll_inputs
from speechgru.music.models.layers import Recurrent
from speechgru.music.models.likelihood import log_probs_of_keys
from speechgru.music.models.match_model import MATCHES
from speechgru.music.models.numpy_gru import array
from speechgru.music.models.roll_inputs import View
from speechgru.music.models.sampling import Choose, Draw
from speechgru.music.models.settings import RollSettings
from speechgru.music.score.piano_roll import KEYS

KIND = "roll"
Settings = RollSettings
RARE = -3.0
"""Log-odds of sounding before anything is learnt: four keys of 88 sound at a time."""


class Model(Recurrent):
    """The network. It predicts steps of 88 keys."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        width, hidden = settings.width, settings.hidden
        self.add_layers(
            KEYS + settings.echo * (KEYS + len(MATCHES)) + settings.clock * 2 * len(roll_inputs.PERIODS)
        )
        self.add_norms()
        self.head = nn.Linear(width, KEYS)
        nn.init.constant_(self.head.bias, RARE)
        if settings.output == "nade":
            self.start = nn.Linear(width, hidden)
            self.sounding = nn.Parameter(torch.randn(KEYS, hidden) / hidden**0.5)
            self.readout = nn.Parameter(torch.randn(KEYS, hidden) / hidden**0.5)

    def inputs(self, view: View) -> Tensor:
        """Inputs of each step, [B, T, F]."""
        parts = [view.previous]
        if self.settings.echo:
            parts += [view.predicted, roll_inputs.matches(view.match)]
        if self.settings.clock:
            parts.append(roll_inputs.clock(view.position))
        return torch.cat(parts, dim=2)

    def log_probs(self, features: Tensor, view: View, keys: Tensor) -> Tensor:
        """Log-probability [B, T, 88] of each key's being as in `keys` [B, T, 88], given those below."""
        logits = self.head(features)
        if self.settings.output == "nade":
            lower = (keys.unsqueeze(3) * self.sounding).cumsum(dim=2)
            lower = nn.functional.pad(lower[:, :, :-1], (0, 0, 1, 0))
            hidden = torch.tanh(self.start(features).unsqueeze(2) + lower)
            logits = logits + (hidden * self.readout).sum(dim=3)
        return log_probs_of_keys(logits, keys)

    def sampler(self) -> Draw:
        """Samples steps: features [B, 1, width] to keys [B, 88]."""
        nade, weights = self.settings.output == "nade", {n: array(p) for n, p in self.named_parameters()}

        def draw(features: Tensor, choose: Choose) -> NDArray[np.uint8]:
            h = features[:, 0].numpy()
            logits = h @ weights["head.weight"].T + weights["head.bias"]
            sums = h @ weights["start.weight"].T + weights["start.bias"] if nade else h
            keys = np.zeros((len(h), KEYS), dtype=np.uint8)
            for key in range(KEYS):
                if key > choose.last:
                    break
                odds = logits[:, key]
                sounds = choose(key, odds + np.tanh(sums) @ weights["readout"][key] if nade else odds)
                if sounds is not None:
                    keys[:, key] = sounds
                    if nade:
                        sums = sums + keys[:, key, None] * weights["sounding"][key]
            return keys

        return draw
