"""Numba functions that are compiled once for a machine and kept in the user's cache folder.

Numba's own cache asks only whether the file of a function changed, not the files of the functions it calls, and
tells files apart by size and date, which installers set. So the folder here is named by what all of them hold.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from speechgru.utils.assets import cache_folder

_Function = TypeVar("_Function", bound=Callable[..., Any])

_log = logging.getLogger(__name__)


def compiled(*files: str, fastmath: bool = False) -> Callable[[_Function], _Function]:
    """A decorator as numba.njit, whose results are kept for as long as the source `files` stay as they are.

    Name the file of the function and the files of all compiled functions that it calls. Where the cache folder
    can't be written, functions are compiled anew in each process. `fastmath` lets sums be reordered.
    """
    folder = _folder(files)

    def decorate(function: _Function) -> _Function:
        if folder is None:
            return cast(_Function, numba.njit(nogil=True, fastmath=fastmath)(function))
        kept, config.CACHE_DIR = config.CACHE_DIR, str(folder)  # type: ignore[attr-defined]
        try:
            return cast(_Function, numba.njit(nogil=True, cache=True, fastmath=fastmath)(function))
        finally:
            # Other packages' functions are none of ours.
            config.CACHE_DIR = kept  # type: ignore[attr-defined]

    return decorate


def announce(function: Any, what: str) -> None:
    """Say on the log (stderr, unless configured) that `function` will be compiled, where that takes seconds."""
    if function.signatures:
        return
    path = function.stats.cache_path
    if path is None:
        _log.warning(
            "speechgru: compiling %s, which takes some seconds each time: %s can't be written. "
            "Set XDG_CACHE_HOME to a folder that can.",
            what,
            cache_folder(),
        )
    elif not any(Path(path).glob(f"*.{function.__name__}-*.nbi")):
        _log.warning("speechgru: compiling %s for this machine, once; takes some seconds.", what)


@lru_cache
def _folder(files: tuple[str, ...]) -> Path | None:
    digest = hashlib.sha256()
    for file in files:
        digest.update(Path(file).read_bytes())
    folder = cache_folder() / f"numba-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None
