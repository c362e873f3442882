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

A stretch of the text may have several readings. They stand in `labels` one behind the other, each of one or more
words. All begin at one boundary, `alias` of each reading's first one, and end at the boundary behind the last of them,
`ends`; only a boundary that is `outer` can be skipped from or to, or hold filler. The words that don't simply follow
the one before have a `slot`, in which `trace` notes what a path came from.
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
Flags = NDArray[np.bool_]

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
    join: np.floating[Any]  # the same price where a word has a slot, not negated
    first: Integers  # [words + 1]: where each word's labels begin, and their number
    skipped: Floats  # [words]: price of skipping each; of readings, that of the last word counts for all
    skip: np.floating[Any]  # price of a run of skipped words, on top of theirs
    open: Floats  # [words + 1]: price of beginning filler at each boundary
    alias: (
        Integers  # [words + 1]: the boundary whose scores one shares: its own number, but of further readings
    )
    outer: Flags  # [words + 1]: False within and between readings
    ends: (
        Integers  # [words + 1]: the first of the words that end at a boundary; each -1: only the word before
    )
    next_end: Integers  # [words]: a further word that ends where this one does, or -1
    slot: (
        Integers  # [words + 1]: -1: the word that begins here follows the one before, and none else ends here
    )
    slots: int  # their number


def plain_words(words: int) -> tuple[Integers, Flags, Integers, Integers, Integers, int]:
    """`alias` to `slots` of a text that has one reading."""
    none = np.full(words + 1, -1, np.int32)
    return np.arange(words + 1, dtype=np.int32), np.ones(words + 1, np.bool_), none, none[1:], none, 0


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
def _entered(graph: Graph, old_label: Floats, w: int, follower: int) -> tuple[Any, int]:
    """Best score among the last labels of the words that end at boundary `w`, and that label, or -1.

    `follower`: the label that comes next without a blank, which must differ; -1: a blank does.
    """
    best, at = np.float32(-np.inf), -1
    v = graph.ends[w] if graph.ends[w] >= 0 else w - 1
    while v >= 0:
        k = graph.first[v + 1] - 1
        if old_label[k] > best and graph.labels[k] != follower:
            best, at = old_label[k], k
        v = graph.next_end[v]
    return best, at


@njit
def advance(frames: Frames, graph: Graph, scores: Scores) -> None:
    """Take `scores`, in place, over all `frames`."""
    log_probs, quiet, loud = frames
    labels, direct, first = graph.labels, graph.direct, graph.first
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
            slot = graph.slot[w]
            if slot >= 0 and k < n:
                best, _ = _entered(graph, old_label, graph.alias[w], labels[k])
                moved = _larger(old_blank[k], best - graph.join)
                label[k] = _larger(old_label[k], moved) + emitted[k]
            if graph.alias[w] != w:
                blank[k], filler[w] = blank[first[graph.alias[w]]], np.float32(-np.inf)
                continue
            u = old_blank[k]
            if slot >= 0:
                best, _ = _entered(graph, old_label, w, -1)
                u = _larger(u, best)
            elif k:
                u = _larger(u, old_label[k - 1])
            if not graph.outer[w]:
                blank[k], filler[w] = u + quiet[t], np.float32(-np.inf)
                continue
            if w:
                run = _larger(run, arrived - graph.skip) - graph.skipped[w - 1]
            filler[w] = _larger(filler[w], u - graph.open[w]) + loud[t]
            arrived = _larger(u + quiet[t], filler[w])
            blank[k] = _larger(arrived, run)


