"""Several values for one setting on the command line, in the grammar of Hydra's overrides.

`optimizer.lr=1e-3,3e-3`, `model.layers=range(1,4)`, `schedule=choice(cosine,linear)` name values one by one;
`optimizer.lr=interval(1e-4,1e-2)` and `optimizer.lr=tag(log,interval(1e-4,1e-2))` name all between two ends. Where a
setting holds text, a comma is part of it: several texts are written choice(a,b).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from speechgru.config import compose
from speechgru.config.recipe import RangeConfig
from speechgru.errors import ConfigError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

_CHOICE = "choice("


def parted(overrides: Sequence[str]) -> tuple[list[str], dict[str, Override]]:
    """Overrides with one value, as they are, and those with several, by key.

    Raises:
        ConfigError: an override that can't be read, or several for a key of which one has several values.
    """
    single: list[str] = []
    several: dict[str, Override] = {}
    for override in overrides:
        key, text = compose.split(override)
        sweep = _several(key, text)
        if sweep is None:
            single.append(override)
        elif key in several:
            raise ConfigError(f"{key} is given twice; write all its values into one override.")
        else:
            several[key] = sweep
    for override in single:
        if compose.split(override)[0] in several:
            raise ConfigError(f"{override} stands beside several values of the same setting; leave one out.")
    return single, several


def values(override: Override) -> list[str]:
    """The values that an override names, as texts that `key=text` takes.

    Raises:
        ConfigError: it names all between two ends, or files by a pattern.
    """
    from hydra.core.override_parser.types import QuotedString
    from hydra.errors import HydraException

    try:
        if _is_literal(override.key_or_group):
            texts = [e.text if isinstance(e, QuotedString) else str(e) for e in override.sweep_iterator()]
        else:
            texts = list(override.sweep_string_iterator())
    except HydraException as error:
        raise ConfigError(
            f"{override.input_line} has no list of values; expected a,b or choice(a,b) or range(1,4). An interval is "
            "for speechgru tune."
        ) from error
    return list(dict.fromkeys(texts))


def span(override: Override) -> RangeConfig:
    """What an override names, as a range to search.

    Raises:
        ConfigError: a range without extent, or its logarithm below 0.
    """
    value: Any = override.value()
    try:
        if override.is_interval_sweep():
            return RangeConfig(_whole(value.start), _whole(value.end), log="log" in value.tags)
        return RangeConfig(choices=values(override))
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {error}") from error


def spans(several: Mapping[str, Override]) -> dict[str, RangeConfig]:
    """`span` of each."""
    return {key: span(override) for key, override in several.items()}


def _several(key: str, text: str) -> Override | None:
    """The override, where it names several values."""
    if compose.type_of(key) is str and not (text.startswith(_CHOICE) and text.endswith(")")):
        return None  # a path may hold commas
    override = compose.parsed(key, text)
    return override if override.is_sweep_override() else None


def _is_literal(key: str) -> bool:
    """Whether `key=text` takes its text as it is: for a text, and for the choice of a group."""
    return "." not in key or compose.type_of(key) is str


def _whole(number: float) -> int | float:
    """A whole number as one: a setting that is counted takes no other."""
    return int(number) if number == int(number) else number
