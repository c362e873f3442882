"""Unpacking archives from elsewhere: nothing leaves the folder, and a folder is there whole or not at all.

Refused: absolute names, `..`, links that lead out, devices (by tarfile's filter "data", for zip files too), encrypted
members, and more bytes or files than such an archive can honestly hold. Links are made last, so that no file is written
through one; permissions, owners and times of the archive are not taken over.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from speechgru.errors import DownloadError
from speechgru.utils.files import check_readable

RATIO = 20  # unpacked bytes per byte of archive: audio reaches 2, plain text 10
ALLOWANCE = 1 << 30  # so many bytes are always allowed
MOST_MEMBERS = 2_000_000
_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_Member = tuple[tarfile.TarInfo, IO[bytes] | None]  # its content, where it is a file
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
            _fill(temporary / inside, archive, limit)
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


def _fill(folder: Path, archive: Path, limit: int) -> None:
    """Everything in `archive`, into `folder`."""
    from tqdm import tqdm

    folder.mkdir(parents=True)
    try:
        with (
            archive.open("rb") as file,
            tqdm.wrapattr(
                file, "read", total=archive.stat().st_size, desc=f"unpacking {archive.name}", disable=None
            ) as counted,
        ):
            members = _of_zip if zipfile.is_zipfile(archive) else _of_tar
            _write(folder, members(counted), limit)
    except (_HostileError, tarfile.FilterError) as error:
        raise DownloadError(
            f"{archive} {error}. It was not unpacked: it isn't what the publisher made, or it is an attack."
        ) from error
    except _DAMAGED as error:
        raise _damaged(archive, folder, error) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DownloadError(f"{archive} has a file and a folder of one name: {error.filename}.") from error
    except (OSError, ValueError, OverflowError, AttributeError, TypeError) as error:
        # gzip's and bz2's own; tarfile wants a byte behind the end; zipfile goes to places before the file, and
        # stumbles over damaged heads.
        number, name = getattr(error, "errno", None), getattr(error, "filename", None)
        if number is None or (number == errno.EINVAL and name is None):
            raise _damaged(archive, folder, error) from error
        if number == errno.ENAMETOOLONG:
            raise DownloadError(
                f"{archive} is damaged: it holds a name that is too long, {name!r}."
            ) from error
        if isinstance(error, OSError) and number == errno.EIO:
            raise _failing(archive, folder, error) from error
        raise


def _damaged(archive: Path, folder: Path, error: Exception) -> DownloadError:
    """What is wrong with an archive that made `error`; zipfile takes a failing disk for another kind of file."""
    try:
        check_readable(archive)
    except OSError as failing:
        return _failing(archive, folder, failing)
    return DownloadError(f"{archive} is damaged: {error}. Delete it and download it again.")


def _failing(archive: Path, folder: Path, error: OSError) -> DownloadError:
    return DownloadError(
        f"{archive} can't be unpacked into {folder.parent}: {error.strerror or error}. The disk of one of them failed, "
        "or the connection to it. Copy the archive to another disk, or choose another folder."
    )


class _HostileError(Exception):
    """What no archive of a corpus holds; the message goes on from the archive's name."""


def _of_tar(file: Any) -> Iterator[_Member]:
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        while member := tar.next():
            tar.members = []  # type: ignore[attr-defined]  # it would keep all of 300,000
            yield member, tar.extractfile(member) if member.isfile() else None


def _of_zip(file: Any) -> Iterator[_Member]:
    """The members of a zip file, as those of a tar file."""
    types = {0: tarfile.REGTYPE, stat.S_IFREG: tarfile.REGTYPE, stat.S_IFLNK: tarfile.SYMTYPE}
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise _HostileError(f"holds {info.filename!r}, which is encrypted")
            member = tarfile.TarInfo(info.filename)
            # Not `is_dir`, which stumbles over an empty name.
            is_folder = info.filename.endswith("/")
            kind = tarfile.DIRTYPE if is_folder else types.get(stat.S_IFMT(info.external_attr >> 16))
            member.type, member.size = kind or tarfile.FIFOTYPE, info.file_size
            with archive.open(info) as content:
                if member.issym():
                    member.linkname = content.read(4096).decode("utf-8", "surrogateescape")
                yield member, content


def _write(folder: Path, members: Iterator[_Member], limit: int) -> None:
    home, size, links = folder.resolve(), 0, list[tuple[Path, str]]()
    for number, (given, content) in enumerate(members, start=1):
        size += given.size
        if size > limit:
            raise _HostileError(f"unpacks to more than {limit / 1e9:.1f} GB")
        if number > MOST_MEMBERS:
            raise _HostileError(f"holds more than {MOST_MEMBERS:,} files")
        # The filter would make these harmless; an honest archive has none.
        if given.name.startswith("/") or ".." in PurePosixPath(given.name).parts or "\0" in given.name:
            raise _HostileError(f"holds {given.name!r}, a name that leads out of its folder")
        member = tarfile.data_filter(given, str(home))  # refuses devices, and links that lead out
        path = home / member.name
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.issym():
            links.append((path, member.linkname))
            continue
        path.unlink(missing_ok=True)  # a later member of the same name replaces the earlier
        if content is not None:
            with path.open("xb") as file:
                shutil.copyfileobj(content, file, _BLOCK)
        elif (home / member.linkname).is_file():
            os.link(home / member.linkname, path)
        else:
            raise _HostileError(f"links {member.name!r} to {member.linkname!r}, which isn't in it")
    _link(home, links)


def _link(home: Path, links: Sequence[tuple[Path, str]]) -> None:
    """Make the symbolic links, then see that none leads out: what one means can depend on a later one."""
    for path, target in links:
        if path.parent.resolve().is_relative_to(home):
            path.symlink_to(target)
    for path, target in links:
        if not path.resolve().is_relative_to(home):
            raise _HostileError(f"links {path.name!r} to {target!r}, out of its folder")


def _merge(source: Path, target: Path) -> None:
    """Move what is in `source` to `target`: folders that are new there in one step, files that are new."""
    for path in sorted(source.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        place = target / path.name
        if path.is_dir() and not path.is_symlink() and place.is_dir():
            _merge(path, place)
        elif not os.path.lexists(place):
            path.rename(place)
