"""Unpacking archives from elsewhere: nothing leaves the folder, and a folder is there whole or not at all.

Refused: absolute names, `..`, links that lead out, devices, encrypted members, and more bytes or files than
such an archive can honestly hold. Links are made last, so that no file is written through one; permissions,
owners and times of the archive are not taken over.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from speechgru.errors import DownloadError

RATIO = 20  # unpacked bytes per byte of archive: audio reaches 2, plain text 10
ALLOWANCE = 1 << 30  # so many bytes are always allowed
MOST_MEMBERS = 2_000_000
_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def unpack(archive: Path, root: Path, folder: str, *, inside: str = "", limit: int | None = None) -> Path:
    """Unpack a .zip or .tar (.gz, .bz2, .xz) below `root` and return `root/folder`.

    Everything is unpacked beside its place first; `root/folder` appears in one step at the end. Files that
    are there already are left as they are.

    Args:
        folder: what the archive must hold, relative to `root`.
        inside: folder below `root` that the archive's names are relative to.
        limit: most bytes of its contents; by default RATIO times its size and ALLOWANCE.

    Raises:
        DownloadError: damaged, dangerous, without `folder`, or the disk is full. Nothing is left behind.
    """
    limit = limit or RATIO * archive.stat().st_size + ALLOWANCE
    temporary = root / f".{archive.name}.unpacking"
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
    try:
        with disk_errors(root):
            sink = _Sink(temporary / inside, limit, archive)
            _fill(sink, archive)
            if not (temporary / folder).is_dir():
                raise DownloadError(f"{archive} holds no folder {folder}: it isn't the archive expected.")
            _merge(temporary, root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return root / folder


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn a full disk inside the `with` block into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(place).free / 1e9
        raise DownloadError(
            f"The disk of {place} is full ({free:.1f} GB free). What was fetched is kept: make room and run "
            "the same command again."
        ) from error


class _Sink:
    """Where members go: checks each name, counts bytes and files, keeps links for the end."""

    def __init__(self, folder: Path, limit: int, archive: Path) -> None:
        self._folder, self._limit, self._archive = folder, limit, archive
        self._bytes = self._members = 0
        self._links: list[tuple[Path, str]] = []
        folder.mkdir(parents=True)

    def folder(self, name: str) -> None:
        self._place(name).mkdir(parents=True, exist_ok=True)

    def file(self, name: str, content: IO[bytes]) -> None:
        path = self._place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a later member of the same name replaces the earlier
        with path.open("xb") as file:
            while block := content.read(_BLOCK):
                self._bytes += len(block)
                if self._bytes > self._limit:
                    raise self._refuse(f"unpacks to more than {self._limit / 1e9:.1f} GB")
                file.write(block)

    def link(self, name: str, target: str) -> None:
        """A symbolic link; `target` is relative to its folder."""
        if PurePosixPath(target).is_absolute():
            raise self._refuse(f"links {name!r} to {target!r}, out of its folder")
        self._links.append((self._place(name), target))

    def copy(self, name: str, original: str) -> None:
        """A hard link to a file that came before."""
        source, path = self._place(original), self._place(name)
        if not source.is_file():
            raise self._refuse(f"links {name!r} to {original!r}, which isn't in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.link(source, path)

    def finish(self) -> None:
        """Make the links, then see that none of them leads out."""
        home = self._folder.resolve()
        for path, target in self._links:
            if not path.parent.resolve().is_relative_to(home):  # a link below a link that leads out
                raise self._refuse(f"links {path.name!r} to {target!r}, out of its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        for path, target in self._links:
            if not path.resolve().is_relative_to(home):
                raise self._refuse(f"links {path.name!r} to {target!r}, out of its folder")

    def refuse(self, name: str, what: str) -> DownloadError:
        """The error for a member of a kind that no corpus has."""
        return self._refuse(f"holds {name!r}, {what}")

    def _place(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise self._refuse(f"holds {name!r}, a name that leads out of its folder")
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise self._refuse(f"holds more than {MOST_MEMBERS:,} files")
        return self._folder.joinpath(*parts)

    def _refuse(self, what: str) -> DownloadError:
        return DownloadError(
            f"{self._archive} {what}. It was not unpacked: it isn't what the publisher made, or it is an attack."
        )


def _fill(sink: _Sink, archive: Path) -> None:
    from tqdm import tqdm

    try:
        with (
            archive.open("rb") as file,
            tqdm.wrapattr(
                file, "read", total=archive.stat().st_size, desc=f"unpacking {archive.name}", disable=None
            ) as counted,
        ):
            if zipfile.is_zipfile(archive):
                _fill_from_zip(sink, archive)
            else:
                _fill_from_tar(sink, counted)
        sink.finish()
    except _DAMAGED as error:
        raise DownloadError(f"{archive} is damaged: {error}. Delete it and download it again.") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DownloadError(f"{archive} has a file and a folder of one name: {error.filename}.") from error
    except OSError as error:
        if error.errno is None:  # gzip's and bz2's own
            raise DownloadError(f"{archive} is damaged: {error}. Delete it and download it again.") from error
        raise


def _fill_from_tar(sink: _Sink, file: Any) -> None:
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        while member := tar.next():
            tar.members = []  # type: ignore[attr-defined]  # it would keep all of 300,000
            if member.isdir():
                sink.folder(member.name)
            elif member.isfile():
                content = tar.extractfile(member)
                assert content is not None
                sink.file(member.name, content)
            elif member.issym():
                sink.link(member.name, member.linkname)
            elif member.islnk():
                sink.copy(member.name, member.linkname)
            else:
                raise sink.refuse(member.name, "a device or pipe")


def _fill_from_zip(sink: _Sink, path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.flag_bits & 1:
                raise sink.refuse(member.filename, "which is encrypted")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
                raise sink.refuse(member.filename, "a device or pipe")
            if member.is_dir():
                sink.folder(member.filename)
                continue
            with archive.open(member) as content:
                if kind == stat.S_IFLNK:
                    sink.link(member.filename, content.read(4096).decode("utf-8", "surrogateescape"))
                else:
                    sink.file(member.filename, content)


def _merge(source: Path, target: Path) -> None:
    """Move what is in `source` to `target`: folders that are new there in one step, files that are new."""
    for path in sorted(source.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        place = target / path.name
        if path.is_dir() and not path.is_symlink() and place.is_dir():
            _merge(path, place)
        elif not os.path.lexists(place):
            path.rename(place)
