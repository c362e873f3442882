"""Normalisation and vocabulary: what English becomes, what is refused, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import ConfigError, CorpusError
from speechgru.text import Vocabulary, english, normalise, numbers
from speechgru.text.english import unsupported_characters
from speechgru.text.vocabulary import BLANK

# Characters on which the rules hang, so that hypothesis meets them together often.
TRICKY = st.text(alphabet="ab's emti0129.,$£%/-–’\"½´é&*\n\u200bİ™ßﬁ", max_size=16)
LETTERS = "abcdefghijklmnopqrstuvwxyz' "


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Lord, but I'm GLAD to see you again, Phil.", "lord but i'm glad to see you again phil"),
        ("It’s a “rifle-shot” – away…", "it's a rifle shot away"),
        ("Press 1 for A.M, or 2 for P.M.", "press one for a m or two for p m"),
        ("Mr. O’Neill", "mr o'neill"),
        ("Café, naïve, Øre, Æsop, İstanbul, ﬁne™", "cafe naive ore aesop istanbul finetm"),
        ("Research & Development; 50%", "research and development fifty percent"),
        ("the 7-digit number", "the seven digit number"),
        ("−5 and -6 or 3-4", "minus five and minus six or three four"),
        ("and/or", "and or"),
        ("So, _you_ sound cute.", "so you sound cute"),
        ("he said 'yes, it isn't'", "he said yes it isn't"),
        ("'tis the dogs' home, goin' with 'em", "'tis the dogs' home goin' with 'em"),
        ("rock 'n' roll", "rock n roll"),
        ("a\u200bb\ufeff\tc\r\nd", "ab c d"),
        ("", ""),
        (" ?! ", ""),
    ],
)
def test_normalise(written: str, spoken: str) -> None:
    assert normalise(written) == spoken
    assert unsupported_characters(written) == set()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1990", "nineteen ninety"),
        ("1905", "nineteen oh five"),
        ("1,990", "one thousand nine hundred and ninety"),
        ("2005", "two thousand and five"),
        ("2024", "twenty twenty four"),
        ("250", "two hundred and fifty"),
        ("1st 2nd 3rd 11th 21'st", "first second third eleventh twenty first"),
        ("the 1990s, 1990's, '90s", "the nineteen nineties nineteen nineties nineties"),
        ("6s", "sixes"),
        ("3.14", "three point one four"),
        (".5", "point five"),
        ("1.2.3", "one point two point three"),
        ("007", "zero zero seven"),
        ("0", "zero"),
        ("1234567890123", "one two three four five six seven eight nine zero one two three"),
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$1.01", "one dollar and one cent"),
        ("$0.50", "fifty cents"),
        ("£1990", "one thousand nine hundred and ninety pounds"),
        ("€5.5 million", "five point five million euros"),
        ("£0.02", "two pence"),
        ("mp3 p2p 10am", "mp three p two p ten am"),
        ("5'10", "five ten"),
        ("1,2,3", "one two three"),
        ("Ⅳ x²", "iv x two"),
    ],
)
def test_numbers_are_read_out(written: str, spoken: str) -> None:
    assert normalise(written) == spoken
    assert unsupported_characters(written) == set()


@pytest.mark.parametrize(
    ("written", "unsupported"),
    [
        ("press # or *", {"#", "*"}),
        ("[noise] yes <unk>", {"[", "]", "<", ">"}),
        ("привет", set("привет")),
        ("hello 世界", {"世", "界"}),
        ("한", {"한"}),
        ("1/2", {"/"}),
        ("½ cup", {"½"}),
        ("5 $", {"$"}),
        ("٣ days", {"٣"}),
    ],
)
def test_what_cannot_be_read_out_is_named(written: str, unsupported: set[str]) -> None:
    assert unsupported_characters(written) == unsupported


def test_digits_may_be_left() -> None:
    assert normalise("Press 1, or 22!", spell_digits=False) == "press 1 or 22"
    assert unsupported_characters("press 1", spell_digits=False) == {"1"}


@given(st.text(max_size=40) | TRICKY, st.booleans())
def test_normalise_keeps_to_its_alphabet_and_is_idempotent(written: str, spell_digits: bool) -> None:
    once = normalise(written, spell_digits)
    assert set(once) <= set(LETTERS) | (set() if spell_digits else set("0123456789"))
    assert once == once.strip()
    assert "  " not in once
    assert normalise(once, spell_digits) == once
    assert unsupported_characters(normalise(written)) == set()


@given(st.text(alphabet=LETTERS + "ABCXYZ.,!?-0123456789"))
def test_plain_english_is_always_supported(written: str) -> None:
    assert unsupported_characters(written) == set()


@given(st.integers(0, 10**15))
def test_any_number_becomes_words(number: int) -> None:
    assert numbers.cardinal(str(number)).replace(" ", "").isalpha()


VOCABULARIES = st.sets(st.characters(exclude_categories=["Cs"])).map(lambda s: Vocabulary.from_texts(s))


@given(st.data())
def test_vocabulary_round_trips(data: st.DataObject) -> None:
    vocabulary = data.draw(VOCABULARIES)
    assert Vocabulary.stored(list(vocabulary.symbols)) == vocabulary
    if len(vocabulary) > 1:
        written = data.draw(st.text(alphabet=list(vocabulary.symbols[1:])))
        labels = vocabulary.encode(written)
        assert all(0 < label < len(vocabulary) for label in labels)
        assert vocabulary.decode(labels) == written


def test_vocabulary_is_sorted_behind_the_blank() -> None:
    vocabulary = Vocabulary.from_texts(["cab", "a b"])
    assert vocabulary.symbols == ("<blank>", " ", "a", "b", "c")
    assert len(vocabulary) == 5
    assert vocabulary.BLANK == BLANK == 0
    assert vocabulary.encode("ba c") == [3, 2, 1, 4]
    assert vocabulary.decode([0, 3, 3, 0, 2]) == "bba"


def test_encode_names_unknown_characters() -> None:
    with pytest.raises(CorpusError, match=r"'xz'.*Expected only 'ab'"):
        Vocabulary.from_texts(["ab"]).encode("azbx")


@pytest.mark.parametrize("label", [-1, 3])
def test_decode_refuses_labels_outside(label: int) -> None:
    with pytest.raises(IndexError, match=r"\[0, 3\)"):
        Vocabulary.from_texts(["ab"]).decode([1, label])


@pytest.mark.parametrize(
    "stored",
    [
        "",
        {},
        [],
        ["a"],
        ["<blank>", "ab"],
        ["<blank>", "a", "a"],
        ["<blank>", 1],
        ["<blank>", "<blank>"],
    ],
)
def test_vocabulary_refuses_what_is_none(stored: object) -> None:
    with pytest.raises(ConfigError, match="ocabulary"):
        Vocabulary.stored(stored)


def test_the_normaliser_has_a_name() -> None:
    assert english.NORMALISER == "english-1"
