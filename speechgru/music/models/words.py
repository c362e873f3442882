"""A GRU over the tokens of a piece (speechgru/music/score/tokens.py): each token comes in, the state predicts the next.

What holds while the piece goes on, its key, mode and metre, comes in beside every token, and so do the place in the bar
and the match model's prediction. Inputs and outputs share their embeddings (tied: Press and Wolf 2017,
arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462). Only tokens that may follow the last one have a probability.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from speechgru.music.models.layers import Recurrent
from speechgru.music.models.match_model import MATCHES
from speechgru.music.models.settings import WordsSettings
from speechgru.music.models.token_inputs import HELD, View

KIND = "words"
Settings = WordsSettings
PLACES = 192
"""Steps after a bar line that can be told apart."""


class Model(Recurrent):
    """The network. It predicts the tokens of `settings.encoding()`, from START to END."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.encoding = settings.encoding()
        embedding, count = settings.embedding, len(self.encoding)
        # The last row stands for no token, which -1 finds.
        self.words = nn.Parameter(torch.randn(count + 1, embedding) / math.sqrt(embedding))
        self.places = nn.Parameter(torch.randn(PLACES, embedding) / math.sqrt(embedding))
        self.add_layers((2 + len(HELD)) * embedding + settings.echo * (embedding + len(MATCHES)))
        self.add_norms()
        self.head = nn.Linear(settings.width, embedding)
        self.bias = nn.Parameter(torch.zeros(count))
        # From the settings, so no part of a checkpoint; in an empty network (on the meta device) it is made later.
        self._follows: Tensor | None = None

    def inputs(self, view: View) -> Tensor:
        """Inputs of each token, [B, T, F]."""
        known = view.known
        count = 1 + len(HELD)
        x = self.words[known[..., :count]].flatten(2)  # -1 is the last row
        parts = [x, self.places[known[..., -2].clamp(max=PLACES - 1)]]
        if self.settings.echo:
            reached = known[..., -1:] >= torch.tensor(MATCHES, device=known.device)
            parts += [self.words[known[..., count]], reached.to(x.dtype)]
        return torch.cat(parts, dim=2)

    def log_probs(self, features: Tensor, view: View, targets: Tensor) -> Tensor:
        """Log-probability [B, T, 1] of each of `targets` [B, T]."""
        return self.next_log_probs(features, view).gather(2, targets.unsqueeze(2))

    def next_log_probs(self, features: Tensor, view: View) -> Tensor:
        """Log-probabilities [B, T, tokens] of what comes next; -inf for what may not."""
        logits = (self.head(features) @ self.words[:-1].t() + self.bias).float()
        if self._follows is None or self._follows.device != logits.device:
            self._follows = self._followers(logits.device)
        log_probs: Tensor = logits.masked_fill(~self._follows[view.known[..., 0]], -math.inf).log_softmax(
            dim=2
        )
        return log_probs

    def _followers(self, device: torch.device) -> Tensor:
        """[tokens + 1, tokens]: what may follow each token, and, last, that START comes first."""
        first = torch.zeros(1, len(self.encoding), dtype=torch.bool)
        first[0, self.encoding.start] = True
        return torch.cat([torch.from_numpy(self.encoding.follows), first]).to(device)
