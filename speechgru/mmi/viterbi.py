"""The likeliest path through a graph of states that each have an output on entering and one for staying."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.graph import Graph
from speechgru.utils import jit

njit = jit.compiled(__file__)


def align(
    scores: NDArray[np.float32], enter: NDArray[np.int32], stay: NDArray[np.int32], graph: Graph
) -> tuple[NDArray[np.int32], float]:
    """The state of each frame, int32 [frames], and the path's score; (empty, -inf) where the frames are too few.

    Args:
        scores: natural logs [frames, outputs].
        enter: the output of each state's first frame, [states].
        stay: the output of its other frames.
    """
    return _align(scores, enter, stay, graph.first, graph.source, graph.weight, graph.start, graph.end)


@njit
def _align(scores, enter, stay, first, source, weight, start, end):
    frames, states = len(scores), len(enter)
    best = np.full(states, -np.inf, np.float32)
    back = np.full((frames, states), -1, np.int32)
    for s in range(states):
        best[s] = start[s] + scores[0, enter[s]]
    # Sources come before targets: from the last state on, what an arc reads is still that of the frame before.
    for t in range(1, frames):
        for s in range(states - 1, -1, -1):
            here, come = best[s] + scores[t, stay[s]], s
            for k in range(first[s], first[s + 1]):
                there = best[source[k]] + weight[k] + scores[t, enter[s]]
                if there > here:
                    here, come = there, source[k]
            best[s], back[t, s] = here, come
    top, last = np.float32(-np.inf), -1
    for s in range(states):
        if best[s] + end[s] > top:
            top, last = best[s] + end[s], s
    if last < 0:
        return np.empty(0, np.int32), top
    path = np.empty(frames, np.int32)
    for t in range(frames - 1, -1, -1):
        path[t] = last
        last = back[t, last]
    return path, top
