"""Write the types of the functions of features, which are made when they are used: speechgru/features/functions.pyi.

python tools/docs/feature_stubs.py
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import speechgru
from speechgru.features import kinds
from speechgru.features.signatures import signature, summary

TARGET = Path(speechgru.__file__).parent / "features" / "functions.pyi"
_HELD = "\0"  # a space within an argument, where no line ends
_HEAD = '''\
"""Made by tools/docs/feature_stubs.py from the settings of each kind; a test holds it to them."""

# fmt: off
from typing import Any, Literal
'''


def stub(kind: str) -> str:
    """The function of `kind` as a stub file states it."""
    made = signature(kind)
    parts = [
        str(parameter).replace("typing.", "").replace(" ", _HELD) for parameter in made.parameters.values()
    ]
    lines = textwrap.wrap(", ".join([*parts[:2], "*", *parts[2:]]), 106, break_long_words=False)
    body = "\n".join(f"    {line}" for line in lines).replace(_HELD, " ")
    return f'def {kind}(\n{body}\n) -> Any:\n    """{summary(kind)}"""\n'


def text() -> str:
    """The whole file."""
    return "\n".join([_HEAD, *map(stub, kinds())])


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
