"""The commands `speechgru corpus list`, `download` and `prepare`."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import replicas
from servers import Server, serving

from speechgru.cli import main
from speechgru.config import load_recipe
from speechgru.data import corpus_download, manifest, preparation
from speechgru.data.corpora import librispeech, yesno
from speechgru.errors import CorpusError, DownloadError
from speechgru.utils import plugins


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """It has a small copy of yesno, and the corpus's module thinks that is where it is published."""
    monkeypatch.setenv("no_proxy", "*")
    replicas.lay_out("yesno", tmp_path / "there" / "waves_yesno")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(tmp_path / "there" / "waves_yesno", "waves_yesno")
    content = buffer.getvalue()
    with serving() as found:
        archive = dataclasses.replace(
            yesno.ARCHIVES["all"],
            url=found.put("waves_yesno.tar.gz", content),
            checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
        )
        monkeypatch.setattr(yesno, "ARCHIVES", {"all": archive})
        yield found


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == plugins.names("data.corpora")
    assert "61.82 GB" in next(line for line in lines if line.startswith("librispeech"))
    assert "after login" in next(line for line in lines if line.startswith("commonvoice"))
    assert "your own" in next(line for line in lines if line.startswith("folder"))
    assert main(["corpus", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tedlium"]["licence"] == "CC BY-NC-ND 3.0"
    assert found["librispeech"]["parts"]["dev-clean"]["checksum"].startswith("sha256:")


@pytest.mark.slow
def test_download_and_prepare(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "download", "yesno", str(tmp_path / "data")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{tmp_path / 'data' / 'waves_yesno'}\nlicence: ")
    command = (
        printed.splitlines()[-1].removeprefix("next: speechgru ").replace("manifests", str(tmp_path / "m"))
    )
    assert main(command.split()) == 0
    printed = capsys.readouterr().out
    assert "train.jsonl: 8 utterances, 0.01 h, unknown speakers" in printed
    assert "dropped.tsv: 0 left out" in printed
    assert len(manifest.read(tmp_path / "m" / "test.jsonl")) == 10
    assert (tmp_path / "m" / "dropped.tsv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["download", "yesno", "{0}", "--part", "some"], 1, "Unknown part of yesno: 'some'"),
        (["download", "commonvoice", "{0}"], 1, "1. Make one at https://datacollective"),
        (["download", "folder", "{0}"], 2, "there is nothing to download"),
        (["download", "yesnoo", "{0}"], 2, "Did you mean 'yesno'"),
        (["prepare", "yesno", "{0}", "-o", "{0}/m"], 1, "yesno: found nothing in"),
        (["prepare", "yesno", "{0}", "-o", "{0}/m"], 1, "speechgru corpus download yesno {0}"),
        (["prepare", "yesnoo", "{0}", "-o", "{0}/m"], 2, "Did you mean 'yesno'"),
        (
            ["prepare", "yesno", "{0}/nowhere", "-o", "{0}/m"],
            1,
            "nowhere is missing. Expected the waves_yesno folder",
        ),
    ],
)
def test_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main(["corpus", *(a.format(tmp_path) for a in arguments)]) == code
    assert message.format(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_recipe_downloads_on_request(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    recipe = load_recipe("yesno", [f"corpus.root={data}"])
    with pytest.raises(CorpusError, match="is missing"):
        preparation.prepare(recipe, 25.0)
    assert not server.requests
    recipe = load_recipe("yesno", [f"corpus.root={data}", "corpus.download=true"])
    assert len(preparation.prepare(recipe, 25.0).train) == 8
    assert [p.name for p in data.iterdir() if p.name[0] != "."] == ["waves_yesno"]


def test_a_recipe_downloads_the_splits_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def download(corpus: object, root: Path, parts: object = ()) -> None:
        asked.append((corpus, root, parts))
        raise DownloadError("enough")

    monkeypatch.setattr(corpus_download, "fetch", download)
    recipe = load_recipe("librispeech", [f"corpus.root={tmp_path}", "corpus.download=true"])
    with pytest.raises(DownloadError, match="enough"):
        preparation.prepare(recipe, 25.0)
    assert asked == [(librispeech, tmp_path, ["train-clean-100", "dev-clean", "test-clean", "test-other"])]
