"""A spectrogram of characters: log-mel bands of half a line each, over the width of a terminal."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.audio import stream as audio
from speechgru.augment.pipeline import band_centres
from speechgru.errors import AudioError
from speechgru.features.frontend import LogMel, Settings

MIN_WIDTH = 30  # columns
RANGE_DB = 60.0  # from the darkest to the brightest
_FLOOR_DB = -100.0
_MARGIN = 8  # columns of the frequency axis
_SHADES = " ░▒▓█"
# Of the 256 colours of xterm: black, violet, red, orange, yellow, white.
_COLOURS = (16, 17, 53, 54, 90, 126, 161, 197, 203, 209, 215, 221, 227, 229, 230, 231)
_TICK_LINES, _TICK_COLUMNS = 4, 12
_WINDOW = 0.04  # seconds: two bands a line are narrow, and want a window as long


def spectrogram(
    source: str | Path,
    width: int,
    height: int,
    *,
    start: float = 0.0,
    seconds: float | None = None,
    colour: bool = False,
) -> list[str]:
    """The lines of the picture: `height` of sound and 2 of the time axis, at most `width` columns.

    Args:
        source: a path, or "-".
        start, seconds: the part to show; None: to the end.
        colour: with ANSI colours, two bands a line; otherwise in shades, one band a line.

    Raises:
        AudioError: it can't be read, or ends before `start`.
    """
    columns, bands = width - _MARGIN - 1, height * (2 if colour else 1)
    with audio.AudioStream(source) as stream:
        rate = stream.sample_rate
        settings = Settings(n_mels=bands, window=_WINDOW, normalise="none", log_floor=10 ** (_FLOOR_DB / 10))
        power, shown = _means(stream, LogMel(settings), columns, start, seconds)
    if not shown:
        raise AudioError(f"{source} ends before {start:g} s, where the picture should begin.", source=source)
    level = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    top = np.float32(max(level.max(), _FLOOR_DB + RANGE_DB))  # of silence nothing is bright
    bright = np.clip(1 + (level - top) / RANGE_DB, 0, 1)  # [bands, columns]
    draw = _coloured if colour else _shaded
    lines = draw(bright[::-1])
    centres = band_centres(settings).numpy().reshape(height, -1).mean(axis=1)[::-1]
    labelled = [
        _label(row, height, float(hertz)) + line for row, (hertz, line) in enumerate(zip(centres, lines))
    ]
    return [*labelled, *_time_axis(columns, start, shown / rate)]


def _means(
    stream: audio.AudioStream, features: LogMel, columns: int, start: float, seconds: float | None
) -> tuple[NDArray[np.float32], int]:
    """Mean power of each column, [bands, columns], and how many samples were shown."""
    rate, settings = stream.sample_rate, features.settings
    first, last = round(start * rate), math.inf if seconds is None else round((start + seconds) * rate)
    position, shown, parts = 0, 0, []
    for block in stream:
        part = block[max(first - position, 0) : max(int(min(last - position, len(block))), 0)]
        position += len(block)
        if len(part):
            shown += len(part)
            parts.append(features(torch.from_numpy(part))[0][0].exp().numpy())
        if position >= last:
            break
    if not parts:
        return np.zeros((settings.n_mels, columns), np.float32), 0
    frames = np.concatenate(parts)
    if len(frames) < columns:  # short ones are stretched
        frames = frames[np.arange(columns) * len(frames) // columns]
    edges = np.arange(columns) * len(frames) // columns
    counts = np.diff(np.append(edges, len(frames)))
    sums = np.add.reduceat(frames, edges, axis=0, dtype=np.float64)
    return (sums / counts[:, None]).T.astype(np.float32), shown


def _shaded(bright: NDArray[np.float32]) -> list[str]:
    steps = np.minimum((bright * len(_SHADES)).astype(int), len(_SHADES) - 1)
    return ["".join(_SHADES[step] for step in row) for row in steps]


def _coloured(bright: NDArray[np.float32]) -> list[str]:
    """Upper half blocks: the foreground is the upper band, the background the lower."""
    steps = np.minimum((bright * len(_COLOURS)).astype(int), len(_COLOURS) - 1)
    lines = []
    for upper, lower in zip(steps[::2], steps[1::2]):
        cells = [f"\x1b[38;5;{_COLOURS[u]};48;5;{_COLOURS[d]}m▀" for u, d in zip(upper, lower)]
        lines.append("".join(cells) + "\x1b[0m")
    return lines


def _label(row: int, height: int, hertz: float) -> str:
    shown = f"{hertz:.0f} Hz" if row % _TICK_LINES == 0 or row == height - 1 else ""
    return f"{shown:>{_MARGIN - 1}} ┤" if shown else " " * _MARGIN + "│"


def _time_axis(columns: int, start: float, seconds: float) -> list[str]:
    """A line with ticks, and one with seconds below them."""
    ticks = range(0, columns - _TICK_COLUMNS // 2, _TICK_COLUMNS)
    digits = max(0, min(3, math.ceil(-math.log10(seconds * _TICK_COLUMNS / columns)) + 1))
    line = "".join("┬" if column in ticks else "─" for column in range(columns))
    labels = "".join(
        f"{start + tick * seconds / columns:.{digits}f}".ljust(_TICK_COLUMNS) for tick in ticks
    ).rstrip()
    return [" " * _MARGIN + "└" + line, " " * (_MARGIN + 1) + f"{labels} s"]
