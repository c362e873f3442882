"""What the help of a kind's function says of its settings, made from the class of the settings."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from functools import lru_cache
from itertools import pairwise
from typing import Any

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


def documentation(kind: str) -> str:
    """The meaning of each setting that has an explanation in the class of the settings, and the errors."""
    notes, explained = _explanations(find(kind).settings)
    arguments = [
        textwrap.fill(f"{name}: {text}", 100, initial_indent=" " * 4, subsequent_indent=" " * 8)
        for name, text in {**_FIRST, **explained, **_LAST}.items()
    ]
    return "\n".join(
        [
            f"`extract(source, {kind!r})` gives units, bins and times beside the values.",
            "",
            textwrap.fill(" ".join(notes), 100),
            "",
            "Args:",
            *arguments,
            "",
            "Raises:",
            "    AudioError: a recording that can't be read, is shorter than one window or holds NaN.",
            "    ConfigError: no such preset or setting (the choices are named), or an impossible value.",
        ]
    )


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
