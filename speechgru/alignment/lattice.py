"""The lattice of a text for `speechgru.alignment.ctc`: its words, their readings, and what liberties cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgru.decoding.trellis import Graph, Integers


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


DEFAULT = Prices()


def build(
    texts: Sequence[Sequence[Sequence[Sequence[int]]]], prices: Prices, free: Sequence[bool] = ()
) -> Graph:
    """The lattice of stretches of text, of each its readings, of each the words, of each the labels.

    Args:
        free: [texts + 1], whether filler costs nothing to begin before each stretch, and behind the last.
    """
    words = [word for readings in texts for reading in readings for word in reading]
    count = len(words)
    sizes = np.array([len(word) for word in words], np.int32)
    labels = np.array([label for word in words for label in word], np.int32)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    alias, outer = np.arange(count + 1, dtype=np.int32), np.ones(count + 1, np.bool_)
    ends, next_end = np.full(count + 1, -1, np.int32), np.full(count, -1, np.int32)
    skipped, opens = np.zeros(count, np.float32), np.full(count + 1, prices.filler, np.float32)
    at = 0
    for number, readings in enumerate(texts):
        begin = at
        if free and free[number]:
            opens[begin] = 0
        for reading in readings:
            alias[at] = begin
            outer[at + 1 : at + len(reading)] = False
            outer[at] = at == begin
            at += len(reading)
        _end_together(ends, next_end, begin, [len(reading) for reading in readings])
        skipped[at - 1] = prices.skip_word + prices.skip_character * sum(map(len, readings[0]))
    if free and free[-1]:
        opens[count] = 0
    slot = np.where((ends >= 0) | (alias != np.arange(count + 1)) | (ends[alias] >= 0), 0, -1).astype(
        np.int32
    )
    slot[slot == 0] = np.arange(np.count_nonzero(slot == 0))
    direct = np.zeros(len(labels), np.float32)
    direct[first[:-1]] = -prices.join
    direct[1:][labels[1:] == labels[:-1]] = -math.inf  # CTC: a blank parts equal labels
    direct[first[:-1][slot[:-1] >= 0]] = -math.inf  # the kernel looks for what comes before these
    return Graph(
        labels,
        direct,
        np.float32(prices.join),
        first,
        skipped,
        np.float32(prices.skip),
        opens,
        alias,
        outer,
        ends,
        next_end,
        slot,
        int(np.count_nonzero(slot >= 0)),
    )


def _end_together(ends: Integers, next_end: Integers, begin: int, sizes: Sequence[int]) -> None:
    """Note that readings of so many words each, the first of which begins at word `begin`, end at one boundary."""
    if len(sizes) == 1:
        return
    last = np.cumsum(sizes) + begin - 1
    ends[last[-1] + 1] = last[0]
    next_end[last[:-1]] = last[1:]
