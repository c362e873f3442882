"""A language model from its file: how likely it finds texts, and how it goes on with one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import ConfigError, LanguageModelError
from speechgru.models import checkpoint
from speechgru.models.checkpoint import Header, NetworkEntry
from speechgru.text import Vocabulary, english
from speechgru.utils import device as devices
from speechgru.utils.tables import columns

KIND = "language"
EDGE = 0
"""The symbol before and after every text."""
MOST = 4096
"""Texts that are scored at once."""


@dataclass(frozen=True)
class Perplexity:
    """How well a model predicts texts: `nats`, the negative natural log of their probability.

    `characters` and `words` are those of the texts; each of the `texts` also has an end to be predicted, which counts
    as a character and as a word.
    """

    nats: float
    characters: int
    words: int
    texts: int

    @property
    def bits(self) -> float:
        """Bits per character."""
        return self.nats / math.log(2) / (self.characters + self.texts)

    @property
    def per_character(self) -> float:
        """Perplexity per character."""
        return math.exp(self.nats / (self.characters + self.texts))

    @property
    def per_word(self) -> float:
        """Perplexity per word, which can be compared with that of a model of words."""
        return math.exp(min(self.nats / (self.words + self.texts), 700))

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "bits_per_character": round(self.bits, 5),
            "perplexity_per_character": round(self.per_character, 4),
            "perplexity_per_word": round(self.per_word, 3),
            "nats": round(self.nats, 3),
            "characters": self.characters,
            "words": self.words,
            "texts": self.texts,
        }

    def cells(self) -> dict[str, str]:
        """A row of a report, by column."""
        return {
            "bits per character": f"{self.bits:.4f}",
            "perplexity per character": f"{self.per_character:.3f}",
            "perplexity per word": f"{self.per_word:.1f}",
            "characters": f"{self.characters:,}",
            "words": f"{self.words:,}",
            "texts": f"{self.texts:,}",
        }

    def note(self) -> str:
        """What the row doesn't say."""
        return (
            "Perplexities are over all characters (words) and the end of every text, which counts as one of them; "
            f"texts are normalised by {english.NORMALISER}."
        )

    def details(self) -> str:
        """Nothing that a row can't say."""
        return ""

    def describe(self) -> str:
        """A few lines for people."""
        return columns(self.cells())


@dataclass(frozen=True)
class RescoringSettings:
    """How much a language model's opinion of a search's texts counts (speechgru.decoding.rescoring)."""

    weight: float = 0.5
    """Of the language model's natural logs."""
    word_bonus: float = 0.0
    """For each word; compensates for the words that a language model deletes."""
    nbest: int = 32
    """Texts that are asked for: the best of a search."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf or not math.isfinite(self.word_bonus) or self.nbest < 1:
            raise ConfigError(f"Rescoring wants weight ≥ 0, a finite word_bonus and nbest ≥ 1; got {self}.")


@dataclass(frozen=True, kw_only=True)
class LanguageHeader(Header):
    """The header of a language model: the characters it knows, and what was tuned for it (benchmarks/rescore.py)."""

    KIND: ClassVar[str] = KIND

    vocabulary: Vocabulary
    rescoring: RescoringSettings = RescoringSettings()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The characters."""
        return self.vocabulary.symbols


