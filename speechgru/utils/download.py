"""Fetching the archives of public corpora, only on request: resumed, checked, unpacked whole or not at all.

A transfer goes to NAME.part, with what is needed to resume it beside it in NAME.part.json; it gets its own
name once its checksum is right. Where the publisher states no checksum, the first download's SHA-256 is noted
beside it in NAME.sha256, and a later download must have the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import logging
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from speechgru import __version__
from speechgru.errors import DownloadError
from speechgru.utils import archives, console, files, json_text, plugins
from speechgru.utils.archives import disk_errors

_log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 30.0
TRIES = 6  # without progress in between; then the user may try again later
PAUSE_SECONDS = 1.0  # before the second try; doubled each time
_BLOCK = 1 << 18
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNPACKED = 1.5  # bytes of disk per byte of archive that are asked for beforehand, a guess: 1 to 2 for audio
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


@dataclass(frozen=True)
class Archive:
    """A file to fetch, and the folder below the corpora's root that unpacking it makes.

    `inside`: folder that the names in the archive are relative to. `size` in bytes, 0 where unknown.
    `checksum`: "sha256:..." or "md5:..." as published, "" where none is.
    """

    url: str
    folder: str
    size: int = 0
    checksum: str = ""
    inside: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return urlsplit(self.url).path.rpartition("/")[2]


def corpus(
    name: str,
    parts: Mapping[str, Archive],
    root: Path,
    wanted: Sequence[str] = (),
) -> list[Path]:
    """Fetch and unpack the `wanted` parts of a corpus (all where none is named) below `root`.

    A part whose folder is there is passed over. An archive is deleted once it is unpacked.

    Returns:
        The folders of the wanted parts.

    Raises:
        DownloadError: an unknown part, no room, no connection, a wrong checksum, an archive that is damaged
            or dangerous. What is there already stays; the same command goes on from there.
    """
    for part in wanted:
        if part not in parts:
            raise DownloadError(plugins.unknown(f"part of {name}", part, parts))
    chosen = [parts[part] for part in wanted or parts]
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        missing = [a for a in chosen if not (root / a.folder).is_dir()]
        _require_room(root, missing)
        for archive in missing:
            path = fetch(archive.url, root / archive.name, size=archive.size, checksum=archive.checksum)
            archives.unpack(path, root, archive.folder, inside=archive.inside)
            path.unlink()
    return [root / archive.folder for archive in chosen]


def fetch(url: str, path: Path, *, size: int = 0, checksum: str = "") -> Path:
    """Fetch `url` to `path`, going on from `path`.part where an earlier try left one.

    Args:
        size: in bytes, for the progress bar until the server says; 0: unknown.
        checksum: "sha256:HEX" or "md5:HEX"; "": the one noted at an earlier download, if there was one.

    Raises:
        DownloadError: no connection, the server refuses, a wrong checksum, a full disk.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url!r} can't be fetched; expected an address that begins with https://.")
    if path.exists():
        _verify(path, path, url, checksum)
        return path
    part, info = _part(path)
    failures = 0
    while True:
        before = _size(part)
        try:
            _transfer(url, part, info, size, bool(checksum))
            break
        except _BrokenError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures == TRIES:
                raise DownloadError(
                    f"{url}: {error}. Tried {TRIES} times; {_size(part) / 1e6:.1f} MB are kept in {part}: run "
                    "the same command again to go on."
                ) from error
            _log.warning("%s: %s; trying again", path.name, error)
            time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))
    try:
        _verify(part, path, url, checksum)
    except DownloadError:
        part.unlink()
        info.unlink(missing_ok=True)
        raise
    part.rename(path)
    info.unlink(missing_ok=True)
    return path


class _BrokenError(Exception):
    """A transfer that may well go on at the next try."""


