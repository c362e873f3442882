"""Plain values → dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from speechgru.errors import ConfigError
from speechgru.utils import schema


@dataclass(frozen=True)
class _Inner:
    size: int


@dataclass(frozen=True)
class _Outer:
    pair: tuple[int, float] = (1, 2.0)
    many: tuple[str, ...] = ()
    perhaps: int | None = None
    choice: Literal[2, 4, "auto"] = 2
    inner: _Inner = field(default_factory=lambda: _Inner(1))
    table: dict[str, _Inner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pair[0] < 0:
            raise ValueError("pair starts below 0")


def test_build_converts_only_what_json_and_yaml_cannot_say() -> None:
    built = schema.build(_Outer, {"pair": [3, 4], "many": ["a"], "choice": 4, "table": {"x": {"size": 2}}})
    assert built == _Outer((3, 4.0), ("a",), None, 4, _Inner(1), {"x": _Inner(2)})
    assert isinstance(built.pair[1], float)
    assert schema.build(_Outer, {"perhaps": None, "inner": {"size": 5}}).inner.size == 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"pair": [1]}, "s.pair is [1]; expected a list of 2: a whole number, a number."),
        ({"pair": [1, "b"]}, "s.pair[1] is 'b'; expected a number."),
        ({"many": "abc"}, "s.many is 'abc'; expected a list, [...], of text."),
        ({"perhaps": "x"}, "s.perhaps is 'x'; expected a whole number or null."),
        ({"choice": "4"}, "Unknown value of s.choice: '4'."),
        ({"choice": 3}, "Unknown value of s.choice: '3'. Choices: 2, 4, auto."),
        ({"inner": {}}, "s.inner.size is missing; expected a whole number."),
        ({"table": {"x": 3}}, "s.table.x is 3; expected keys with values."),
        ({"pair": [-1, 0]}, "s: pair starts below 0"),
    ],
)
def test_build_names_what_is_wrong(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        schema.build(_Outer, values, "s")
    assert expected in str(caught.value)


def test_a_number_beyond_all_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"s\.pair\[1\] is a whole number beyond all range"):
        schema.build(_Outer, {"pair": [1, 10**400]}, "s")
