"""Draw a picture of every kind of feature: what docs/features shows.

    python tools/docs/gallery_features.py docs/features/pictures [--kinds log_mel pitch]

Kinds of speech are drawn of the packaged recording, kinds of music of four plucked chords with a stroke each half
second, made here. Axes are in seconds and in hertz, note names, or the unit of the kind.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from speechgru import audio, features
from speechgru.features import Features
from speechgru.plots.features import legible
from speechgru.utils.assets import ASSETS
from speechgru.utils.files import atomic_path

Signal = NDArray[np.float32]
RATE = 22050
MUSIC = {
    "beats",
    "chroma",
    "contrast",
    "cqt",
    "harmonic",
    "onset_strength",
    "onsets",
    "percussive",
    "tempo",
    "tempogram",
}
_COLOURS = 48  # of a picture's palette: small files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", nargs="+", default=features.kinds(), metavar="KIND")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    speech, music = audio.read(ASSETS / "sample.flac", RATE), chords()
    for kind in args.kinds:
        save(args.folder / f"{kind}.png", draw(kind, music if kind in MUSIC else speech))


def chords() -> Signal:
    """Four seconds: C, A minor, F and G, plucked, with a stroke of noise each half second."""
    time = np.arange(RATE) / RATE
    generator = np.random.default_rng(0)
    stroke = 0.3 * generator.standard_normal(RATE // 2) * np.exp(-60 * time[: RATE // 2])
    played = []
    for notes in ((60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62)):
        pitches = [440 * 2 ** ((note - 69) / 12) for note in notes]
        strings = [np.sin(2 * np.pi * k * f * time) / k**1.5 for f in pitches for k in range(1, 6)]
        played.append(0.1 * np.sum(strings, axis=0) * np.exp(-1.5 * time) + np.tile(stroke, 2))
    return np.concatenate(played).astype(np.float32)


def draw(kind: str, signal: Signal) -> Figure:
    """The figure of `kind` of `signal` [time] at RATE."""
    result = features.extract(signal, kind, sample_rate=RATE, output="numpy")
    figure = Figure(figsize=(7, 2.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(features.find(kind).title, fontsize=10, loc="left")
    if kind == "tempo":
        _tempo(axes, result, signal)
    elif result.frame_seconds is None:
        _events(axes, result, signal)
    elif len(result.bins) <= 2:
        _lines(axes, result)
    else:
        _image(figure, axes, result)
    if kind != "tempo":
        axes.set_xlabel("seconds")
        axes.set_xlim(0, len(signal) / RATE)
    return figure


def _image(figure: Figure, axes: Any, result: Features) -> None:
    values, unit = legible(result.kind, result.values, result.unit)
    bins, hertz = result.bins, isinstance(result.bins[0], float)
    if result.kind == "tempogram":  # in order of its delays; the rest is no tempo
        shown = [i for i, tempo in enumerate(bins) if 30 <= tempo <= 400]
        values, bins = values[:, shown[::-1]], [bins[i] for i in shown[::-1]]
    low, high = np.percentile(values, (1, 99.5))
    half = result.frame_seconds / 2
    extent = (result.times[0] - half, result.times[-1] + half, -0.5, len(bins) - 0.5)
    image = axes.imshow(
        values.T, origin="lower", aspect="auto", extent=extent, vmin=low, vmax=high, interpolation="nearest"
    )
    figure.colorbar(image, ax=axes, label=unit, pad=0.01)
    every = 1 if len(bins) <= 13 else max(1, len(bins) // 6)
    ticks = range(0, len(bins), every)
    names = [f"{bins[i]:.0f}" if hertz else bins[i] for i in ticks]
    axes.set_yticks(list(ticks), names, fontsize=6 if every == 1 else 8)
    if hertz:
        axes.set_ylabel("beats per minute" if result.kind == "tempogram" else "hertz")


def _lines(axes: Any, result: Features) -> None:
    values = result.values[:, 0]
    if result.kind == "pitch":
        values = np.where(values > 0, values, np.nan)
        voicing = axes.twinx()
        voicing.fill_between(result.times, result.values[:, 1], color="0.85")
        voicing.set_ylabel("voicing")
        voicing.set_ylim(0, 1)
        axes.set_zorder(voicing.get_zorder() + 1)
        axes.patch.set_visible(False)
        axes.set_yscale("log")
        axes.set_yticks([100, 200, 400, 800], ["100", "200", "400", "800"])
        axes.minorticks_off()
    axes.plot(result.times, values, linewidth=1)
    axes.set_ylabel("hertz" if result.kind == "pitch" else result.unit, fontsize=8)


def _events(axes: Any, result: Features, signal: Signal) -> None:
    axes.plot(np.arange(len(signal))[::8] / RATE, signal[::8], linewidth=0.3, color="0.5")
    axes.vlines(result.values[:, 0], -1, 1, color="C3", linewidth=1)
    axes.set_ylim(-1, 1)
    axes.set_ylabel("amplitude")


def _tempo(axes: Any, result: Features, signal: Signal) -> None:
    tempogram = features.extract(signal, "tempogram", sample_rate=RATE, output="numpy")
    bins = np.array(tempogram.bins)
    shown = (bins > 30) & (bins < 400)
    axes.plot(bins[shown], tempogram.values.mean(axis=0)[shown], linewidth=1)
    axes.axvline(float(result.values[0, 0]), color="C3", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_xticks([30, 60, 120, 240], ["30", "60", "120", "240"])
    axes.set_xlabel("beats per minute")
    axes.set_ylabel("correlation")


def save(path: Path, figure: Figure) -> None:
    """As a PNG of few colours."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100, format="png")
    few = Image.open(drawn).convert("RGB").quantize(_COLOURS)
    with atomic_path(path) as temporary:
        few.save(temporary, format="PNG", optimize=True)


if __name__ == "__main__":
    main()
