"""The recursions of forced alignment (see speechgru.alignment.ctc): compiled, and as plain as that needs.

The text is a row of letters, numbered from 0. Before letter k lies gap k, and behind the last of n letters gap n.
A gap inside a word holds blanks. The gap before a word's first letter, and gap n, is a boundary: its frames are
quiet (blank or space) or wild (anything, for a price), and a word can be passed over from one boundary to the
next within a frame. A state is a number: 3 k + GAP, 3 k + LETTER, or 3 k + WILD for a boundary that is wild.

One frame, with b the blank and e the emission of a letter, primes for the frame before:

    gap[k]    = max(gap'[k], letter'[k - 1]) + b
    letter[k] = max(letter'[k], gap'[k], letter'[k - 1] + direct[k]) + e[k]

and for boundaries, with u = max(gap'[k], letter'[k - 1]), in the order of the words:

    wild[w] = max(wild'[w], u - open) + loud
    run[w]  = max(run[w - 1], arrived[w - 1] - skip) - more[w - 1]
    gap[k]  = max(arrived[w], run[w]),    arrived[w] = max(u + quiet, wild[w])

A run of skipped words begins where somebody arrived: to open a second one behind a first never pays.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.utils import jit

njit = jit.compiled(__file__)

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Codes = NDArray[np.uint8]

GAP, LETTER, WILD = 0, 1, 2
KINDS = 3

# How a state was reached: two bits for letter k, the others for gap k.
_FROM_GAP, _FROM_LETTER = 1, 2
_GAP_FROM_LETTER = 4  # u is the letter's
_IS_WILD = 8
_WILD_STAYS = 16
_IS_SKIPPED_TO = 32
_SKIP_OPENS = 64  # the run that passes over the word before this boundary begins with that word


class Graph(NamedTuple):
    """The text as arrays; prices in nats."""

    labels: Integers  # [letters]
    direct: Floats  # [letters]: what following the letter before without a gap costs, negated; -inf: can't be
    first: Integers  # [words + 1]: where each word's letters begin, and their number
    more: Floats  # [words]: price of passing over each
    skip: np.float32  # price of a run of passed words, on top of theirs
    open: np.float32  # price of going wild


class Frames(NamedTuple):
    """What is emitted; natural logs."""

    log_probs: Floats  # [frames, symbols], blank first
    quiet: Floats  # [frames]: at a boundary
    loud: Floats  # [frames]: at a boundary that is wild


class Scores(NamedTuple):
    """Of all states, at one frame."""

    gaps: Floats  # [letters + 1]
    letters: Floats  # [letters]
    wild: Floats  # [words + 1]


@njit
def _larger(a: Any, b: Any) -> Any:
    """Without max()'s care for NaN, which keeps loops from becoming vectors."""
    return a if a > b else b


@njit
def advance(frames: Frames, graph: Graph, scores: Scores) -> None:
    """Take `scores`, in place, over all `frames`."""
    log_probs, quiet, loud = frames
    labels, direct, first, more, skip, open_ = graph
    gaps, letters, wild = scores
    n = len(labels)
    emitted = np.empty(n, np.float32)
    old_gaps, old_letters = np.empty_like(gaps), np.empty_like(letters)
    for t in range(len(log_probs)):
        old_gaps[:] = gaps
        old_letters[:] = letters
        row, blank = log_probs[t], log_probs[t, 0]
        for k in range(n):  # apart, or none of the loops becomes a vector loop
            emitted[k] = row[labels[k]]
        for k in range(1, n):
            gaps[k] = _larger(old_gaps[k], old_letters[k - 1]) + blank
        letters[0] = _larger(old_letters[0], old_gaps[0]) + emitted[0]
        for k in range(1, n):
            moved = _larger(old_gaps[k], old_letters[k - 1] + direct[k])
            letters[k] = _larger(old_letters[k], moved) + emitted[k]
        arrived = run = np.float32(-np.inf)
        for w in range(len(first)):
            k = first[w]
            if w:
                run = _larger(run, arrived - skip) - more[w - 1]
            u = _larger(old_gaps[k], old_letters[k - 1]) if k else old_gaps[k]
            wild[w] = _larger(wild[w], u - open_) + loud[t]
            arrived = _larger(u + quiet[t], wild[w])
            gaps[k] = _larger(arrived, run)


@njit
def trace(frames: Frames, graph: Graph, scores: Scores, codes: Codes) -> None:
    """As `advance`, to the bit, and note in `codes` [frames, letters + 1] how each state was reached."""
    log_probs, quiet, loud = frames
    labels, direct, first, more, skip, open_ = graph
    gaps, letters, wild = scores
    n = len(labels)
    old_gaps, old_letters = np.empty_like(gaps), np.empty_like(letters)
    codes[:] = 0
    for t in range(len(log_probs)):
        old_gaps[:] = gaps
        old_letters[:] = letters
        for k in range(n):
            score = old_letters[k]
            if old_gaps[k] > score:
                codes[t, k] = _FROM_GAP
                score = old_gaps[k]
            if k and old_letters[k - 1] + direct[k] > score:
                codes[t, k] = _FROM_LETTER
                score = old_letters[k - 1] + direct[k]
            letters[k] = score + log_probs[t, labels[k]]
        for k in range(n + 1):
            u = old_gaps[k]
            if k and old_letters[k - 1] > u:
                codes[t, k] |= _GAP_FROM_LETTER
                u = old_letters[k - 1]
            gaps[k] = u
        arrived = run = np.float32(-np.inf)
        w = 0
        for k in range(n + 1):
            if k != first[w]:
                gaps[k] += log_probs[t, 0]
                continue
            if w:
                codes[t, k] |= _SKIP_OPENS if arrived - skip > run else 0
                run = _larger(run, arrived - skip) - more[w - 1]
            codes[t, k] |= _WILD_STAYS if wild[w] > gaps[k] - open_ else 0
            wild[w] = _larger(wild[w], gaps[k] - open_) + loud[t]
            codes[t, k] |= _IS_WILD if wild[w] > gaps[k] + quiet[t] else 0
            arrived = _larger(gaps[k] + quiet[t], wild[w])
            codes[t, k] |= _IS_SKIPPED_TO if run > arrived else 0
            gaps[k] = _larger(arrived, run)
            w += 1


@njit
def follow(codes: Codes, first: Integers, state: int, states: Integers) -> int:
    """Write to `states` [frames] what leads to `state` at the last frame; return the state before the first.

    `codes` as `trace` wrote them; `first` as in `Graph`. Of a boundary that words were skipped to, the frame
    belongs to the boundary that they were skipped from.
    """
    for t in range(len(codes) - 1, -1, -1):
        k, kind = state // KINDS, state % KINDS
        code = codes[t, k]
        if kind == GAP and code & _IS_SKIPPED_TO:
            w = np.searchsorted(first, k)
            while not codes[t, first[w]] & _SKIP_OPENS:
                w -= 1
            k = first[w - 1]
            code = codes[t, k]
        if kind == GAP and code & _IS_WILD:
            kind = WILD
        states[t] = KINDS * k + kind
        if kind == LETTER:
            k -= 1 if code & 3 == _FROM_LETTER else 0
            kind = GAP if code & 3 == _FROM_GAP else LETTER
        elif not (kind == WILD and code & _WILD_STAYS):
            k -= 1 if code & _GAP_FROM_LETTER else 0
            kind = LETTER if code & _GAP_FROM_LETTER else GAP
        state = KINDS * k + kind
    return state
