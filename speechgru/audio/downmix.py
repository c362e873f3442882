"""Several channels as one, though some may be inverted: these are turned round where the mean would cancel.

A stereo recording with one side inverted (a wrongly wired plug, a "voice removed" effect) sounds well on loudspeakers,
and its mean is silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import AudioWarning

# Power of the mean over the mean power of n channels: 1 if they are alike, 1/n if they have nothing in common or only
# one sounds. Of two, what is below 1/2 cancels; turned round, it gives the rest up to 1. Both times n.
CANCELS = 0.4
KEEPS = 0.8
_SILENT = 1e-14  # mean power, -140 dB: nothing to judge by
_INVERTED = -0.5  # correlation with the loudest channel


class Downmix:
    """The mean of the channels of one recording, piece by piece, those turned round that cancel the rest.

    Each piece is judged by itself; what is undecided goes on as before, from a mean of all. Where a sign changes, the
    two mixes cross-fade over the first 10 ms of the piece.
    """

    def __init__(self, channels: int, rate: int) -> None:
        self._signs: NDArray[np.float32] = np.ones(channels, np.float32)
        self._fade = max(rate // 100, 1)
        self._started = False
        self.inverted: set[int] = set()

    def add(self, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        """`piece` [time, channels] as [time]. What isn't finite gives what isn't finite."""
        if piece.shape[1] == 1 or not len(piece):
            return piece[:, 0]
        mean: NDArray[np.float32] = piece.mean(axis=1, dtype=np.float32)
        before, signs = self._signs, self._judge(piece, mean)
        self._signs = signs
        if (signs > 0).all() and (not self._started or (before > 0).all()):
            self._started = True
            return mean
        mixed: NDArray[np.float32] = (piece * signs).mean(axis=1, dtype=np.float32)
        if self._started and (before != signs).any():
            count = min(self._fade, len(piece))
            share = np.linspace(0, 1, count, dtype=np.float32)
            old = (piece[:count] * before).mean(axis=1, dtype=np.float32)
            mixed[:count] = share * mixed[:count] + (1 - share) * old
        self._started = True
        self.inverted |= set(np.flatnonzero(signs < 0).tolist())
        return mixed

    def _judge(self, piece: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sign of each channel [channels]."""
        power = np.einsum("tc,tc->c", piece, piece, dtype=np.float64) / len(piece)
        whole = float(power.mean())
        if not _SILENT < whole < np.inf:
            return self._signs
        share = float(np.square(mean, dtype=np.float64).mean()) / whole
        if share > KEEPS / piece.shape[1]:
            return np.ones_like(self._signs)
        if share > CANCELS / piece.shape[1]:
            return self._signs
        loudest = int(power.argmax())
        product = np.einsum("tc,t->c", piece, piece[:, loudest], dtype=np.float64) / len(piece)
        correlation = product / np.sqrt(np.maximum(power * power[loudest], 1e-300))
        signs = np.where(correlation < _INVERTED, -1, 1).astype(np.float32)
        # As before, else as most channels are, else as the first: or the next piece might be upside down.
        likeness = float(signs @ self._signs) + 0.5 * float(signs[0])
        return signs if likeness > 0 else -signs

    def warning(self) -> AudioWarning | None:
        """Not None if channels were turned round."""
        if not self.inverted:
            return None
        named = ", ".join(str(channel + 1) for channel in sorted(self.inverted))
        plural = len(self.inverted) > 1
        return AudioWarning(
            "channels",
            f"channel{'s' * plural} {named} {'cancel' if plural else 'cancels'} the rest, as if wired the wrong way "
            f"round; {'they were' if plural else 'it was'} turned round before the channels were mixed.",
        )


def mixed(
    samples: NDArray[np.float32], rate: int, piece: int = 1 << 16
) -> tuple[NDArray[np.float32], Downmix]:
    """All `samples` [time, channels] at once as [time], and the mixer, which tells of channels that cancel."""
    mixer = Downmix(samples.shape[1], rate)
    starts = range(0, len(samples), piece)
    return np.concatenate([mixer.add(samples[start : start + piece]) for start in starts]), mixer
