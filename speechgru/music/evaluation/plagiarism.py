"""Is it copied? The longest passage that a piece shares with a set of pieces, in any key.

A piece is read as its moves: for each time when notes begin, how far the lowest of them lies from the lowest before,
and how far the others lie above it. Transposed passages have the same moves; rhythm is not compared, so the same notes
in another rhythm count as a copy. A passage of n moves is n + 1 chords (or notes, in a tune).

All passages of one length are compared at once by a hash, and the length is found by halving (if a passage is shared,
so are its parts); what is found is checked move by move, so a hash never decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechgru.music.score.notes import NoteSequence

Move = tuple[int, ...]
_Hashes = NDArray[np.uint64]
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2**64
_SEPARATOR = -1


@dataclass(frozen=True)
class Passage:
    """The longest shared passage: how many `moves`, how many `beats` it lasts in the piece, where it begins there (in
    beats), and in which piece of the set and where it is found. `share`: of the piece's moves. Nothing shared: moves 0,
    `piece` -1."""

    moves: int = 0
    beats: float = 0.0
    start: float = 0.0
    piece: int = -1
    piece_start: float = 0.0
    share: float = 0.0


class Index:
    """The moves of a set of pieces, to look passages up in."""

    def __init__(self, pieces: Sequence[NoteSequence]) -> None:
        self._numbers: dict[Move, int] = {}
        self._times: list[float] = []  # of each move: when the chord before it begins
        self._pieces: list[int] = []
        codes: list[int] = []
        for index, piece in enumerate(pieces):
            times, moves = read_moves(piece)
            codes += [self._numbers.setdefault(move, len(self._numbers)) for move in moves] + [_SEPARATOR]
            self._times += [*times[: len(moves)], 0.0]
            self._pieces += [index] * (len(moves) + 1)
        self._codes = np.array(codes, dtype=np.int64)
        self._hashed = _Windows(self._codes)
        self._known: dict[int, tuple[_Hashes, NDArray[np.intp]]] = {}

    def longest(self, piece: NoteSequence) -> Passage:
        """The longest passage of `piece` that is in the set; of several the first in the piece."""
        times, moves = read_moves(piece)
        # A move that the set doesn't have is like no other, nor like a separator.
        codes = np.array(
            [self._numbers.get(move, -2 - place) for place, move in enumerate(moves)], dtype=np.int64
        )
        hashed = _Windows(codes)
        best, low, high = (-1, -1), 0, min(len(codes), len(self._codes))
        while low < high:
            length = (low + high + 1) // 2
            places = self._places(codes, hashed, length)
            if places is None:
                high = length - 1
            else:
                best, low = places, length
        if not low:
            return Passage()
        mine, theirs = best
        return Passage(
            moves=low,
            beats=times[mine + low] - times[mine],
            start=times[mine],
            piece=self._pieces[theirs],
            piece_start=self._times[theirs],
            share=low / len(moves),
        )

    def _places(self, codes: NDArray[np.int64], hashed: _Windows, length: int) -> tuple[int, int] | None:
        """Where a passage of `length` begins in the piece and in the set."""
        if length not in self._known:
            hashes = self._hashed.of(length)
            order = np.argsort(hashes, kind="stable")
            self._known[length] = hashes[order], order
        hashes, order = self._known[length]
        wanted = hashed.of(length)
        at = np.searchsorted(hashes, wanted)
        for mine in np.flatnonzero(hashes[np.minimum(at, len(hashes) - 1)] == wanted):
            theirs = int(order[at[mine]])
            if np.array_equal(codes[mine : mine + length], self._codes[theirs : theirs + length]):
                return int(mine), theirs
        return None


def read_moves(piece: NoteSequence) -> tuple[list[float], list[Move]]:
    """Times at which notes begin, and the moves between them: one fewer."""
    chords: dict[float, set[int]] = {}
    for note in piece.pitched():
        chords.setdefault(note.start, set()).add(note.pitch)
    shapes = [sorted(chord) for chord in chords.values()]
    moves = [
        (after[0] - before[0], *(pitch - after[0] for pitch in after[1:]))
        for before, after in pairwise(shapes)
    ]
    return list(chords), moves


class _Windows:
    """Hashes of all windows of a line of codes: those of 2^k codes from two of 2^(k-1), any other from such parts."""

    def __init__(self, codes: NDArray[np.int64]) -> None:
        first = codes.astype(np.uint64) + np.uint64(1)
        first ^= first >> np.uint64(31)
        self._powers = [first * _MIXER]

    def of(self, length: int) -> _Hashes:
        """[codes - length + 1]"""
        with np.errstate(over="ignore"):
            total: _Hashes | None = None
            done = 0
            for power in range(length.bit_length()):
                if not length >> power & 1:
                    continue
                part = self._power(power)[done:]
                done += 2**power
                if total is None:
                    total = part
                else:
                    count = min(len(total), len(part))
                    total = _joined(total[:count], part[:count])
            assert total is not None, "a window has one code at least"
            return total[: max(len(self._powers[0]) - length + 1, 0)]

    def _power(self, power: int) -> _Hashes:
        while len(self._powers) <= power:
            half, reach = self._powers[-1], 2 ** (len(self._powers) - 1)
            self._powers.append(_joined(half[: max(len(half) - reach, 0)], half[reach:]))
        wanted: _Hashes = self._powers[power]
        return wanted


def _joined(first: _Hashes, second: _Hashes) -> _Hashes:
    """Mixes two hashes, the order counting."""
    mixed = (first ^ (first >> np.uint64(29))) * _MIXER + second
    joined: _Hashes = (mixed ^ (mixed >> np.uint64(32))) * _MIXER
    return joined
