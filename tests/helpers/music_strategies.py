"""Notes for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgru.music import Note


def notes(
    grid: int, starts: int, pitches: tuple[int, int], longest: int, least: int = 0
) -> st.SearchStrategy[list[Note]]:
    """Up to twelve notes on a grid of so many steps in a beat, which begin by step `starts`."""
    note = st.builds(
        lambda start, pitch, length: Note(start / grid, pitch, (start + length) / grid),
        st.integers(0, starts),
        st.integers(*pitches),
        st.integers(1, longest),
    )
    return st.lists(note, min_size=least, max_size=12)
