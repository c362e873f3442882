"""Pronouncing dictionaries: what is read of the format, what is refused, and the one that comes with the package."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from speechgru.errors import CorpusError
from speechgru.lexicon import dictionary

LINES = [";;; a comment", "", "CAT  K AE1 T", "a AH0 # a note", "a(2) EY1", "cat's K AE1 T S"]


def test_entries_are_read_without_stress_comments_and_further_ways() -> None:
    found = dictionary.parse(LINES, "here")
    assert found.phones == (" ", "AE", "AH", "K", "S", "T")
    assert found.words == {"cat": (4, 2, 6), "a": (3,), "cat's": (4, 2, 6, 5)}


def test_a_text_is_pronounced_word_by_word_or_not_at_all() -> None:
    found = dictionary.parse(LINES, "here")
    assert found.pronounce("a cat") == [3, 1, 4, 2, 6]
    assert found.pronounce("a dog") is None
    assert found.pronounce("") == []


@pytest.mark.parametrize("packed", [False, True])
def test_files_may_be_gzipped(tmp_path: Path, packed: bool) -> None:
    content = "\n".join(LINES).encode()
    path = tmp_path / "mine.dict"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert dictionary.load(path) == dictionary.parse(LINES, "here")


def test_what_is_no_dictionary_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.dict"
    with pytest.raises(CorpusError, match=r"mine.dict can't be read.*or one of: english"):
        dictionary.load(path)
    path.write_bytes(gzip.compress(b"cat K AE1 T")[:12])
    with pytest.raises(CorpusError, match="can't be read"):
        dictionary.load(path)
    path.write_text("cat K AE1 T\ndog\n")
    with pytest.raises(CorpusError, match=r"mine.dict, line 2: 'dog' is no word"):
        dictionary.load(path)


def test_the_packaged_dictionary_has_the_phones_of_american_english() -> None:
    found = dictionary.load(dictionary.packaged()["english"])
    assert len(found.phones) == 39 + 1 and len(found.words) > 120_000
    said = found.pronounce("the quick fox isn't here")
    assert (
        said
        and " ".join(found.phones[n - 1] for n in said)
        == "DH AH   K W IH K   F AA K S   IH Z AH N T   HH IY R"
    )


def test_a_line_may_be_a_remark_alone() -> None:
    assert dictionary.parse(["# a remark", "cat K AE1 T", "  # another"], "here").words == {"cat": (3, 2, 4)}
