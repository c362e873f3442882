"""A section of a recipe: a frozen dataclass whose fields state the values they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, get_origin, get_type_hints

from speechgru.errors import ConfigError


@dataclass(frozen=True)
class Rule:
    """Metadata of a field, `Annotated[int, Rule(...)]`: a test of its value, and that test in words."""

    fits: Callable[[Any], bool]
    expected: str


POSITIVE = Rule(lambda value: value > 0, "above 0")
NOT_NEGATIVE = Rule(lambda value: value >= 0, "0 or more")
BELOW_ONE = Rule(lambda value: 0 <= value < 1, "0 or more and below 1")
FRACTION = Rule(lambda value: 0 < value < 1, "above 0 and below 1")


def between(low: float, high: float) -> Rule:
    """A number in [low, high]."""
    return Rule(lambda value: low <= value <= high, f"from {low:g} to {high:g}")


def some(what: str, low: float, high: float) -> Rule:
    """A list, not empty, of numbers in [low, high]; errors call them `what`."""
    return Rule(
        lambda values: bool(values) and all(low <= v <= high for v in values),
        f"{what} from {low:g} to {high:g}",
    )


def ends(lowest: float) -> Rule:
    """A list of two numbers, least and most."""
    return Rule(
        lambda pair: len(pair) == 2 and lowest <= pair[0] <= pair[1],
        f"two numbers from {lowest:g} up, the lower first",
    )


PROBABILITY = between(0, 1)


@dataclass(frozen=True)
class Section:
    """The settings below one key of a recipe.

    Raises:
        ConfigError: a value outside what its field takes.
    """

    KEY: ClassVar[str] = ""
    """The key; empty: the recipe itself."""

    def __post_init__(self) -> None:
        for name, rule in _rules(type(self)):
            if not rule.fits(getattr(self, name)):
                raise self.refused(name, rule.expected)

    def refused(self, name: str, expected: str) -> ConfigError:
        """The error for a value that the setting `name` can't have."""
        key = f"{self.KEY}.{name}" if self.KEY else name
        return ConfigError(
            f"{key} is {getattr(self, name)!r}; expected {expected}. Pass {key}=VALUE or change the recipe."
        )


def _rules(section: type[Section]) -> list[tuple[str, Rule]]:
    """The rules of a section by field."""
    return [
        (name, rule)
        for name, hint in get_type_hints(section, include_extras=True).items()
        if get_origin(hint) is Annotated
        for rule in hint.__metadata__
    ]
