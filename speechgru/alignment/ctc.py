"""Forced alignment: which frames of a CTC network's output each character of a known text covers.

The best path through the CTC lattice (`speechgru.decoding.trellis`), with liberties at the boundaries between words,
because texts and recordings seldom match to the word:

* frames of a boundary may hold any symbols, for a price (filler: speech that the text lacks);
* a word may be skipped, for a price (words of the text that the recording lacks);
* the space symbol may be missing; two words may even touch without a frame between them, for a price;
* a stretch of the text may have several readings, of which the path takes one.

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

from speechgru.alignment.lattice import DEFAULT, Prices, build
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


Labels = Sequence[int]
Readings = Sequence[Sequence[Labels]]  # of one stretch of the text: the words of each


@dataclass(frozen=True)
class Run:
    """The words that a path took of a stretch of the text: the number of the reading, its labels, and their frames
    [start, end)."""

    reading: int
    labels: tuple[int, ...]
    starts: Integers
    ends: Integers


def align(
    log_probs: Floats, words: Sequence[Labels], space: int | None = None, prices: Prices = DEFAULT
) -> Path:
    """The best path of `words` (the labels of each) through `log_probs` [frames, symbols].

    Args:
        log_probs: natural logs, finite, blank first.
        words: at least one, none empty.
        space: label of the symbol between words, if there is one.

    Raises:
        ValueError: no path exists: more characters than frames, and no word may be skipped.
    """
    return _align(log_probs, build([[[word]] for word in words], prices), space, prices)


def align_readings(
    log_probs: Floats,
    texts: Sequence[Readings],
    space: int | None = None,
    prices: Prices = DEFAULT,
    free: Sequence[bool] = (),
) -> list[Run | None]:
    """As `align`, of stretches that may have several readings each; None for those that were skipped.

    Args:
        texts: at least one, each of at least one reading, each of at least one word, none empty.
        free: [texts + 1], whether filler costs nothing to begin before each, and behind the last; none by default.
    """
    graph = build(texts, prices, free)
    path = _align(log_probs, graph, space, prices)
    runs: list[Run | None] = []
    start = 0
    for readings in texts:
        taken = None
        for number, words in enumerate(readings):
            labels = tuple(label for word in words for label in word)
            end = start + len(labels)
            if path.starts[start] >= 0:
                taken = Run(number, labels, path.starts[start:end], path.ends[start:end])
            start = end
        runs.append(taken)
    return runs


def _align(log_probs: Floats, graph: Graph, space: int | None, prices: Prices) -> Path:
    jit.announce(trellis.advance, "the aligner")
    frames = _frames(np.ascontiguousarray(log_probs, np.float32), space, prices.filler_frame)
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
    blank[graph.first[1:]] = np.where(graph.outer[1:], -graph.skip - np.cumsum(graph.skipped), -np.inf)
    blank[0] = 0
    blank[graph.first] = blank[graph.first[graph.alias]]
    return Scores(blank, np.full(n, -np.inf, np.float32), np.full(words + 1, -np.inf, np.float32))


def _copy(scores: Scores) -> Scores:
    return Scores(*(array.copy() for array in scores))


def _cut(frames: Frames, start: int, count: int) -> Frames:
    return Frames(*(array[start : start + count] for array in frames))


def _end(scores: Scores, graph: Graph) -> tuple[float, int]:
    """The best score behind the last frame, where words may still be skipped, and the state of that frame."""
    paid = np.zeros(len(graph.first), np.float32)
    paid[:-1] = graph.skip + np.cumsum(graph.skipped[::-1])[::-1]
    from_blank = np.where(graph.outer, scores.blank[graph.first] - paid, np.float32(-np.inf))
    from_label, label = _ended(scores, graph)
    from_label = from_label - paid
    w = int(np.argmax(np.maximum(from_blank, from_label)))
    if from_label[w] > from_blank[w]:
        return float(from_label[w]), KINDS * int(label[w]) + AT_LABEL
    return float(from_blank[w]), KINDS * int(graph.first[w]) + AT_BLANK


def _ended(scores: Scores, graph: Graph) -> tuple[Floats, Integers]:
    """The best score of a last label at each outer boundary, and that label."""
    best = np.full(len(graph.first), -np.inf, np.float32)
    label = np.zeros(len(graph.first), np.int32)
    behind = _boundary_behind(graph)
    for v, w in enumerate(behind.tolist()):
        k = int(graph.first[v + 1]) - 1
        if graph.outer[w] and scores.label[k] > best[w]:
            best[w], label[w] = scores.label[k], k
    return best, label


def _boundary_behind(graph: Graph) -> Integers:
    """The boundary at which each word ends."""
    behind = np.arange(1, len(graph.first), dtype=np.int32)
    for w in np.flatnonzero(graph.ends >= 0).tolist():
        v = int(graph.ends[w])
        while v >= 0:
            behind[v] = w
            v = int(graph.next_end[v])
    return behind


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
        while not graph.outer[low]:
            low -= 1
        part, scores = _part(graph, before, low, high)
        codes = np.empty((len(states), len(scores.blank)), np.uint8)
        origins = np.empty((len(states), part.slots, 2), np.int32)
        trellis.trace(frames, part, scores, codes, origins)
        offset = KINDS * int(graph.first[low])
        if low == 0 or _score(scores, part, state - offset) - after.best == wanted:
            break
        size *= 2
    start = trellis.follow(codes, origins, part, state - offset, states)
    states += offset
    return int(start) + offset


def _last_word(graph: Graph, state: int) -> int:
    """The number of words, from the first, without which `state` can't be reached; at least one."""
    k, kind = divmod(state, KINDS)
    w = int(np.searchsorted(graph.first, k, "right")) - 1
    is_boundary = kind != AT_LABEL and k == graph.first[w]
    last = max(w if is_boundary else w + 1, 1)
    while not graph.outer[last]:
        last += 1
    return last


def _part(graph: Graph, scores: Scores, low: int, high: int) -> tuple[Graph, Scores]:
    """Words [low, high) alone, both outer boundaries; their scores are copies."""
    start, end = graph.first[low], graph.first[high]
    blank, label, filler = scores
    copied = _copy(Scores(blank[start : end + 1], label[start:end], filler[low : high + 1]))
    bounds = slice(low, high + 1)
    slot = graph.slot[bounds].copy()
    ends = np.where(graph.ends[bounds] >= 0, graph.ends[bounds] - low, -1).astype(np.int32)
    slot[0] = ends[0] = -1  # what comes before isn't in it
    used = slot >= 0
    slot[used] = np.arange(np.count_nonzero(used))
    next_end = graph.next_end[low:high]
    part = graph._replace(
        labels=graph.labels[start:end],
        direct=graph.direct[start:end],
        first=graph.first[bounds] - start,
        skipped=graph.skipped[low:high],
        open=graph.open[bounds],
        alias=graph.alias[bounds] - low,
        outer=graph.outer[bounds],
        ends=ends,
        next_end=np.where(next_end >= 0, next_end - low, -1).astype(np.int32),
        slot=slot,
        slots=int(np.count_nonzero(used)),
    )
    return part, copied


def _score(scores: Scores, graph: Graph, state: int) -> np.float32:
    k, kind = divmod(state, KINDS)
    if kind == AT_FILLER:
        score: np.float32 = scores.filler[np.searchsorted(graph.first, k)]
    else:
        score = (scores.label if kind == AT_LABEL else scores.blank)[k]
    return score
