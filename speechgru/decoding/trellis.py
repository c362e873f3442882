"""The CTC lattice of a known text: the recursions for its best path, compiled, and as plain as that needs.

The states are those of Graves et al. 2006, section 4.1: the n labels of the text, numbered from 0, and n + 1 blanks
around them; blank k stands before label k. A blank inside a word emits the blank symbol. The blank before a word's
first label, and blank n, is a word boundary: its frames are quiet (what counts as such is the caller's choice: blank
or space) or filler (any symbol, for a price), and words can be skipped from one boundary to the next within a frame.
A state is a number: 3 k + AT_BLANK, 3 k + AT_LABEL, or 3 k + AT_FILLER for a boundary.

One frame, with b the blank's log-probability and e that of a label, primes for the frame before:

    blank[k] = max(blank'[k], label'[k - 1]) + b
    label[k] = max(label'[k], blank'[k], label'[k - 1] + direct[k]) + e[k]

and for boundaries, with u = max(blank'[k], label'[k - 1]), in the order of the words:

    filler[w] = max(filler'[w], u - open) + loud
    run[w]    = max(run[w - 1], arrived[w - 1] - skip) - skipped[w - 1]
    blank[k]  = max(arrived[w], run[w]),    arrived[w] = max(u + quiet, filler[w])

A run of skipped words begins at a boundary that a path arrived at: opening a second run behind a first never pays.
Infinite prices give plain CTC alignment (`speechgru.decoding.ctc`); others, `speechgru.alignment.ctc`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.utils import jit

njit = jit.compiled(__file__)

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int32]
Codes = NDArray[np.uint8]

AT_BLANK, AT_LABEL, AT_FILLER = 0, 1, 2
KINDS = 3

# How a state was reached: two bits for label k, the others for blank k.
_FROM_BLANK, _FROM_LABEL = 1, 2
_BLANK_FROM_LABEL = 4  # u is the label's
_IS_FILLER = 8
_FILLER_STAYS = 16
_IS_SKIPPED_TO = 32
_SKIP_OPENS = 64  # the run that skips the word before this boundary begins with that word


class Graph(NamedTuple):
    """The text as arrays; prices in nats."""

    labels: Integers  # [labels]
    direct: Floats  # [labels]: price of following the label before without a blank, negated; -inf: impossible
    first: Integers  # [words + 1]: where each word's labels begin, and their number
    skipped: Floats  # [words]: price of skipping each
    skip: np.floating[Any]  # price of a run of skipped words, on top of theirs
    open: np.floating[Any]  # price of beginning filler


class Frames(NamedTuple):
    """The emissions; natural logs."""

    log_probs: Floats  # [frames, symbols], blank first
    quiet: Floats  # [frames]: at a word boundary
    loud: Floats  # [frames]: of filler


class Scores(NamedTuple):
    """Log-probabilities, less prices, of the best path to each state at one frame."""

    blank: Floats  # [labels + 1]
    label: Floats  # [labels]
    filler: Floats  # [words + 1]


@njit
def _larger(a: Any, b: Any) -> Any:
    """Without max()'s care for NaN, which keeps loops from becoming vectors."""
    return a if a > b else b


@njit
def advance(frames: Frames, graph: Graph, scores: Scores) -> None:
    """Take `scores`, in place, over all `frames`."""
    log_probs, quiet, loud = frames
    labels, direct, first, skipped, skip, open_ = graph
    blank, label, filler = scores
    n = len(labels)
    emitted = np.empty_like(label)
    old_blank, old_label = np.empty_like(blank), np.empty_like(label)
    for t in range(len(log_probs)):
        old_blank[:] = blank
        old_label[:] = label
        row, b = log_probs[t], log_probs[t, 0]
        for k in range(n):  # apart, or none of the loops becomes a vector loop
            emitted[k] = row[labels[k]]
        for k in range(1, n):
            blank[k] = _larger(old_blank[k], old_label[k - 1]) + b
        label[0] = _larger(old_label[0], old_blank[0]) + emitted[0]
        for k in range(1, n):
            moved = _larger(old_blank[k], old_label[k - 1] + direct[k])
            label[k] = _larger(old_label[k], moved) + emitted[k]
        arrived = run = np.float32(-np.inf)
        for w in range(len(first)):
            k = first[w]
            if w:
                run = _larger(run, arrived - skip) - skipped[w - 1]
            u = _larger(old_blank[k], old_label[k - 1]) if k else old_blank[k]
            filler[w] = _larger(filler[w], u - open_) + loud[t]
            arrived = _larger(u + quiet[t], filler[w])
            blank[k] = _larger(arrived, run)


