"""One training of many: a recipe with one choice of the settings that vary, in a folder of its own."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechgru.config import Recipe, compose
from speechgru.training import run, state


@dataclass(frozen=True)
class Variant:
    """`called`: the recipe's name on the command line. `values`: of the settings that vary; `overrides`: of all."""

    called: str
    values: Mapping[str, str]
    overrides: tuple[str, ...]
    recipe: Recipe

    @property
    def folder(self) -> Path:
        """Of its results."""
        return Path(self.recipe.output)

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.folder.name

    @property
    def is_begun(self) -> bool:
        """Whether its folder holds the state of a training."""
        return (self.folder / state.STATE).exists()

    def train(self, **options: Any) -> run.Run:
        """`run.train`, resumed where it was begun."""
        return run.train(
            self.recipe,
            self.overrides,
            command=shlex.join(["speechgru", "train", self.called, *self.overrides]),
            resume=self.is_begun,
            **options,
        )


def as_overrides(values: Mapping[str, str]) -> list[str]:
    """Settings as overrides."""
    return [f"{key}={value}" for key, value in values.items()]


def variant(
    called: str, overrides: Sequence[str], values: Mapping[str, str], folder: Path, base: Recipe
) -> Variant:
    """The recipe `called` with `values` beside the overrides of all, its decoded audio kept where `base` keeps it.

    Raises:
        ConfigError: a value that the recipe can't take.
    """
    chosen = (*overrides, *as_overrides(values), f"output={folder}")
    recipe = compose.load_recipe(called, chosen)
    corpus = replace(recipe.corpus, cache_folder=str(base.audio_cache() or ""))
    return Variant(called, values, chosen, replace(recipe, corpus=corpus))
