"""A recording as a picture: waveform, spectrogram, pitch and chroma, over seconds, in hertz and notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru import audio
from speechgru.audio.energy import Signal
from speechgru.features import extract, find
from speechgru.features.base import Bins, Transform
from speechgru.features.chroma import NOTES
from speechgru.features.framing import Framing
from speechgru.utils.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE = 22050  # Hz: up to half of it is shown
MAX_SECONDS = 120.0  # in a longer picture nothing can be read
_SHORTEST = 4096  # samples: shorter recordings are continued by zeros, so that every kind has a frame
_WIDTH, _HEIGHTS = 14.0, (1.6, 3.2, 2.2, 2.0)  # inches
_PANEL = 2.2
_COLUMNS = 1400  # of the waveform's outline
_RANGE_DB, _FLOOR_DB = 80.0, -100.0
_PITCH = (60.0, 1000.0)  # Hz
_OCTAVES = range(2, 6)  # C2 to C5 lie in it
_LINES = 2  # features of so many bins are drawn as lines
_TICKS = 8
_DECIBELS = {"spectrogram": 10, "mel": 10, "harmonic": 20, "percussive": 20, "cqt": 20}
_CEPSTRA = {"mfcc", "lfcc", "kaldi_mfcc", "deltas"}


def load(path: str | Path, rate: int = RATE) -> Signal:
    """The first MAX_SECONDS of a recording, [time] at `rate` Hz. Raises AudioError where it can't be read."""
    blocks, count = [], 0
    with audio.AudioStream(path, rate) as stream:
        for block in stream:
            blocks.append(block)
            count += len(block)
            if count >= MAX_SECONDS * rate:
                break
    signal: Signal = np.concatenate(blocks)[: round(MAX_SECONDS * rate)]
    return signal


@dataclass(frozen=True)
class Panel:
    """Features to draw too, values [frames, bins]: below the others, or events as strokes in the waveform."""

    kind: str
    unit: str
    bins: Bins
    values: NDArray[np.float32]
    framing: Framing | None

    @classmethod
    def of(cls, module: Transform, values: NDArray[np.float32]) -> Panel:
        """Of what `module` computed."""
        return cls(module.kind, find(module.kind).unit, module.bins, values, module.framing)

    @property
    def are_times(self) -> bool:
        """Whether they are events at so many seconds."""
        return self.framing is None and self.unit == "seconds"


def panel(path: str | Path, module: Transform) -> Panel:
    """The features that `module` computes of the first MAX_SECONDS of a recording.

    Raises:
        AudioError: it can't be read, or is shorter than a window.
    """
    with torch.inference_mode():
        values = module(torch.from_numpy(load(path, module.rate)))[0][0]
    return Panel.of(module, values.numpy())


def legible(kind: str, values: NDArray[np.float32], unit: str) -> tuple[NDArray[np.float32], str]:
    """`values` [frames, bins] in a scale that an image shows, and its unit."""
    if kind in _DECIBELS:
        share = values / max(float(values.max()), 1e-20)
        level = _DECIBELS[kind] * np.log10(np.maximum(share, 1e-8))
        return np.maximum(level, -_RANGE_DB), "dB below the peak"
    if kind in _CEPSTRA:
        spread = np.maximum(values.std(axis=0), 1e-10)
        return (values - values.mean(axis=0)) / spread, "deviations of each bin"
    return values, unit


def save(path: str | Path, signal: Signal, rate: int, title: str, panel: Panel | None = None) -> None:
    """Draw `signal` [time] at `rate` Hz into the PNG file `path`, whole or not at all."""
    figure = draw(signal[: round(MAX_SECONDS * rate)], rate, title, panel)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def draw(signal: Signal, rate: int, title: str, panel: Panel | None = None) -> Figure:
    """The figure of `signal` [time] at `rate` Hz: four axes, and one of `panel`, over the same seconds."""
    from matplotlib.figure import Figure

    padded = np.pad(signal, (0, max(0, _SHORTEST - len(signal))))
    shown = panel is not None and panel.framing is not None
    heights = [*_HEIGHTS, *([_PANEL] if shown else [])]
    # Figure without pyplot: no display, no state left behind.
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    figure.suptitle(title.encode("utf-8", "replace").decode(), parse_math=False)
    _waveform(axes[0], signal, rate)
    _spectrogram(axes[1], padded, rate)
    _pitch(axes[2], padded, rate)
    _chroma(axes[3], padded, rate)
    if panel is not None and panel.framing is not None:
        (_lines if panel.values.shape[1] <= _LINES else _bands)(axes[4], panel, panel.framing)
    elif panel is not None and panel.are_times:
        axes[0].vlines(panel.values[:, 0], *axes[0].get_ylim(), color="C3", linewidth=1, label=panel.kind)
        axes[0].legend(loc="upper right")
    axes[-1].set_xlim(0, len(signal) / rate)
    axes[-1].set_xlabel("seconds")
    return figure


