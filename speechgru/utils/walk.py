"""Walks through the folders that a user names: links to folders are followed, each real folder is entered once.

Real folders come before links, so a folder that is there and linked keeps its own path. A link to a folder above the
one that is walked can only be a loop, and isn't followed. Hidden files and folders (`.name`) are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

OnError = Callable[[OSError], None]


@dataclass(frozen=True)
class Folder:
    """A folder on the way, the folders directly inside it and its files, each sorted.

    `files` has links that lead nowhere too: what wants them can say that they do. Neither devices nor pipes are files.
    """

    path: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]


def walk(
    root: str | Path, *, recursive: bool = True, hidden: bool = False, on_error: OnError | None = None
) -> Iterator[Folder]:
    """`root` and, where `recursive`, the folders below it.

    Args:
        hidden: take hidden files and folders too.
        on_error: told of a folder that can't be listed, and the others go on.

    Raises:
        OSError: a folder can't be listed, without `on_error`.
    """
    top = Path(root)
    above = {str(parent) for parent in Path(os.path.realpath(top)).parents}
    seen: set[str] = set()
    links = [top]
    while links:
        start = links.pop(0)
        below = [(start, os.path.realpath(start))]
        while below:
            path, real = below.pop()
            if real in seen or real in above:
                continue
            seen.add(real)
            try:
                found, own, linked = _listed(path, hidden)
            except OSError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            yield found
            if recursive:
                below += [(path / name, os.path.join(real, name)) for name in reversed(own)]
                links += [path / name for name in linked]


def files(
    root: str | Path, *, recursive: bool = True, hidden: bool = False, on_error: OnError | None = None
) -> list[Path]:
    """The files below `root`, or `root` itself where it is one, sorted; those of `walk` that can be opened."""
    if not Path(root).is_dir():
        return [Path(root)] if Path(root).is_file() else []
    walked = walk(root, recursive=recursive, hidden=hidden, on_error=on_error)
    return sorted(path for folder in walked for path in folder.files if path.is_file())


def folders(root: str | Path) -> list[Path]:
    """The folders directly inside `root`, sorted: each real one once, none hidden, none that `root` lies in."""
    real = Path(os.path.realpath(root))
    top = _by_place(next(walk(root, recursive=False)).folders)
    return sorted(same[0] for place, same in top.items() if not real.is_relative_to(place))


def once(paths: Iterable[Path]) -> list[Path]:
    """Of paths that a pattern gave those in different real folders or of different names, sorted."""
    given = set(paths)
    kept = {same[0] for same in _by_place({path.parent for path in given}).values()}
    return sorted(path for path in given if path.parent in kept)


def _by_place(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by where they really lead: the real one first, then by name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(paths, key=lambda path: (os.path.islink(path), path)):
        found.setdefault(os.path.realpath(path), []).append(path)
    return found


def _listed(path: Path, hidden: bool) -> tuple[Folder, list[str], list[str]]:
    """A folder, the names of its own folders and those of links to folders, sorted."""
    files_: list[str] = []
    own: list[str] = []
    linked: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            if _leads_to_folder(entry):
                (linked if entry.is_symlink() else own).append(entry.name)
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                files_.append(entry.name)
    own.sort()
    linked.sort()
    inside = tuple(path / name for name in sorted(own + linked))
    return Folder(path, inside, tuple(path / name for name in sorted(files_))), own, linked


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
