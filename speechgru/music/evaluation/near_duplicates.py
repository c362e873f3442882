"""Test pieces that are nearly training pieces: a model that has memorised the tune predicts them too well.

Two pieces are near-duplicates here if the tops of their first OPENING steps are the same tune, in whatever key. In the
benchmark's chorales these are mostly the same hymn, harmonised twice: 23 of 77 test pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from speechgru.music.files.piece import Piece
from speechgru.music.score.piano_roll import KEYS, Roll

OPENING = 24
"""Steps."""
SILENT = -KEYS


def opening(roll: Roll) -> tuple[int, ...] | None:
    """The highest keys of the first OPENING steps of a roll [steps, 88], counted from the first that sounds.

    A silent step is SILENT. None where the roll is shorter, or silent so long.
    """
    first = roll[:OPENING]
    if len(first) < OPENING or not first.any():
        return None
    tops = np.where(first.any(axis=1), KEYS - 1 - first[:, ::-1].argmax(axis=1), SILENT)
    sounding = tops[tops != SILENT]
    return tuple(np.where(tops == SILENT, SILENT, tops - sounding[0]).tolist())


def near_duplicates(pieces: Sequence[Piece], of: Iterable[Piece]) -> list[str]:
    """Ids of those `pieces` whose opening is that of one of the others."""
    known = {opening(piece.roll) for piece in of} - {None}
    return [piece.id for piece in pieces if opening(piece.roll) in known]
