"""The likeliest words of a recording: Viterbi beam search over a tree of phones with a language model, compiled.

Token passing (Young et al. 1989): a token is a state of the tree and a state of the language model, and of those that
meet the best one stays. The likeliest word below a state stands in for the word's own probability until it ends
(Ortmanns et al. 1996). What ends near the best becomes a lattice: words whose histories are those that were best
when they began (word pairs: Ortmanns, Ney and Aubert 1997).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.lm import bit_packing
from speechgru.lm import packed_query as ngram
from speechgru.lm.packed_query import advance
from speechgru.mmi.lattice import ARC, Lattice
from speechgru.mmi.tree import Tree
from speechgru.utils import jit

END = 2  # the language model's id of </s>
njit = jit.compiled(__file__, ngram.__file__, bit_packing.__file__)

_TOKEN = np.dtype(
    [
        ("state", np.int32),
        ("lm", np.int32),
        ("score", np.float32),
        ("record", np.int32),
        ("begin", np.int32),
    ],
    align=True,
)


class Weights(NamedTuple):
    """width: tokens kept. beam: how far below the best a token may be. lm: of the language model's log-probabilities.
    word: what each word gains. pause: what each silence gains. Natural logs."""

    width: int = 3000
    beam: float = 14.0
    lm: float = 1.0
    word: float = 0.0
    pause: float = 0.0


def search(
    outputs: NDArray[np.float32], tree: Tree, lm: ngram.Arrays, start: int, weights: Weights
) -> Lattice:
    """The best text and what is near it.

    Args:
        outputs: natural logs of (pseudo-)likelihoods [frames, outputs].
        start: the language model's state after <s>.
    """
    arcs, nodes, score = _search(outputs, tree, lm, start, weights)
    return Lattice(arcs, nodes, float(score))


@njit
def _search(outputs, tree, lm, start, weights):
    tokens, offers = np.empty(weights.width, _TOKEN), np.empty(1 << 16, _TOKEN)
    ends = np.empty(1 << 14, _TOKEN)  # `state` is the phone that the word ended in
    arcs, count, nodes = np.empty(1 << 12, ARC), 0, 1
    slots = np.full(1 << 18, -1, np.int32)
    size = 0
    for t in range(len(outputs)):
        row = outputs[t]
        if t == 0:
            ends[0].state, ends[0].lm, ends[0].score, ends[0].record, finished = 0, start, 0.0, -1, 1
        else:
            finished, arcs, count = _ended(
                tokens, size, tree, lm, weights, t, ends, arcs, count, nodes, slots
            )
            nodes += finished
        offered, top = _advance(tokens, size, row, t, tree, weights, offers, slots)
        offered, top = _begin(ends, finished, row, t, tree, weights, offers, offered, top, slots)
        size = _keep(offers, offered, top, weights, tokens, slots)
    arcs, count, top = _finish(tokens, size, tree, lm, weights, len(outputs), arcs, count, nodes)
    return arcs[:count].copy(), nodes + 1, top


@njit
def _slot(slots, items, state, lm):
    """Where the item of a state and a language model's state is in `slots`, or may be put."""
    mask = len(slots) - 1
    at = (np.int64(state) * 0x9E3779B1 + np.int64(lm) * 0x85EBCA6B) & mask
    at = (at ^ (at >> 7)) & mask
    while slots[at] >= 0:
        item = items[slots[at]]
        if item.state == state and item.lm == lm:
            break
        at = (at + 1) & mask
    return at


@njit
def _clear(slots, items, count):
    """Empty the slots of some items; backwards, so that each is still reached past those that came before it."""
    for i in range(count - 1, -1, -1):
        slots[_slot(slots, items, items[i].state, items[i].lm)] = -1


@njit
def _offer(items, count, slots, state, lm, score, record, begin):
    """Put an item among others, if there is room and none of its kind is better. Returns how many there are."""
    at = _slot(slots, items, state, lm)
    if slots[at] >= 0:
        item = items[slots[at]]
        if score > item.score:
            item.score, item.record, item.begin = score, record, begin
        return count
    if count < len(items) and count < len(slots) // 2:
        slots[at] = count
        item = items[count]
        item.state, item.lm, item.score, item.record, item.begin = state, lm, score, record, begin
        return count + 1
    return count


@njit
def _add(arcs, count, before, word, node, begin, end, score):
    """Append an arc. Returns the arcs and how many there are."""
    if count == len(arcs):
        more = np.empty(2 * count, ARC)
        more[:count] = arcs
        arcs = more
    arc = arcs[count]
    arc.before, arc.word, arc.node, arc.begin, arc.end, arc.score = before, word, node, begin, end, score
    return arcs, count + 1


