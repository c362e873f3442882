"""A function for each kind of features, whose signature and docstring are made from the kind's settings."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import lru_cache
from inspect import Parameter, Signature
from itertools import pairwise
from typing import Any, get_type_hints

from speechgru.features.extraction import extract
from speechgru.features.registry import find

_FIRST = {
    "source": 'a path, "-", a binary file, an array or tensor, or a list of these: a batch.',
    "sample_rate": "of arrays, Hz; files state their own.",
}
_LAST = {
    "preset": '"kaldi", "librosa", "whisper" or "htk": whose conventions to begin with instead of the defaults.',
    "output": '"torch" or "numpy".',
    "lengths": "valid samples of each row of a padded batch [batch, time].",
    "channels": '"mix" takes their mean, "each" gives the batch of them.',
}


def function(kind: str) -> Callable[..., Any]:
    """The function of any source that gives the values of `kind`, named as the kind is.

    Raises:
        ConfigError: no such kind.
    """

    def compute(source: Any, sample_rate: int | None = None, **options: Any) -> Any:
        return extract(source, kind, sample_rate=sample_rate, **options).values

    made: Any = compute
    made.__name__ = made.__qualname__ = kind
    made.__module__ = "speechgru.features.functions"
    made.__signature__, made.__doc__ = signature(kind), documentation(kind)
    return compute


def signature(kind: str) -> Signature:
    """Source, rate, the settings of `kind` with their defaults, and what `extract` takes with every kind."""
    common, hints = inspect.signature(extract).parameters, get_type_hints(extract)
    first, last = (
        [common[name].replace(annotation=hints[name], kind=place) for name in names]
        for names, place in ((_FIRST, Parameter.POSITIONAL_OR_KEYWORD), (_LAST, Parameter.KEYWORD_ONLY))
    )
    return Signature([*first, *_settings(kind), *last], return_annotation=Any)


def documentation(kind: str) -> str:
    """Unit, shape, and the meaning of each setting that has an explanation in the class of the settings."""
    notes, explained = _explanations(find(kind).settings)
    arguments = [
        textwrap.fill(f"{name}: {text}", 100, initial_indent=" " * 4, subsequent_indent=" " * 8)
        for name, text in {**_FIRST, **explained, **_LAST}.items()
    ]
    return "\n".join([summary(kind), "", textwrap.fill(" ".join(notes), 100), "", "Args:", *arguments])


def summary(kind: str) -> str:
    """A line on what the function of `kind` gives."""
    entry = find(kind)
    return f"{entry.title} ({entry.unit}), [frames, bins]. `extract(source, {kind!r})` has more."


def _settings(kind: str) -> list[Parameter]:
    settings = find(kind).settings
    hints = get_type_hints(settings)
    parameters = []
    for field in fields(settings):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        parameter = Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
        parameters.append(parameter)
    return parameters


def _explanations(settings: type[Any]) -> tuple[list[str], dict[str, str]]:
    """Docstrings of the class and those it derives from, and the strings below their fields."""
    notes, explained = [], {}
    for parent in reversed(settings.__mro__[:-1]):
        notes.append(inspect.getdoc(parent) or "")
        for field, below in pairwise(_bodies(parent.__module__).get(parent.__name__, [])):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                explained[ast.unparse(field.target)] = " ".join(ast.literal_eval(below.value).split())
    return notes, explained


@lru_cache
def _bodies(module: str) -> dict[str, list[ast.stmt]]:
    """What each class of a module holds; nothing where an installation comes without sources."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
