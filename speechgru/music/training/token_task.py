"""Training of token models, for fit()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechgru.config import Recipe
from speechgru.music.models import token_inputs
from speechgru.music.models.token_inputs import TokenInputs
from speechgru.music.models.token_model import KIND, TokenItem, TokenModel, TokenScore, item, load_token_model
from speechgru.music.models.words import Settings
from speechgru.music.training import pieces
from speechgru.music.training.music_task import MusicTask
from speechgru.music.training.pieces import Data
from speechgru.training import initialize
from speechgru.training.report import Curve

CURVE = Curve("score", "dev pieces, nats per note")


def prepare(recipe: Recipe) -> Data:
    """The pieces of `recipe` in tokens; raises as `pieces.prepare` does."""
    encoding = Settings(**initialize.settings(recipe.model)).encoding()
    return pieces.prepare(recipe, lambda name, piece: item(name, piece, encoding))


class Task(MusicTask):
    """A network of KIND "words", and the pieces it learns from. Its score: nats per note."""

    KIND = KIND
    views = token_inputs

    def inputs_of(self, item: TokenItem) -> TokenInputs:
        """The inputs of a piece."""
        return token_inputs.inputs_of(item.numbers, item.encoding)

    def nats(self, items: Sequence[TokenItem], inputs: Sequence[TokenInputs]) -> tuple[float, float]:
        """Of all tokens, and how many notes there are."""
        table = TokenModel(self.model).score(items, inputs).table
        return sum(row[0] for row in table), sum(row[2] for row in table)

    def results(self, path: Path) -> dict[str, TokenScore]:
        """Scores of a saved model on every dev and test split, through `load_token_model`."""
        model = load_token_model(path, str(self.device))
        return {name: model.score(items) for name, items in {**self.data.dev, **self.data.test}.items()}
