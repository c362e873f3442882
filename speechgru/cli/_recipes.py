"""Recipes as commands name them: what is wrong with the command line is wrong usage, a wrong file is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from speechgru.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from speechgru.config import Recipe
    from speechgru.config.recipe import RangeConfig


def load(name: str, overrides: Sequence[str] = (), ranges: Mapping[str, RangeConfig] | None = None) -> Recipe:
    """As `config.load_recipe`.

    Raises:
        UsageError: there is no such recipe, or an override that it doesn't take.
        ConfigError: the recipe's own file is wrong.
    """
    from speechgru.config import load_recipe

    with usage(name):
        return load_recipe(name, overrides, ranges)


@contextmanager
def usage(name: str) -> Iterator[None]:
    """What goes wrong inside is the command line's fault, unless the recipe `name` is wrong without it."""
    from speechgru.config import load_recipe
    from speechgru.config.files import find_recipe

    try:
        yield
    except ConfigError as error:
        try:
            find_recipe(name)
        except ConfigError:
            raise UsageError(str(error)) from error
        load_recipe(name)  # raises what is wrong with the file
        raise UsageError(str(error)) from error
