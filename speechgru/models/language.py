"""A language model over characters: embedding → GRU layers, left to right → log-softmax.

Symbol 0 is the edge of a text: it comes in before the first character, and is what the model predicts after the last.
The probability of a text is the product over its characters and the edge at its end (chain rule).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgru.models.dropout import LockedDropout
from speechgru.models.gru import GRU
from speechgru.models.settings import LanguageSettings

Settings = LanguageSettings
KIND = "language"


class Model(nn.Module):
    """The language model, over `n_labels` symbols."""

    def __init__(self, settings: Settings, n_labels: int) -> None:
        super().__init__()
        self.settings = settings
        width, embedding = settings.width, settings.embedding
        self.embedding = nn.Embedding(n_labels, embedding)
        self.layers = nn.ModuleList(
            GRU(width if i else embedding, width, bidirectional=False, reset=settings.reset)
            for i in range(settings.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers))
        self.dropout = LockedDropout(settings.dropout)
        self.head = nn.Linear(width, n_labels)

    def forward(self, symbols: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probabilities of what follows each symbol.

        Padding behind a text changes nothing before it; what comes out behind a text means nothing.

        Args:
            symbols: [B, T], whole numbers in [0, n_labels); a text begins with 0.
            state: after what came before `symbols`, [layers, B, width]; None: nothing did.

        Returns:
            log-probabilities [B, T, n_labels] in float32, and the state after the last symbol.
        """
        x, states = self.embedding(symbols), []
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            x, after = layer(self.dropout(x), initial=None if state is None else state[i : i + 1])
            states.append(after)
            x = norm(x)
        logits = self.head(self.dropout(x))
        return logits.float().log_softmax(dim=-1), torch.cat(states)

    def step(self, symbols: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same for one symbol each, not for training.

        Args:
            symbols: [B].
            state: as for `forward`.

        Returns:
            log-probabilities [B, n_labels] of what follows, and the state after the symbols.
        """
        if state is None:
            shape = len(self.layers), len(symbols), self.settings.width
            state = torch.zeros(shape, device=symbols.device)
        x, states = self.embedding(symbols), []
        for layer, norm, before in zip(self.layers, self.norms, state):
            assert isinstance(layer, GRU)
            x, after = layer.step(x, before.unsqueeze(0))
            states.append(after)
            x = norm(x)
        return self.head(x).log_softmax(dim=-1), torch.cat(states)
