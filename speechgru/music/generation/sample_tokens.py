"""Pieces sampled from a token model. Constraints act on every token that is drawn, so that what follows fits them, and
only tokens that may follow are drawn, so every piece can be decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.errors import MusicError
from speechgru.music.generation.endings import Ending
from speechgru.music.generation.repetition import Loops
from speechgru.music.models.sampling import OnProgress, SamplingOptions
from speechgru.music.models.token_inputs import TokenHistory, View
from speechgru.music.models.token_model import TokenModel
from speechgru.music.score.keys import class_name, pitch_name
from speechgru.music.score.tokens import Encoding

_CHANGES = ("METRE", "SIGNATURE")
_HEADING = ("METRE", "UNIT", "SIGNATURE", "MODE")
_REST = 8  # VOICE, VELOCITY, NOTE, DURATION, END: what must follow the last token that was asked for


@dataclass(frozen=True)
class TokenSampling(SamplingOptions):
    """How to draw tokens. `top_k`: from the so many likeliest. `top_p`: from the likeliest that together have this
    probability.

    Raises:
        MusicError: a value is outside its range.
    """

    bars: int = 0
    """The piece ends so many bars after its first note begins, those of the primer counted; 0: where the model ends
    it."""
    most: int = 4000
    """Tokens after which a piece ends anyway."""
    settled: bool = True
    """Key and metre stay as they are from the first note on."""
    closed: bool = True
    """It ends where tunes do, and `bars` count: see endings.py."""
    is_tune: bool = False
    """Metre and key come first, no note begins while another sounds, and no passage comes again and again: see
    repetition.py."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bars < 0:
            raise MusicError(f"Got bars {self.bars}; expected 0 or more.")
        if self.most < 1:
            raise MusicError(f"Got at most {self.most} tokens; expected 1 or more.")

    def allowed(self, encoding: Encoding) -> NDArray[np.bool_]:
        """Which tokens may be drawn at all.

        Raises:
            MusicError: no note may.
        """
        allowed = np.ones(len(encoding), dtype=bool)
        notes = 0
        for number, token in enumerate(encoding.tokens):
            kind, _, value = token.partition(" ")
            if kind == "NOTE":
                inside = self.lowest <= int(value) <= self.highest and int(value) % 12 in self.pitch_classes
                allowed[number] = inside
                notes += inside
        if not notes:
            names = " ".join(map(class_name, sorted(self.pitch_classes)))
            raise MusicError(
                f"No note that the model knows lies within {pitch_name(self.lowest)} to {pitch_name(self.highest)} and "
                f"is one of {names}. Widen the range or the scale."
            )
        return allowed


@torch.inference_mode()
def sample_tokens(
    model: TokenModel,
    count: int = 1,
    *,
    options: TokenSampling | None = None,
    primer: Sequence[int] = (),
    on_progress: OnProgress | None = None,
) -> list[list[int]]:
    """Make up `count` pieces: numbers of tokens from START to END, for `model.encoding.decode`.

    The same seed gives the same pieces on the same machine, and the first of several is the one that is drawn alone.

    Args:
        primer: what each begins with, as `encode` gives it; END is left out. No constraint changes it.
        on_progress: called after each token with the share that is done of the piece that is furthest behind.

    Raises:
        MusicError: a count below 1, a primer that the encoding can't decode or that has more bars than asked for,
            constraints that let no note sound.
    """
    options = options or TokenSampling()
    encoding = model.encoding
    start = [number for number in primer if number != encoding.end] or [encoding.start]
    rules = _Rules(encoding, options)
    _check(encoding, start, count)
    pieces = [_Growing(rules, start, number) for number in range(count)]
    if options.bars and pieces[0].ending.passed > options.bars:
        raise MusicError(
            f"The primer has {math.ceil(pieces[0].ending.passed)} bars, the piece {options.bars}. Make the piece "
            "longer or the primer shorter."
        )
    network = model.network.eval()
    state = None
    if len(start) > 1:
        _, state = network.encode(_view(network, [pieces[0].before[:-1]]))
        state = state.repeat_interleave(count, dim=1)
    going = list(range(count))
    while going:
        view = _view(network, [[pieces[i].known] for i in going])
        # The state before a token holds the tokens up to the last but one; the last comes in with the view.
        features, state = network.encode(view, state)
        log_probs = network.next_log_probs(features, view)[:, 0].double().cpu().numpy()
        for row, i in enumerate(going):
            pieces[i].add(pieces[i].draw(log_probs[row]))
        left = [row for row, i in enumerate(going) if pieces[i].tokens[-1] != encoding.end]
        state, going = state[:, left], [going[row] for row in left]
        if on_progress:
            on_progress(min((pieces[i].progress for i in going), default=1.0))
    return [piece.tokens for piece in pieces]


