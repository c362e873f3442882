"""A composer from a model's file, of whichever kind.

What is asked for acts while the model draws (sample_rolls.py, sample_tokens.py), so what follows knows of it; nothing
is cut afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from speechgru.errors import CheckpointError
from speechgru.models import checkpoint
from speechgru.music.generation.request import Request
from speechgru.music.generation.roll_composer import RollComposer
from speechgru.music.generation.token_composer import TokenComposer
from speechgru.music.models import roll_model, token_model
from speechgru.music.models.sampling import OnProgress
from speechgru.music.models.scoring import MusicHeader
from speechgru.music.score.notes import NoteSequence
from speechgru.utils.assets import ASSETS, SUFFIX, find_model

DEFAULT_MODEL = "folk"
"""The packaged model of notes, and the recipe that trained it."""


class Composer(Protocol):
    """A model that samples pieces: `steps_per_beat` of its grid, the `corpora` it learnt from, its file's `header`,
    and the `temperature` where none is asked for."""

    steps_per_beat: int
    temperature: float
    corpora: tuple[str, ...]
    header: MusicHeader

    def compose(
        self, request: Request, count: int = 1, on_progress: OnProgress | None = None
    ) -> list[NoteSequence]:
        """`count` pieces; the first is the one that is made alone.

        Raises:
            MusicError: a wish that can't be: a value outside its range, a primer longer than the piece or with notes
                that the model doesn't know, a range without a note of the scale.
        """

    def remark(self, request: Request) -> str:
        """What the model's input leaves out of the primer, "" for nothing; known before any work.

        Raises:
            MusicError: steps in which no note has room, a primer's note that the model doesn't know.
        """


def load_composer(path: str | Path | None = None, device: str = "cpu") -> RollComposer | TokenComposer:
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
    if kind == roll_model.KIND:
        return RollComposer(roll_model.load_roll_model(path, device))
    if kind == token_model.KIND:
        return TokenComposer(token_model.load_token_model(path, device))
    raise CheckpointError(
        f"{path} holds a model of kind {kind!r}, which knows nothing of notes; expected {roll_model.KIND!r} or "
        f"{token_model.KIND!r}. Leave it out for the packaged model of tunes. {_advice()}"
    )


def default_model() -> Path:
    """The model of notes that comes with the package.

    Raises:
        CheckpointError: there is none.
    """
    path = ASSETS / f"{DEFAULT_MODEL}{SUFFIX}"
    if path.is_file():
        return path
    raise CheckpointError(f"No model of notes comes with this installation. {_advice()}")


def _advice() -> str:
    return (
        f"Train one: speechgru train {DEFAULT_MODEL} corpus.root=DATA, then pass --model "
        f"runs/{DEFAULT_MODEL}/best{SUFFIX}."
    )