@njit
def trace(frames: Frames, graph: Graph, scores: Scores, codes: Codes) -> None:
    """As `advance`, to the bit, and note in `codes` [frames, labels + 1] how each state was reached."""
    log_probs, quiet, loud = frames
    labels, direct, first, skipped, skip, open_ = graph
    blank, label, filler = scores
    n = len(labels)
    old_blank, old_label = np.empty_like(blank), np.empty_like(label)
    codes[:] = 0
    for t in range(len(log_probs)):
        old_blank[:] = blank
        old_label[:] = label
        for k in range(n):
            score = old_label[k]
            if old_blank[k] > score:
                codes[t, k] = _FROM_BLANK
                score = old_blank[k]
            if k and old_label[k - 1] + direct[k] > score:
                codes[t, k] = _FROM_LABEL
                score = old_label[k - 1] + direct[k]
            label[k] = score + log_probs[t, labels[k]]
        for k in range(n + 1):
            u = old_blank[k]
            if k and old_label[k - 1] > u:
                codes[t, k] |= _BLANK_FROM_LABEL
                u = old_label[k - 1]
            blank[k] = u
        arrived = run = np.float32(-np.inf)
        w = 0
        for k in range(n + 1):
            if k != first[w]:
                blank[k] += log_probs[t, 0]
                continue
            if w:
                codes[t, k] |= _SKIP_OPENS if arrived - skip > run else 0
                run = _larger(run, arrived - skip) - skipped[w - 1]
            codes[t, k] |= _FILLER_STAYS if filler[w] > blank[k] - open_ else 0
            filler[w] = _larger(filler[w], blank[k] - open_) + loud[t]
            codes[t, k] |= _IS_FILLER if filler[w] > blank[k] + quiet[t] else 0
            arrived = _larger(blank[k] + quiet[t], filler[w])
            codes[t, k] |= _IS_SKIPPED_TO if run > arrived else 0
            blank[k] = _larger(arrived, run)
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
        if kind == AT_BLANK and code & _IS_SKIPPED_TO:
            w = np.searchsorted(first, k)
            while not codes[t, first[w]] & _SKIP_OPENS:
                w -= 1
            k = first[w - 1]
            code = codes[t, k]
        if kind == AT_BLANK and code & _IS_FILLER:
            kind = AT_FILLER
        states[t] = KINDS * k + kind
        if kind == AT_LABEL:
            k -= 1 if code & 3 == _FROM_LABEL else 0
            kind = AT_BLANK if code & 3 == _FROM_BLANK else AT_LABEL
        elif not (kind == AT_FILLER and code & _FILLER_STAYS):
            k -= 1 if code & _BLANK_FROM_LABEL else 0
            kind = AT_LABEL if code & _BLANK_FROM_LABEL else AT_BLANK
        state = KINDS * k + kind
    return state


def spans(states: Integers, count: int) -> tuple[Integers, Integers]:
    """First frame, and last frame + 1, of each of `count` labels; -1 for those that no frame is at."""
    frames = np.flatnonzero(states % KINDS == AT_LABEL).astype(np.int32)
    labels = states[frames] // KINDS
    starts, ends = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    starts[labels[::-1]] = frames[::-1]  # of several assignments the last one holds
    ends[labels] = frames + 1
    return starts, ends
