"""Recipes: what they hold, how they are composed (`load_recipe`), and what a sweep varies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.config.compose import load_recipe
    from speechgru.config.recipe import Recipe

__all__ = ["Recipe", "load_recipe"]

__getattr__, __dir__ = lazy(__name__, {"Recipe": "recipe", "load_recipe": "compose"})
