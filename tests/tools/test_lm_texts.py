"""The texts of the packaged language model: books that are judged on stay out, lines become sentences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import scripts

from speechgru.errors import LanguageModelError

script = scripts.load("tools/release/lm_texts.py")

CHAPTERS = """;ID    |READER|MINUTES| SUBSET           | PROJ.|BOOK ID| CH. TITLE | PROJECT TITLE
1      | 110  | 19.77 | train-other-500  | 53   | 1023  | In Chancery | Bleak House
2      | 19   | 8.42  | dev-other        | 219  | 45    | Chapter 01 | Anne
3      | 98   | 11.68 | test-clean       | 219  | 33    | Chapter 02 | Letter
"""


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(gzip.compress(b"Hello there.\n"))


def test_books_that_librispeech_is_tested_on_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "CHAPTERS.TXT").write_text(CHAPTERS)
    put(
        tmp_path,
        "Bleak House (1023).txt.gz",
        "The Scarlet Letter (33).txt.gz",
        "Anne (of) Avonlea (47).txt.gz",
    )
    books = script.find_books(tmp_path, tmp_path / "CHAPTERS.TXT")
    assert [script.title(book) for book in books] == ["Anne (of) Avonlea (47)", "Bleak House (1023)"]
    assert "The Scarlet Letter (33)" in capsys.readouterr().err


def test_books_without_a_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "CHAPTERS.TXT").write_text(CHAPTERS)
    with pytest.raises(LanguageModelError, match="holds no books"):
        script.find_books(tmp_path, tmp_path / "CHAPTERS.TXT")
    put(tmp_path, "Emma.txt.gz")
    with pytest.raises(LanguageModelError, match=r"Emma\.txt\.gz is not named"):
        script.find_books(tmp_path, tmp_path / "CHAPTERS.TXT")
    (tmp_path / "CHAPTERS.TXT").write_text("; nothing\n")
    with pytest.raises(LanguageModelError, match="names no chapter"):
        script.find_books(tmp_path, tmp_path / "CHAPTERS.TXT")


def test_read_books_are_cut_out_of_the_ebooks() -> None:
    borders = [border for book in script.READ_EBOOKS for border in book]
    lines = ["before", *(line for i, b in enumerate(borders) for line in (f"{b} and more", f"after {i}"))]
    kept = list(script.without_read(lines))
    assert kept == ["before"] + [line for i in (1, 3, 5) for line in (f"{borders[i]} and more", f"after {i}")]
    with pytest.raises(LanguageModelError, match="Farmer Oak"):
        list(script.without_read(lines[:-4]))


def test_titles_are_written_as_they_are_said() -> None:
    spoken = script.said(script.sentences(["“Mr. Lee!” said Mrs. Fay. St. Paul’s is near."]))
    assert list(spoken) == ["mister lee said missus fay", "saint paul's is near"]
