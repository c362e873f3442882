"""Pieces that a model of words makes up, word by word. Constraints act while it draws, so what follows knows of them,
and only words that may follow are drawn, so every piece can be decoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.events import Encoding
from speechgru.music.wordmodel import WordModel
from speechgru.music.wordviews import Listener, View

_CHANGES = ("METRE", "SIGNATURE")
_REST = 8  # VOICE, VELOCITY, NOTE, DURATION, END: what must follow the last word that was asked for


@dataclass(frozen=True)
class WordSampling:
    """How to draw. Pitches are MIDI's: 60 is middle C.

    Raises:
        MusicError: a value is outside its range.
    """

    temperature: float = 1.0
    """Above 0; below 1 prefers what is likely, above 1 evens out."""
    top_k: int = 0
    """Draw from the so many likeliest words; 0: from all."""
    top_p: float = 1.0
    """In (0, 1]: draw from the likeliest words that together have this probability (Holtzman et al. 2020)."""
    seed: int = 0
    lowest: int = 0
    highest: int = 127
    pitch_classes: Collection[int] = tuple(range(12))
    """Those that may sound, 0 for C: a key's or a scale's."""
    bars: int = 0
    """The piece ends after so many bars, those of the primer counted; 0: where the model ends it."""
    most: int = 4000
    """Words after which a piece ends anyway."""
    settled: bool = True
    """Key and metre stay as they are once a note has been heard."""

    def __post_init__(self) -> None:
        if not self.temperature > 0 or math.isinf(self.temperature):
            raise MusicError(f"Got temperature {self.temperature}; expected a number above 0, such as 0.8.")
        for name in ("top_k", "seed", "bars"):
            if getattr(self, name) < 0:
                raise MusicError(f"Got {name} {getattr(self, name)}; expected 0 or more.")
        if not 0 < self.top_p <= 1:
            raise MusicError(f"Got top_p {self.top_p}; expected a number above 0, at most 1.")
        if self.most < 1:
            raise MusicError(f"Got at most {self.most} words; expected 1 or more.")
        if not self.pitch_classes or not set(self.pitch_classes) <= set(range(12)):
            raise MusicError(f"Got pitch classes {list(self.pitch_classes)}; expected some of 0 to 11.")

    def allowed(self, encoding: Encoding) -> NDArray[np.bool_]:
        """Which words may be drawn at all.

        Raises:
            MusicError: no note may.
        """
        found = np.ones(len(encoding), dtype=bool)
        notes = 0
        for number, word in enumerate(encoding.words):
            kind, _, value = word.partition(" ")
            if kind == "NOTE":
                inside = self.lowest <= int(value) <= self.highest and int(value) % 12 in self.pitch_classes
                found[number] = inside
                notes += inside
        if not notes:
            raise MusicError(
                f"No note of the model lies within pitches {self.lowest} to {self.highest} and pitch classes "
                f"{sorted(self.pitch_classes)}. Widen the range or the scale."
            )
        return found


@torch.inference_mode()
def sample_words(
    model: WordModel,
    count: int = 1,
    *,
    options: WordSampling | None = None,
    primer: Sequence[int] = (),
    on_progress: Callable[[float], None] | None = None,
) -> list[list[int]]:
    """Make up `count` pieces: numbers of words from START to END, for `model.encoding.decode`.

    The same seed gives the same pieces on the same machine, and the first of several is the one that is drawn alone.

    Args:
        primer: what each begins with, as `encode` gives it; END is left out. No constraint changes it.
        on_progress: called after each word with the share that is done of the piece that is furthest behind.

    Raises:
        MusicError: a count below 1, a primer that the encoding can't decode or that has more bars than asked for,
            constraints that let no note sound.
    """
    options = options or WordSampling()
    encoding = model.encoding
    start = [number for number in primer if number != encoding.end] or [encoding.start]
    _check(encoding, start, count, options)
    rules = _Rules(encoding, options)
    pieces = [_Growing(encoding, start, options, number) for number in range(count)]
    network = model.network.eval()
    state = None
    if len(start) > 1:
        _, state = network.hear(_view(network, [pieces[0].before[:-1]]))
        state = state.repeat_interleave(count, dim=1)
    going = list(range(count))
    while going:
        view = _view(network, [[pieces[i].listener.known] for i in going])
        # The state before a word holds the words up to the last but one; the last comes in with the view.
        features, state = network.hear(view, state)
        log_probs = network.say(features, view)[:, 0].double().cpu().numpy()
        for row, i in enumerate(going):
            pieces[i].add(rules.draw(log_probs[row], pieces[i]))
        left = [row for row, i in enumerate(going) if pieces[i].words[-1] != encoding.end]
        state, going = state[:, left], [going[row] for row in left]
        if on_progress:
            on_progress(min((pieces[i].progress for i in going), default=1.0))
    return [piece.words for piece in pieces]


def _check(encoding: Encoding, start: list[int], count: int, options: WordSampling) -> None:
    if count < 1:
        raise MusicError(f"Got {count} pieces; expected 1 or more.")
    if start[0] != encoding.start:
        raise MusicError("A primer begins with the word START, as `encode` gives it.")
    encoding.decode(start)
    bars = sum(encoding.words[number] == "BAR" for number in start)
    if options.bars and bars > options.bars:
        raise MusicError(
            f"The primer has {bars} bars, the piece {options.bars}. Make the piece longer or the primer shorter."
        )


def _view(network: Any, known: list[list[list[int]]]) -> View:
    return View(torch.tensor(known, device=network.words.device))


class _Growing:
    """A piece while it is made up."""

    def __init__(self, encoding: Encoding, start: list[int], options: WordSampling, number: int) -> None:
        self.generator = np.random.default_rng([options.seed, number])
        self.listener = Listener(encoding, len(start) + options.most + _REST)
        self.words: list[int] = []
        self.before: list[list[int]] = []
        self.bars, self.notes = 0, 0
        self._names = encoding.words
        for word in start:
            self.before.append(self.listener.known)
            self.add(word)
        self.before.append(self.listener.known)
        self.given, self._bars, self._most = len(self.words), options.bars, options.most

    @property
    def progress(self) -> float:
        """How much of the bars, or of the most words, is there: in [0, 1]."""
        done = self.bars / (self._bars + 1) if self._bars else (len(self.words) - self.given) / self._most
        return min(done, 1.0)

    def add(self, number: int) -> None:
        """One more word."""
        self.words.append(number)
        self.listener.hear(number)
        self.bars += self._names[number] == "BAR"
        self.notes += self._names[number].startswith("NOTE")


class _Rules:
    """What may be drawn where, and how."""

    def __init__(self, encoding: Encoding, options: WordSampling) -> None:
        self.options, self.allowed = options, options.allowed(encoding)
        self.end, self.bar = encoding.end, encoding.number.get("BAR")
        if options.bars and self.bar is None:
            raise MusicError(
                "This model tells no bar lines, so it can't count bars; leave out the number of bars."
            )
        kinds = [word.split()[0] for word in encoding.words]
        self.changes = np.array([kind in _CHANGES for kind in kinds])
        self.ends = encoding.follows[:, encoding.end]

    def draw(self, log_probs: NDArray[np.float64], piece: _Growing) -> int:
        """The next word of a piece."""
        options = self.options
        if len(piece.words) - piece.given >= options.most and self.ends[piece.words[-1]]:
            return self.end
        logits = np.where(self.allowed, log_probs, -np.inf)
        if options.settled and piece.notes:
            logits[self.changes] = -np.inf
        if options.bars:
            self._count_bars(logits, piece)
        return _draw(logits, options, piece.generator.random())

    def _count_bars(self, logits: NDArray[np.float64], piece: _Growing) -> None:
        """Where the last bar is full, what would be the next bar line is the end; before, there is no end."""
        if piece.bars < self.options.bars:
            logits[self.end] = -np.inf
        else:
            logits[self.end] = np.logaddexp(logits[self.end], logits[self.bar])
            logits[self.bar] = -np.inf


def _draw(logits: NDArray[np.float64], options: WordSampling, chance: float) -> int:
    """One of the words by their log-probabilities, where `chance` in [0, 1) decides."""
    order = np.argsort(-logits, kind="stable")
    order = order[np.isfinite(logits[order])][: options.top_k or None]
    scaled = logits[order] / options.temperature
    mass = np.exp(scaled - scaled[0]).cumsum()
    mass /= mass[-1]
    kept = mass[: int(np.searchsorted(mass, options.top_p - 1e-12)) + 1]
    return int(order[min(int(np.searchsorted(kept, chance * kept[-1], side="right")), len(kept) - 1)])
