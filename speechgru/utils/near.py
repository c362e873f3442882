"""Which file was meant, where a path leads nowhere."""

from __future__ import annotations

import difflib
import itertools
from pathlib import Path

_MOST = 2000  # files that are compared: a folder may hold a million
_ALIKE = 0.8  # an extension alone makes two short names alike by 0.6


def file_near(path: str | Path) -> str:
    """The file or folder beside `path`, which isn't there, whose name is nearest: `path` may be it, misspelt; "" for
    none."""
    path = Path(path)
    try:
        with_hidden = itertools.islice(path.parent.iterdir(), _MOST)
        names = {entry.name.casefold(): entry.name for entry in with_hidden if entry.name[:1] != "."}
    except OSError:
        return ""
    given = path.name.casefold()
    stem = path.stem.casefold()
    same = [name for name in names if given and stem in (name, Path(name).stem)]
    near = same if len(same) == 1 else difflib.get_close_matches(given, names, n=1, cutoff=_ALIKE)
    return str(path.with_name(names[near[0]])) if near else ""


def question(path: str | Path) -> str:
    """What a message about `path`, which isn't there, may ask; "" where no name is near."""
    near = file_near(path)
    return f" Did you mean {near}?" if near else ""
