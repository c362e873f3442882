"""Text as sentences, sentences as ids, and what is kept out."""

from __future__ import annotations

import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.cli.lm._references import read_references
from speechgru.errors import LanguageModelError, ManifestError
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.sentences import Exclusion, fast_normalise, read_lines, read_sentences, split_sentences
from speechgru.text import normalise


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("", [""]),
        ("One. Two!  Three?", ["One. ", "Two!  ", "Three?"]),
        ("“Who?” said he. “I.”", ["“Who?” said he. ", "“I.”"]),
        (
            "“Stop!” “Why?” (No one knew.) Then…  Nothing",
            ["“Stop!” ", "“Why?” ", "(No one knew.) ", "Then…  ", "Nothing"],
        ),
        ("Mr. Lee met Dr. J. Watson at St. Pancras.", ["Mr. Lee met Dr. J. Watson at St. Pancras."]),
        ("It cost 3.50. 20 came.", ["It cost 3.50. ", "20 came."]),
        ("wait... what? no. yes", ["wait... what? no. yes"]),
        ("NO FULL STOPS AT ALL", ["NO FULL STOPS AT ALL"]),
        ("Ends in space. \n", ["Ends in space. \n"]),
    ],
)
def test_where_sentences_end(paragraph, sentences):
    assert split_sentences(paragraph) == sentences


@given(st.text())
def test_splitting_loses_nothing(paragraph):
    assert "".join(split_sentences(paragraph)) == paragraph


@settings(max_examples=300)
@given(st.text() | st.text(alphabet="abC'’‘“” .-–—0159$%&/'\"″éßﬁ½", max_size=30))
def test_the_fast_way_is_exactly_the_normaliser(text):
    assert fast_normalise(text) == normalise(text)


def test_the_fast_way_knows_every_character_on_its_own():
    for code in [*range(0x3000), *range(0xF900, 0x10000, 7)]:
        if not 0xD800 <= code < 0xE000:
            c = chr(code)
            for text in (f"a{c}b", f"{c}b", f"don't {c}{c} o{c}k"):
                assert fast_normalise(text) == normalise(text), hex(code)


def test_a_line_is_a_paragraph_unless_wrapped(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\ufeffOne went\nhome. Two\n\n\nstayed. 3\n", encoding="utf-8")
    assert list(read_sentences(path)) == ["one went", "home", "two", "stayed", "three"]
    assert list(read_sentences(path, wrapped=True)) == ["one went home", "two", "stayed", "three"]


def test_compressed_text_reads_the_same(tmp_path):
    content = "Ein Café. It's 5 o'clock.\n".encode()
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(content))
    expected = ["ein cafe", "it's five o'clock"]
    assert list(read_sentences(tmp_path / "a.txt")) == expected
    assert list(read_sentences(tmp_path / "a.txt.gz")) == expected


def test_a_wrong_encoding_is_named_with_its_place(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"first\nsecond caf\xe9\n")
    with pytest.raises(LanguageModelError, match=r"latin\.txt, line 2, byte 16: 0xe9 is not UTF-8"):
        list(read_sentences(path))
    path.write_bytes("hello".encode("utf-16"))
    with pytest.raises(LanguageModelError, match=r"line 1, byte 0: 0xff"):
        list(read_sentences(path))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"... --- ...\n", "世界\n".encode()])
def test_text_without_words_is_refused(tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    with pytest.raises(LanguageModelError, match=r"empty\.txt holds no words"):
        list(read_sentences(path))


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"hello world " * 100)[:-12])
    (tmp_path / "no.gz").write_bytes(b"plain text")
    for name in ("cut.gz", "no.gz", "missing.txt", "."):
        with pytest.raises(LanguageModelError, match="Can't read the text"):
            list(read_lines(tmp_path / name))


def test_references_come_from_texts_and_manifests(tmp_path):
    (tmp_path / "a.txt").write_text("Hello there. Who?\n")
    (tmp_path / "a.jsonl").write_text(
        '{"audio_filepath": "x.wav", "duration": 1, "text": "Hello there. Who?"}\n'
    )
    assert read_references(tmp_path / "a.txt") == ["hello there", "who"]
    assert read_references(tmp_path / "a.jsonl") == ["hello there who"]
    (tmp_path / "b.jsonl").write_text("junk\n")
    with pytest.raises(ManifestError, match="line 1"):
        read_references(tmp_path / "b.jsonl")


