"""The words of a language model as a tree of phones in context: what the search over tied states walks.

A state is a phone of a beginning that words share, with its left neighbour. Within words that is known; a word's first
phone has a state for each phone that the word before may end in. State 0 is silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import SILENCE, Lexicon, Phones
from speechgru.mmi.tying import Tying
from speechgru.utils import jit

njit = jit.compiled(__file__)


class Tree(NamedTuple):
    """Arrays by state.

    enter, stay: its outputs, int32. phone: int32. child: its children are states child[s, 0] to child[s, 1] - 1, int32
    [states, 2]. word: the words that end in it are ids[word[s, 0]:word[s, 1]], int32 [states, 2]. ahead: natural log
    of the likeliest word below it, float32. root: the state of a word's first phone behind each other phone, int32
    [phones, phones] by (left, phone), -1 where no word begins so. Of the words: ids of the language model, int32; text:
    their places among all words, int32; habit: natural log of how usual it is to say that word so, float32; gain: what
    it gains beside its probability, float32.
    """

    enter: NDArray[np.int32]
    stay: NDArray[np.int32]
    phone: NDArray[np.int32]
    child: NDArray[np.int32]
    word: NDArray[np.int32]
    ahead: NDArray[np.float32]
    root: NDArray[np.int32]
    ids: NDArray[np.int32]
    text: NDArray[np.int32]
    habit: NDArray[np.float32]
    gain: NDArray[np.float32]


Spoken = tuple[Phones, int, float]


def pronunciations(
    words: Sequence[str],
    skip: int,
    lexicon: Lexicon,
    habits: Mapping[tuple[str, Phones], float] | None = None,
) -> list[Spoken]:
    """All ways to say all words but the first `skip`, with the words' places and the natural logs of `habits` (0 where
    it has none), sorted."""
    habits = habits or {}
    return sorted(
        (way, place, habits.get((word, way), 0.0))
        for place, word in enumerate(words)
        if place >= skip
        for way in lexicon.pronounce(word)
    )


def build(
    entries: Sequence[Spoken],
    log_probs: NDArray[np.float64],
    tying: Tying,
    ids: NDArray[np.int32] | None = None,
    gains: Mapping[int, float] | None = None,
) -> Tree:
    """The tree of sorted pronunciations.

    Args:
        entries: as `pronunciations` gives them.
        log_probs: natural logs of each word's probability [words]: what the look-ahead is made of.
        ids: of the language model, of each word [words]; by default its place.
        gains: what words gain beside their probability, by their places.
    """
    flat = np.fromiter((phone for way, _, _ in entries for phone in way), np.int64)
    ends = np.cumsum(np.fromiter((len(way) for way, _, _ in entries), np.int64))
    word = np.fromiter((place for _, place, _ in entries), np.int64)
    habit = np.fromiter((habit for _, _, habit in entries), np.float64)
    depth, parent, label, last = _nodes(flat, ends)
    order = np.lexsort((np.arange(len(label)), parent, depth))  # children of a node stand in a row
    place = np.empty(len(label), np.int64)
    place[order] = np.arange(len(label))
    best = np.full(len(label), -np.inf)
    np.maximum.at(best, last, log_probs[word] + habit)
    for level in range(int(depth.max()), 0, -1):
        nodes = np.flatnonzero(depth == level)
        np.maximum.at(best, parent[nodes], best[nodes])
    by_node = np.argsort(place[last], kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(place[last], minlength=len(label)))])
    words = word[by_node], habit[by_node]
    made = _laid_out(order, place, depth, parent, label, best, bounds, words, tying, len(tying.enter))
    if ids is not None:
        made = made._replace(ids=ids[made.text].astype(np.int32))
    for place_of, gain in (gains or {}).items():
        made.gain[made.text == place_of] = gain
    return made


@njit
def _nodes(flat, ends):
    """depth, parent (-1: none) and phone of each node of the trie of sorted ways, and the node where each ends."""
    count = len(flat)
    depth, parent, label = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    last, path = np.empty(len(ends), np.int64), np.empty(256, np.int64)
    nodes, before, size = 0, 0, 0  # where the way before begins, and how long it is
    begin = 0
    for entry in range(len(ends)):
        length, shared = ends[entry] - begin, 0
        while shared < min(size, length) and flat[before + shared] == flat[begin + shared]:
            shared += 1
        for i in range(shared, length):
            depth[nodes], parent[nodes], label[nodes] = i, path[i - 1] if i else -1, flat[begin + i]
            path[i] = nodes
            nodes += 1
        last[entry] = path[length - 1]
        before, size, begin = begin, length, ends[entry]
    return depth[:nodes], parent[:nodes], label[:nodes], last


def _laid_out(order, place, depth, parent, label, best, bounds, words, tying, phones) -> Tree:
    """States: silence, first phones by (left, phone), then the nodes that lie deeper, in `order`."""
    firsts = int((depth == 0).sum())
    heads = {int(label[node]): node for node in order[:firsts]}
    copies = [(left, phone) for left in range(phones) for phone in sorted(heads)]
    shift = 1 + len(copies) - firsts  # from a deeper node's place in `order` to its state
    nodes = np.concatenate([[heads[phone] for _, phone in copies], order[firsts:]]).astype(np.int64)
    left = np.concatenate([[left for left, _ in copies], label[parent[order[firsts:]]]]).astype(np.int64)
    rank = place[nodes]
    inner = parent[order[firsts:]]  # parents of the deeper nodes, which are sorted by them within a depth
    child = np.zeros((1 + len(nodes), 2), np.int32)
    first, last = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    above, at, counts = np.unique(inner, return_index=True, return_counts=True)
    first[above] = at + firsts + shift
    last[above] = first[above] + counts
    child[1:, 0], child[1:, 1] = first[nodes], last[nodes]
    word = np.zeros((1 + len(nodes), 2), np.int32)
    word[1:, 0], word[1:, 1] = bounds[rank], bounds[rank + 1]
    root = np.full((phones, phones), -1, np.int32)
    for state, (before, phone) in enumerate(copies, start=1):
        root[before, phone] = state
    silent = (tying.enter[SILENCE, SILENCE], tying.stay[SILENCE, SILENCE])
    return Tree(
        np.concatenate([[silent[0]], tying.enter[left, label[nodes]]]).astype(np.int32),
        np.concatenate([[silent[1]], tying.stay[left, label[nodes]]]).astype(np.int32),
        np.concatenate([[SILENCE], label[nodes]]).astype(np.int32),
        child,
        word,
        np.concatenate([[0.0], best[nodes]]).astype(np.float32),
        root,
        words[0].astype(np.int32),
        words[0].astype(np.int32),
        words[1].astype(np.float32),
        np.zeros(len(words[0]), np.float32),
    )
