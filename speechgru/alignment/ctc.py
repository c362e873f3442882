"""Forced alignment: which frames of a CTC network's output each letter of a known text covers.

The best path through the trellis of Graves et al. 2006 (letters, and blanks between them), with liberties at the
boundaries between words, because texts and recordings seldom match to the word:

* frames of a boundary may hold anything at all, for a price (speech the text lacks);
* a word may be passed over, for a price (words that nobody said);
* the space symbol may be missing; two words may even touch without a frame between them, for a price.

With no liberties (`STRICT`) and a single word, this is plain CTC alignment.

Exact, in little memory: of the scores only those before each block of frames are kept. From the end back, a block
is computed once more, in a window of words that ends at the known last state and grows until that state's score
comes out as it did the first time: then the window holds the best path. Time is that of filling the trellis,
frames times letters: nothing is given up on the way, as no bound says how bad a path may look in the middle of an
hour that the text lacks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from speechgru.alignment import trellis
from speechgru.alignment.trellis import GAP, KINDS, LETTER, WILD, Floats, Frames, Graph, Integers, Scores
from speechgru.text.vocabulary import BLANK
from speechgru.utils import jit

BLOCK = 512  # frames, at least
FIRST_WINDOW = 64  # words


@dataclass(frozen=True)
class Prices:
    """What liberties cost, in nats; infinite: not allowed.

    wild: beginning a stretch of frames, between two words, that is speech the text lacks.
    wild_frame: each frame of it, on top of the best symbol's cost.
    skip: passing over any number of words in a row.
    skip_word, skip_letter: each of those words, and each of their letters.
    join: two words without a frame between them.

    The defaults were chosen on dev speech spoiled on purpose: tools/release/tune_align.py.
    """

    wild: float = 12.0
    wild_frame: float = 0.5
    skip: float = 6.0
    skip_word: float = 1.0
    skip_letter: float = 1.0
    join: float = 3.0


STRICT = Prices(math.inf, math.inf, math.inf, math.inf, math.inf, math.inf)


@dataclass(frozen=True)
class Path:
    """Frames [start, end) of each letter, the letters of all words in a row; -1 for those of skipped words.

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
        ValueError: no path exists: more letters than frames, and no word may be skipped.
    """
    jit.announce(trellis.advance, "the aligner")
    frames = _frames(np.ascontiguousarray(log_probs, np.float32), space, prices.wild_frame)
    graph = _graph(words, prices)
    block = block_size(len(log_probs), len(graph.labels))
    kept = _forward(frames, graph, block)
    score, state = _end(kept[-1].scores, graph)
    if not score > -math.inf:
        raise ValueError(f"{len(graph.labels)} letters don't fit into {len(log_probs)} frames.")
    states = _backward(frames, graph, kept, block, state)
    return Path(*_spans(states, len(graph.labels)), score + sum(float(after.best) for after in kept))


def _frames(log_probs: Floats, space: int | None, wild_frame: float) -> Frames:
    quiet = log_probs[:, BLANK] if space is None else np.maximum(log_probs[:, BLANK], log_probs[:, space])
    return Frames(log_probs, np.ascontiguousarray(quiet), log_probs.max(axis=1) - np.float32(wild_frame))


def _graph(words: Sequence[Sequence[int]], prices: Prices) -> Graph:
    sizes = np.array([len(word) for word in words], np.int32)
    labels = np.array([label for word in words for label in word], np.int32)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    direct = np.zeros(len(labels), np.float32)
    direct[first[:-1]] = -prices.join
    direct[1:][labels[1:] == labels[:-1]] = -math.inf  # CTC: a blank parts equal letters
    more = (prices.skip_word + prices.skip_letter * sizes).astype(np.float32)
    return Graph(labels, direct, first, more, np.float32(prices.skip), np.float32(prices.wild))


def block_size(frames: int, letters: int) -> int:
    """Frames of a block, so that neither kept scores nor what a block is computed in grow out of hand.

    Scores take about 9 letters frames / block bytes. A block's codes take a byte for each of its frames and of the
    letters said in it, so they grow with its square; where the text of a chapter is skipped, all its letters count.
    """
    block: int = max(BLOCK, round((frames * letters / 1.5) ** (1 / 3)))
    return block


def _forward(frames: Frames, graph: Graph, block: int) -> list[_Kept]:
    """Scores before each block, and at the very end."""
    scores = _begin(graph)
    kept = [_Kept(_copy(scores), np.float32(0))]
    for start in range(0, len(frames.quiet), block):
        trellis.advance(_cut(frames, start, block), graph, scores)
        best = scores.gaps.max(initial=scores.letters.max())
        for array in scores:
            array -= best
        kept.append(_Kept(_copy(scores), best))
    return kept


def _begin(graph: Graph) -> Scores:
    """Before the first frame: at the first boundary, or at another one if the words before it are skipped."""
    n, words = len(graph.labels), len(graph.more)
    gaps = np.full(n + 1, -np.inf, np.float32)
    gaps[graph.first[1:]] = -graph.skip - np.cumsum(graph.more)
    gaps[0] = 0
    return Scores(gaps, np.full(n, -np.inf, np.float32), np.full(words + 1, -np.inf, np.float32))


def _copy(scores: Scores) -> Scores:
    return Scores(*(array.copy() for array in scores))


def _cut(frames: Frames, start: int, count: int) -> Frames:
    return Frames(*(array[start : start + count] for array in frames))


def _end(scores: Scores, graph: Graph) -> tuple[float, int]:
    """The best score behind the last frame, where words may still be skipped, and the state of that frame."""
    paid = np.zeros(len(graph.first), np.float32)
    paid[:-1] = graph.skip + np.cumsum(graph.more[::-1])[::-1]
    from_gap = scores.gaps[graph.first] - paid
    from_letter = np.full(len(graph.first), -np.inf, np.float32)
    from_letter[1:] = scores.letters[graph.first[1:] - 1] - paid[1:]
    w = int(np.argmax(np.maximum(from_gap, from_letter)))
    k = int(graph.first[w])
    if from_letter[w] > from_gap[w]:
        return float(from_letter[w]), KINDS * (k - 1) + LETTER
    return float(from_gap[w]), KINDS * k + GAP


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
        codes = np.empty((len(states), len(scores.gaps)), np.uint8)
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
    is_boundary = kind != LETTER and k == graph.first[w]
    return max(w if is_boundary else w + 1, 1)


def _part(graph: Graph, scores: Scores, low: int, high: int) -> tuple[Graph, Scores]:
    """Words [low, high) alone; their scores are copies."""
    start, end = graph.first[low], graph.first[high]
    part = graph._replace(
        labels=graph.labels[start:end],
        direct=graph.direct[start:end],
        first=graph.first[low : high + 1] - start,
        more=graph.more[low:high],
    )
    gaps, letters, wild = scores
    return part, _copy(Scores(gaps[start : end + 1], letters[start:end], wild[low : high + 1]))


def _score(scores: Scores, graph: Graph, state: int) -> np.float32:
    k, kind = divmod(state, KINDS)
    if kind == WILD:
        score: np.float32 = scores.wild[np.searchsorted(graph.first, k)]
    else:
        score = (scores.letters if kind == LETTER else scores.gaps)[k]
    return score


def _spans(states: Integers, count: int) -> tuple[Integers, Integers]:
    """First frame, and last frame + 1, of each of `count` letters; -1 for those without any."""
    frames = np.flatnonzero(states % KINDS == LETTER).astype(np.int32)
    letters = states[frames] // KINDS
    starts, ends = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    starts[letters[::-1]] = frames[::-1]  # of several assignments the last one holds
    ends[letters] = frames + 1
    return starts, ends
