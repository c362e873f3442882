"""The targets of the network's cross-entropy branch: the tied output of each of its frames, from an alignment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.graph import Graph
from speechgru.mmi.network import STRIDE
from speechgru.mmi.tying import Tying


class Aligned(NamedTuple):
    """Of each frame of features, int32 [T]: the phone, the one before it, and which of the text's phones it is."""

    left: NDArray[np.int32]
    phone: NDArray[np.int32]
    segment: NDArray[np.int32]


def aligned(path: NDArray[np.int32], graph: Graph) -> Aligned:
    """An alignment's states, [T], as phones."""
    segment = np.concatenate([[0], np.cumsum(np.diff(path) != 0)]).astype(np.int32)
    return Aligned(graph.left[path], graph.phone[path], segment)


def phones(alignment: Aligned) -> list[int]:
    """The row of phones, with its silences: what the phone trigram is estimated of."""
    first = np.concatenate([[True], np.diff(alignment.segment) != 0])
    row: list[int] = alignment.phone[first].tolist()
    return row


def outputs(alignment: Aligned, frames: int, tying: Tying, speed: float = 1.0) -> NDArray[np.int64]:
    """The output of each of the network's frames, [ceil(frames / STRIDE)].

    Args:
        frames: of features, at the speed of the batch.
        speed: as how many times faster than in the alignment.
    """
    middle = np.minimum(STRIDE * np.arange(-(-frames // STRIDE)) + STRIDE // 2, frames - 1)
    at = np.minimum((middle * speed).astype(np.int64), len(alignment.phone) - 1)
    left, phone, segment = (column[at] for column in alignment)
    fresh = np.concatenate([[True], np.diff(segment) != 0])
    return np.where(fresh, tying.enter[left, phone], tying.stay[left, phone]).astype(np.int64)
