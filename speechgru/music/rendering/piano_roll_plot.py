"""A piece as a picture: its notes over time, bar by bar, coloured by voice, with the names of the pitches."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.errors import MusicError
from speechgru.music.score.keys import pitch_name
from speechgru.music.score.notes import Metre, Note, NoteSequence
from speechgru.utils.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_BARS = 8
ROWS = 16
_WIDTH = 14.0  # inches
_KEY = 0.095  # height of a semitone: a name has room in each
_LEAST_KEYS = 12
_BETWEEN, _TOP, _BOTTOM, _LEFT, _RIGHT = 0.45, 0.6, 0.5, 0.75, 0.15
_DPI = 110
# Okabe and Ito's colours, which colour-blind eyes tell apart; drums are grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#555500")
_DRUMS, _BLACK_KEY, _BAR_LINE, _BEAT_LINE = "#888888", "#F0F0F0", "#777777", "#DDDDDD"
_SOUNDS, _SILENT = "#000000", "#AAAAAA"  # names of keys
_PARTS = ("Soprano", "Alto", "Tenor", "Bass")


def save(path: str | Path, piece: NoteSequence, title: str = "") -> str:
    """Draw the first ROWS rows of ROW_BARS bars of a piece as a PNG.

    Returns:
        What is to be known of it: that not all is shown; else "".

    Raises:
        MusicError: the piece has no notes. OSError: the picture can't be written.
    """
    figure = draw(piece, title)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")
    bars = len(piece.bar_lines())
    if bars <= ROWS * ROW_BARS:
        return ""
    return f"{path} shows the first {ROWS * ROW_BARS} of {bars} bars: a longer picture few programs open."


def draw(piece: NoteSequence, title: str = "") -> Figure:
    """The figure that `save` writes.

    Raises:
        MusicError: the piece has no notes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not piece.notes:
        raise MusicError("There are no notes to draw.")
    rows = _rows(piece)
    low, high = _range(piece)
    height = (high - low + 1) * _KEY
    total = _TOP + _BOTTOM + len(rows) * height + (len(rows) - 1) * _BETWEEN
    figure = Figure(figsize=(_WIDTH, total))
    FigureCanvasAgg(figure)  # a figure without a canvas of its own would ask for a window
    for index, row in enumerate(rows):
        bottom = total - _TOP - (index + 1) * height - index * _BETWEEN
        axes = figure.add_axes(
            (_LEFT / _WIDTH, bottom / total, (_WIDTH - _LEFT - _RIGHT) / _WIDTH, height / total)
        )
        _draw_row(axes, piece, row, index * ROW_BARS, low, high)
        # A last row with fewer bars is as wide as the first, so that bars look alike in all rows.
        axes.set_xlim(row[0], row[0] + max(row[-1] - row[0], rows[0][-1] - rows[0][0]))
    figure.axes[-1].set_xlabel("bar", fontsize=8)
    _label(figure, piece, title, total)
    return figure


def _rows(piece: NoteSequence) -> list[list[float]]:
    """Bar lines of each row, and at its end the next row's first or the piece's end."""
    lines = piece.bar_lines()
    count = min(-(-len(lines) // ROW_BARS), ROWS)
    ends = [*lines, lines[-1] + max(piece.length - lines[-1], 1e-3)]
    return [ends[row * ROW_BARS : (row + 1) * ROW_BARS + 1] for row in range(count)]


def _range(piece: NoteSequence) -> tuple[int, int]:
    pitches = [note.pitch for note in piece.notes]
    low, high = min(pitches) - 1, max(pitches) + 1
    missing = max(_LEAST_KEYS - (high - low + 1), 0)
    return low - missing // 2, high + (missing + 1) // 2


def _draw_row(axes: Axes, piece: NoteSequence, lines: list[float], bar: int, low: int, high: int) -> None:
    start, end = lines[0], lines[-1]
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            axes.axhspan(pitch - 0.5, pitch + 0.5, color=_BLACK_KEY, linewidth=0, zorder=0)
    for beat in _beats(piece, lines):
        axes.axvline(beat, color=_BEAT_LINE, linewidth=0.5, zorder=1)
    for line in lines:
        axes.axvline(line, color=_BAR_LINE, linewidth=0.9, zorder=2)
    for note in piece.notes:
        if note.start < end and note.end > start:
            left, right = max(note.start, start), min(note.end, end)
            axes.barh(
                note.pitch,
                right - left,
                0.82,
                left,
                color=_colour(note),
                edgecolor="white",
                linewidth=0.6,
                zorder=3,
            )
    axes.set_xlim(start, end)
    axes.set_ylim(low - 0.5, high + 0.5)
    _name_keys(axes, {note.pitch for note in piece.notes}, low, high)
    axes.set_xticks(lines[:-1], [str(bar + number + 1) for number in range(len(lines) - 1)], fontsize=7)
    axes.tick_params(length=0)


def _beats(piece: NoteSequence, lines: list[float]) -> list[float]:
    """Where beats begin within the bars between `lines`: those of a compound metre (6/8, 9/8, 12/8) are dotted."""
    beats = []
    for start, end in pairwise(lines):
        metre = next((metre for metre in reversed(piece.metres) if metre.beat <= start), Metre(0.0, 4, 4))
        units = 3 if metre.denominator >= 8 and metre.numerator > 3 and metre.numerator % 3 == 0 else 1
        length = 4 * units / metre.denominator
        beats += [start + length * number for number in range(1, math.ceil((end - start) / length - 1e-9))]
    return beats


def _name_keys(axes: Axes, sounding: set[int], low: int, high: int) -> None:
    """The names of all keys from `low` to `high`; those that no note of the piece has are pale."""
    keys = range(low, high + 1)
    axes.set_yticks(keys, [pitch_name(key) if 0 <= key <= 127 else "" for key in keys], fontsize=6)
    for key, label in zip(keys, axes.get_yticklabels(), strict=True):
        label.set_color(_SOUNDS if key in sounding else _SILENT)


def _label(figure: Figure, piece: NoteSequence, title: str, height: float) -> None:
    """Above: the title; key, metre and tempo at the start; the voices' colours where there are several."""
    from matplotlib.patches import Patch

    parts = [str(piece.keys[0].key)] if piece.keys else []
    parts += [str(piece.metres[0])] if piece.metres else []
    parts += [f"♩ = {piece.tempos[0].qpm:g}"]
    top = 1 - 0.3 / height
    text = f"{title}   ({', '.join(parts)})" if title else ", ".join(parts)
    figure.text(_LEFT / _WIDTH, top, text, fontsize=10, va="center")
    voices = {(note.drum, note.voice): note for note in piece.notes}
    if len(voices) > 1:
        chorale = piece.voices == list(range(len(_PARTS)))
        handles = [
            Patch(
                color=_colour(note),
                label="Drums" if drum else _PARTS[voice] if chorale else f"Voice {voice + 1}",
            )
            for (drum, voice), note in sorted(voices.items(), key=lambda item: item[0])
        ]
        figure.legend(
            handles=handles[: len(_COLOURS)],
            loc="center right",
            bbox_to_anchor=(1 - _RIGHT / _WIDTH, top),
            ncols=len(_COLOURS),
            fontsize=8,
            frameon=False,
        )


def _colour(note: Note) -> str:
    return _DRUMS if note.drum else _COLOURS[note.voice % len(_COLOURS)]
