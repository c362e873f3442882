"""What can be learnt, one task a file; `task: NAME` in a recipe chooses. Each file offers:

- GROUPS: the config groups with plugins that its recipes must choose from (features, model, decoder).
- MODELS and CORPORA, where its networks and corpora lie elsewhere than in speechgru/models and speechgru/data/corpora.
- CURVE: the figure on dev data that reports draw beside the loss.
- prepare(recipe) -> Data: all there is to learn from, found and checked before anything is written.
- Task(recipe, data, device, provenance, group): what training.fit() wants, and results(path), the scores of a saved
  file through the door that its users take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from speechgru.config.recipe import Recipe
from speechgru.data.preparation import CorpusUse
from speechgru.training import loop
from speechgru.training.report import Result


class Data(Protocol):
    """What a run learns from and is scored on. `str()` of it says how much there is."""

    def identity(self) -> Any:
        """All of it that shapes the weights, ready for JSON: a run is resumed only with the same."""

    def write(self, folder: Path) -> None:
        """Leave in `folder` what was used and what was left out."""

    def uses(self, recipe: Recipe) -> Iterable[CorpusUse]:
        """What is trained on, with its licence."""

    def summary(self) -> Mapping[str, Mapping[str, int]]:
        """How much was left out, by where and why."""


class Task(loop.Task, Protocol):
    """What a run trains."""

    def results(self, path: Path) -> Mapping[str, Result]:
        """Scores of the saved model at `path`, by the name of the held-out set."""
