"""Models kept by name in the user's data folder. Fetching one is the only thing here that opens a connection."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from speechgru.errors import CheckpointError, UsageError
from speechgru.models import checkpoint
from speechgru.utils import assets as packaged
from speechgru.utils import download, plugins

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Model:
    """A model that can be given by its name; `size` in bytes, `kind` as in its file (acoustic, language, ...)."""

    name: str
    path: Path
    size: int
    kind: str
    packaged: bool

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"path": str(self.path)}


def models() -> list[Model]:
    """All of them: those of the package, then the fetched ones, by name. A damaged file is of kind `damaged`."""
    return [
        Model(path.stem, path, path.stat().st_size, _kind(path), folder == packaged.ASSETS)
        for folder in (packaged.ASSETS, packaged.models_folder())
        for path in sorted(folder.glob(f"*{packaged.SUFFIX}"))
    ]


def fetch(url: str, sha256: str, name: str | None = None) -> Model:
    """Fetch a model file, check it, and keep it as `name` (by default the file's own name).

    Raises:
        UsageError: a checksum that is none, or a name that isn't a plain one or is taken.
        DownloadError: no connection, another checksum, a full disk.
        CheckpointError: what came is no model.
    """
    if not _SHA256.fullmatch(sha256):
        raise UsageError(
            f"--sha256 {sha256!r} is no checksum; expected 64 hexadecimal digits, as sha256sum prints."
        )
    file_name = unquote(urlsplit(url).path).rpartition("/")[2]
    name = name or file_name.removesuffix(packaged.SUFFIX)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't name a model; expected letters, digits, dots, dashes. Pass --name NAME."
        )
    if name in {model.name for model in models()}:
        raise UsageError(
            f"There is a model {name!r} already. Pass another --name, or remove it if it was fetched."
        )
    path = packaged.models_folder() / f"{name}{packaged.SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    arriving = path.with_suffix(".fetched")  # no model until it has been opened
    download.fetch(url, arriving, checksum=f"sha256:{sha256.lower()}")
    try:
        kind = checkpoint.load(arriving).kind
    except CheckpointError as error:
        arriving.unlink()
        raise CheckpointError(f"{url} is no model: {error}") from error
    arriving.rename(path)
    return Model(name, path, path.stat().st_size, kind, packaged=False)


def remove(name: str) -> None:
    """Delete a fetched model.

    Raises:
        UsageError: there is none of that name, or it comes with the package.
    """
    known = {model.name: model for model in models()}
    if name not in known:
        raise UsageError(
            plugins.unknown("model", name, sorted(n for n, m in known.items() if not m.packaged))
        )
    if known[name].packaged:
        raise UsageError(f"{name} comes with the package; only fetched models can be removed.")
    known[name].path.unlink()


def _kind(path: Path) -> str:
    try:
        return checkpoint.load(path).kind
    except CheckpointError:
        return "damaged"
