"""ARPA files: back as they were, the same to KenLM, and errors that name the line."""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest
from lm_models import PUBLISHED, SENTENCES, counts

from speechgru.errors import LanguageModelError
from speechgru.lm import arpa, load
from speechgru.lm._kneser_ney import estimate
from speechgru.lm._prune import importance, prune, table
from speechgru.lm.corpus import Scratch
from speechgru.lm.ngram import from_table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with Scratch(tmp_path_factory.mktemp("scratch")) as scratch:
        model = estimate(counts(SENTENCES, 4, scratch))
        yield table(prune(model, importance(model), 1e-4))


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_a_table_comes_back_as_it_was(made, tmp_path, name):
    arpa.write(tmp_path / name, made)
    found = arpa.read(tmp_path / name)
    assert found.words == made.words and found.counts == made.counts
    for mine, theirs in zip(made.levels, found.levels):
        assert (mine.parent == theirs.parent).all() and (mine.word == theirs.word).all()
        np.testing.assert_allclose(mine.prob, theirs.prob, rtol=2e-6)
        np.testing.assert_allclose(mine.backoff, theirs.backoff, rtol=2e-6, atol=1e-12)
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b"\\d")


def test_kenlm_gives_the_same_answers(made, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    arpa.write(tmp_path / "model.arpa", made)
    theirs = kenlm.Model(str(tmp_path / "model.arpa"))
    ours = from_table(made)
    for sentence in [*SENTENCES, "", "zebra", "the zebra saw the cat", "dog dog dog mat on it zz zz the"]:
        for begin in (True, False):
            for end in (True, False):
                expected = [p for p, _, _ in theirs.full_scores(sentence, bos=begin, eos=end)]
                found = ours.score(sentence.split(), begin=begin, end=end)
                assert np.array(found) / math.log(10) == pytest.approx(expected, abs=2e-5)


def test_sections_may_come_in_any_order_of_rows_and_spacing(tmp_path):
    lines = PUBLISHED.splitlines()
    singles, pairs = lines[5:12], lines[14:21]
    text = ["made by hand", "", *lines[:5], *singles[::-1], "", "", lines[13], *pairs[::-1], "", "\\end\\"]
    for name, content in (("a", PUBLISHED), ("b", "\r\n".join(text).replace("\t", "  "))):
        (tmp_path / f"{name}.arpa").write_bytes(content.encode())
    a, b = (load(tmp_path / f"{name}.arpa") for name in "ab")
    for words in (["wood"], ["jean", "wood", "oak"], []):
        assert a.score(words) == b.score(words)


def test_missing_special_words_are_added_as_impossible(tmp_path):
    path = tmp_path / "bare.arpa"
    path.write_text("\\data\\\nngram 1=1\n\n\\1-grams:\n-0.5 a\n\n\\end\\\n")
    model = load(path)
    assert model.words == ("<unk>", "<s>", "</s>", "a")
    assert np.array(model.score(["a", "b"])) / math.log(10) == pytest.approx([-0.5, -99, -99], rel=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("-0.6990 wood\t -0.2553", "-0.6990x wood\t -0.2553", 9, "'-0.6990x' is not a number"),
        ("-0.6990 wood\t -0.2553", "-0.6990 wood\t nan", 9, "nan"),
        ("-0.6990 wood\t -0.2553", "0.6990 wood\t -0.2553", 9, "above 0"),
        ("-0.6990 wood\t -0.2553", "-0.6990", 9, "1 words"),
        ("-0.6990 wood\t -0.2553", "-0.6990 wood wood -0.2553 1", 9, "1 words"),
        ("-0.6990 wood\t -0.2553", "-0.6990 cindy\t -0.2553", 10, "'cindy' is there twice"),
        ("-0.2553 cindy jean", "-0.2553 cindy oak", 18, "'oak' is not among"),
        ("-0.2553 cindy jean", "-0.2553 wood pittsburgh", 18, "twice"),
        ("-0.2553 cindy jean", "-0.2553 cindy", 18, "2 words"),
        ("-0.2553 cindy jean\n", "", 22, "6 2-grams"),
        ("\\2-grams:", "\\3-grams:", 14, "2-grams"),
        ("\\1-grams:", "1-grams:", 5, "1-grams"),
        ("ngram 2=7", "ngram 3=7", 3, "ngram 2=COUNT"),
        ("ngram 1=7\n", "", 2, "ngram 1=COUNT"),
        ("\\end\\", "", 23, "end"),
    ],
)
def test_a_broken_line_is_named(tmp_path, old, new, line, message):
    path = tmp_path / "broken.arpa"
    assert PUBLISHED.count(old) >= 1
    path.write_text(PUBLISHED.replace(old, new, 1))
    with pytest.raises(LanguageModelError, match=message) as caught:
        arpa.read(path)
    assert f"broken.arpa, line {line}:" in str(caught.value)


def test_a_longer_ngram_needs_what_it_goes_on_from(tmp_path):
    path = tmp_path / "orphan.arpa"
    text = "\\data\\\nngram 1=2\nngram 2=1\nngram 3=1\n\\1-grams:\n-1 a 0\n-1 b 0\n\\2-grams:\n-1 a b 0\n"
    path.write_text(text + "\\3-grams:\n-1 b a b\n\\end\\\n")
    with pytest.raises(LanguageModelError, match=r"orphan\.arpa, line 11: 'b a'"):
        arpa.read(path)


@pytest.mark.parametrize("content", [b"", b"words\n", b"\\data\\\n", gzip.compress(PUBLISHED.encode())[:-20]])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / ("x.arpa.gz" if content[:1] == b"\x1f" else "x.arpa")
    path.write_bytes(content)
    with pytest.raises(LanguageModelError, match=r"x\.arpa"):
        arpa.read(path)


def test_nothing_is_left_of_a_write_that_fails(made, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("speechgru.lm.arpa._create", fail)
    with pytest.raises(OSError, match="disk full"):
        arpa.write(tmp_path / "model.arpa", made)
    assert not list(tmp_path.iterdir())


def test_a_count_of_thousands_of_digits_is_no_count(tmp_path):
    (tmp_path / "m.arpa").write_text("\\data\\\nngram 1=" + "9" * 5000 + "\n")
    with pytest.raises(LanguageModelError, match=r"m\.arpa.*expected ngram 1=COUNT"):
        arpa.read(tmp_path / "m.arpa")
