"""Rescoring: the n best texts of a beam search, ranked again with a GRU language model that reads whole texts.

    score = the search's own score + weight * ln p(text) + word_bonus * words

The search's score holds the emissions and an n-gram model with a context of a few words; the context of the GRU is all
text before, by characters. Texts that the search has pruned can't come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from speechgru.decoding.hypothesis import Decoder, Hypothesis
from speechgru.errors import CheckpointError, ConfigError
from speechgru.lm import LanguageModel, load_language_model
from speechgru.lm.neural import RescoringSettings

Settings = RescoringSettings


@runtime_checkable
class Searcher(Protocol):
    """A decoder that returns more than one text; `phones` as of `Decoder`."""

    @property
    def phones(self) -> tuple[str, ...]: ...

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        """The `n` best, best first; one at least."""


class Rescorer:
    """A decoder, log_probs [frames, symbols] -> Hypothesis, that scores the texts of `searcher` with `model`."""

    def __init__(self, searcher: Searcher, model: LanguageModel, settings: Settings | None = None) -> None:
        self.searcher, self.model, self.settings = searcher, model, settings or Settings()
        self.phones = searcher.phones

    def __call__(self, log_probs: Any) -> Hypothesis:
        """The best of the search's best texts; its score is that of the module's formula."""
        return self.nbest(log_probs, 1)[0]

    def nbest(self, log_probs: Any, n: int) -> list[Hypothesis]:
        """The `n` best of the search's best texts, best first."""
        hypotheses = self.searcher.nbest(log_probs, max(n, self.settings.nbest))
        return rescore(hypotheses, self.model.score([h.text for h in hypotheses]), self.settings)[:n]


def rescore(
    hypotheses: Sequence[Hypothesis], log_probs: Sequence[float], settings: Settings
) -> list[Hypothesis]:
    """`hypotheses` with their new scores, best first.

    Args:
        log_probs: the language model's natural log of the probability of each text.
    """
    scored = [
        replace(h, score=h.score + settings.weight * log_prob + settings.word_bonus * len(h.text.split()))
        for h, log_prob in zip(hypotheses, log_probs, strict=True)
    ]
    return sorted(scored, key=lambda h: -h.score)


def load_rescorer(
    searcher: Decoder | Searcher, path: str | Path, symbols: Sequence[str], device: str = "cpu"
) -> Rescorer:
    """Put the language model at `path`, with the settings that its file holds, behind a decoder.

    Args:
        symbols: of the acoustic model; the language model must know them all.

    Raises:
        CheckpointError: no such file, another kind of model, or one that lacks characters.
        ConfigError: the decoder returns one text only.
    """
    if not isinstance(searcher, Searcher):
        raise ConfigError(
            "This decoder returns one text only, so there is nothing to rescore. Use the decoder beam."
        )
    model = load_language_model(path, device)
    missing = sorted(set(symbols) - set(model.vocabulary.symbols))
    if missing:
        raise CheckpointError(
            f"{path} doesn't know {''.join(missing)!r}, which the acoustic model writes. Train a language model on "
            "text that holds them."
        )
    return Rescorer(searcher, model, model.header.rescoring)
