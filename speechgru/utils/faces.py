"""A package's public face: names that its `__init__` offers and its files hold, imported when they are first used.

So importing a package costs nothing, and makes no circle with what its files import. For type checkers and editors the
`__init__` imports the same names under TYPE_CHECKING.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of `package` (PEP 562): completion offers `__all__` and nothing else.

    Args:
        homes: of each public name, the module of the package that has it: "stream", or "manifest:read" where it has
            another name there.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        file, _, attribute = homes[name].partition(":")
        try:
            module = importlib.import_module(f"{package}.{file}")
        except AttributeError as error:
            # Of a broken package. To `from ... import` it would mean that the name is missing.
            raise ImportError(str(error)).with_traceback(error.__traceback__) from error
        return getattr(module, attribute or name)

    return find, lambda: sorted(importlib.import_module(package).__all__)