def _waveform(axes: Axes, signal: Signal, rate: int) -> None:
    """Its outline: the highest and the lowest sample of each column."""
    edges = np.linspace(0, len(signal), min(_COLUMNS, len(signal)), endpoint=False).astype(int)
    highest, lowest = (extreme.reduceat(signal, edges) for extreme in (np.maximum, np.minimum))
    axes.fill_between(edges / rate, lowest, highest, color="0.3", linewidth=0.5)
    limit = max(float(np.abs(signal).max()), 1e-3)
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("amplitude")


def _spectrogram(axes: Axes, signal: Signal, rate: int) -> None:
    spectrum = extract(signal, "spectrogram", sample_rate=rate, output="numpy", rate=rate)
    level = 10 * np.log10(np.maximum(spectrum.values.T, 10 ** (_FLOOR_DB / 10)))
    top = max(float(level.max()), _FLOOR_DB + _RANGE_DB)  # of silence nothing is bright
    first, step = spectrum.first_seconds, spectrum.frame_seconds or 1.0
    _image(axes, level, first, step, (0, rate / 2), vmin=top - _RANGE_DB, vmax=top, cmap="magma")
    axes.set_ylabel("hertz")


def _pitch(axes: Axes, signal: Signal, rate: int) -> None:
    low, high = _PITCH
    pitch = extract(signal, "pitch", sample_rate=rate, output="numpy", method="nccf", f_min=low, f_max=high)
    hertz = np.where(pitch.values[:, 0] > 0, pitch.values[:, 0], np.nan)
    seconds = np.arange(len(hertz)) * (pitch.frame_seconds or 0.0)
    axes.plot(seconds, hertz, ".", markersize=2.5, color="tab:blue")
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.set_yticks([100, 200, 400, 800], ["100", "200", "400", "800"])
    axes.minorticks_off()
    axes.set_ylabel("pitch, hertz")
    notes = axes.secondary_yaxis("right")
    notes.set_yticks([440 * 2 ** (octave - 4.75) for octave in _OCTAVES], [f"C{o}" for o in _OCTAVES])
    notes.minorticks_off()
    notes.set_ylabel("note")
    axes.grid(alpha=0.3)


def _chroma(axes: Axes, signal: Signal, rate: int) -> None:
    chroma = extract(signal, "chroma", sample_rate=rate, output="numpy")
    first, step = chroma.first_seconds, chroma.frame_seconds or 1.0
    _image(axes, chroma.values.T, first, step, (-0.5, 11.5), vmin=0, vmax=1, cmap="viridis")
    axes.set_yticks(range(12), NOTES, fontsize=7)
    axes.set_ylabel("pitch class")


def _lines(axes: Axes, panel: Panel, framing: Framing) -> None:
    """Each bin over its own axis, on the left and on the right."""
    seconds = framing.times(len(panel.values))
    for number, (name, values) in enumerate(zip(panel.bins, panel.values.T, strict=True)):
        side = axes.twinx() if number else axes
        if panel.kind == "pitch" and not number:
            values = np.where(values > 0, values, np.nan)  # unvoiced
        side.plot(seconds, values, linewidth=1, color=f"C{number}", alpha=1 - 0.5 * number)
        label = panel.kind if len(panel.bins) == 1 else f"{panel.kind}, {name}"
        side.set_ylabel(label, color=f"C{number}")


def _bands(axes: Axes, panel: Panel, framing: Framing) -> None:
    count = len(panel.bins)
    step, first = framing.hop / framing.rate, framing.first / framing.rate
    values, unit = legible(panel.kind, panel.values, panel.unit)
    low, high = np.percentile(values, (1, 99.5))
    _image(axes, values.T, first, step, (-0.5, count - 0.5), vmin=low, vmax=high, cmap="magma")
    places = range(0, count, -(-count // _TICKS))
    names = [f"{b:.0f}" if isinstance(b, float) else b for b in (panel.bins[i] for i in places)]
    axes.set_yticks(list(places), names, fontsize=8)
    in_hertz = isinstance(panel.bins[0], float) and panel.kind != "tempogram"
    axes.set_ylabel(f"{panel.kind}{', hertz' if in_hertz else ''}\n({unit})", fontsize=9)


def _image(
    axes: Axes, values: Any, first: float, step: float, ends: tuple[float, float], **options: Any
) -> None:
    """`values` [bins, frames], the first centred at `first` seconds, then every `step`; bins between `ends`."""
    left = first - step / 2
    extent = (left, left + values.shape[1] * step, *ends)
    axes.imshow(values, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **options)
