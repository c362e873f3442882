"""Checks JSON against a schema (draft 2020-12), as far as ours go: an unknown keyword is an error, not passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
SAID = {"$schema", "$defs", "title", "description"}


def problems(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Iterator[str]:
    """What is wrong with `value`, a line a fault."""
    root = root or schema
    for keyword, wanted in schema.items():
        if keyword == "$ref":
            yield from problems(value, root["$defs"][wanted.removeprefix("#/$defs/")], root)
        elif keyword == "properties" and isinstance(value, dict):
            for key in value.keys() & wanted.keys():
                yield from (f"{key}.{fault}" for fault in problems(value[key], wanted[key], root))
        elif keyword == "items" and isinstance(value, list):
            for item in value:
                yield from (f"[]{fault}" for fault in problems(item, wanted, root))
        elif keyword not in SAID | {"properties", "items"} and not _holds(keyword, value, wanted, schema):
            yield f"{keyword}: {value!r} isn't {wanted!r}"


def _holds(keyword: str, value: Any, wanted: Any, schema: Mapping[str, Any]) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    checks = {
        "type": lambda: any(_is(value, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted)),
        "const": lambda: value == wanted and type(value) is type(wanted),
        "required": lambda: not isinstance(value, dict) or set(wanted) <= value.keys(),
        "additionalProperties": lambda: (
            wanted or not isinstance(value, dict) or value.keys() <= schema["properties"].keys()
        ),
        "minimum": lambda: not number or value >= wanted,
        "maximum": lambda: not number or value <= wanted,
        "minItems": lambda: not isinstance(value, list) or len(value) >= wanted,
        "minLength": lambda: not isinstance(value, str) or len(value) >= wanted,
    }
    return bool(checks[keyword]())


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
