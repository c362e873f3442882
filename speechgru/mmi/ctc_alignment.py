"""First alignments, from a network that was trained by CTC on the phones of words: where its spikes are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.lexicon.dictionary import SPACE_ID
from speechgru.mmi import viterbi
from speechgru.mmi.graph import Graph

STAY = -0.5  # natural log of what a phone loses in a frame that is blank


def seed(log_probs: NDArray[np.float32], graph: Graph, frames: int) -> NDArray[np.int32] | None:
    """The graph's state of each of `frames` frames of features; None where they are too few.

    A phone begins with its spike and lasts until the next one's, which is late by some frames: Gaussians that are
    trained on this move it.

    Args:
        log_probs: of CTC's labels, blank, space, then the phones, [T, labels]; T frames are as long as `frames`.
    """
    none = np.logaddexp(log_probs[:, 0], log_probs[:, SPACE_ID])[:, None]
    spikes = np.concatenate([none, log_probs[:, SPACE_ID + 1 :]], axis=1)
    scores = np.concatenate([spikes, np.maximum(spikes, none + STAY)], axis=1).astype(np.float32)
    path, _ = viterbi.align(scores, graph.phone, graph.phone + np.int32(spikes.shape[1]), graph)
    if not len(path):
        return None
    stride = frames / len(path)
    states: NDArray[np.int32] = path[
        np.minimum(np.round(np.arange(frames) / stride).astype(int), len(path) - 1)
    ]
    return states


def thirds_of(path: NDArray[np.int32], phone: NDArray[np.int32], parts: int) -> NDArray[np.int64]:
    """Mixtures (parts * phone + part) of an alignment's frames, each phone cut into equal parts."""
    cuts = np.flatnonzero(np.diff(path)) + 1
    begins = np.concatenate([[0], cuts])
    lengths = np.diff(np.concatenate([begins, [len(path)]]))
    within = np.arange(len(path)) - np.repeat(begins, lengths)
    part = np.minimum(parts * within // np.repeat(lengths, lengths), parts - 1)
    mixtures: NDArray[np.int64] = (parts * phone[path] + part).astype(np.int64)
    return mixtures
