"""What speakers are fitted by: cepstra of log-mel, neighbours side by side, projected by what tells phones apart.

Linear discriminant analysis of spliced frames (Haeb-Umbach and Ney 1992; Saon et al. 2000): the directions in which the
means of classes differ most, scaled to variance 1 within them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CEPSTRA = 16
REACH = 4  # frames to either side
Frames = NDArray[np.float32]


class Projection(NamedTuple):
    """Spliced cepstra [T, spliced] to features [T, D]: x @ rows.T - offset."""

    rows: NDArray[np.float32]
    offset: NDArray[np.float32]


def cepstra(log_mel: Frames, count: int = CEPSTRA) -> Frames:
    """The first cepstra (orthonormal cosine transform) of raw log-mel [T, bands], less their mean: [T, count]."""
    bands = log_mel.shape[1]
    angles = np.pi * np.arange(count)[:, None] * (np.arange(bands) + 0.5) / bands
    basis = np.cos(angles) * np.sqrt(2 / bands)
    basis[0] *= np.sqrt(0.5)
    values: Frames = log_mel @ basis.T.astype(np.float32)
    centred: Frames = (values - values.mean(axis=0)).astype(np.float32)
    return centred


def splice(frames: Frames, reach: int = REACH) -> Frames:
    """Each frame with `reach` neighbours on either side, earliest first, [T, (2 reach + 1) F]; the ends go on."""
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(frames)] for i in range(2 * reach + 1)], axis=1)


def project(log_mel: Frames, projection: Projection) -> Frames:
    """Features [T, D] of raw log-mel [T, bands]."""
    return splice(cepstra(log_mel)) @ projection.rows.T - projection.offset


def discriminate(
    counts: NDArray[np.float64], sums: NDArray[np.float64], second: NDArray[np.float64], size: int
) -> Projection:
    """The projection to `size` features.

    Args:
        counts: frames of each class, [classes].
        sums: of the spliced frames of each, [classes, spliced].
        second: sum over all frames of x x', [spliced, spliced].
    """
    seen, total = counts > 0, counts.sum()
    mean = sums.sum(axis=0) / total
    apart = sums[seen] / counts[seen, None] - mean
    between = (apart * counts[seen, None]).T @ apart / total
    within = second / total - np.outer(mean, mean) - between
    # Whiten within classes, then turn to the axes along which classes lie apart.
    values, vectors = np.linalg.eigh(within)
    whiten = vectors / np.sqrt(np.maximum(values, 1e-10 * values[-1]))
    _, turn = np.linalg.eigh(whiten.T @ between @ whiten)
    rows = (whiten @ turn[:, ::-1][:, :size]).T
    return Projection(rows.astype(np.float32), (rows @ mean).astype(np.float32))
