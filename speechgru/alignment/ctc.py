"""Forced alignment: which frames of a CTC network's output each character of a known text covers.

The best path through the CTC lattice (`speechgru.decoding.trellis`), with liberties at the boundaries between words,
because texts and recordings seldom match to the word:

* frames of a boundary may hold any symbols, for a price (filler: speech that the text lacks);
* a word may be skipped, for a price (words of the text that the recording lacks);
* the space symbol may be missing; two words may even touch without a frame between them, for a price.

With infinite prices and a single word, this is plain CTC alignment.

The result is exact and takes little memory: only the scores before each block of frames are kept. From the end back,
a block is computed once more, in a window of words that ends at the known last state and grows until that state's
score comes out as it did the first time: then the window holds the best path. The time is that of filling the
trellis, frames times characters. Nothing is pruned, as no bound says how bad a path may look in the middle of an hour
that the text lacks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from speechgru.decoding import trellis
from speechgru.decoding.trellis import (
    AT_BLANK,
    AT_FILLER,
    AT_LABEL,
    KINDS,
    Floats,
    Frames,
    Graph,
    Integers,
    Scores,
)
from speechgru.text.vocabulary import BLANK
from speechgru.utils import jit

BLOCK = 512  # frames, at least
FIRST_WINDOW = 64  # words


@dataclass(frozen=True)
class Prices:
    """What liberties cost, in nats; infinite: not allowed.

    filler: beginning a stretch of frames, between two words, that is speech the text lacks.
    filler_frame: each frame of it, on top of the best symbol's cost.
    skip: skipping any number of words in a row.
    skip_word, skip_character: each of those words, and each of their characters.
    join: two words without a frame between them.

    The defaults were chosen on dev speech with words removed and added: tools/release/tune_align.py.
    """

    filler: float = 12.0
    filler_frame: float = 0.5
    skip: float = 6.0
    skip_word: float = 1.0
    skip_character: float = 1.0
    join: float = 3.0


@dataclass(frozen=True)
class Path:
    """Frames [start, end) of each character, those of all words in a row; -1 for those of skipped words.

    score: natural log-probability of the path, less the prices paid.
    """

    starts: Integers
    ends: Integers
    score: float


class _Kept(NamedTuple):
    """Scores from which `best` was subtracted: float32 wants small numbers."""

    scores: Scores
    best: np.float32


def align(
    log_probs: Floats, words: Sequence[Sequence[int]], space: int | None = None, prices: Prices = Prices()
) -> Path:
    """The best path of `words` (the labels of each) through `log_probs` [frames, symbols].

    Args:
        log_probs: natural logs, finite, blank first.
        words: at least one, none empty.
        space: label of the symbol between words, if there is one.

    Raises:
        ValueError: no path exists: more characters than frames, and no word may be skipped.
    """
    jit.announce(trellis.advance, "the aligner")
    frames = _frames(np.ascontiguousarray(log_probs, np.float32), space, prices.filler_frame)
    graph = _graph(words, prices)
    block = block_size(len(log_probs), len(graph.labels))
    kept = _forward(frames, graph, block)
    score, state = _end(kept[-1].scores, graph)
    if not score > -math.inf:
        raise ValueError(f"{len(graph.labels)} characters don't fit into {len(log_probs)} frames.")
    states = _backward(frames, graph, kept, block, state)
    return Path(*trellis.spans(states, len(graph.labels)), score + sum(float(after.best) for after in kept))


def _frames(log_probs: Floats, space: int | None, filler_frame: float) -> Frames:
    quiet = log_probs[:, BLANK] if space is None else np.maximum(log_probs[:, BLANK], log_probs[:, space])
    return Frames(log_probs, np.ascontiguousarray(quiet), log_probs.max(axis=1) - np.float32(filler_frame))


def _graph(words: Sequence[Sequence[int]], prices: Prices) -> Graph:
    sizes = np.array([len(word) for word in words], np.int32)
    labels = np.array([label for word in words for label in word], np.int32)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    direct = np.zeros(len(labels), np.float32)
    direct[first[:-1]] = -prices.join
    direct[1:][labels[1:] == labels[:-1]] = -math.inf  # CTC: a blank parts equal labels
    skipped = (prices.skip_word + prices.skip_character * sizes).astype(np.float32)
    return Graph(labels, direct, first, skipped, np.float32(prices.skip), np.float32(prices.filler))


def block_size(frames: int, characters: int) -> int:
    """Frames of a block, so that neither kept scores nor what a block is computed in grow out of hand.

    Scores take about 9 * characters * frames / block bytes. A block's codes take a byte for each of its frames and of
    the characters in it, so they grow with its square; where a chapter's text is skipped, all its characters count.
    """
    block: int = max(BLOCK, round((frames * characters / 1.5) ** (1 / 3)))
    return block


def _forward(frames: Frames, graph: Graph, block: int) -> list[_Kept]:
    """Scores before each block, and at the very end."""
    scores = _begin(graph)
    kept = [_Kept(_copy(scores), np.float32(0))]
    for start in range(0, len(frames.quiet), block):
        trellis.advance(_cut(frames, start, block), graph, scores)
        best = scores.blank.max(initial=scores.label.max())
        for array in scores:
            array -= best
        kept.append(_Kept(_copy(scores), best))
    return kept


def _begin(graph: Graph) -> Scores:
    """Before the first frame: at the first boundary, or at another one if the words before it are skipped."""
    n, words = len(graph.labels), len(graph.skipped)
    blank = np.full(n + 1, -np.inf, np.float32)
    blank[graph.first[1:]] = -graph.skip - np.cumsum(graph.skipped)
    blank[0] = 0
    return Scores(blank, np.full(n, -np.inf, np.float32), np.full(words + 1, -np.inf, np.float32))


def _copy(scores: Scores) -> Scores:
    return Scores(*(array.copy() for array in scores))


def _cut(frames: Frames, start: int, count: int) -> Frames:
    return Frames(*(array[start : start + count] for array in frames))


def _end(scores: Scores, graph: Graph) -> tuple[float, int]:
    """The best score behind the last frame, where words may still be skipped, and the state of that frame."""
    paid = np.zeros(len(graph.first), np.float32)
    paid[:-1] = graph.skip + np.cumsum(graph.skipped[::-1])[::-1]
    from_blank = scores.blank[graph.first] - paid
    from_label = np.full(len(graph.first), -np.inf, np.float32)
    from_label[1:] = scores.label[graph.first[1:] - 1] - paid[1:]
    w = int(np.argmax(np.maximum(from_blank, from_label)))
    k = int(graph.first[w])
    if from_label[w] > from_blank[w]:
        return float(from_label[w]), KINDS * (k - 1) + AT_LABEL
    return float(from_blank[w]), KINDS * k + AT_BLANK


def _backward(frames: Frames, graph: Graph, kept: list[_Kept], block: int, state: int) -> Integers:
    """The state of each frame on the best path that ends in `state`: [frames]."""
    states = np.empty(len(frames.quiet), np.int32)
    for index in reversed(range(len(kept) - 1)):
        start = index * block
        part, place = _cut(frames, start, block), states[start : start + block]
        state = _traced(part, graph, kept[index].scores, kept[index + 1], state, place)
    return states


def _traced(frames: Frames, graph: Graph, before: Scores, after: _Kept, state: int, states: Integers) -> int:
    """Fill in the `states` of a block, which end in `state`; return the one before them."""
    high = _last_word(graph, state)
    wanted = _score(after.scores, graph, state)
    size = FIRST_WINDOW
    while True:
        low = max(high - size, 0)
        part, scores = _part(graph, before, low, high)
        codes = np.empty((len(states), len(scores.blank)), np.uint8)
        trellis.trace(frames, part, scores, codes)
        offset = KINDS * int(graph.first[low])
        if low == 0 or _score(scores, part, state - offset) - after.best == wanted:
            break
        size *= 2
    start = trellis.follow(codes, part.first, state - offset, states)
    states += offset
    return int(start) + offset


def _last_word(graph: Graph, state: int) -> int:
    """The number of words, from the first, without which `state` can't be reached; at least one."""
    k, kind = divmod(state, KINDS)
    w = int(np.searchsorted(graph.first, k, "right")) - 1
    is_boundary = kind != AT_LABEL and k == graph.first[w]
    return max(w if is_boundary else w + 1, 1)


def _part(graph: Graph, scores: Scores, low: int, high: int) -> tuple[Graph, Scores]:
    """Words [low, high) alone; their scores are copies."""
    start, end = graph.first[low], graph.first[high]
    part = graph._replace(
        labels=graph.labels[start:end],
        direct=graph.direct[start:end],
        first=graph.first[low : high + 1] - start,
        skipped=graph.skipped[low:high],
    )
    blank, label, filler = scores
    return part, _copy(Scores(blank[start : end + 1], label[start:end], filler[low : high + 1]))


def _score(scores: Scores, graph: Graph, state: int) -> np.float32:
    k, kind = divmod(state, KINDS)
    if kind == AT_FILLER:
        score: np.float32 = scores.filler[np.searchsorted(graph.first, k)]
    else:
        score = (scores.label if kind == AT_LABEL else scores.blank)[k]
    return score
