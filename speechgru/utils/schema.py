"""Plain values (YAML, JSON) → dataclasses, strictly: unknown keys and wrong types are refused by name."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from speechgru.errors import ConfigError
from speechgru.utils.plugins import unknown

T = TypeVar("T")

_PLAIN: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build the dataclass `kind` from `values`, nested dataclasses, lists and tuples included.

    A whole number is taken for a float, a list for a tuple; a class with a method `stored(value, where)` builds itself.
    Nothing else is converted. `where` is the dotted path that errors name.

    Raises:
        ConfigError: a key that `kind` doesn't have, one that it needs, or a value of another type.
    """
    hints = get_type_hints(kind)
    settable = {field.name: field for field in fields(kind) if field.init}  # type: ignore[arg-type]
    for key in values:
        if key not in settable:
            raise ConfigError(unknown(f"key in {where}" if where else "key", str(key), sorted(settable)))
    missing = [name for name, field in settable.items() if name not in values and _required(field)]
    if missing:
        raise ConfigError(f"{_join(where, missing[0])} is missing; expected {_describe(hints[missing[0]])}.")
    arguments = {key: convert(hints[key], value, _join(where, key)) for key, value in values.items()}
    try:
        return kind(**arguments)
    except ValueError as error:  # what the dataclass itself finds wrong
        raise ConfigError(f"{where or kind.__name__}: {error}") from error


def convert(hint: Any, value: Any, where: str) -> Any:
    """Return `value` as the type `hint` says, or raise ConfigError naming `where`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(hint, value, where)
    if origin is Literal:
        return _convert_choice(arguments, value, where)
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        return _convert_sequence(hint, value, where)
    if origin is dict and isinstance(value, Mapping):
        return {
            convert(arguments[0], k, where): convert(arguments[1], v, _join(where, k))
            for k, v in value.items()
        }
    if hasattr(hint, "stored"):
        return hint.stored(value, where)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return build(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return _float(value, where)
    # type(), not isinstance(): true is no number here.
    if hint in _PLAIN and type(value) is hint:
        return value
    raise _wrong(hint, value, where)


def _convert_union(hint: Any, value: Any, where: str) -> Any:
    classes = [choice for choice in get_args(hint) if is_dataclass(choice)]
    if len(classes) == 1 and isinstance(value, Mapping):
        return convert(classes[0], value, where)  # whose error says which key is wrong
    for choice in get_args(hint):
        if choice is type(None):
            if value is None:
                return None
            continue
        try:
            return convert(choice, value, where)
        except ConfigError:
            continue
    raise _wrong(hint, value, where)


def _convert_choice(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    raise ConfigError(unknown(f"value of {where}", str(value), map(str, choices)))


def _convert_sequence(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return [convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(arguments) != len(value):
        raise _wrong(hint, value, where)
    return tuple(
        convert(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(arguments, value, strict=True))
    )


def _float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(f"{where} is a whole number beyond all range; expected a number.") from None


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _wrong(hint: Any, value: Any, where: str) -> ConfigError:
    return ConfigError(f"{where} is {value!r}; expected {_describe(hint)}.")


def _describe(hint: Any) -> str:
    """A type in a user's words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is type(None):
        return "null"
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(map(_describe, arguments))
    if origin is list or (origin is tuple and arguments[1:] == (Ellipsis,)):
        return f"a list, [...], of {_describe(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_describe, arguments))}"
    return "keys with values"


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)
