"""Which left contexts of a phone share their outputs: agglomerative clustering by their acoustic means.

Every (left, phone) that occurs begins as a cluster of its own; those two of one phone whose union costs least
likelihood are merged until no cluster is rarer than `least` and there are at most `most` of them (Young et al. 1994
grow such clusters from the top, by questions; with 40 left contexts the bottom is near enough to do without).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.lexicon import SILENCE


class Tying(NamedTuple):
    """Outputs of phones in context: int32 [phones, phones], indexed by (left, phone).

    enter: of a phone's first frame; stay: of its other frames. Silence has one pair for all that is before it.
    """

    enter: NDArray[np.int32]
    stay: NDArray[np.int32]

    @property
    def outputs(self) -> int:
        """How many there are."""
        return int(max(self.enter.max(), self.stay.max())) + 1


def untied(phones: int) -> Tying:
    """Outputs that don't depend on what is before: two a phone."""
    enter = np.tile(2 * np.arange(phones, dtype=np.int32), (phones, 1))
    return Tying(enter, enter + 1)


def tie(counts: NDArray[np.float64], sums: NDArray[np.float64], most: int, least: float) -> Tying:
    """Clusters of contexts, by Gaussians of one variance.

    Args:
        counts: how often each phone occurs behind each left one, [phones, phones] by (left, phone).
        sums: of the features of these, scaled to variance 1 within a phone, [phones, phones, features].
        most: clusters; two outputs each.
        least: occurrences of a cluster.
    """
    phones = len(counts)
    clusters = {
        phone: [
            [float(counts[left, phone]), sums[left, phone].astype(np.float64), [left]]
            for left in np.flatnonzero(counts[:, phone])
        ]
        for phone in range(phones)
        if phone != SILENCE
    }
    while True:
        offers = [offer for phone, members in clusters.items() if (offer := _cheapest(phone, members, least))]
        total = 1 + sum(map(len, clusters.values()))
        rare = [offer for offer in offers if offer[1]]
        if not offers or (not rare and total <= most):
            break
        _, _, phone, i, j = min(rare or offers)
        first, second = clusters[phone][i], clusters[phone].pop(j)
        clusters[phone][i] = [first[0] + second[0], first[1] + second[1], first[2] + second[2]]
    return _numbered(clusters, counts, sums)


def _cheapest(phone: int, members: list[list[Any]], least: float) -> tuple[float, bool, int, int, int] | None:
    """The pair of a phone's clusters that is merged first, with its cost: of one that is too rare, if there is any."""
    if len(members) < 2:
        return None
    count = np.array([cluster[0] for cluster in members])
    mean = np.array([cluster[1] for cluster in members]) / count[:, None]
    apart = ((mean[:, None] - mean[None]) ** 2).sum(axis=2)
    cost = apart * (count[:, None] * count[None]) / (count[:, None] + count[None])
    cost[np.tril_indices(len(members))] = np.inf
    rare = count < least
    if rare.any():
        cost[~(rare[:, None] | rare[None])] = np.inf
    i, j = np.unravel_index(int(cost.argmin()), cost.shape)
    return float(cost[i, j]), bool(rare.any()), phone, int(i), int(j)


def _numbered(
    clusters: dict[int, list[list[Any]]], counts: NDArray[np.float64], sums: NDArray[np.float64]
) -> Tying:
    """Outputs of the clusters; a context that never occurs goes with the phone whose means are nearest."""
    phones = len(counts)
    number = np.zeros((phones, phones), np.int32)
    following = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)[:, None]  # each phone's own means
    distance = ((following[:, None] - following[None]) ** 2).sum(axis=2)
    at = 1
    for phone, members in clusters.items():
        seen: dict[int, int] = {}
        for cluster in members:
            seen.update(dict.fromkeys(cluster[2], at))
            at += 1
        for left in range(phones):
            nearest = min(seen, key=lambda other: (distance[left, other], other)) if seen else -1
            number[left, phone] = seen.get(left, seen[nearest] if seen else at)
        at += not seen
    return Tying(2 * number, 2 * number + 1)
