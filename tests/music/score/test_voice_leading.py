"""Voice leading: each fault in two chords of a textbook, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speechgru.errors import MusicError
from speechgru.music.files import chorale_json
from speechgru.music.score.voice_leading import Fault, Faults, faults, find


def chords(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int16)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # I to V with the common tone held: no fault.
        ([[72, 67, 64, 48], [71, 67, 62, 43]], []),
        # Soprano and bass from C to D in octaves.
        ([[72, 67, 64, 48], [74, 65, 62, 50]], [("parallel_octaves", (0, 3))]),
        # Tenor over bass, G over C to A over D.
        ([[67, 64, 55, 48], [65, 62, 57, 50]], [("parallel_fifths", (2, 3))]),
        # The same twice over an octave further up.
        ([[76, 72, 67, 48], [74, 69, 69, 50]], [("parallel_fifths", (2, 3))]),
        # Unison to unison.
        ([[72, 64, 64, 48], [72, 62, 62, 55]], [("parallel_octaves", (1, 2))]),
        # From octave to double octave in contrary motion: not counted.
        ([[72, 67, 64, 60], [74, 69, 65, 50]], []),
        # Both fifths held: nobody moves in parallel.
        ([[67, 64, 55, 48], [65, 62, 55, 48]], []),
        # The outer voices rise to an octave, the soprano by a leap.
        ([[67, 64, 60, 48], [74, 65, 57, 50]], [("hidden", (0, 3))]),
        # The soprano by a step: allowed.
        ([[72, 64, 60, 45], [74, 65, 57, 50]], []),
        ([[71, 67, 62, 43], [72, 67, 64, 48]], []),
        # The tenor above the alto.
        ([[72, 60, 64, 48]], [("crossings", (1, 2))]),
        # Soprano and alto more than an octave apart; between tenor and bass it is allowed.
        ([[76, 60, 60, 40]], [("spacing", (0, 1))]),
        ([[84, 72, 64, 48]], [("range", (0,))]),
        ([[72, 67, 64, 66]], [("crossings", (2, 3)), ("range", (3,))]),
        # Rests are no part of a chord.
        ([[72, -1, 64, 48], [74, -1, 62, -1]], []),
        ([[72, 67, 64, 48], [-1, -1, -1, -1], [74, 65, 62, 50]], []),
    ],
)
def test_faults(rows: list[list[int]], expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(fault.kind, fault.voices) for fault in find(chords(*rows))] == expected


def test_held_chords_count_once() -> None:
    parts = chords([72, 60, 64, 48], [72, 60, 64, 48], [72, 60, 64, 48], [74, 65, 62, 50])
    assert list(find(parts)) == [Fault("crossings", 0, (1, 2)), Fault("parallel_octaves", 3, (0, 3))]
    assert faults(parts) == Faults(crossings=1, parallel_octaves=1, moves=1, chords=2)
    assert faults(parts) + faults(parts) == Faults(crossings=2, parallel_octaves=2, moves=2, chords=4)
    assert faults(parts[:0]) == Faults()


def test_four_voices_are_wanted() -> None:
    with pytest.raises(MusicError, match="4 voices; got shape"):
        faults(np.zeros((3, 3), dtype=np.int16))


def test_bach_makes_few(data_root: Path) -> None:
    file = data_root / "music" / "jsb_chorales" / "jsb-chorales-16th.json"
    if not file.exists():
        pytest.skip("the shared data has no chorales")
    pieces = chorale_json.read(file).sets["valid"]
    found = sum((faults(parts) for parts in pieces), Faults())
    assert found.parallel_fifths + found.parallel_octaves < 0.02 * found.moves
    # The same chords in a random order.
    generator = np.random.default_rng(0)
    shuffled = sum((faults(generator.permutation(parts)) for parts in pieces), Faults())
    assert shuffled.parallel_fifths + shuffled.parallel_octaves > 0.1 * shuffled.moves