class LanguageModel:
    """Scores and continues texts. Make one with `load_language_model`.

    Attributes:
        vocabulary: the characters it knows.
        header: what its file says about it.
    """

    def __init__(self, model: Any, vocabulary: Vocabulary, header: LanguageHeader | None = None) -> None:
        self.model, self.vocabulary = model, vocabulary
        self.header = header or LanguageHeader(model=NetworkEntry(KIND, {}), vocabulary=vocabulary)

    def score(self, texts: Sequence[str]) -> list[float]:
        """Natural log of the probability of each text, its end included.

        What several texts begin with is read once, so that the texts of an n-best list cost little.

        Raises:
            CorpusError: a text holds characters that the model doesn't know.
        """
        encoded = [np.array(self.vocabulary.encode(each), dtype=np.uint8) for each in texts]
        scores = np.zeros(len(texts))
        order = sorted(range(len(texts)), key=lambda i: texts[i])
        for i in range(0, len(order), MOST):
            some = order[i : i + MOST]
            scores[some] = _log_probs(self.model, [encoded[j] for j in some])
        return [float(score) for score in scores]

    def perplexity(self, texts: Sequence[str]) -> Perplexity:
        """Of all `texts` together.

        Raises:
            CorpusError: a text holds characters that the model doesn't know.
        """
        words = sum(len(each.split()) for each in texts)
        return Perplexity(-sum(self.score(texts)), sum(map(len, texts)), words, len(texts))

    def sample(
        self, prompt: str = "", length: int = 200, *, temperature: float = 1.0, top_k: int = 0, seed: int = 0
    ) -> str:
        """Go on with `prompt` for `length` characters; where a text ends, a new one begins on a new line.

        Args:
            prompt: what the text begins with; it is normalised first, and is the beginning of what is returned.
            temperature: above 0; below 1 prefers what is likely, above 1 evens out.
            top_k: choose among the so many likeliest characters only; 0: among all.
            seed: the same seed gives the same text.

        Raises:
            LanguageModelError: a temperature that isn't above 0, a negative length or top_k, or a prompt with
                characters that the model doesn't know.
        """
        if not temperature > 0 or math.isinf(temperature):
            raise LanguageModelError(
                f"Got temperature {temperature}; expected a number above 0, such as 0.8."
            )
        for what, value in (("length", length), ("top_k", top_k)):
            if value < 0:
                raise LanguageModelError(f"Got {what} {value}; expected 0 or more.")
        start = self._prompt(prompt)
        generator = torch.Generator().manual_seed(seed)
        characters = _continue(
            self.model, self.vocabulary.encode(start), length, temperature, top_k, generator
        )
        return start + "".join("\n" if c == EDGE else self.vocabulary.symbols[c] for c in characters)

    def _prompt(self, prompt: str) -> str:
        start = english.normalise(prompt)
        if start and prompt[-1].isspace():
            start += " "
        wrong = english.unsupported_characters(prompt) | self.vocabulary.unknown(start)
        if wrong:
            known = "".join(self.vocabulary.symbols[1:])
            raise LanguageModelError(
                f"The prompt holds characters that the model doesn't know: {''.join(sorted(wrong))!r}. Expected only "
                f"{known!r}."
            )
        return start


@torch.inference_mode()
def _log_probs(model: Any, texts: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Natural log of the probability of each of `texts`, which come in the order of their symbols.

    They are read side by side, and a prefix that some share only once: in that order they stand next to each other.
    """
    device = next(model.parameters()).device
    lengths = np.array([len(each) for each in texts])
    symbols = np.full((len(texts), lengths.max() + 1), EDGE, dtype=np.int64)
    for row, each in zip(symbols, texts, strict=True):
        row[: len(each)] = each
    # How many symbols each shares with the one before it.
    shared = np.zeros(len(texts), dtype=np.int64)
    shared[1:] = (symbols[1:] == symbols[:-1]).cumprod(axis=1).sum(axis=1)
    scores = np.zeros(len(texts))
    rows, node = np.arange(len(texts)), np.zeros(len(texts), dtype=np.int64)
    # At every step: `rows` that have not ended, and for each the `node`, among different prefixes, where it stands.
    log_probs, state = model.step(torch.zeros(1, dtype=torch.long, device=device))
    for depth in range(symbols.shape[1]):
        following = symbols[rows, depth]
        scores[rows] += log_probs.cpu().double().numpy()[node, following]
        goes_on = lengths[rows] > depth
        rows, node, following = rows[goes_on], node[goes_on], following[goes_on]
        if not len(rows):
            break
        new = shared[rows] <= depth
        new[0] = True
        parents = torch.from_numpy(node[new]).to(device)
        log_probs, state = model.step(torch.from_numpy(following[new]).to(device), state[:, parents])
        node = new.cumsum() - 1
    return scores


@torch.inference_mode()
def _continue(
    model: Any, start: list[int], length: int, temperature: float, top_k: int, generator: torch.Generator
) -> list[int]:
    """`length` symbols drawn one by one after those of `start`."""
    device = next(model.parameters()).device
    drawn: list[int] = []
    log_probs, state = model.step(torch.tensor([EDGE], device=device))
    for symbol in start:
        log_probs, state = model.step(torch.tensor([symbol], device=device), state)
    for _ in range(length):
        # In float64 on the CPU, so that the draw depends on the model's numbers and the seed alone.
        logits = log_probs[0].double().cpu() / temperature
        if (drawn or start or [EDGE])[-1] == EDGE:
            logits[EDGE] = -math.inf  # nobody wants an empty line
        if top_k:
            logits[logits < logits.topk(min(top_k, len(logits))).values[-1]] = -math.inf
        symbol = int(torch.multinomial(logits.softmax(dim=0), 1, generator=generator))
        drawn.append(symbol)
        # Every text begins anew, as in training.
        log_probs, state = model.step(
            torch.tensor([symbol], device=device), None if symbol == EDGE else state
        )
    return drawn


def load_language_model(path: str | Path, device: str = "cpu") -> LanguageModel:
    """Load what `speechgru train` wrote for a recipe of a language model.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    loaded = checkpoint.load(path)
    header = loaded.read(LanguageHeader)
    model = checkpoint.network(loaded, header.model, len(header.vocabulary))
    return LanguageModel(model.to(devices.find(device)), header.vocabulary, header)
