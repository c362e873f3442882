"""Downloads against a server on this machine: whole, broken off, resumed, changed, hostile, on a full disk."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Server, serving

from speechgru.errors import DownloadError
from speechgru.utils import archives, download
from speechgru.utils.download import Archive

CONTENT = bytes(range(256)) * 20  # 5,120 bytes
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with serving() as found:
        yield found


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.name[0] != "."}


# --- fetch


@pytest.mark.parametrize("checksum", [SHA256, "md5:" + hashlib.md5(CONTENT).hexdigest()])
def test_fetch(server: Server, tmp_path: Path, checksum: str) -> None:
    path = download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin", checksum=checksum)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == {"a.bin"}
    download.fetch(server.url("a.bin"), path, checksum=checksum)
    assert len(server.requests) == 1, "what is there is not fetched again"


def test_a_broken_transfer_is_resumed(server: Server, tmp_path: Path) -> None:
    server.breaks = 3
    path = download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin", checksum=SHA256)
    assert path.read_bytes() == CONTENT
    assert [r for _, r in server.requests] == ["", "bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_a_later_command_goes_on(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks = 1
    with pytest.raises(DownloadError, match=r"connection .*Tried 1 times.*kept in .*a\.bin\.part"):
        download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin", checksum=SHA256)
    assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin.part").stat().st_size == 1000
    assert download.fetch(server.url("a.bin"), tmp_path / "a.bin", checksum=SHA256).read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=1000-"


def test_a_server_without_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.breaks, server.with_ranges = 1, False
    path = download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin", checksum=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_is_not_mixed_with_the_old_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks = 1
    with pytest.raises(DownloadError):
        download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin")
    changed = CONTENT[::-1]
    server.etag = '"2"'
    assert download.fetch(server.put("a.bin", changed), tmp_path / "a.bin").read_bytes() == changed


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_a_part_that_nothing_vouches_for_is_fetched_anew(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    server.etag = tag
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks = 1
    with pytest.raises(DownloadError):
        download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin")
    changed = b"\1" + CONTENT
    assert download.fetch(server.put("a.bin", changed), tmp_path / "a.bin").read_bytes() == changed
    assert [r for _, r in server.requests] == ["", ""]


def test_a_part_that_is_whole_already(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    url = server.put("a.bin", CONTENT)
    (tmp_path / "a.bin.part.json").write_text(f'{{"url": "{url}", "validator": ""}}')
    download.fetch(url, tmp_path / "a.bin", checksum=SHA256)
    assert [r for _, r in server.requests] == ["bytes=5120-"]
    assert names(tmp_path) == {"a.bin"}


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"a\.bin from http.*has the sha256 .*publisher states.*deleted"):
        download.fetch(server.put("a.bin", CONTENT + b"!"), tmp_path / "a.bin", checksum=SHA256)
    assert names(tmp_path) == set()


def test_a_first_download_notes_its_checksum(server: Server, tmp_path: Path) -> None:
    path = download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin")
    note = tmp_path / "a.bin.sha256"
    assert note.read_text() == f"{SHA256[7:]}  a.bin\n"
    path.unlink()
    with pytest.raises(DownloadError, match=r"an earlier download had \(see .*a\.bin\.sha256"):
        download.fetch(server.put("a.bin", b"other"), path)
    assert download.fetch(server.put("a.bin", CONTENT), path).read_bytes() == CONTENT


def test_passing_failures_are_tried_again_and_others_are_not(server: Server, tmp_path: Path) -> None:
    server.failures = [503, 429]
    download.fetch(server.put("a.bin", CONTENT), tmp_path / "a.bin", checksum=SHA256)
    assert len(server.requests) == 3
    with pytest.raises(
        DownloadError, match=r"nothing\.bin: the server answers 404 Not Found.*publisher's page"
    ):
        download.fetch(server.url("nothing.bin"), tmp_path / "b.bin")
    assert len(server.requests) == 4


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with serving() as gone:
        url = gone.url("a.bin")
    with pytest.raises(DownloadError, match=r"no connection \(.*refused.*Tried 6 times"):
        download.fetch(url, tmp_path / "a.bin")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "a.bin"])
def test_only_the_web(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="expected an address that begins with https://"):
        download.fetch(url, tmp_path / "a.bin")


def test_a_full_disk_keeps_what_was_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return _Full(open(self, mode, *args, **kwargs), 2000) if self.suffix == ".part" else open(self, mode)

    url = server.put("a.bin", CONTENT)
    monkeypatch.setattr(download, "_BLOCK", 1000)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DownloadError, match=r"disk of .* is full .*GB free.*same command again"):
            download.fetch(url, tmp_path / "a.bin", checksum=SHA256)
    assert (tmp_path / "a.bin.part").read_bytes() == CONTENT[:2000]
    assert download.fetch(url, tmp_path / "a.bin", checksum=SHA256).read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=2000-"


class _Full:
    """A file on a disk that has room for `room` bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, block: bytes) -> None:
        if len(block) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(block)
        self.file.write(block)

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


