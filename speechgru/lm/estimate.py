"""From a corpus to a model of the wished size: count, smooth, mix, prune, quantise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.errors import LanguageModelError
from speechgru.lm import slm
from speechgru.lm._counts import count
from speechgru.lm._kneser_ney import Estimate, estimate
from speechgru.lm._prune import importance, mixed, prune, quantised, table
from speechgru.lm.corpus import Corpus, Reader, Scratch
from speechgru.lm.ngram import NGram, from_table
from speechgru.lm.table import Table


@dataclass(frozen=True)
class Settings:
    """How a model is made.

    order: words of the longest n-grams. cutoffs: for each order the count up to which n-grams are left out, the
    last one for all that follow. max_size: bytes of the file, reached by leaving out what matters least.
    weights: in a linear interpolation, sum 1: of the model of all sources as one text, then of each source's own;
    none: only the first.
    bits: of a quantised weight.
    discount_fallback: take fixed discounts where the text is too small or too odd to give any (lmplz's option of that
    name); for closed sets of sentences, such as commands.
    """

    order: int = 4
    cutoffs: tuple[int, ...] = ()
    max_size: int | None = None
    weights: tuple[float, ...] = ()
    bits: int = 8
    discount_fallback: bool = False


def build(sentences: Iterable[str], settings: Settings | None = None) -> NGram:
    """An n-gram model of sentences, each of words parted by spaces in the normaliser's spelling.

    >>> model = build(["the cat sat", "the cat ran", "the dog ran"], Settings(order=2, discount_fallback=True))
    >>> model.order, sum(model.score(["the", "cat"])) > sum(model.score(["the", "dog"]))
    (2, True)

    Raises:
        LanguageModelError: there are no words, too few for discounts (without `discount_fallback`), or not even the
            single ones fit into `max_size`.
    """
    settings = settings or Settings()
    with Scratch() as scratch:
        reader = Reader(scratch)
        reader.add(sentences)
        return from_table(make(reader.corpus(), settings, scratch), settings.bits)


def make(
    corpus: Corpus, settings: Settings, scratch: Scratch, say: Callable[[str], None] = lambda message: None
) -> Table:
    """The table of a corpus's model, its probabilities already of `2**bits` values an order; `say` is called
    with a line before each step.

    Raises:
        LanguageModelError: the text gives no discounts (without `discount_fallback`), or not even the single words fit
            into `max_size`.
    """
    say(f"counting n-grams of {corpus.n_words:,} words")
    counts = count(corpus, settings.order, scratch)
    say(f"smoothing {' + '.join(f'{len(level):,}' for level in counts.levels)} n-grams")
    if settings.weights:
        used = [(weight, i - 1 if i else None) for i, weight in enumerate(settings.weights) if weight]
        parts = [estimate(counts, source, settings.cutoffs) for _, source in used]
        _check_discounts(parts, corpus, settings, say)
        model = mixed(parts, [weight for weight, _ in used])
    else:
        model = estimate(counts, cutoffs=settings.cutoffs)
        _check_discounts([model], corpus, settings, say)
    if settings.max_size is not None:
        model = fitted(model, settings, say)
    return table(quantised(model, settings.bits))


def _check_discounts(
    models: Iterable[Estimate], corpus: Corpus, settings: Settings, say: Callable[[str], None]
) -> None:
    # Of a bounded vocabulary no word is rare, however large the text.
    first = 2 if corpus.unknown else 1
    fault = next((fault for model in models for order, fault in model.faults if order >= first), "")
    if not fault:
        return
    size = f"{corpus.n_words:,} words in {corpus.sentences:,} sentences"
    if not settings.discount_fallback:
        raise LanguageModelError(
            f"{size} are too few, or too much alike, for the discounts of Kneser-Ney smoothing: {fault}. Give more "
            "text, each sentence once; a lower --order; or for a closed set of sentences (commands, say) "
            "--discount-fallback."
        )
    say(
        f"warning: {size} give no discounts ({fault}); fixed ones are taken. Such a model fits a closed set of "
        "sentences (commands, say); it spoils transcripts of anything else."
    )


def fitted(model: Estimate, settings: Settings, say: Callable[[str], None]) -> Estimate:
    """The model without the n-grams that matter least, as few as it takes to fit into `max_size`."""
    assert settings.max_size is not None
    scores = importance(model, settings.weights)
    levels = model.counts.levels
    rows = [np.sort(s) for s in scores]
    # A row is a context where one of those that go on from it stays.
    best = [np.zeros(len(level)) for level in levels[:-1]]
    for k, into in enumerate(best):
        np.maximum.at(into, levels[k + 1].parent, np.where(model.kept[k + 1], scores[k + 1], 0.0))
    contexts = np.sort(np.concatenate([np.zeros(0), *best]))
    candidates = np.unique(np.concatenate([[0.0], *rows[1:]]))

    def size(threshold: float) -> int:
        counts = [len(r) - int(np.searchsorted(r, threshold, side="right")) for r in rows]
        left = len(contexts) - int(np.searchsorted(contexts, threshold, side="right"))
        return slm.size_of(model.counts.words, counts, left, settings.bits)

    low, high = 0, len(candidates) - 1
    if size(candidates[high]) > settings.max_size:
        raise LanguageModelError(
            f"{len(model.counts.words):,} single words alone take {size(candidates[high]):,} bytes, more than "
            f"{settings.max_size:,}. Allow more (--max-size) or fewer words (--vocabulary-size, --min-count)."
        )
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if size(candidates[middle]) <= settings.max_size else (middle + 1, high)
    say(f"leaving out n-grams worth less than {candidates[low]:.3g} nats a word")
    return prune(model, scores, float(candidates[low]))


def write(path: str | Path, made: Table, provenance: dict[str, Any], bits: int) -> NGram:
    """Pack the table and write it as `.slm`; the model as it is in the file."""
    model = from_table(made, bits, provenance)
    slm.save(path, made.words, model.arrays, provenance)
    return model