def _part(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + ".part"), path.with_name(path.name + ".part.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _transfer(url: str, part: Path, info: Path, size: int, has_checksum: bool) -> None:
    """Fetch what `part` lacks.

    Raises:
        _BrokenError: the connection failed or ended early.
        DownloadError: the server refuses, or the disk is full.
    """
    offset, validator = _size(part), _validator(info, url)
    if (offset and validator is None) or not (validator or has_checksum):
        # What is there may be another version's, and nothing would tell.
        offset = 0
    try:
        with _open(url, offset, validator or "") as response:
            offset, total = _place(response, offset)
            _note(info, url, response)
            _receive(response, part, offset, total or size, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and offset:
            if _range(error.headers.get("Content-Range"))[1] == offset:
                return  # all of it was there
            part.unlink(missing_ok=True)
            raise _BrokenError("the server has another file by now") from error
        if error.code in _PASSING:
            raise _BrokenError(f"the server answers {error.code} {error.reason}") from error
        raise DownloadError(
            f"{url}: the server answers {error.code} {error.reason}. Look at its publisher's page for where "
            "the file is now."
        ) from error
    except urllib.error.URLError as error:
        raise _BrokenError(f"no connection ({error.reason})") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _BrokenError(f"the connection broke ({error or type(error).__name__})") from error


def _open(url: str, offset: int, validator: str) -> Any:
    headers = {"User-Agent": f"speechgru/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator:
            headers["If-Range"] = validator
    opener = urllib.request.OpenerDirector()
    for handler in (  # http and https only: build_opener would also open file: and ftp:
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)


def _place(response: Any, offset: int) -> tuple[int, int]:
    """Where in the file the body begins, and how long the file is (0: unknown)."""
    length = int(response.headers.get("Content-Length") or 0)
    if response.status != 206:
        return 0, length  # the server ignores ranges, or has another version: from the start
    start, total = _range(response.headers.get("Content-Range"))
    if start != offset:
        raise _BrokenError(f"the server sent bytes from {start}, asked for {offset}")
    return start, total or start + length


def _range(header: str | None) -> tuple[int, int]:
    """First byte and length of the whole file in a Content-Range header; 0 where it doesn't say."""
    match = _RANGE.fullmatch(header or "")
    if match is None:
        return 0, 0
    return int(match[1] or 0), 0 if match[2] == "*" else int(match[2])


def _validator(info: Path, url: str) -> str | None:
    """What the server called the version of which a part is there; None where no part is known."""
    try:
        known = json_text.loads(info.read_text(encoding="utf-8"))
        return str(known["validator"]) if known["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(info: Path, url: str, response: Any) -> None:
    tag = response.headers.get("ETag") or ""
    validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified") or ""
    with disk_errors(info.parent):
        files.write_text(info, json.dumps({"url": url, "validator": validator}))


def _receive(response: Any, part: Path, offset: int, shown: int, total: int) -> None:
    from tqdm import tqdm

    name = part.name.removesuffix(".part")
    with (
        tqdm(
            desc=name,
            total=shown or None,
            initial=offset,
            unit="B",
            unit_scale=True,
            disable=console.no_bar(),
        ) as bar,
        disk_errors(part.parent),
        part.open("r+b" if offset else "wb") as file,
    ):
        file.seek(offset)
        file.truncate()
        while block := response.read(_BLOCK):
            file.write(block)
            bar.update(len(block))
    if total and _size(part) < total:
        raise _BrokenError(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _verify(path: Path, final: Path, url: str, checksum: str) -> None:
    """Compare the checksum of `path`, which is or becomes `final`, with the published or the noted one."""
    note = final.with_name(final.name + ".sha256")
    expected, source = checksum, "its publisher states"
    if not expected and note.exists():
        expected = f"sha256:{note.read_text(encoding='utf-8').split()[0]}"
        source = f"an earlier download had (see {note})"
    algorithm, _, digest = (expected or "sha256:").partition(":")
    computed = hash_of(path, algorithm)
    if digest and computed != digest.lower():
        raise DownloadError(
            f"{final.name} from {url} has the {algorithm} {computed}; {source} {digest}. The file was changed or "
            f"damaged. {'Delete it and t' if path == final else 'It was deleted; t'}ry again, or ask its publisher."
        )
    if not digest:
        files.write_text(note, f"{computed}  {final.name}\n")
        _log.warning("%s: no checksum is published; its SHA-256 was noted in %s", final.name, note.name)


def hash_of(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with files.named_errors(path), path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _require_room(root: Path, missing: Sequence[Archive]) -> None:
    """Archives are deleted one by one, so that only the largest lies beside what is unpacked."""
    largest = max((a.size for a in missing), default=0)
    have = sum(_size(p) for a in missing for p in (root / a.name, _part(root / a.name)[0]))
    needed = sum(_UNPACKED * a.size for a in missing) + largest - have
    free = shutil.disk_usage(root).free
    if free < needed:
        raise DownloadError(
            f"{root} has {free / 1e9:.1f} GB free; about {needed / 1e9:.1f} GB are needed. Choose another place, "
            "or fewer parts."
        )


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait until no other process downloads to `root`."""
    path = root / ".speechgru-download.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _log.warning("waiting for another download to %s", root)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