# --- archives

Members = dict[str, bytes | tarfile.TarInfo]


def tar(members: Members, suffix: str = "gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{suffix}") as archive:  # type: ignore[call-overload]
        for name, member in members.items():
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            if isinstance(member, bytes):
                info.size = len(member)
                archive.addfile(info, io.BytesIO(member))
            else:
                archive.addfile(info)
    return buffer.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def zipped(members: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def unpack(content: bytes, root: Path, folder: str = "c", **options: Any) -> Path:
    root.mkdir(exist_ok=True)
    path = root / "c.archive"
    path.write_bytes(content)
    return archives.unpack(path, root, folder, **options)


@pytest.mark.parametrize("suffix", ["", "gz", "bz2", "xz", "zip"])
def test_unpack(tmp_path: Path, suffix: str) -> None:
    members = {"c/a.txt": b"a", "c/deep/er/b.txt": b"b" * 5000, "./c/here.txt": b"c"}
    content = zipped(members) if suffix == "zip" else tar(dict(members), suffix)
    folder = unpack(content, tmp_path)
    assert {n: (tmp_path / n).read_bytes() for n in members} == members
    assert folder == tmp_path / "c"
    assert names(tmp_path) == {
        "c",
        "c/a.txt",
        "c/deep",
        "c/deep/er",
        "c/deep/er/b.txt",
        "c/here.txt",
        "c.archive",
    }
    assert not list(tmp_path.glob(".*"))


def test_unpack_joins_what_is_there(tmp_path: Path) -> None:
    unpack(tar({"L/README": b"one", "L/dev/a": b"a"}), tmp_path, "L/dev")
    unpack(tar({"L/README": b"two", "L/test/b": b"b"}), tmp_path, "L/test")
    assert names(tmp_path / "L") == {"README", "dev", "dev/a", "test", "test/b"}
    assert (tmp_path / "L" / "README").read_bytes() == b"one"


def test_unpack_inside_a_folder(tmp_path: Path) -> None:
    unpack(tar({"./bed/x.wav": b"x", "./LICENSE": b"y"}), tmp_path, "words", inside="words")
    assert names(tmp_path / "words") == {"bed", "bed/x.wav", "LICENSE"}


def test_links_that_stay_inside_are_made(tmp_path: Path) -> None:
    unpack(
        tar(
            {
                "c/legacy/train/sph": special(tarfile.SYMTYPE, "../../data"),
                "c/data/a.sph": b"a",
                "c/same.sph": special(tarfile.LNKTYPE, "c/data/a.sph"),
            }
        ),
        tmp_path,
    )
    assert (tmp_path / "c" / "legacy" / "train" / "sph" / "a.sph").read_bytes() == b"a"
    assert (tmp_path / "c" / "same.sph").read_bytes() == b"a"


HOSTILE: dict[str, Members] = {
    "parent": {"c/x": b"x", "../evil": b"x"},
    "parent within": {"c/../../evil": b"x"},
    "absolute": {"c/x": b"x", "/tmp/evil": b"x"},
    "link out": {"c/out": special(tarfile.SYMTYPE, "../../evil")},
    "absolute link": {"c/out": special(tarfile.SYMTYPE, "/etc")},
    "through a link": {"c/up": special(tarfile.SYMTYPE, ".."), "c/up/../evil": b"x"},
    "chain of links": {
        "c/here": special(tarfile.SYMTYPE, "."),
        "c/out": special(tarfile.SYMTYPE, "here/../../.."),
    },
    "a link below a link": {
        "c/up": special(tarfile.SYMTYPE, "../.."),
        "c/up/evil2": special(tarfile.SYMTYPE, "c"),
    },
    "hard link out": {"c/out": special(tarfile.LNKTYPE, "../evil")},
    "hard link to nothing": {"c/out": special(tarfile.LNKTYPE, "c/none")},
    "device": {"c/null": special(tarfile.CHRTYPE)},
    "pipe": {"c/pipe": special(tarfile.FIFOTYPE)},
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused_whole(tmp_path: Path, members: Members) -> None:
    (tmp_path / "evil").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="It was not unpacked"):
        unpack(tar({"c/good": b"x", **members}), tmp_path / "root")
    assert names(tmp_path) == {"evil", "root", "root/c.archive"}
    assert (tmp_path / "evil").read_bytes() == b"mine"
    assert not list((tmp_path / "root").glob(".*"))


def test_a_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """The link comes first and leads out; the file "below" it must not follow."""
    with pytest.raises(DownloadError):
        unpack(
            tar({"c/x": special(tarfile.SYMTYPE, "../.."), "c/x/evil": b"x"}),
            tmp_path / "root",
        )
    assert names(tmp_path) == {"root", "root/c.archive"}


@pytest.mark.parametrize(
    ("members", "modes"),
    [
        ({"../evil": b"x"}, {}),
        ({"c/link": b"/etc"}, {"c/link": 0o120777}),
        ({"c/link": b"../../evil"}, {"c/link": 0o120777}),
        ({"c/pipe": b""}, {"c/pipe": 0o010644}),
    ],
)
def test_hostile_zip_files(tmp_path: Path, members: dict[str, bytes], modes: dict[str, int]) -> None:
    with pytest.raises(DownloadError, match="It was not unpacked"):
        unpack(zipped({"c/good": b"x", **members}, modes), tmp_path / "root")
    assert names(tmp_path) == {"root", "root/c.archive"}


@pytest.mark.parametrize("make", [tar, zipped])
def test_bombs_are_refused(
    tmp_path: Path, make: Callable[[Any], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DownloadError, match=r"unpacks to more than 0\.0 GB"):
        unpack(make({"c/zeros": bytes(100_000)}), tmp_path / "root", limit=99_999)
    unpack(make({"c/zeros": bytes(100_000)}), tmp_path / "root", limit=100_000)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(DownloadError, match="more than 3 files"):
        unpack(make({f"d/{i}": b"" for i in range(4)}), tmp_path / "root", "d")


@settings(max_examples=50)
@given(cut=st.integers(0, 400), at=st.integers(0, 300), flip=st.integers(0, 255))
def test_damaged_archives_leave_all_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, cut: int, at: int, flip: int
) -> None:
    root = tmp_path_factory.mktemp("root")
    whole = bytearray(tar({"c/a": bytes(range(256)), "c/b": b"b"}))
    whole[min(at, len(whole) - 1)] ^= flip
    try:
        unpack(bytes(whole[: max(len(whole) - cut, 1)]), root)
    except DownloadError:
        assert names(root) == {"c.archive"}
    else:
        assert (root / "c").is_dir()
    assert not list(root.glob(".*"))


def test_an_archive_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="holds no folder c: it isn't the archive expected"):
        unpack(tar({"d/a": b"a"}), tmp_path)
    with pytest.raises(DownloadError, match="is damaged"):
        unpack(b"<html>Sorry, moved</html>", tmp_path)
    assert names(tmp_path) == {"c.archive"}