@njit
def _ended(tokens, size, tree, lm, weights, frame, ends, arcs, count, nodes, slots):
    """Words that end before `frame`, by last phone and language model's state: each such pair is a node, the best arc
    into it goes on. Returns how many nodes, the arcs and how many of them."""
    finished, top = 0, -np.inf
    for i in range(size):
        top = max(top, tokens[i].score)
    for i in range(size):
        token = tokens[i]
        s = token.state
        for k in range(tree.word[s, 0], tree.word[s, 1]):
            after, log_prob = advance(lm, token.lm, tree.ids[k])
            score = token.score + weights.lm * (log_prob + tree.habit[k] - tree.ahead[s]) + weights.word
            score += tree.gain[k]
            if score < top - weights.beam:
                continue
            finished = _offer(ends, finished, slots, tree.phone[s], after, score, count, frame)
            at = slots[_slot(slots, ends, tree.phone[s], after)]
            if at >= 0:
                arcs, count = _add(
                    arcs, count, token.record, tree.text[k], nodes + at, token.begin, frame, score
                )
    _clear(slots, ends, finished)
    return finished, arcs, count


@njit
def _advance(tokens, size, row, t, tree, weights, offers, slots):
    """Tokens that stay, go on within their word, or leave silence. Returns how many, and the best score."""
    count, top = 0, np.float32(-np.inf)
    for i in range(size):
        token = tokens[i]
        s = token.state
        score = token.score + row[tree.stay[s]]
        if score >= top - weights.beam:
            top = max(top, score)
            count = _offer(offers, count, slots, s, token.lm, score, token.record, token.begin)
        if s == 0:
            for p in range(len(tree.root)):
                r = tree.root[0, p]
                if r >= 0:
                    score = token.score + row[tree.enter[r]] + weights.lm * tree.ahead[r]
                    if score >= top - weights.beam:
                        top = max(top, score)
                        count = _offer(offers, count, slots, r, token.lm, score, token.record, t)
        for c in range(tree.child[s, 0], tree.child[s, 1]):
            score = token.score + row[tree.enter[c]] + weights.lm * (tree.ahead[c] - tree.ahead[s])
            if score >= top - weights.beam:
                top = max(top, score)
                count = _offer(offers, count, slots, c, token.lm, score, token.record, token.begin)
    return count, top


@njit
def _begin(ends, finished, row, t, tree, weights, offers, count, top, slots):
    """First phones and silences behind words that ended. Returns how many offers, and the best score."""
    for i in range(finished):
        end = ends[i]
        score = end.score + row[tree.enter[0]] + weights.pause
        if score >= top - weights.beam:
            top = max(top, score)
            count = _offer(offers, count, slots, 0, end.lm, score, end.record, t)
        for p in range(len(tree.root)):
            r = tree.root[end.state, p]
            if r >= 0:
                score = end.score + row[tree.enter[r]] + weights.lm * tree.ahead[r]
                if score >= top - weights.beam:
                    top = max(top, score)
                    count = _offer(offers, count, slots, r, end.lm, score, end.record, t)
    return count, top


@njit
def _keep(offers, count, top, weights, tokens, slots):
    """The best offers become tokens. Returns how many."""
    _clear(slots, offers, count)
    bins = np.zeros(256, np.int64)
    step = weights.beam / 255
    for i in range(count):
        below = top - offers[i].score
        if below <= weights.beam:
            bins[int(below / step)] += 1
    limit, total = 0, 0
    while limit < 256 and total + bins[limit] <= len(tokens):
        total += bins[limit]
        limit += 1
    limit, size = max(limit, 1), 0  # more equals than there is room for: some of them
    for i in range(count):
        below = top - offers[i].score
        if below <= weights.beam and int(below / step) < limit and size < len(tokens):
            tokens[size] = offers[i]
            size += 1
    return size


@njit
def _finish(tokens, size, tree, lm, weights, frames, arcs, count, node):
    """Arcs into the last node, where texts are complete: last words, and silences (word -1). Returns the arcs, how
    many there are, and the best score."""
    top = -np.inf
    for i in range(size):
        token = tokens[i]
        s = token.state
        if s == 0:
            score = token.score + weights.lm * advance(lm, token.lm, END)[1]
            top = max(top, score)
            arcs, count = _add(arcs, count, token.record, -1, node, token.begin, frames, score)
        for k in range(tree.word[s, 0], tree.word[s, 1]):
            after, log_prob = advance(lm, token.lm, tree.ids[k])
            log_prob += advance(lm, after, END)[1]
            score = token.score + weights.lm * (log_prob + tree.habit[k] - tree.ahead[s]) + weights.word
            score += tree.gain[k]
            top = max(top, score)
            arcs, count = _add(arcs, count, token.record, tree.text[k], node, token.begin, frames, score)
    return arcs, count, top
