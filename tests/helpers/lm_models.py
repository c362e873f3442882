"""Small language models, and the slow, plain ways to do what speechgru.lm does fast."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from speechgru.lm import NGram
from speechgru.lm._counts import Counts, count
from speechgru.lm.corpus import Corpus, Reader, Scratch
from speechgru.lm.table import Level, Table, sorted_words

ARPA = """\\data\\
ngram 1=6
ngram 2=2

\\1-grams:
-1.0\t<unk>\t0
-99\t<s>\t0
-0.9\t</s>
-0.6\tcat\t-0.3
-0.7\tdog\t0
-0.8\tthe\t0

\\2-grams:
-0.2\t<s> the
-0.3\tcat </s>

\\end\\
"""


Weights = dict[tuple[str, ...], tuple[float, float]]

# https://cmusphinx.github.io/wiki/arpaformat/: log10 weights of a model of two sentences.
PUBLISHED = """\
\\data\\
ngram 1=7
ngram 2=7

\\1-grams:
-1.0000 <UNK>\t-0.2553
-98.9366 <s>\t -0.3064
-1.0000 </s>\t 0.0000
-0.6990 wood\t -0.2553
-0.6990 cindy\t-0.2553
-0.6990 pittsburgh\t\t-0.2553
-0.6990 jean\t -0.1973

\\2-grams:
-0.2553 <UNK> wood
-0.2553 <s> <UNK>
-0.2553 wood pittsburgh
-0.2553 cindy jean
-0.2553 pittsburgh cindy
-0.5563 jean </s>
-0.5563 jean wood

\\end\\
"""

SENTENCES = """\
the cat sat on the mat
the dog sat on the cat
a cat and a dog
the dog saw the cat and the cat saw the dog
on the mat sat a dog
it was the dog
it was a cat that sat on the mat
the mat was on the dog
a dog saw a mat
it sat
the cat was it
was it the cat or the dog that saw the mat""".splitlines()


def table(weights: Weights) -> Table:
    """The table of n-gram → natural-log probability and back-off weight."""
    words = sorted_words({word for gram in weights for word in gram})
    ids = {word: i for i, word in enumerate(words)}
    levels, rows = [], {(): 0}
    for order in range(1, max(map(len, weights)) + 1):
        grams = sorted((rows[g[:-1]], ids[g[-1]], g) for g in weights if len(g) == order)
        levels.append(
            Level(
                np.array([parent for parent, _, _ in grams], np.int64),
                np.array([word for _, word, _ in grams], np.int32),
                np.array([weights[g][0] for _, _, g in grams], np.float32),
                np.array([weights[g][1] for _, _, g in grams], np.float32),
            )
        )
        rows = {g: i for i, (_, _, g) in enumerate(grams)}
    return Table(words, tuple(levels))


def weights_of(made: Table) -> Weights:
    """The opposite of `table`."""
    found: Weights = {}
    grams: list[tuple[str, ...]] = [()]
    for level in made.levels:
        grams = [(*grams[p], made.words[w]) for p, w in zip(level.parent, level.word)]
        found.update(zip(grams, zip(level.prob.tolist(), level.backoff.tolist())))
    return found


def back_off(weights: Weights, context: tuple[str, ...], word: str) -> float:
    """Natural log of p(word | context), by the definition of ARPA files."""
    if (*context, word) in weights:
        return weights[(*context, word)][0]
    return weights.get(context, (0.0, 0.0))[1] + back_off(weights, context[1:], word)


def corpus(sentences: list[str], scratch: Scratch, min_count: int = 1) -> Corpus:
    reader = Reader(scratch)
    reader.add(sentences)
    return reader.corpus(min_count)


def counts(sentences: list[str], order: int, scratch: Scratch, run: int = 1 << 20) -> Counts:
    return count(corpus(sentences, scratch), order, scratch, run)


def sum_after(model: NGram, context: list[str], begin: bool) -> float:
    """Of the probabilities of all words but `<s>` after `context`."""
    words = [word for word in model.words if word != "<s>"]
    ends = [model.score([*context, word], begin=begin, end=False)[-1] for word in words]
    return math.fsum(map(math.exp, ends))


class KneserNey:
    """Interpolated modified Kneser-Ney in dictionaries, written from Chen and Goodman (1998) and from what
    KenLM's lmplz says of itself, independently of speechgru.lm."""

    def __init__(self, sentences: list[str], order: int, cutoffs: tuple[int, ...] = ()) -> None:
        self.order = order
        self.raw: Counter[tuple[str, ...]] = Counter()
        for sentence in sentences:
            words = ("<s>", *sentence.split(), "</s>")
            for k in range(1, order + 1):
                self.raw.update(words[i : i + k] for i in range(len(words) - k + 1))
        self.vocabulary = {g[0] for g in self.raw if len(g) == 1} | {"<unk>", "<s>"}
        before: dict[tuple[str, ...], set[str]] = {}
        for g in self.raw:
            before.setdefault(g[1:], set()).add(g[0])
        self.adjusted = {
            g: n if len(g) == order or g[0] == "<s>" else len(before[g]) for g, n in self.raw.items()
        }
        self.adjusted[("<s>",)] = 0
        limits = [*cutoffs, *[cutoffs[-1] if cutoffs else 0] * (order - len(cutoffs))]
        self.kept = {g for g, n in self.raw.items() if n > limits[len(g) - 1]}
        self.discounts = [self._discount(k) for k in range(1, order + 1)]

    def _discount(self, k: int) -> list[float]:
        n = Counter(a for g, a in self.adjusted.items() if len(g) == k)
        if n[1] and n[2] and n[3]:
            y = n[1] / (n[1] + 2 * n[2])
            d = [0.0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
            if all(0 <= d[j] <= j for j in range(4)):
                return d
        return [0.0, 0.5, 1.0, 1.5]

    def probability(self, context: tuple[str, ...], word: str) -> float:
        """p(word | context); a context that was never seen says nothing."""
        lower = self.probability(context[1:], word) if context else 1 / (len(self.vocabulary - {"<s>"}))
        after = {g: a for g, a in self.adjusted.items() if g[:-1] == context and a > 0}
        total = sum(after.values())
        if not total:
            return lower
        d = self.discounts[len(context)]
        taken = {g: d[min(a, 3)] if g in self.kept else a for g, a in after.items()}
        gram = (*context, word)
        share = after[gram] - taken[gram] if gram in after else 0.0
        return share / total + sum(taken.values()) / total * lower