def read(tmp_path, sources, hold_out=0, **options):
    with Scratch(tmp_path, in_memory=options.pop("in_memory", 1 << 20)) as scratch:
        reader = Reader(scratch, hold_out)
        for source in sources:
            reader.add(source)
        corpus = reader.corpus(**options)
        return corpus, np.array(corpus.tokens)


@pytest.mark.parametrize("in_memory", [0, 1 << 20])
def test_words_become_sorted_ids(tmp_path, in_memory):
    corpus, tokens = read(tmp_path, [["b a", "c"], ["b b d"]], in_memory=in_memory)
    assert corpus.words == ("<unk>", "<s>", "</s>", "a", "b", "c", "d")
    assert tokens.tolist() == [1, 4, 3, 2, 1, 5, 2, 1, 4, 4, 6, 2]
    assert (corpus.ends, corpus.sentences, corpus.n_words, corpus.unknown) == ((7, 12), 3, 6, 0)


def test_a_vocabulary_can_be_bounded(tmp_path):
    text = ["a a a b b c c d"]
    assert read(tmp_path, [text], min_count=2)[0].words[3:] == ("a", "b", "c")
    corpus, tokens = read(tmp_path, [text], vocabulary_size=2)
    assert corpus.words[3:] == ("a", "b") and corpus.unknown == 3
    assert tokens.tolist() == [1, 3, 3, 3, 4, 4, 0, 0, 0, 2]


def test_words_that_are_known_stay_though_they_are_rare(tmp_path):
    text = ["a a b c d"]
    corpus, _ = read(tmp_path, [text], min_count=2, known={"c", "never said"})
    assert corpus.words[3:] == ("a", "c") and corpus.unknown == 2
    assert read(tmp_path, [text], min_count=2, vocabulary_size=1, known={"c"})[0].words[3:] == ("a",)


def test_equal_sentences_are_held_out_together(tmp_path):
    text = [f"w{i % 500}" for i in range(1000)]
    corpus, _ = read(tmp_path, [text], hold_out=10)
    held = Counter(corpus.held_out)
    assert 20 < len(held) < 90 and set(held.values()) == {2}
    assert not held.keys() & set(corpus.words)


def test_nothing_to_learn_from_is_an_error(tmp_path):
    with pytest.raises(LanguageModelError, match="no sentences"):
        read(tmp_path, [[]])


TEST = ["he went to the door and opened it for the cat", "yes", "the old man sat down"]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("yes", "the same"),
        ("the old man sat down", "the same"),
        ("then the old man sat down again", "contains one"),
        ("yes he said", None),  # one word is no quotation
        ("and opened it for the", "part of one"),
        ("opened it for the", None),  # four words are none either
        ("to the door and opened it for the dog", "shares words"),
        ("the door and opened it for the dog", None),
        ("the old man sat", None),
        ("he went to the doors and opened it for a cat", None),
        ("", None),
    ],
)
def test_what_repeats_a_test_sentence_is_found(sentence, reason):
    assert Exclusion(TEST).reason(sentence) == reason


def test_words_are_compared_whole():
    exclusion = Exclusion(["an old man sat down"])
    assert exclusion.reason("than old man sat down") is None
    assert exclusion.reason("an old man sat downstairs") is None


WORDS = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=5), WORDS)
def test_nothing_kept_contains_a_test_sentence(others, sentence):
    kept = Exclusion(others).reason(sentence) is None
    inside = [o for o in others if len(o.split()) >= 4 and f" {o} " in f" {sentence} "]
    cut = [o for o in others if len(sentence.split()) >= 5 and f" {sentence} " in f" {o} "]
    if inside or cut or (sentence in others and sentence):
        assert not kept


def test_what_is_left_out_is_counted():
    dropped: Counter[str] = Counter()
    assert list(Exclusion(TEST).kept(["yes", "no", "yes"], dropped)) == ["no"]
    assert dropped == {"the same": 2}


def test_symbols_are_refused_among_the_words(tmp_path):
    for symbol in ("<s>", "</s>", "<unk>"):
        with pytest.raises(LanguageModelError, match=f"holds {symbol}, which is no word"):
            read(tmp_path, [[f"b {symbol} d"]])
