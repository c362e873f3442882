"""From a recipe's ranges to the overrides of one trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from speechgru.config import Recipe
from speechgru.config.recipe import RangeConfig

DIGITS = 4  # of a drawn number: what is printed is what was trained


def settings(
    trial: optuna.trial.BaseTrial, ranges: Mapping[str, RangeConfig], recipe: Recipe
) -> dict[str, str]:
    """A value of each range, as a text that `key=text` takes. A setting that is counted gets a whole number.

    `trial` may be an optuna.trial.FixedTrial or a FrozenTrial too: then its values are written the same way.
    """
    return {key: _one(trial, key, span, own(recipe, key)) for key, span in ranges.items()}


def start(ranges: Mapping[str, RangeConfig], recipe: Recipe) -> dict[str, Any] | None:
    """What the recipe itself says, as the values of a trial; None where that lies outside of a range."""
    values: dict[str, Any] = {}
    for key, span in ranges.items():
        value = own(recipe, key)
        if span.choices:
            value = text(value)
            fits = value in map(text, span.choices)
        else:
            fits = span.low <= value <= span.high
        if not fits:
            return None
        values[key] = value
    return values


def own(recipe: Recipe, key: str) -> Any:
    """The recipe's value of a dotted key; of a group, the name of what it holds."""
    value: Any = recipe
    for part in key.split("."):
        value = _part(value, part)
    if key in vars(recipe) and not isinstance(value, (str, int, float)):
        return _part(value, "name")
    return value


def text(value: Any) -> str:
    """A value in the grammar of overrides."""
    return "null" if value is None else str(value)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _one(trial: optuna.trial.BaseTrial, key: str, span: RangeConfig, now: Any) -> str:
    if span.choices:
        return str(trial.suggest_categorical(key, [text(choice) for choice in span.choices]))
    assert span.low is not None and span.high is not None, "RangeConfig checks it"
    if isinstance(now, int):
        return str(trial.suggest_int(key, int(span.low), int(span.high), log=span.log))
    drawn = trial.suggest_float(key, span.low, span.high, log=span.log)
    # Rounding may not lead out of the range.
    return str(min(max(float(f"{drawn:.{DIGITS}g}"), span.low), span.high))