def test_a_full_disk_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(DownloadError, match=r"disk of .* is full"):
        unpack(tar({"c/a": b"a"}), tmp_path)
    assert names(tmp_path) == {"c.archive"}
    assert not list(tmp_path.glob(".*"))


# --- a corpus of several parts


def parts(server: Server) -> dict[str, Archive]:
    dev, test = tar({"L/dev/a": b"a", "L/README": b"r"}), tar({"L/test/b": b"b"})
    return {
        name: Archive(
            server.put(f"{name}.tar.gz", c), f"L/{name}", len(c), f"sha256:{hashlib.sha256(c).hexdigest()}"
        )
        for name, c in (("dev", dev), ("test", test))
    }


def test_corpus(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    assert download.corpus("mine", parts(server), root, ["dev"]) == [root / "L" / "dev"]
    assert names(root) == {"L", "L/dev", "L/dev/a", "L/README"}
    assert download.corpus("mine", parts(server), root) == [root / "L" / "dev", root / "L" / "test"]
    assert [p for p, _ in server.requests] == ["/dev.tar.gz", "/test.tar.gz"], "what is there stays"
    assert names(root) == {"L", "L/dev", "L/dev/a", "L/README", "L/test", "L/test/b"}


def test_corpus_asks_for_room_first(server: Server, tmp_path: Path) -> None:
    huge = {"all": Archive(server.url("all.tar.gz"), "all", size=10**18)}
    with pytest.raises(DownloadError, match=r"GB free; about 25\d{8}\.0 GB are needed.*fewer parts"):
        download.corpus("mine", huge, tmp_path)
    assert not server.requests


def test_corpus_names_its_parts(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"Unknown part of mine: 'dve'\. Did you mean 'dev'"):
        download.corpus("mine", parts(server), tmp_path, ["dve"])


def test_a_hostile_archive_of_a_corpus(server: Server, tmp_path: Path) -> None:
    content = tar({"L/dev/a": b"a", "../../evil": b"x"})
    archive = Archive(server.put("dev.tar.gz", content), "L/dev", len(content))
    with pytest.raises(DownloadError, match="leads out of its folder"):
        download.corpus("mine", {"dev": archive}, tmp_path / "root")
    assert names(tmp_path) == {"root", "root/dev.tar.gz", "root/dev.tar.gz.sha256"}


def test_a_zip_file_that_points_before_its_beginning_is_damaged(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("c/a.txt", "a")
    content = bytearray(stream.getvalue())
    size = content.rfind(b"PK\5\6") + 12
    content[size : size + 4] = (1 + int.from_bytes(content[size : size + 4], "little")).to_bytes(4, "little")
    start = content.rfind(b"PK\5\6") + 16
    content[start : start + 4] = (1 << 20).to_bytes(4, "little")
    for damaged in (bytes(content), _with_offset(stream.getvalue())):
        (tmp_path / "a.zip").write_bytes(damaged)
        with pytest.raises(DownloadError, match=r"a\.zip is damaged"):
            archives.unpack(tmp_path / "a.zip", tmp_path, "c")
        assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def _with_offset(content: bytes) -> bytes:
    """The directory is said to begin later than it does, so that the first file would begin before the archive."""
    place = content.rfind(b"PK\5\6") + 16
    offset = int.from_bytes(content[place : place + 4], "little") + 50
    return content[:place] + offset.to_bytes(4, "little") + content[place + 4 :]


def test_a_name_that_is_too_long_is_the_archives_fault(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("c/" + "x" * 300)
        tar.addfile(member, io.BytesIO(b""))
    with pytest.raises(DownloadError, match=r"a\.tar is damaged: it holds a name that is too long"):
        archives.unpack(tmp_path / "a.tar", tmp_path, "c")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_a_zip_file_may_hold_an_empty_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("c/a.txt", "a")
        made.writestr("x", "b")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(_without_last_name(content))
    with pytest.raises(DownloadError, match=r"a\.zip"):
        archives.unpack(tmp_path / "a.zip", tmp_path, "c")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def _without_last_name(content: bytes) -> bytes:
    """The directory's last entry, of the name `x`, has none: its comment takes the letter."""
    place = content.rfind(b"PK\1\2")
    head = bytearray(content[place : place + 46])
    head[28:30], head[32:34] = (0).to_bytes(2, "little"), (1).to_bytes(2, "little")
    return content[:place] + bytes(head) + content[place + 46 :]


def test_a_gzip_head_of_three_bytes_is_damaged(tmp_path: Path) -> None:
    short = tmp_path / "c.tar.gz"
    short.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(DownloadError, match="is damaged"):
        archives.unpack(short, tmp_path, "c")
    assert os.listdir(tmp_path) == ["c.tar.gz"]