@njit
def trace(frames: Frames, graph: Graph, scores: Scores, codes: Codes, origins: Integers) -> None:
    """As `advance`, to the bit, and note how each state was reached: in `codes` [frames, labels + 1], and in `origins`
    [frames, slots, 2] the label that a boundary with a slot, and the first label behind it, came from."""
    log_probs, quiet, loud = frames
    labels, direct, first = graph.labels, graph.direct, graph.first
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
            if graph.slot[w] >= 0:
                _trace_slot(graph, t, w, log_probs, old_blank, old_label, scores, codes, origins)
            if graph.alias[w] != w:
                blank[k], filler[w] = blank[first[graph.alias[w]]], np.float32(-np.inf)
                w += 1
                continue
            if not graph.outer[w]:
                blank[k], filler[w] = blank[k] + quiet[t], np.float32(-np.inf)
                w += 1
                continue
            if w:
                codes[t, k] |= _SKIP_OPENS if arrived - graph.skip > run else 0
                run = _larger(run, arrived - graph.skip) - graph.skipped[w - 1]
            codes[t, k] |= _FILLER_STAYS if filler[w] > blank[k] - graph.open[w] else 0
            filler[w] = _larger(filler[w], blank[k] - graph.open[w]) + loud[t]
            codes[t, k] |= _IS_FILLER if filler[w] > blank[k] + quiet[t] else 0
            arrived = _larger(blank[k] + quiet[t], filler[w])
            codes[t, k] |= _IS_SKIPPED_TO if run > arrived else 0
            blank[k] = _larger(arrived, run)
            w += 1


@njit
def _trace_slot(
    graph: Graph,
    t: int,
    w: int,
    log_probs: Floats,
    old_blank: Floats,
    old_label: Floats,
    scores: Scores,
    codes: Codes,
    origins: Integers,
) -> None:
    """What `trace` notes of a word with a slot and of the boundary before it."""
    k, slot = graph.first[w], graph.slot[w]
    if k < len(graph.labels):
        score, code = old_label[k], 0
        if old_blank[k] > score:
            score, code = old_blank[k], _FROM_BLANK
        best, at = _entered(graph, old_label, graph.alias[w], graph.labels[k])
        if best - graph.join > score:
            score, code = best - graph.join, _FROM_LABEL
            origins[t, slot, 1] = at
        codes[t, k] = code
        scores.label[k] = score + log_probs[t, graph.labels[k]]
    else:
        codes[t, k] = 0
    best, at = _entered(graph, old_label, w, -1)
    scores.blank[k] = old_blank[k]
    if best > old_blank[k]:
        codes[t, k] |= _BLANK_FROM_LABEL
        scores.blank[k] = best
        origins[t, slot, 0] = at


@njit
def follow(codes: Codes, origins: Integers, graph: Graph, state: int, states: Integers) -> int:
    """Write to `states` [frames] what leads to `state` at the last frame; return the state before the first.

    `codes` and `origins` as `trace` wrote them. Of a boundary that words were skipped to, the frame belongs to the
    boundary that they were skipped from.
    """
    first = graph.first
    for t in range(len(codes) - 1, -1, -1):
        k, kind = state // KINDS, state % KINDS
        w: Any = np.searchsorted(first, k)
        is_first = first[w] == k
        if is_first and kind != AT_LABEL:
            w = graph.alias[w]
            k = first[w]
        code = codes[t, k]
        if kind == AT_BLANK and code & _IS_SKIPPED_TO:
            while not codes[t, first[w]] & _SKIP_OPENS:
                w = _outer_before(graph, w)
            w = _outer_before(graph, w)
            k = first[w]
            code = codes[t, k]
        if kind == AT_BLANK and code & _IS_FILLER:
            kind = AT_FILLER
        states[t] = KINDS * k + kind
        slot = graph.slot[w] if is_first else -1
        if kind == AT_LABEL:
            if code & 3 == _FROM_LABEL:
                k = origins[t, slot, 1] if slot >= 0 else k - 1
            kind = AT_BLANK if code & 3 == _FROM_BLANK else AT_LABEL
        elif not (kind == AT_FILLER and code & _FILLER_STAYS):
            if code & _BLANK_FROM_LABEL:
                k = origins[t, slot, 0] if slot >= 0 else k - 1
            kind = AT_LABEL if code & _BLANK_FROM_LABEL else AT_BLANK
        state = KINDS * k + kind
    return state


@njit
def _outer_before(graph: Graph, w: int) -> int:
    w -= 1
    while not graph.outer[w]:
        w -= 1
    return w


def spans(states: Integers, count: int) -> tuple[Integers, Integers]:
    """First frame, and last frame + 1, of each of `count` labels; -1 for those that no frame is at."""
    frames = np.flatnonzero(states % KINDS == AT_LABEL).astype(np.int32)
    labels = states[frames] // KINDS
    starts, ends = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    starts[labels[::-1]] = frames[::-1]  # of several assignments the last one holds
    ends[labels] = frames + 1
    return starts, ends
