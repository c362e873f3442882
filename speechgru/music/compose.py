"""A new piece from a model of notes and what a musician asks for: key, scale, range, tempo, length, a beginning.

What is asked for acts while the model draws (sample.py, wordsample.py), so what follows knows of it; nothing is cut or
moved afterwards. Two kinds of models, behind one interface:

- of piano rolls: time goes in steps. How many are in a beat is what the corpus says that it learnt from: JSB chorales
  1 (their median length is 57 steps, that of the same chorales in sixteenths 228), the other benchmark sets 2.
- of words: a step is a word of the piece (events.py); such a model also tells key, metre, bar lines and where the piece
  ends. Its key is set by the words that a piece in this key begins with, the metre too. Where a key is asked for and
  neither metre nor beginning, the model first makes up the metre, the same for all pieces.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from speechgru import checkpoint, plugins
from speechgru.errors import CheckpointError, ConfigError, MusicError
from speechgru.music import home, rollmodel, rolls, seating, wordmodel
from speechgru.music.chorales import VOICES, from_parts
from speechgru.music.events import Encoding
from speechgru.music.keys import Key
from speechgru.music.notes import QPM, KeyChange, Metre, Note, NoteSequence
from speechgru.music.rollmodel import RollModel
from speechgru.music.rolls import HIGHEST, LOWEST, Roll
from speechgru.music.sample import Sampling, sample_rolls
from speechgru.music.scales import FREE, Scale
from speechgru.music.wordmodel import WordModel
from speechgru.music.wordsample import WordSampling, sample_words
from speechgru.packaged import ASSETS, SUFFIX, find_model

CHORALES = frozenset({"jsb_chorales", "chorales"})
"""A model that learnt from one of these knows four voices."""
RECIPE = "folk"
"""What to train where there is no model."""
BARS = 16
"""Of a piece whose length nobody gives, if the model doesn't know where pieces end."""
MOST_STEPS = 100_000
SLOWEST, FASTEST = 4.0, 1000.0
_STEPS_PER_BEAT = 4
_COMMON = Metre(0.0, 4, 4)

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Wishes:
    """What a piece should be like; all have a default. `steps` or `bars`, beginning included, 0: see BARS."""

    steps: int = 0
    bars: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    scale: Scale = FREE
    metre: Metre | None = None
    qpm: float | None = None
    """Quarter notes a minute; None: those of the primer, else QPM."""
    lowest: int = 0
    highest: int = 127
    primer: NoteSequence | None = None

    def __post_init__(self) -> None:
        if min(self.steps, self.bars) < 0 or (self.steps and self.bars):
            raise MusicError(f"Got {self.steps} steps and {self.bars} bars; expected one of them, above 0.")
        if max(self.steps, self.bars) > MOST_STEPS:
            raise MusicError(
                f"A piece may have up to {MOST_STEPS} steps or bars; got {max(self.steps, self.bars)}."
            )
        if not SLOWEST <= self.tempo <= FASTEST:
            raise MusicError(
                f"Got a tempo of {self.tempo:g} quarter notes a minute; expected {SLOWEST:g} to {FASTEST:g}."
            )

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""
        if self.qpm is not None:
            return self.qpm
        return self.primer.tempos[0].qpm if self.primer else QPM


def metre(text: str) -> Metre:
    """Bars as `6/8` says.

    Raises:
        MusicError: it says nothing of the kind.
    """
    found = re.fullmatch(r"(\d{1,3})/(\d{1,2})", text.strip())
    if not found:
        raise MusicError(f"{text!r} is no metre. Expected one like 4/4 or 6/8.")
    return Metre(0.0, int(found[1]), int(found[2]))


