"""Fetched models: over a real connection to a server of the test's own, and by name afterwards."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from speechgru import cli
from speechgru.models import checkpoint
from speechgru.utils import assets
from speechgru.utils.assets import find_model


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address, and the folder that it shows."""
    folder = tmp_path / "published"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that fetched models are kept in."""
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tmp_path / "kept models"))
    return tmp_path / "kept models"


def publish(path: Path, content: bytes | None = None) -> str:
    """A model (or other bytes) at `path`; returns its checksum."""
    if content is None:
        checkpoint.save(path, "acoustic", {"model": {}}, {"w": torch.ones(3)})
    else:
        path.write_bytes(content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_fetched_listed_found_removed(
    published: tuple[str, Path], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = published
    sha256 = publish(folder / "german small.safetensors")
    command = ["model", "fetch", f"{url}/german%20small.safetensors", "--sha256", sha256.upper()]
    assert cli.main(command) == 2
    assert "can't name a model" in capsys.readouterr().err
    assert cli.main([*command, "--name", "german"]) == 0
    assert [path.name for path in kept.iterdir()] == ["german.safetensors"]
    assert find_model("german") == kept / "german.safetensors"

    assert cli.main(["model", "list", "--json"]) == 0
    listed = {model["name"]: model for model in json.loads(capsys.readouterr().out.partition("\n")[2])}
    assert listed["german"]["kind"] == "acoustic" and not listed["german"]["packaged"]
    assert cli.main(["model", "list"]) == 0
    assert "german" in capsys.readouterr().out

    assert cli.main([*command, "--name", "german"]) == 2
    assert "There is a model 'german' already" in capsys.readouterr().err
    assert cli.main(["model", "remove", "german"]) == 0
    assert not list(kept.iterdir())
    assert cli.main(["model", "remove", "german"]) == 2
    assert "Unknown model: 'german'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "-x"])
def test_a_name_stays_in_the_folder(published: tuple[str, Path], kept: Path, name: str) -> None:
    url, folder = published
    sha256 = publish(folder / "m.safetensors")
    code = cli.main(["model", "fetch", f"{url}/m.safetensors", "--sha256", sha256, f"--name={name}"])
    assert code == (0 if not name else 2)  # without a name, the file's own
    assert not (kept.parent / "evil.safetensors").exists()


def test_another_checksum_keeps_nothing(
    published: tuple[str, Path], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = published
    publish(folder / "m.safetensors")
    assert cli.main(["model", "fetch", f"{url}/m.safetensors", "--sha256", "0" * 64]) == 1
    assert "0" * 64 in capsys.readouterr().err
    assert not list(kept.iterdir())
    assert cli.main(["model", "fetch", f"{url}/m.safetensors", "--sha256", "12"]) == 2
    assert cli.main(["model", "fetch", f"{url}/m.safetensors"]) == 2


def test_what_is_no_model_is_not_kept(
    published: tuple[str, Path], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = published
    sha256 = publish(folder / "m.safetensors", b"<html>not found</html>")
    assert cli.main(["model", "fetch", f"{url}/m.safetensors", "--sha256", sha256]) == 1
    assert "is no model" in capsys.readouterr().err
    assert not list(kept.iterdir())


def test_the_packages_own_stay(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "ASSETS", tmp_path / "assets")
    for folder in (tmp_path / "assets", kept):
        folder.mkdir()
        publish(folder / "english-small.safetensors")
    assert find_model("english-small") == tmp_path / "assets" / "english-small.safetensors"
    (kept / "english-small.safetensors").unlink()
    assert cli.main(["model", "remove", "english-small"]) == 2


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(assets.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert assets.models_folder() == tmp_path / "speechgru" / "models"
