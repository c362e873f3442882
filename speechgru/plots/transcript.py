"""A recording and its words as a picture: log-mel spectrogram, and above it each word from its start to its end.

Rows of ROW_SECONDS each, times in seconds, frequencies in kHz on the mel scale, words coloured by confidence.
A picture holds at most ROWS of them: few programs open a larger one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.audio import stream as audio
from speechgru.audio.energy import Signal
from speechgru.errors import UsageError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.transcript import Transcript, Word
from speechgru.utils import dependencies
from speechgru.utils.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_SECONDS = 10.0
ROWS = 30
MAX_SECONDS = ROW_SECONDS * ROWS
_WIDTH, _LEFT, _RIGHT = 16.0, 0.6, 0.2  # inches
_TOP, _WORDS, _SOUND, _BETWEEN = 0.65, 0.32, 1.15, 0.5
_DPI = 100
_CHARACTER = 0.66  # width of a character, on average, for its font size
_FONT, _SMALLEST = 9.0, 4.5  # points
_RANGE = 12.0  # nats of power from white to black: 52 dB
_TICKS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)  # kHz
_BRIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
_COLOURS = "RdYlBu"  # also apart for eyes that don't tell red from green


def save(path: str | Path, transcript: Transcript, source: str | Path) -> str:
    """Draw the first MAX_SECONDS of the recording `source` with the words of `transcript`, as a PNG.

    Returns:
        What is to be known of it: that not all is shown; else "".

    Raises:
        AudioError: the recording can't be read. OSError: the picture can't be written.
    """
    signal = _first_seconds(source)
    figure = draw(transcript, signal)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")
    shown = len(signal) / audio.SAMPLE_RATE
    if transcript.duration - shown < 1:
        return ""
    return (
        f"{path} shows the first {shown / 60:g} minutes of {transcript.duration / 60:.1f}: a longer picture few "
        "programs open. Cut the recording to see more."
    )


def check(path: str, source: str) -> None:
    """Refuse, before any work, what `save` could not do.

    Raises:
        UsageError: `path` isn't the name of a PNG file, or the recording itself; `source` is standard input.
        DependencyError: Matplotlib isn't installed.
    """
    if source == "-":
        raise UsageError(
            "--plot reads the recording a second time, which standard input can't be. Save it to a file first."
        )
    if Path(path).suffix.lower() != ".png" or Path(path).is_dir():
        raise UsageError(f"--plot writes a PNG file; got {path}. Give a name that ends in .png.")
    if Path(path).resolve() == Path(source).resolve():
        raise UsageError(f"--plot {path} would replace the recording. Choose another name.")
    dependencies.require("matplotlib", "--plot")


def _first_seconds(source: str | Path) -> Signal:
    """At most MAX_SECONDS of `source`, [time] at audio.SAMPLE_RATE."""
    blocks: list[Signal] = []
    with audio.AudioStream(source) as stream:
        for block in stream:
            blocks.append(block)
            if stream.seconds_read >= MAX_SECONDS:
                break
    signal: Signal = np.concatenate(blocks)
    return signal[: round(MAX_SECONDS * audio.SAMPLE_RATE)]


def draw(transcript: Transcript, signal: Signal) -> Figure:
    """The figure of `transcript` and `signal` [time] at audio.SAMPLE_RATE, its recording or the start of it."""
    from matplotlib.figure import Figure

    seconds = len(signal) / audio.SAMPLE_RATE
    rows = max(1, int(np.ceil(seconds / ROW_SECONDS)))
    height = _TOP + rows * (_WORDS + _SOUND + _BETWEEN)
    # Figure without pyplot: no display, no state left behind.
    figure = Figure(figsize=(_WIDTH, height))
    bands, _ = LogMel(Settings(normalise="none"))(torch.from_numpy(signal))
    image = bands[0].numpy().T
    spoken = list(_shown(transcript, seconds))
    for row in range(rows):
        top = height - _TOP - row * (_WORDS + _SOUND + _BETWEEN)
        words, sound = _axes(figure, top, height)
        start = row * ROW_SECONDS
        _draw_sound(sound, image, start, seconds)
        _draw_words(words, sound, spoken, start)
    _draw_title(figure, transcript, seconds, height)
    return figure


def _shown(transcript: Transcript, seconds: float) -> Iterator[Word]:
    return (word for word in transcript.words if word.start < seconds)


def _axes(figure: Figure, top: float, height: float) -> tuple[Axes, Axes]:
    """Of a row's words and of its spectrogram below; `top` in inches from the bottom of the figure."""
    width = (_WIDTH - _LEFT - _RIGHT) / _WIDTH
    places = ((top - _WORDS, _WORDS), (top - _WORDS - _SOUND, _SOUND))
    words, sound = (figure.add_axes((_LEFT / _WIDTH, y / height, width, h / height)) for y, h in places)
    return words, sound


