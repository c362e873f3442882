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
    phones = len(tying.enter)
    depth, parent, label, ends = _nodes(entries)
    count = len(label)
    order = np.lexsort((np.arange(count), parent, depth))  # children of a node stand in a row
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    best = np.full(count, -np.inf)
    for node, word, habit in ends:
        best[node] = max(best[node], log_probs[word] + habit)
    for node in np.argsort(-depth, kind="stable"):
        if parent[node] >= 0:
            best[parent[node]] = max(best[parent[node]], best[node])
    words: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for node, word, habit in ends:
        words[node].append((word, habit))
    flat = [entry for node in order for entry in words[node]]
    bounds = np.concatenate([[0], np.cumsum([len(words[node]) for node in order])])
    made = _laid_out(order, place, depth, parent, label, best, bounds, flat, tying, phones)
    if ids is not None:
        made = made._replace(ids=ids[made.text].astype(np.int32))
    for place_of, gain in (gains or {}).items():
        made.gain[made.text == place_of] = gain
    return made


def _nodes(
    entries: Sequence[Spoken],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], list[tuple[int, int, float]]]:
    """depth, parent (-1: none) and phone of each node of the trie, and where each word ends."""
    depth, parent, label, ends = [], [], [], []
    path: list[int] = []
    before: Phones = ()
    for way, word, habit in entries:
        shared = 0
        while shared < min(len(before), len(way)) and before[shared] == way[shared]:
            shared += 1
        del path[shared:]
        for phone in way[shared:]:
            depth.append(len(path))
            parent.append(path[-1] if path else -1)
            label.append(phone)
            path.append(len(label) - 1)
        ends.append((path[-1], word, habit))
        before = way
    return np.array(depth), np.array(parent), np.array(label), ends


def _laid_out(order, place, depth, parent, label, best, bounds, flat, tying, phones) -> Tree:  # type: ignore[no-untyped-def]
    """States: silence, first phones by (left, phone), then the nodes that lie deeper, in `order`."""
    firsts = int((depth == 0).sum())
    heads = {int(label[node]): node for node in order[:firsts]}
    copies = [(left, phone) for left in range(phones) for phone in sorted(heads)]
    shift = 1 + len(copies) - firsts  # from a deeper node's place in `order` to its state
    nodes = np.array([heads[phone] for _, phone in copies] + list(order[firsts:]))
    left = np.array([left for left, _ in copies] + [label[parent[node]] for node in order[firsts:]])
    rank = place[nodes]
    inner = parent[order[firsts:]]  # parents of the deeper nodes, which are sorted by them within a depth
    child = np.zeros((1 + len(nodes), 2), np.int32)
    first, last = np.full(len(order), 0), np.full(len(order), 0)
    for at, above in enumerate(inner.tolist()):
        if last[above] == 0:
            first[above] = at + firsts + shift
        last[above] = at + firsts + shift + 1
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
        np.array([word for word, _ in flat], np.int32),
        np.array([word for word, _ in flat], np.int32),
        np.array([habit for _, habit in flat], np.float32),
        np.zeros(len(flat), np.float32),
    )
