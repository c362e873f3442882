"""One small GRU for all keys: it runs along time at each of them, and (`output: chain`) another runs up the keys.

Music that is moved up by a semitone is still the same music. So all keys share one GRU's weights, and the inputs of
each are what lies around it: its neighbours in the step before, the intervals to all that sounds (octaves put
together), how many sound below and above it (Johnson 2017, "Generating polyphonic music using tied parallel networks",
there with LSTMs). What is learnt at one key is known at all others; a small vector of each key's own says where on the
keyboard it is.

- independent: the state of a key gives the probability that it sounds, whatever the others do.
- chain: a second GRU runs from the lowest key to the highest, gets at each what was decided below, and gives the
  probability that it sounds. So a step's likelihood is a product over its keys, exact by the chain rule.

Keys beyond `lowest` and `highest` are no inputs; they have one probability of their own, a small one, so that pieces
that use them have a likelihood too.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechgru.models import GRU
from speechgru.music.models import roll_inputs
from speechgru.music.models.layers import Recurrent, advance
from speechgru.music.models.likelihood import log_probs_of_keys
from speechgru.music.models.match_model import MATCHES
from speechgru.music.models.numpy_gru import Cell, array
from speechgru.music.models.roll_inputs import View
from speechgru.music.models.sampling import Choose, Draw
from speechgru.music.models.settings import BiaxialSettings
from speechgru.music.score.piano_roll import KEYS

KIND = "roll"
Settings = BiaxialSettings
RARE = -3.0
"""Log-odds of sounding before anything is learnt: four keys of 88 sound at a time."""
NEVER = -9.0
"""The same of keys beyond lowest and highest."""
BELOW = 12
"""Keys below that the second GRU gets one by one."""


class Model(Recurrent):
    """The network. It predicts steps of 88 keys."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        width, key_width, self.count = (
            settings.width,
            settings.key_width,
            settings.highest - settings.lowest + 1,
        )
        inputs = 2 * settings.reach + 1 + 12 + 2 + settings.place
        inputs += settings.echo * (5 + 12 + len(MATCHES)) + settings.clock * 2 * len(roll_inputs.PERIODS)
        self.add_layers(inputs, batch_first=False)
        self.place = nn.Parameter(torch.randn(self.count, settings.place))
        self.head = nn.Linear(width, 1)
        nn.init.constant_(self.head.bias, RARE)
        self.outside = nn.Parameter(torch.full((), NEVER))
        if settings.output == "chain":
            inputs_below = BELOW + 12 + 1
            self.chain = GRU(
                width + inputs_below, key_width, bidirectional=False, reset=settings.reset, batch_first=False
            )
            self.readout = nn.Linear(key_width, 1, bias=False)

    def encode(
        self, view: View, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `Recurrent`, of each key: features [B, T, keys, width] and states [layers, B, keys, width]."""
        batch = len(view.previous)
        x = self.inputs(view).transpose(0, 1).flatten(1, 2)  # [T, B * K, F]
        lengths = None if lengths is None else lengths.repeat_interleave(self.count)
        states = []
        for i, layer in enumerate(self.layers):
            x = self._drop(x) if i else x
            before = None if state is None else state[i].flatten(0, 1).unsqueeze(0)
            x, after = advance(layer, x, lengths, before)
            states.append(torch.unflatten(after, 1, (batch, self.count)))
        return torch.unflatten(self._drop(x), 1, (batch, self.count)).transpose(0, 1), torch.cat(states)

    def inputs(self, view: View) -> Tensor:
        """Inputs of each key, [B, T, K, F]."""
        shape = *view.match.shape, self.count
        last = view.previous[..., self.settings.keys]
        under = roll_inputs.below(last)
        above = last.sum(dim=2, keepdim=True) - under - last
        parts = [roll_inputs.neighbours(last, self.settings.reach), roll_inputs.pitch_classes(last)]
        parts += [torch.stack([under, above], dim=3) / 4, self.place.expand(*shape, -1)]
        if self.settings.echo:
            predicted = view.predicted[..., self.settings.keys]
            parts += [roll_inputs.neighbours(predicted, 2), roll_inputs.pitch_classes(predicted)]
            parts.append(roll_inputs.matches(view.match).unsqueeze(2).expand(*shape, -1))
        if self.settings.clock:
            parts.append(roll_inputs.clock(view.position).unsqueeze(2).expand(*shape, -1))
        return torch.cat(parts, dim=3)

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout of x [T, N, F], the same in all steps."""
        dropped: Tensor = self.dropout(x.transpose(0, 1)).transpose(0, 1)
        return dropped

    def log_probs(self, features: Tensor, view: View, keys: Tensor) -> Tensor:
        """Log-probability [B, T, 88] of each key's being as in `keys` [B, T, 88], given those below."""
        own = keys[..., self.settings.keys]
        logits = self.head(features).squeeze(3)
        if self.settings.output == "chain":
            inputs_below = torch.cat([features, decided(own)], dim=3)
            x, _ = self.chain(inputs_below.flatten(0, 1).transpose(0, 1))  # [K, B * T, key_width]
            logits = logits + self.readout(x).squeeze(2).t().unflatten(0, keys.shape[:2])
        # Mixed precision gives logits of less; `outside` has its own.
        every = self.outside.expand(keys.shape).clone()
        every[..., self.settings.keys] = logits.float()
        return log_probs_of_keys(every, keys)

    def sampler(self) -> Draw:
        """Samples steps: features [B, 1, keys, width] to keys [B, 88]."""
        return _Sampler(self)


def decided(keys: Tensor) -> Tensor:
    """Inputs of each key of those below it in its own step: [..., K] to [..., K, BELOW + 12 + 1].

    The nearest BELOW one by one, how often each interval below it sounds (octaves put together), and how many sound.
    """
    near = nn.functional.pad(keys, (BELOW, 0)).unfold(-1, BELOW, 1)[..., :-1, :]
    key = torch.arange(keys.shape[-1], device=keys.device)
    of_class = (key.unsqueeze(1) % 12 == torch.arange(12, device=keys.device)).to(keys.dtype)
    marks = keys.unsqueeze(-1) * of_class
    classes = marks.cumsum(dim=-2) - marks
    turned = (key.unsqueeze(1) - torch.arange(12, device=keys.device)) % 12
    intervals = classes.gather(-1, turned.expand(classes.shape))
    return torch.cat([near, intervals, roll_inputs.below(keys).unsqueeze(-1) / 4], dim=-1)


class _Sampler:
    """Samples steps key by key. What a key that sounds adds to the inputs of those above depends on their distance
    alone: its part in their `decided`, times the weights, is computed once."""

    def __init__(self, model: Model) -> None:
        self.first, self.width, self.count = model.settings.lowest, model.settings.width, model.count
        self.outside = float(model.outside)
        self.weight, self.bias = array(model.head.weight)[0], float(model.head.bias)
        self.cell = Cell(model.chain) if model.settings.output == "chain" else None
        if self.cell:
            alone = torch.zeros(self.count)
            alone[0] = 1
            self.shifted = self.cell.gates(decided(alone)[1:].numpy(), self.width)
            self.readout = array(model.readout.weight)[0]

    def __call__(self, features: Tensor, choose: Choose) -> NDArray[np.uint8]:
        own = features[:, 0].numpy()
        logits = own @ self.weight + self.bias
        keys = np.zeros((len(logits), KEYS), dtype=np.uint8)
        outside, cell = np.full(len(logits), self.outside), self.cell
        if cell:
            gates = cell.gates(own, 0, self.width)
            h = np.zeros((len(logits), cell.size), dtype=np.float32)
        for key in range(KEYS):
            if key > choose.last:
                break
            i = key - self.first
            if not 0 <= i < self.count:
                odds = outside
            elif cell:
                h = cell.step(gates[:, i], h)
                odds = logits[:, i] + h @ self.readout
            else:
                odds = logits[:, i]
            sounds = choose(key, odds)
            if sounds is not None:
                keys[:, key] = sounds
                if cell and 0 <= i < self.count:
                    gates[sounds, i + 1 :] += self.shifted[: self.count - i - 1]
        return keys
