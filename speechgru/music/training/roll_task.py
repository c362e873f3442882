"""Training of models of piano rolls, for fit()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechgru.config import Recipe
from speechgru.music.models import roll_inputs as views
from speechgru.music.models.roll_inputs import RollInputs
from speechgru.music.models.roll_model import KIND, RollItem, RollModel, load_roll_model
from speechgru.music.models.scores import RollScore
from speechgru.music.training import pieces
from speechgru.music.training.music_task import MusicTask
from speechgru.music.training.pieces import Data
from speechgru.training.report import Curve

CURVE = Curve("score", "dev pieces, nats per step")


def prepare(recipe: Recipe) -> Data:
    """The rolls of `recipe`; raises as `pieces.prepare` does."""
    return pieces.prepare(recipe, lambda name, piece: RollItem(name, piece.roll))


class Task(MusicTask):
    """A network of KIND "roll", and the rolls it learns from. Its score: nats per step, steps 2 to T, pooled."""

    KIND = KIND
    views = views

    def inputs_of(self, item: RollItem) -> RollInputs:
        """The inputs of a roll."""
        return views.inputs_of(item.roll)

    def nats(self, items: Sequence[RollItem], inputs: Sequence[RollInputs]) -> tuple[float, float]:
        """Of all steps but the first of each piece, and how many they are."""
        score = RollModel(self.model).score(items, inputs)
        return sum(p.rest for p in score.pieces), sum(p.steps - 1 for p in score.pieces)

    def results(self, path: Path) -> dict[str, RollScore]:
        """Scores of a saved model on every dev and test split, through `load_roll_model`."""
        model = load_roll_model(path, str(self.device))
        return {name: model.score(items) for name, items in {**self.data.dev, **self.data.test}.items()}
