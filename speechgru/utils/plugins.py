"""The folder is the registry: a plugin is a file, found by its name.

A folder that holds other files too says in its `__init__` which are plugins: PLUGINS. Where plugins take settings from
a recipe, `settings.py` beside them holds these, by the plugin's name.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from speechgru.errors import ConfigError


def names(folder: str) -> list[str]:
    """Names of the plugins in `speechgru/<folder>`, sorted."""
    package = importlib.import_module(f"speechgru.{folder}")
    files = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    return sorted(getattr(package, "PLUGINS", files))


def find(folder: str, name: str) -> ModuleType:
    """Import the plugin `name` of `speechgru/<folder>`.

    Raises:
        ConfigError: there is no such file; the message lists the choices.
    """
    _check(folder, name, names(folder))
    return importlib.import_module(f"speechgru.{folder}.{name}")


def settings(folder: str, name: str) -> Any:
    """What the plugin `name` takes: an entry of SETTINGS in `speechgru/<folder>/settings.py`. Imports no plugin.

    Raises:
        ConfigError: there is no such plugin; the message lists the choices.
    """
    table = importlib.import_module(f"speechgru.{folder}.settings").SETTINGS
    _check(folder, name, sorted(table))
    return table[name]


def _check(folder: str, name: str, choices: list[str]) -> None:
    if name not in choices:
        what = "corpus" if folder.endswith("corpora") else f"name in {folder}"
        raise ConfigError(unknown(what, name, choices))


def nearest(given: str, choices: Iterable[str]) -> str:
    """The one of `choices` that `given` may stand for, in whatever case; "" where none is near."""
    folded = {choice.casefold(): choice for choice in choices}
    # What was cut short (`trans`) comes before what is spelt alike (`train`).
    beginning = [choice for choice in folded if len(given) > 1 and choice.startswith(given.casefold())]
    if len(beginning) == 1:
        return folded[beginning[0]]
    near = difflib.get_close_matches(given.casefold(), folded, n=1)
    return folded[near[0]] if near else ""


def unknown(what: str, given: str, choices: Iterable[str]) -> str:
    """The message for a name that isn't among `choices`, with a suggestion where one is near."""
    choices = list(choices)
    near = nearest(given, choices)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"Unknown {what}: {given!r}.{hint} Choices: {', '.join(choices) or 'none'}."
