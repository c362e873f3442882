"""A text as written and as read out: nothing written is lost, and together it is what the normaliser says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speechgru.errors import TextError
from speechgru.text import normalise
from speechgru.text.spoken_form import Unit, lines, read


def _spoken(line: tuple[Unit, ...]) -> list[tuple[str, str]]:
    return [(unit.text, unit.spoken) for unit in line]


def test_numbers_and_punctuation_keep_their_spelling() -> None:
    (line,) = lines('In 1990, Mr. O’Neill said: "I paid 25% of £3.50!"')
    assert _spoken(line) == [
        ("In", "in"),
        ("1990,", "nineteen ninety"),
        ("Mr.", "mr"),
        ("O’Neill", "o'neill"),
        ("said:", "said"),
        ('"I', "i"),
        ("paid", "paid"),
        ("25%", "twenty five percent"),
        ("of", "of"),
        ('£3.50!"', "three pounds and fifty pence"),
    ]


def test_tokens_that_are_read_together_stay_together() -> None:
    (line,) = lines("about $5 million then")
    assert _spoken(line) == [("about", "about"), ("$5 million", "five million dollars"), ("then", "then")]


def test_quotes_around_several_words() -> None:
    (line,) = lines("the 'old dogs' slept")
    assert [spoken for _, spoken in _spoken(line)] == ["the", "old", "dogs", "slept"]


def test_what_has_no_sound_stays_with_its_neighbour() -> None:
    found = lines("— Well — no *** 世界\n***\nyes")
    assert [[unit.text for unit in line] for line in found] == [["— Well —", "no *** 世界"], ["yes"]]


def test_lines_are_kept_and_a_single_line_is_cut_into_sentences() -> None:
    assert [len(line) for line in lines("One two. Three.\n\nFour")] == [3, 1]
    text = "“Is it?” Mr. J. Smith asked. Yes! It's 3.50 exactly. ok"
    assert [" ".join(unit.text for unit in line) for line in lines(text)] == [
        "“Is it?”",
        "Mr. J. Smith asked.",
        "Yes!",
        "It's 3.50 exactly. ok",
    ]
    assert lines("... — !") == lines("") == ()


_TOKEN = st.text(alphabet="abi19$£%&.,!?'’\"“”-—/#世é", min_size=1, max_size=6)
_KNOWN = st.sampled_from(["$5", "million", "it's", "'em", "the", "1st", "—", "dogs'", "1,990", "-3", "£"])


@given(st.lists(_TOKEN | _KNOWN, min_size=1, max_size=20))
@example(["$5", "million", "million", "$5"])
@example(["'a", "b'", "'tis"])
@example(["£", "20"])
def test_nothing_is_lost(tokens: list[str]) -> None:
    text = " ".join(tokens)
    found = lines(f"{text}\nend")
    spoken = normalise(text)
    assert (len(found) == 2) == bool(spoken)
    if spoken:
        assert " ".join(unit.text for unit in found[0]) == text
        assert " ".join(unit.spoken for unit in found[0]) == spoken
    assert all(unit.spoken for line in found for unit in line)


def test_a_line_of_any_length() -> None:
    text = "on the 1st he paid $5 million, " * 300
    (line, _) = lines(f"{text}\nend")
    assert " ".join(unit.text for unit in line) == text.strip()


# ------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Café\nnoir", encoding=encoding)
    assert read(path) == "Café\nnoir"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert read("-") == "from a pipe"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        ("one\ntwo café".encode("latin-1"), r"not UTF-8: byte 0xe9 in line 2.*iconv"),
        (b"ab\0cd", "not text"),
        (b"\xff\xfea", "not UTF"),
    ],
)
def test_a_text_that_cannot_be_used(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(TextError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_missing_text_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(TextError, match="Can't read"):
            read(path)
