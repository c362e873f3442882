"""Mean and variance of each column of whatever streams by, in float64, mergeable in any order.

Sums of squares lose all digits where the mean is large against the deviation; these don't. Source: Chan, Golub and
LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Of each of several columns: how many values, their mean, and their summed squared distance from it; [columns]."""

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """Of `values` [rows, columns]."""
        if not len(values):
            nothing = np.zeros(values.shape[1])
            return cls(0, nothing, nothing)
        mean = values.mean(axis=0, dtype=np.float64)
        return cls(len(values), mean, np.square(values - mean).sum(axis=0))

    def __add__(self, other: Moments) -> Moments:
        """Of the values of both."""
        count = self.count + other.count
        share = other.count / max(count, 1)
        apart = other.mean - self.mean
        squares = self.squares + other.squares + np.square(apart) * self.count * share
        return Moments(count, self.mean + apart * share, squares)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Mean squared distance from the mean; 0 where there are no values."""
        return self.squares / max(self.count, 1)