def _check(encoding: Encoding, start: list[int], count: int) -> None:
    if count < 1:
        raise MusicError(f"Got {count} pieces; expected 1 or more.")
    if start[0] != encoding.start:
        raise MusicError("A primer begins with the token START, as `encode` gives it.")
    encoding.decode(start)


def _view(network: Any, known: list[list[list[int]]]) -> View:
    return View(torch.tensor(known, device=network.words.device))


class _Rules:
    """What may be drawn where."""

    def __init__(self, encoding: Encoding, options: TokenSampling) -> None:
        self.encoding, self.options, self.allowed = encoding, options, options.allowed(encoding)
        if options.bars and "BAR" not in encoding.number:
            raise MusicError(
                "This model has no bar lines, so it can't count bars; leave out the number of bars."
            )
        self.kinds = np.array([token.split()[0] for token in encoding.tokens])
        self.changes, self.notes = np.isin(self.kinds, _CHANGES), self.kinds == "NOTE"
        self.ends = encoding.follows[:, encoding.end]


class _Growing:
    """A piece while it is sampled."""

    def __init__(self, rules: _Rules, start: list[int], number: int) -> None:
        self.rules, options = rules, rules.options
        self.generator = np.random.default_rng([options.seed, number])
        self.history = TokenHistory(rules.encoding, len(start) + options.most + _REST)
        self.ending = Ending(rules.encoding, rules.allowed, options.bars)
        self.loops = Loops(rules.encoding) if options.is_tune else None
        self.tokens: list[int] = []
        self.before: list[list[int]] = []
        self.has_notes, self.stated = False, dict.fromkeys(_HEADING, False)
        for token in start:
            self.before.append(self.known)
            self.add(token)
        self.before.append(self.known)
        self.given = len(self.tokens)

    @property
    def known(self) -> list[int]:
        """What the network gets before the next token, [COLUMNS]."""
        return self.history.known_before(self.loops.quoted) if self.loops else self.history.known

    @property
    def progress(self) -> float:
        """How much of the bars, or of the most tokens, is there: in [0, 1]."""
        tokens = (len(self.tokens) - self.given) / self.rules.options.most
        return max(self.ending.progress, min(tokens, 1.0))

    def add(self, number: int) -> None:
        """One more token."""
        self.tokens.append(number)
        self.history.append(number)
        self.ending.append(number)
        if self.loops:
            self.loops.append(number)
        self.has_notes |= bool(self.rules.notes[number])
        self.stated[str(self.rules.kinds[number])] = True

    def draw(self, log_probs: NDArray[np.float64]) -> int:
        """The next token, by the model's log-probabilities [tokens]."""
        rules, options = self.rules, self.rules.options
        if len(self.tokens) - self.given >= options.most and rules.ends[self.tokens[-1]]:
            return rules.encoding.end
        logits = np.where(rules.allowed, log_probs, -np.inf)
        if options.settled and self.has_notes:
            logits[rules.changes] = -np.inf
        if options.is_tune:
            if self.ending.sounds:
                logits[self.ending.begins] = -np.inf
            missing = next((kind for kind in _HEADING if not self.stated[kind]), None)
            if missing and not self.has_notes:
                logits[rules.kinds != missing] = -np.inf
        if options.closed:
            if self.generator.random() < math.exp(log_probs[rules.encoding.end]) and self.ending.ends_here():
                return rules.encoding.end
            self.ending.forbid(logits)
        if self.loops:
            self.loops.forbid(logits)
        return _draw(logits, options, self.generator.random())


def _draw(logits: NDArray[np.float64], options: TokenSampling, chance: float) -> int:
    """One of the tokens by their log-probabilities, where `chance` in [0, 1) decides."""
    order = np.argsort(-logits, kind="stable")
    order = order[np.isfinite(logits[order])][: options.top_k or None]
    scaled = logits[order] / options.temperature
    mass = np.exp(scaled - scaled[0]).cumsum()
    mass /= mass[-1]
    kept = mass[: int(np.searchsorted(mass, options.top_p - 1e-12)) + 1]
    return int(order[min(int(np.searchsorted(kept, chance * kept[-1], side="right")), len(kept) - 1)])