class Composer(Protocol):
    """A model that makes up pieces: `steps_per_beat` of its grid, the `corpora` it learnt from, its file's `header`."""

    steps_per_beat: int
    corpora: tuple[str, ...]
    header: dict[str, Any]

    def compose(
        self, wishes: Wishes, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """`count` pieces; the first is the one that is made alone.

        Raises:
            MusicError: a wish that can't be: a value outside its range, a primer longer than the piece or with notes
                that the model doesn't know, a range without a note of the scale.
        """


# ------------------------------------------------------------------------------------------------ piano rolls


class RollComposer:
    """Composer with a model of piano rolls."""

    def __init__(self, model: RollModel) -> None:
        self.model, self.header = model, model.header
        self.corpora = _corpora(model.header)
        self.steps_per_beat = _grid(self.corpora)

    def compose(
        self, wishes: Wishes, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """See `Composer`. A key that is struck again at once sounds on. Where the model knows four voices, so many keys
        sound at most (unless `top_k` says otherwise) and are dealt out to them; of others the notes have one voice."""
        given = wishes.primer
        up = self.semitones(wishes.scale.key or (home.key_of(given) if given else None))
        if self._sings and not wishes.top_k:
            wishes = replace(wishes, top_k=len(VOICES))
        found = sample_rolls(
            self.model,
            self.steps(wishes),
            count,
            options=sampling(wishes, up),
            primer=rolls.to_roll(given.transposed(up), self.steps_per_beat) if given else None,
            on_progress=on_progress,
        )
        return [_dressed(self._piece(roll, wishes.tempo).transposed(-up), wishes) for roll in found]

    def semitones(self, key: Key | None) -> int:
        """How far music in `key` is moved up before the model hears it (home.py)."""
        return home.semitones(self.corpora, key)

    @property
    def _sings(self) -> bool:
        return bool(CHORALES & set(self.corpora))

    def _piece(self, roll: Roll, qpm: float) -> NoteSequence:
        parts = seating.in_voices(roll) if self._sings else None
        if parts is None:
            return rolls.from_roll(roll, self.steps_per_beat, qpm=qpm)
        return from_parts(parts, self.steps_per_beat, qpm)

    def steps(self, wishes: Wishes) -> int:
        """Time steps of the piece."""
        if wishes.steps:
            return wishes.steps
        return math.ceil((wishes.bars or BARS) * _metre(wishes).bar * self.steps_per_beat)


def sampling(wishes: Wishes, up: int = 0) -> Sampling:
    """How a roll is drawn that lies `up` semitones above where it sounds.

    Raises:
        MusicError: a value outside its range; no key of the piano is in range and scale.
    """
    lowest, highest = max(wishes.lowest + up, LOWEST), min(wishes.highest + up, HIGHEST)
    classes = tuple((place + up) % 12 for place in wishes.scale.classes)
    if not any(pitch % 12 in classes for pitch in range(lowest, highest + 1)):
        raise MusicError(
            f"No key of the piano lies within pitches {wishes.lowest} to {wishes.highest} and pitch classes "
            f"{sorted(wishes.scale.classes)}. Widen the range or the scale."
        )
    return Sampling(wishes.temperature, wishes.top_k, wishes.top_p, wishes.seed, lowest, highest, classes)


def _dressed(piece: NoteSequence, wishes: Wishes) -> NoteSequence:
    """With the key and the metre that are known."""
    keys, metres = _keys(wishes), (replace(_metre(wishes), beat=0.0),)
    return replace(piece, keys=keys, metres=metres)


def _keys(wishes: Wishes) -> tuple[KeyChange, ...]:
    if wishes.scale.key:
        return (KeyChange(0.0, wishes.scale.key),)
    return wishes.primer.keys[:1] if wishes.primer else ()


def _metre(wishes: Wishes) -> Metre:
    given = wishes.primer.metres[:1] if wishes.primer else ()
    return wishes.metre or (given[0] if given else _COMMON)


# ------------------------------------------------------------------------------------------------ words


@dataclass(frozen=True)
class _Told(WordSampling):
    """How words are drawn after a heading: what it says of key and metre stays, from the first note on."""

    told: frozenset[str] = frozenset()
    """Kinds of words."""

    def allowed(self, encoding: Encoding) -> NDArray[np.bool_]:
        kinds = [word.partition(" ")[0] for word in encoding.words]
        return super().allowed(encoding) & ~np.isin(kinds, list(self.told))


class WordComposer:
    """Composer with a model of words."""

    def __init__(self, model: WordModel) -> None:
        self.model, self.header = model, model.header
        self.corpora = _corpora(model.header)
        self.steps_per_beat = model.encoding.settings.steps_per_beat

    def compose(
        self, wishes: Wishes, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """See `Composer`."""
        options = _Told(
            wishes.temperature,
            wishes.top_k,
            wishes.top_p,
            wishes.seed,
            wishes.lowest,
            wishes.highest,
            wishes.scale.classes,
            wishes.bars,
        )
        start = self._begun(wishes.primer, wishes) if wishes.primer else self._heading(wishes, options)
        told = frozenset(self.model.encoding.words[number].partition(" ")[0] for number in start)
        options = replace(options, told=told & {"SIGNATURE", "METRE"})
        if wishes.steps:
            if len(start) >= wishes.steps:
                raise MusicError(
                    f"The primer has {len(start)} steps (words), the piece {wishes.steps}. Make the piece longer or "
                    "the primer shorter."
                )
            options = replace(options, most=wishes.steps - len(start))
        found = sample_words(self.model, count, options=options, primer=start, on_progress=on_progress)
        return [self.model.encoding.decode(numbers, wishes.tempo) for numbers in found]

    def _heading(self, wishes: Wishes, options: WordSampling) -> Sequence[int]:
        """The words that a piece in this key and metre begins with."""
        encoding, metre = self.model.encoding, wishes.metre
        if wishes.scale.key and metre is None:
            (drawn,) = sample_words(self.model, options=replace(options, bars=0, most=2))
            metre = next(iter(encoding.decode(drawn).metres), None)
        metres = () if metre is None else (replace(metre, beat=0.0),)
        return encoding.encode(NoteSequence(keys=_keys(wishes), metres=metres))[:-1]

    def _begun(self, primer: NoteSequence, wishes: Wishes) -> Sequence[int]:
        """The words of a primer up to the next note: a note is put there, and taken away again.

        Where nobody says the key, it is estimated: the model was told one in every piece.
        """
        encoding = self.model.encoding
        key = wishes.scale.key or (None if primer.keys else home.key_of(primer))
        keys = primer.keys if key is None else (KeyChange(0.0, key),)
        metres = (replace(_metre(wishes), beat=0.0),) if wishes.metre or not primer.metres else primer.metres
        last = Note(primer.length, primer.pitched()[-1].pitch, primer.length + 1)
        notes = (*primer.pitched(), last)
        numbers = encoding.encode(replace(primer, notes=notes, keys=keys, metres=metres))
        kinds = [encoding.words[number].partition(" ")[0] for number in numbers]
        cut = len(kinds) - kinds[::-1].index("NOTE") - 1
        while kinds[cut - 1] in ("VOICE", "VELOCITY"):
            cut -= 1
        return numbers[:cut]


# ------------------------------------------------------------------------------------------------ from files


def load_composer(path: str | Path | None = None, device: str = "cpu") -> RollComposer | WordComposer:
    """Load what `speechgru train` wrote for a recipe of notes.

    Args:
        path: the file, or the name of a packaged model; None: the packaged model of notes.

    Raises:
        CheckpointError: there is none; it is of another kind, which the message names; it is damaged.
    """
    if path is None:
        path = default_model()
    elif Path(path).suffix != SUFFIX:
        path = find_model(path)
    kind = checkpoint.load(path).kind
    if kind == rollmodel.KIND:
        return RollComposer(rollmodel.load_roll_model(path, device))
    if kind == wordmodel.KIND:
        return WordComposer(wordmodel.load_word_model(path, device))
    raise CheckpointError(
        f"{path} holds a model of kind {kind!r}, which knows nothing of notes; expected {rollmodel.KIND!r} or "
        f"{wordmodel.KIND!r}. {_advice()}"
    )


def default_model() -> Path:
    """The model of notes that comes with the package.

    Raises:
        CheckpointError: there is none.
    """
    for path in sorted(ASSETS.glob(f"*{SUFFIX}")):
        with safe_open(str(path), framework="pt") as file:
            if (file.metadata() or {}).get("kind") in (rollmodel.KIND, wordmodel.KIND):
                return path
    raise CheckpointError(f"No model of notes comes with this installation. {_advice()}")


def _advice() -> str:
    return (
        f"Train one: speechgru train {RECIPE} corpus.root=DATA, then pass --model runs/{RECIPE}/best{SUFFIX}."
    )


def _corpora(header: dict[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(str(source["name"]) for source in header["corpus"]["sources"])
    except (KeyError, TypeError):
        return ()


def _grid(corpora: Sequence[str]) -> int:
    """Steps in a beat of the first of the corpora; _STEPS_PER_BEAT where they aren't known."""
    for name in corpora:
        try:
            return int(plugins.find("music.corpora", name).STEPS_PER_BEAT)
        except ConfigError:
            continue
    return _STEPS_PER_BEAT