def _mel(hertz: Any) -> Any:
    """The HTK scale, on which the bands lie at equal distances (speechgru.features.frontend)."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def _draw_sound(axes: Axes, image: NDArray[np.float32], start: float, seconds: float) -> None:
    settings = Settings()
    first, last = round(start / settings.hop), round((start + ROW_SECONDS) / settings.hop)
    part = image[:, first:last]
    # Frame t is centred at t * hop.
    left = start - settings.hop / 2
    extent = (left, left + part.shape[1] * settings.hop, _mel(settings.f_min), _mel(settings.f_max))
    top = image.max()
    axes.set_facecolor("0.93")  # behind the recording's end
    axes.imshow(
        part, origin="lower", aspect="auto", extent=extent, cmap="gray_r", vmin=top - _RANGE, vmax=top
    )
    axes.set_xlim(start, start + ROW_SECONDS)
    axes.set_xticks(np.arange(start, start + ROW_SECONDS + 1))
    axes.set_yticks(_mel(1000 * np.array(_TICKS)), [f"{tick:g}" for tick in _TICKS])
    axes.set_ylabel("kHz", fontsize=8)
    axes.tick_params(labelsize=8)
    if start + ROW_SECONDS >= seconds:
        axes.set_xlabel("seconds", fontsize=8)


def _draw_words(band: Axes, sound: Axes, words: list[Word], start: float) -> None:
    from matplotlib import colormaps

    band.set_xlim(start, start + ROW_SECONDS)
    band.set_ylim(0, 1)
    band.axis("off")
    end = start + ROW_SECONDS
    inches = (_WIDTH - _LEFT - _RIGHT) / ROW_SECONDS
    for word in words:
        left, right = max(word.start, start), min(word.end, end)
        if left >= right:
            continue
        colour = colormaps[_COLOURS](word.confidence)
        band.axvspan(left, right, facecolor=colour, linewidth=0)
        sound.axvspan(left, right, facecolor=colour, alpha=0.12, linewidth=0)
        for edge in (left, right):
            sound.axvline(edge, color="0.3", linewidth=0.5)
        # A word on the edge of two rows has its text where more of it lies.
        if right - left >= (word.end - word.start) / 2:
            room = 72 * inches * (right - left)
            size = min(_FONT, max(_SMALLEST, room / (_CHARACTER * max(len(word.text), 1))))
            text = band.text((left + right) / 2, 0.5, word.text, fontsize=size, ha="center", va="center")
            text.set_color("white" if np.dot(colour[:3], _BRIGHTNESS) < 0.5 else "black")
            text.set_parse_math(False)  # "$5 and $6" is no formula


def _draw_title(figure: Figure, transcript: Transcript, seconds: float, height: float) -> None:
    from matplotlib.cm import ScalarMappable

    whole = transcript.duration - seconds < 1
    shown = (
        f"{transcript.duration:.1f} s" if whole else f"the first {seconds:g} s of {transcript.duration:.1f} s"
    )
    name = Path(transcript.source).name.encode("utf-8", "replace").decode("utf-8")
    y = (height - 0.3) / height
    title = figure.text(_LEFT / _WIDTH, y, f"{name}, {shown}", fontsize=11, va="center")
    title.set_parse_math(False)
    place = figure.add_axes((0.78, (height - 0.28) / height, 0.2, 0.1 / height))
    bar = figure.colorbar(ScalarMappable(cmap=_COLOURS), cax=place, orientation="horizontal")
    bar.ax.tick_params(labelsize=7, pad=1)
    bar.ax.set_ylabel("confidence ", fontsize=8, rotation=0, ha="right", va="center")
