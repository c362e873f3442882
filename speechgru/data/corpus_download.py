"""Fetch a public corpus by what its file says: ARCHIVES by part, or BY_HAND, the steps where a login is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speechgru.errors import DownloadError
from speechgru.utils import download


def is_public(corpus: Any) -> bool:
    """Whether the module of a corpus says where to get it; a user's own recordings have no such place."""
    return hasattr(corpus, "ARCHIVES") or hasattr(corpus, "BY_HAND")


def fetch(corpus: Any, root: Path, parts: Sequence[str] = ()) -> list[Path]:
    """Fetch `parts` of a corpus (all where none is named) to its folder below `root`; returns the parts' folders.

    Raises:
        DownloadError: see `speechgru.utils.download.corpus`; or the steps, where it can't be had without a login.
    """
    if not hasattr(corpus, "ARCHIVES"):
        raise DownloadError(corpus.BY_HAND.format(root=root))
    name = corpus.__name__.rpartition(".")[2]
    return download.corpus(name, corpus.ARCHIVES, root, parts)
