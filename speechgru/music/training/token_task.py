"""Learning to foretell the words of pieces, for fit()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechgru.config.recipe import Recipe
from speechgru.music.models import token_inputs
from speechgru.music.models.token_inputs import Heard
from speechgru.music.models.token_model import KIND, WordItem, WordModel, WordScore, item, load_word_model
from speechgru.music.models.words import Settings
from speechgru.music.training import music_task, pieces
from speechgru.music.training.music_task import Learning
from speechgru.music.training.pieces import Data
from speechgru.training import initialize
from speechgru.training.report import Curve

GROUPS = ("model",)
MODELS, CORPORA = music_task.MODELS, pieces.CORPORA
CURVE = Curve("score", "dev pieces, nats per note")


def prepare(recipe: Recipe) -> Data:
    """The pieces of `recipe` in words; raises as `pieces.prepare` does."""
    encoding = Settings(**initialize.settings(recipe.model)).encoding()
    return pieces.prepare(recipe, lambda name, piece: item(name, piece, encoding))


class Task(Learning):
    """A network of KIND "words", and the pieces it learns from. Its score: nats per note."""

    KIND = KIND
    views = token_inputs

    def hear(self, item: WordItem) -> Heard:
        """A piece with what is known before each word."""
        return token_inputs.hear(item.numbers, item.encoding)

    def nats(self, items: Sequence[WordItem], heard: Sequence[Heard]) -> tuple[float, float]:
        """Of all words, and how many notes there are."""
        table = WordModel(self.model).score(items, heard).table
        return sum(row[0] for row in table), sum(row[2] for row in table)

    def results(self, path: Path) -> dict[str, WordScore]:
        """Scores of a saved model on every dev and test split, through `load_word_model`."""
        model = load_word_model(path, str(self.device))
        return {name: model.score(found) for name, found in {**self.data.dev, **self.data.test}.items()}
