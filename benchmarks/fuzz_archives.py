"""Archives for benchmarks/fuzz.py: those of corpora, which are unpacked, and those of features."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np
from fuzz_process import Reader

from speechgru.data import feature_archive
from speechgru.errors import ConfigError, CorpusError, DownloadError
from speechgru.utils import archives


def _tar(kind: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{kind}") as tar:
        for name, content in (("c/a.txt", b"a"), ("c/d/b.txt", b"b" * 600)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("c/link")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        tar.addfile(link)
    return stream.getvalue()


@cache
def _zips() -> list[bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("c/a.txt", "a")
        file.writestr("c/d/b.txt", "b" * 600)
    return [stream.getvalue()]


def _repair_tar(_: bytes, damaged: bytes, __: Random) -> bytes:
    """Right checksums in all headers of an archive that isn't compressed."""
    data = bytearray(damaged)
    for place in range(0, len(data) - 511, 512):
        if data[place + 257 : place + 262] == b"ustar":
            data[place + 148 : place + 156] = b" " * 8
            data[place + 148 : place + 156] = b"%06o\0 " % sum(data[place : place + 512])
    return bytes(data)


def _unpack(path: Path) -> None:
    """Into a folder that is looked at afterwards: nothing but the folder `c`, or nothing at all."""
    root = Path(tempfile.mkdtemp())
    target = root / "root"
    target.mkdir()
    try:
        archives.unpack(path, target, "c", limit=1 << 20)
        _refuse_links_out(target)
    except DownloadError:
        if left := [p.name for p in target.iterdir()]:
            raise AssertionError(f"left behind: {left}") from None
        raise
    finally:
        if beside := [p.name for p in root.iterdir() if p != target]:
            raise AssertionError(f"outside: {beside}")
        shutil.rmtree(root)


def _refuse_links_out(target: Path) -> None:
    for place, folders, names in os.walk(target):
        for name in (*folders, *names):
            if not Path(place, name).resolve().is_relative_to(target.resolve()):
                raise AssertionError(f"a link leads out: {name}")


@cache
def _features(kind: str) -> list[bytes]:
    header = {"kind": "log_mel", "bins": [100.0, 200.5, 300.0], "frame_seconds": 0.01, "first_seconds": 0.0}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, f"a.{kind}")
        with feature_archive.archive(path, header) as add:
            for name in ("a",) if kind == "npy" else ("a", "b/c"):
                add(name, np.arange(12, dtype=np.float32).reshape(4, 3))
        return [path.read_bytes()]


def _beside(kind: str) -> Callable[[Path], Path] | None:
    """Of .npy: the file of JSON that belongs to it."""
    header = '{"kind": "x", "bins": [1, 2, 3], "frame_seconds": 0.01, "first_seconds": 0}\n'

    def layout(folder: Path) -> Path:
        (folder / "case.npy.json").write_text(header)
        return folder / "case.npy"

    return layout if kind == "npy" else None


def _read_features(path: Path) -> int:
    feature_archive.read_header(path)
    return sum(values.size for values in feature_archive.read(path).values())


READERS = [
    Reader("tar", cache(lambda: [_tar("")]), _unpack, ".tar", (DownloadError,), repair=_repair_tar),
    Reader(
        "tar-gz", cache(lambda: [_tar("gz"), _tar("bz2"), _tar("xz")]), _unpack, ".tar.gz", (DownloadError,)
    ),
    Reader("zip", _zips, _unpack, ".zip", (DownloadError,)),
    *(
        Reader(
            f"features-{kind}",
            partial(_features, kind),
            _read_features,
            f".{kind}",
            (ConfigError, CorpusError),
            layout=_beside(kind),
        )
        for kind in feature_archive.FORMATS
    ),
]
