"""A function by the name of each kind: `speechgru.pitch("talk.mp3")`. Its values only; `extract` gives more.

Each is made when it is first used. functions.pyi has their types, for editors and type checkers.
"""

from __future__ import annotations

from typing import Any

from speechgru.features import registry, signatures


def __getattr__(name: str) -> Any:
    if name not in registry.FAMILIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made = signatures.function(name)
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *registry.FAMILIES})
