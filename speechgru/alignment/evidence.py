"""How well a word fits the sound: its characters, and its phones where the network has a phone head.

A network's best symbol at each frame is a free recognition of the sound. What a word scores below it is evidence
against the word: the logarithm of a likelihood ratio between the word and anything at all (Rose and Paul 1990, a filler
model; Witt and Young 2000, for pronunciations). It is taken twice: for the word alone, wherever it fits best around its
place, and for the place, from the word before to the word behind, all of which it has to explain, or pay for. A
logistic regression weighs both heads, and a hybrid model's ratios (speechgru.alignment.hybrid);
tools/release/tune_evidence.py fits it on dev speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding.trellis import Floats
from speechgru.text.vocabulary import BLANK
from speechgru.utils import jit

njit = jit.compiled(__file__)

Words = Sequence[Sequence[int]]  # the labels, or phones, of each word of a reading
Spot = tuple[int, int]  # frames [start, end)

ANYTHING = -1  # in place of a label: any symbols, at least one frame of them
ANY: Words = ((ANYTHING,),)
_SLACK = 2  # frames: characters may peak a little beside their word
_REACH = 12  # frames around the characters that are looked at where no word is near
PAUSE = 25  # the same, for what the word has to explain
_IMPOSSIBLE = np.float32(-1e9)
_FILLER, _FILLER_FRAME = (
    np.float32(8.0),
    np.float32(0.5),
)  # price of other speech beside a word, and of each frame of it


@dataclass(frozen=True)
class Weights:
    """Of the logistic regression: what the word must reach, and the weights of the evidence; per label of the word, and
    per word. With and without a phone head."""

    bias: float
    characters: float  # the word alone, by its characters, each
    place: float  # its place, by characters, each
    place_per_word: float
    phones: float = 0.0
    phone_place: float = 0.0
    phone_place_per_word: float = 0.0


WITH_PHONES = Weights(
    7.707, 0.455, -0.003, -0.038, 0.402, 0.410, 0.111
)  # bias: of the words of dev-libri 0.4 % fall short
CHARACTERS_ALONE = Weights(6.516, 0.756, 0.407, 0.048)  # they tell less: 0.8 % of the words fall short

# With a hybrid model: what the word must reach (of the words of dev-libri 0.3 % fall short) and the weights of what
# `bounded` returns. No single piece of evidence outweighs all others, so each has bounds.
HYBRID_BIAS = 3.319
HYBRID = (0.434, -0.344, 0.918, -0.127, -0.061, 1.152, 0.269, -0.116)
LEAST_OF_HEADS = -4.0
LEAST_RATIOS, MOST_RATIOS = (-10.0, -4.0, -10.0, -4.0), (6.0, 4.0, 6.0, 4.0)


@dataclass(frozen=True)
class Head:
    """One head's log-probabilities, less those of the best symbol: `ratios` [frames, symbols]; `quiet` [frames] is the
    same at a word boundary."""

    ratios: Floats
    quiet: Floats


@dataclass(frozen=True)
class Context:
    """A word, or several, in their place: labels by head (of the word every pronunciation), and frames.

    before, after: None where nothing is within PAUSE frames. Where the word beside isn't in the recording, ANY stands
    for it.
    """

    before: tuple[Sequence[Words], Spot] | None
    word: Sequence[Sequence[Words]]
    spot: Spot
    after: tuple[Sequence[Words], Spot] | None

    @property
    def place(self) -> Spot:
        """Frames from the word before to the word behind; a pause where none is near."""
        low = self.before[1][0] - 1 if self.before else self.spot[0] - PAUSE
        return max(low, 0), self.after[1][1] + 1 if self.after else self.spot[1] + PAUSE

    @property
    def alone(self) -> Spot:
        """Frames in which the word fits best somewhere."""
        start, end = self.spot
        low = max(start - _REACH, self.before[1][1] if self.before else 0) - _SLACK
        high = min(end + _REACH, self.after[1][0] if self.after else end + _REACH) + _SLACK
        return max(low, 0), high


def head(log_probs: Floats, space: int | None) -> Head:
    """Of log-probabilities [frames, symbols], blank first; `space`: the symbol between words, if there is one."""
    ratios = np.ascontiguousarray(log_probs - log_probs.max(axis=1, keepdims=True), np.float32)
    quiet = ratios[:, BLANK] if space is None else np.maximum(ratios[:, BLANK], ratios[:, space])
    return Head(ratios, np.ascontiguousarray(quiet))


def features(heads: Sequence[Head], context: Context) -> NDArray[np.float64]:
    """[heads, 3]: of the word alone, per label; of its place, per label; and of its place, per word."""
    rows = []
    for number, each in enumerate(heads):
        every = [_row(each, number, word, context) for word in context.word[number]]
        rows.append(max(every, key=sum))
    return np.array(rows)


def _row(each: Head, number: int, word: Words, context: Context) -> tuple[float, float, float]:
    labels = sum(map(len, word))
    place = _place(each, number, word, context)
    return _alone(each, word, context) / labels, place / labels, place / len(word)


def score(heads: Sequence[Head], context: Context, ratios: Sequence[float] = ()) -> float:
    """Whether the sound holds the word: its log odds, above those that are asked for if positive.

    Args:
        ratios: a hybrid model's, beside two heads; none without one.
    """
    values = features(heads, context)
    if ratios:
        return HYBRID_BIAS + float(np.dot(bounded(values, ratios), HYBRID))
    weights = WITH_PHONES if len(heads) > 1 else CHARACTERS_ALONE
    own = (weights.characters, weights.place, weights.place_per_word)
    other = (weights.phones, weights.phone_place, weights.phone_place_per_word)
    return (
        weights.bias
        + float(np.dot(values[0], own))
        + (float(np.dot(values[1], other)) if len(heads) > 1 else 0.0)
    )


def bounded(values: NDArray[np.float64], ratios: Sequence[float]) -> NDArray[np.float64]:
    """Evidence of both heads and a hybrid model: of each head the word alone and its place, per label; the ratios."""
    of_heads = np.maximum(values[:, :2], LEAST_OF_HEADS).ravel()
    return np.concatenate([of_heads, np.clip(ratios, LEAST_RATIOS, MOST_RATIOS)])


def _alone(each: Head, word: Words, context: Context) -> float:
    return _best(each, [ANY, word, ANY], *context.alone)


def _place(each: Head, number: int, word: Words, context: Context) -> float:
    before = context.before[0][number] if context.before else ()
    after = context.after[0][number] if context.after else ()
    with_word = _best(each, [before, word, after], *context.place)
    return with_word - _best(each, [before, ANY, after], *context.place)


def _best(each: Head, parts: Sequence[Words], low: int, high: int) -> float:
    words = [word for part in parts for word in part]
    labels = np.array([label for word in words for label in word], np.int32)
    is_first = np.zeros(len(labels) + 1, np.bool_)
    is_first[np.cumsum([0, *map(len, words)])] = True
    return float(_best_path(each.ratios[low:high], each.quiet[low:high], labels, is_first))


@njit
def _best_path(
    ratios: Floats, quiet: Floats, labels: NDArray[np.int32], is_first: NDArray[np.bool_]
) -> float:
    """Score of the best path that spells `labels` over all frames; `is_first` [labels + 1]: a word begins there."""
    n = len(labels)
    blank, label = np.full(n + 1, _IMPOSSIBLE), np.full(n, _IMPOSSIBLE)
    filler = np.full(n + 1, _IMPOSSIBLE)
    blank[0] = 0.0
    for t in range(len(ratios)):
        for k in range(n, -1, -1):  # from the back, so that what comes before is of the frame before
            came = blank[k]
            if k and label[k - 1] > came:
                came = label[k - 1]
            if k < n:
                best = label[k] if label[k] > blank[k] else blank[k]
                if k and (labels[k] != labels[k - 1] or labels[k] < 0) and label[k - 1] > best:
                    best = label[k - 1]
                label[k] = best + (ratios[t, labels[k]] if labels[k] >= 0 else np.float32(0.0))
            if is_first[k]:
                filler[k] = max(filler[k], came - _FILLER) - _FILLER_FRAME
                blank[k] = max(came + quiet[t], filler[k])
            else:
                blank[k] = came + ratios[t, 0]
    return float(max(blank[n], label[n - 1]))
