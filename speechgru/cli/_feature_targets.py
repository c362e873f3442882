"""Where the features of each recording of a command line go: one archive, or a file each in a folder.

Errors that can be known beforehand are raised before any work. A folder is resumed: what lies there with the same kind,
settings and augmentation, and is no older than its recording, is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli import _inputs as inputs
from speechgru.cli import _targets as targets
from speechgru.data import feature_archive
from speechgru.data.feature_extraction import Item
from speechgru.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from speechgru.cli._inputs import Input


@dataclass(frozen=True)
class Plan:
    """What to compute and write; the archive for all, if any.

    `everything` is what the command line means, in its order: `items`, and without a file to write what is there.
    """

    items: tuple[Item, ...]
    archive: Path | None = None
    everything: tuple[Item, ...] = ()

    @property
    def kept(self) -> int:
        """How many are there already."""
        return len(self.everything) - len(self.items)


def plan(
    recordings: Sequence[Input],
    output: str | None,
    extension: str | None,
    overwrite: bool,
    header: dict[str, Any],
) -> Plan:
    """Where the features that `header` describes go: `output` is a folder, an archive, or None (nowhere).

    It is a folder where there is one, where it ends with / or has no extension, or with an `extension` (of
    featurefiles.FORMATS; default npy).

    Raises:
        UsageError: an archive that exists, or a file of a folder that exists with other settings (without
            `overwrite`); nothing can be written there. ConfigError: two recordings of one name, an unknown format,
            or one that takes a library that isn't installed.
    """
    names = [entry.relative.as_posix().encode("utf-8", "replace").decode() for entry in recordings]
    if output is None:
        return _together(recordings, names)  # nothing is written by these names
    advice = "Rename one, or name a folder above both, so that its tree is kept."
    inputs.refuse_same(recordings, names, "called", advice)
    if extension is None and not _is_folder(output):
        return _one_archive(recordings, names, Path(output), overwrite)
    kind = extension or "npy"
    feature_archive.require(kind)
    # Not with_suffix: "talk.2024" has no suffix to replace.
    items = [
        Item(entry.path, name, Path(output) / entry.relative.with_name(f"{entry.relative.name}.{kind}"))
        for entry, name in zip(recordings, names)
    ]
    targets.check_writable(Path(output))
    done = [not overwrite and _is_done(item, header) for item in items]
    todo = tuple(item for item, is_done in zip(items, done) if not is_done)
    _refuse(todo, overwrite)
    everything = (replace(item, target=None) if is_done else item for item, is_done in zip(items, done))
    return Plan(todo, everything=tuple(everything))


def _one_archive(recordings: Sequence[Input], names: Sequence[str], path: Path, overwrite: bool) -> Plan:
    try:
        kind = feature_archive.format_of(path)
    except ConfigError as error:
        raise UsageError(str(error)) from None
    feature_archive.require(kind)
    if kind == "npy" and len(recordings) > 1:
        raise UsageError(
            f"{path} holds the features of one recording, not {len(recordings)}. Choose .npz, or a folder."
        )
    targets.check(("-o", path), overwrite=overwrite, sources=[entry.path for entry in recordings])
    return _together(recordings, names, path)


def _together(recordings: Sequence[Input], names: Sequence[str], archive: Path | None = None) -> Plan:
    items = tuple(Item(entry.path, name) for entry, name in zip(recordings, names))
    return Plan(items, archive, items)


def _is_folder(output: str) -> bool:
    return output.endswith("/") or not Path(output).suffix or Path(output).is_dir()


def _is_done(item: Item, header: dict[str, Any]) -> bool:
    assert item.target is not None
    if not item.target.is_file() or feature_archive.read_header(item.target) != json.loads(
        json.dumps(header)
    ):
        return False
    return item.path == inputs.STDIN or item.target.stat().st_mtime >= Path(item.path).stat().st_mtime


def _refuse(items: Sequence[Item], overwrite: bool) -> None:
    # An empty file is what a power cut may leave of one.
    present = [item.target for item in items if item.target is not None and not _is_empty(item.target)]
    try:
        targets.check_all(present, overwrite, sources=[item.path for item in items])
    except UsageError as error:
        raise UsageError(
            f"{error} (Its kind or settings are others, the recording is newer, or it is damaged; what fits would be "
            "kept.)"
        ) from None


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.stat().st_size
