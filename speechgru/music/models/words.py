"""A GRU over the words of a piece (speechgru/music/events.py): each word comes in, the state foretells the next.

What holds while the piece goes on, its key, mode and metre, comes in beside every word, and so do the place in the bar
and an echo. What a word is when it comes in and when it is said is one table (tied embeddings: Press and Wolf 2017,
arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462). Only words that may follow the last one have a probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speechgru.dropout import LockedDropout
from speechgru.errors import ConfigError
from speechgru.gru import GRU
from speechgru.music import events
from speechgru.music.echo import MATCHES
from speechgru.music.rolls import HIGHEST, LOWEST
from speechgru.music.wordviews import HELD, View

KIND = "words"
PLACES = 192
"""Steps after a bar line that can be told apart."""


@dataclass(frozen=True)
class Settings:
    """Sizes of the network, and the encoding: what there is to say, see `events.Settings`."""

    layers: int = 1
    """GRU layers."""
    width: int = 384
    """Units of each."""
    embedding: int = 96
    """Numbers that stand for a word."""
    dropout: float = 0.2
    """Before each layer and before the output, with one mask for all words of a piece."""
    echo: bool = True
    """Tell it what followed the longest earlier passage that equals the last words: speechgru/music/echo.py."""
    reset: Literal["before", "after"] = "before"
    """Where the reset gate acts: see speechgru/gru.py."""
    steps_per_beat: int = 12
    """The encoding: a beat's steps; lowest and highest pitch; longest DURATION and SHIFT in steps; bins of velocities,
    0 for none; voices, 1 for none; whether bar lines are told."""
    lowest: int = LOWEST
    highest: int = HIGHEST
    longest: int = 48
    velocities: int = 0
    voices: int = 1
    bars: bool = True

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.embedding) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"The words model wants layers, width, embedding ≥ 1 and dropout in [0, 1); got {self}."
            )

    def encoding(self) -> events.Encoding:
        """What there is to say.

        Raises:
            MusicError: a value is outside its range.
        """
        names = ("steps_per_beat", "lowest", "highest", "longest", "velocities", "voices", "bars")
        return events.Encoding(events.Settings(**{name: getattr(self, name) for name in names}))


class Model(nn.Module):
    """The network. It foretells the words of `settings.encoding()`, from START to END."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.encoding = settings, settings.encoding()
        width, embedding, count = settings.width, settings.embedding, len(self.encoding)
        # The last row stands for no word, which -1 finds.
        self.words = nn.Parameter(torch.randn(count + 1, embedding) / math.sqrt(embedding))
        self.places = nn.Parameter(torch.randn(PLACES, embedding) / math.sqrt(embedding))
        inputs = (2 + len(HELD)) * embedding + settings.echo * (embedding + len(MATCHES))
        self.layers = nn.ModuleList(
            GRU(width if i else inputs, width, bidirectional=False, reset=settings.reset)
            for i in range(settings.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers))
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(width, embedding)
        self.bias = nn.Parameter(torch.zeros(count))
        # From the settings, so no part of a checkpoint; in an empty network (on the meta device) it is made later.
        self._follows: Tensor | None = None

    def forward(
        self, view: View, words: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Log-probability [B, T, 1] of each of `words` [B, T], and the state after the last."""
        features, state = self.hear(view, state, lengths)
        return self.say(features, view).gather(2, words.unsqueeze(2)), state

    def hear(
        self, view: View, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the words before each word say about it.

        Args:
            view: of B pieces, T words.
            state: after what came before, [layers, B, width]; None: nothing did.
            lengths: words of each piece, [B], in 1..T: the states are those at its own end; None: all T.

        Returns:
            features [B, T, width] and states [layers, B, width].
        """
        known = view.known
        count = 1 + len(HELD)
        x = self.words[known[..., :count]].flatten(2)  # -1 is the last row
        parts = [x, self.places[known[..., -2].clamp(max=PLACES - 1)]]
        if self.settings.echo:
            reached = known[..., -1:] >= torch.tensor(MATCHES, device=known.device)
            parts += [self.words[known[..., count]], reached.to(x.dtype)]
        x, states = torch.cat(parts, dim=2), []
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            x, after = layer(self.dropout(x), lengths, None if state is None else state[i : i + 1])
            states.append(after)
            x = norm(x)
        return self.dropout(x), torch.cat(states)

    def say(self, features: Tensor, view: View) -> Tensor:
        """Log-probabilities [B, T, words] of what comes next; -inf for what may not."""
        logits = (self.head(features) @ self.words[:-1].t() + self.bias).float()
        if self._follows is None or self._follows.device != logits.device:
            self._follows = self._followers(logits.device)
        return logits.masked_fill(~self._follows[view.known[..., 0]], -math.inf).log_softmax(dim=2)

    def _followers(self, device: torch.device) -> Tensor:
        """[words + 1, words]: what may follow each word, and, last, that START comes first."""
        first = torch.zeros(1, len(self.encoding), dtype=torch.bool)
        first[0, self.encoding.start] = True
        return torch.cat([torch.from_numpy(self.encoding.follows), first]).to(device)
