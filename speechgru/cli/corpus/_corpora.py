"""Corpora as commands name them."""

from __future__ import annotations

from types import ModuleType

from speechgru.errors import UsageError


def find(name: str) -> ModuleType:
    """The module of a corpus.

    Raises:
        UsageError: there is none of that name.
    """
    from speechgru.utils import plugins

    known = plugins.names("data.corpora")
    if name not in known:
        raise UsageError(plugins.unknown("corpus", name, known))
    return plugins.find("data.corpora", name)
