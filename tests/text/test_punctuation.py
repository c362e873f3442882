"""Written text as words with marks and capitals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.text.english import normalise
from speechgru.text.punctuation import CASES, MARKS, sentence_case, tagged, written
from speechgru.text.word_features import SIZE, WordFeatures, vocabulary


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("“Who?” asked Mr. Lee—at 9, I think!", "Who? asked Mister Lee, at nine, I think."),
        ("“Oh!” he cried. He left…", "Oh, he cried. He left."),
        ("no... NASA etc. and so on; “it’s” here", "no. NASA etc and so on, it's here"),
        ('He said: "Yes." Then left (quickly). Really?!', "He said, Yes. Then left quickly. Really?"),
        ("É clair, Zoë’s café - yes … No", "E clair, Zoe's cafe, yes. No"),
        ("A Sunday-school; J. Smith", "A Sunday school, J Smith"),
        ("— … !", ""),
        ("In 1990 it was.", "In nineteen ninety it was."),
    ],
)
def test_what_is_learnt(text: str, restored: str) -> None:
    assert " ".join(written(*each) for each in tagged(text)) == restored


@given(st.text(alphabet="abI .,;:!?'’“”\"-—…()0\n\t", max_size=60))
def test_tags_are_always_tags_and_words_the_normalisers(text: str) -> None:
    for word, mark, case in tagged(text):
        assert word and normalise(word) == word
        assert 0 <= mark < len(MARKS) and 0 <= case < len(CASES)


def test_sentences_begin_with_a_capital() -> None:
    assert sentence_case([0, 2, 0, 3, 0], [0, 0, 0, 2, 0]) == [1, 0, 1, 2, 1]
    assert sentence_case([], []) == []


def test_unknown_words_share_what_they_begin_and_end_with() -> None:
    features = WordFeatures(("the", "walking"), 1000)
    rows = features.rows(["the", "walking", "talking", "zzz"])
    assert rows.shape == (4, SIZE) and rows[:, 0].tolist() == [1, 2, 0, 0]
    assert (rows[1, -3:] == rows[2, -3:]).all() and not (rows[1, 1:3] == rows[2, 1:3]).any()
    assert rows[:, 1:].min() >= 3 and rows.max() < 3 + 1000
    assert features.rows([]).shape == (0, SIZE)
    # The numbers are in trained files: they never change.
    assert features.row("talking") == WordFeatures(("the", "walking"), 1000).row("talking")


def test_the_vocabulary_holds_the_frequent_words() -> None:
    assert vocabulary(list("babcabd"), 3) == ("b", "a", "c")
