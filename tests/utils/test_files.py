"""Files are written whole or not at all, and an error says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgru.utils import files


def test_a_full_disk_is_told_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("before")
    expected = r"\[Errno 28\] No space left on device: '.*report\.md'"
    with pytest.raises(OSError, match=expected) as caught, files.atomic_path(path):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(path)
    with pytest.raises(OSError, match=r"3 requested and 0 written"), files.atomic_path(path):
        raise OSError("3 requested and 0 written")  # as numpy says it
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, files.atomic_path(tmp_path / "a"):
        (tmp_path / "gone").read_text()
    assert caught.value.filename == str(tmp_path / "gone")
    with pytest.raises(ValueError, match="x"), files.atomic_path(tmp_path / "a"):
        raise ValueError("x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("durable", [True, False])
def test_what_lasts_is_on_the_disk_before_it_takes_its_name(
    durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []
    monkeypatch.setattr(files.os, "fsync", lambda _: flushed.append((tmp_path / "a").exists()))
    files.write_text(tmp_path / "a", "x", durable=durable)
    assert flushed == [False] * durable
    assert (tmp_path / "a").read_text() == "x"


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    with pytest.raises(OSError, match="No space") as caught, files.atomic_path(path) as temporary:
        raise OSError(28, "No space left on device", str(temporary))
    assert caught.value.filename == str(path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as caught, files.atomic_path(tmp_path / "file" / "x"):
        pass
    assert "/." not in str(caught.value)


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 124 + ".json")  # 253 bytes
    files.write_text(path, "x")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
