"""Every file in `corpora` keeps the contract: source, licence, citation, a `prepare` that explains itself."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path

import pytest

from speechgru.data import Utterance, corpus_download
from speechgru.errors import CorpusError
from speechgru.utils import plugins

CORPORA = plugins.names("data.corpora")
every_corpus = pytest.mark.parametrize("name", CORPORA)


def test_the_corpora_of_the_first_version_are_there() -> None:
    promised = {
        "librispeech",
        "speechocean762",
        "free_spoken_digits",
        "folder",
        "tsv",
        "jsonl",
        "speech_commands",
        "commonvoice",
        "tedlium",
        "ljspeech",
        "cmu_arctic",
        "an4",
        "yesno",
        "musan",
        "rirs_noises",
    }
    assert promised <= set(CORPORA)


@every_corpus
def test_says_where_it_is_from(name: str) -> None:
    corpus = plugins.find("data.corpora", name)
    assert all(
        isinstance(getattr(corpus, a), str) and getattr(corpus, a) for a in ("SOURCE", "LICENSE", "CITATION")
    )
    assert corpus.__doc__


@every_corpus
def test_prepare_takes_a_root_and_gives_splits(name: str) -> None:
    prepare = plugins.find("data.corpora", name).prepare
    said = {"language": str} if "user's own" in plugins.find("data.corpora", name).SOURCE else {}
    assert list(inspect.signature(prepare).parameters) == ["root", *said]
    assert typing.get_type_hints(prepare) == {"root": Path, **said, "return": dict[str, list[Utterance]]}
    assert "Raises:" in (prepare.__doc__ or "")


@every_corpus
def test_what_can_be_downloaded_says_where_from(name: str) -> None:
    corpus = plugins.find("data.corpora", name)
    if "own" in corpus.SOURCE:
        assert not corpus_download.is_public(corpus)
        return
    assert hasattr(corpus, "ARCHIVES") != hasattr(corpus, "BY_HAND")
    assert corpus.FOLDER
    for archive in getattr(corpus, "ARCHIVES", {}).values():
        assert re.fullmatch(r"https?://\S+\.(tar\.gz|tgz|tar\.bz2|zip)", archive.url)
        assert archive.folder.split("/")[0] == corpus.FOLDER
        assert re.fullmatch(r"(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})?", archive.checksum)
        # What nobody vouches for should at least come over a line that can't be listened in on, or be named.
        assert archive.checksum or archive.url.startswith("https://") or name == "an4"


@every_corpus
def test_a_missing_root_is_named_and_explained(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(CorpusError) as caught:
        plugins.find("data.corpora", name).prepare(missing)
    message = str(caught.value)
    assert name in message
    assert str(missing) in message
    assert "Expected" in message
    assert "corpus.root=PATH" in message


@every_corpus
def test_an_empty_root_is_refused(name: str, tmp_path: Path) -> None:
    empty_file = tmp_path / "empty.txt"
    empty_file.touch()
    for root in (tmp_path, empty_file):
        with pytest.raises(CorpusError, match=r"Expected .*corpus\.root=PATH"):
            plugins.find("data.corpora", name).prepare(root)
