"""The .slm file: the same model back, and no damage that goes unnoticed."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_models import SENTENCES, counts

from speechgru.errors import LanguageModelError
from speechgru.lm import load, slm
from speechgru.lm._kneser_ney import estimate
from speechgru.lm._prune import table
from speechgru.lm.corpus import Scratch
from speechgru.lm.ngram import from_table
from speechgru.lm.packed_query import advance


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model, and the file it is written to."""
    path = tmp_path_factory.mktemp("slm") / "small.slm"
    with Scratch(path.parent) as scratch:
        model = from_table(table(estimate(counts(SENTENCES, 3, scratch))), bits=8)
    slm.save(path, model.words, model.arrays, {"sources": ["tests"], "words": 78})
    return model, path


def test_a_model_comes_back_as_it_was(made):
    model, path = made
    found = load(path)
    assert found.words == model.words and found.order == 3 and found.start == model.start
    for mine, theirs in zip(model.arrays, found.arrays):
        assert mine.dtype == theirs.dtype and (mine == theirs).all() and not theirs.flags.writeable
    for sentence in [*SENTENCES, "zz the zz", ""]:
        assert found.score(sentence.split()) == model.score(sentence.split())


def test_the_first_line_says_what_it_is(made):
    model, path = made
    header = json.loads(path.read_bytes().split(b"\n")[0])
    assert header["format"] == "speechgru-lm/1"
    assert (header["order"], header["counts"]) == (3, model.counts)
    assert load(path).header["sources"] == ["tests"]


def test_what_is_said_of_its_making_changes_nothing_else(made, tmp_path):
    model, _ = made
    slm.save(tmp_path / "x.slm", model.words, model.arrays, {"order": 99, "size": 1, "sections": None})
    assert load(tmp_path / "x.slm").header["order"] == 3


def changed(path, tmp_path, change):
    """The file with its header changed by `change`, its data and checksum kept right."""
    content = path.read_bytes()
    line = content[: content.index(b"\n") + 1]
    header = json.loads(line)
    data = bytearray(content[len(line) :])
    change(header, data)
    header["crc32"], header["size"] = zlib.crc32(data), len(data)
    first = json.dumps(header).encode()
    first += b" " * (-(len(first) + 1) % 64) + b"\n"
    (tmp_path / "changed.slm").write_bytes(first + data)
    return tmp_path / "changed.slm"


def put(section, values, at=0):
    """A change that writes numbers into a section, from number `at` on."""

    def change(header, data):
        entry = header["sections"][section]
        raw = np.array(values, entry["dtype"])
        start = entry["offset"] + at * raw.itemsize
        data[start : start + raw.nbytes] = raw.tobytes()

    return change


def set_section(section, **entries):
    return lambda header, data: header["sections"][section].update(entries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, data: header.update(format="speechgru-lm/9"), "speechgru-lm/9"),
        (lambda header, data: header.pop("format"), "format None"),
        (lambda header, data: header["sections"].pop("bits"), "bits is missing"),
        (lambda header, data: header.update(sections=[]), "missing"),
        (lambda header, data: data.__delitem__(slice(64, None)), "beyond the end"),
        (set_section("bits", dtype="object"), "bits is missing or not uint64"),
        (set_section("bits", shape=[2**62]), "beyond the end"),
        (set_section("bits", shape=[2**62, 2**62, 2**62]), "beyond the end"),
        (set_section("bits", shape=[-1]), "shape"),
        (set_section("bits", shape=["1"]), "shape"),
        (set_section("bits", shape=[1, 1]), "shape"),
        (set_section("bits", shape=[1]), "n-grams end"),
        (set_section("bits", shape=[40]), "bits has"),
        (set_section("bits", offset=1), "offset"),
        (set_section("bits", offset=-64), "offset"),
        (set_section("bits", offset=2**60 * 64), "beyond the end"),
        (set_section("weights", shape=[1]), "weights has shape"),
        (set_section("weights", shape=[2, 3, 0]), "weights has shape"),
        (set_section("layout", shape=[0]), "layout has"),
        (set_section("layout", shape=[9]), "layout has"),
        (set_section("layout", shape=[12]), "damaged"),
        (set_section("layout", shape=[2, 3, 1]), "layout has"),
        (set_section("words", shape=[3]), "words"),
        (put("layout", [63]), "widths"),
        (put("layout", [0]), "widths"),
        (put("layout", [7]), "bits has"),
        (put("layout", 2**62, at=8), "n-grams end"),
        (put("layout", -1, at=8), "n-grams end"),
        (put("layout", 2, at=8), "2 words"),
        (put("layout", 0, at=11), "contexts end"),
        (put("layout", [2**40] * 3, at=11), "contexts end"),
        (put("layout", 5, at=5), "bits has"),
        (put("weights", [0.5]), "above one"),
        (put("weights", [float("nan")]), "finite"),
        (put("weights", [float("inf")], at=100), "finite"),
        (put("words", [0] * 8), "words"),
    ],
)
def test_headers_and_sizes_that_lie_are_refused(made, tmp_path, change, message):
    path = changed(made[1], tmp_path, change)
    with pytest.raises(LanguageModelError, match=message) as caught:
        load(path)
    assert "changed.slm" in str(caught.value)


@pytest.mark.parametrize("words", ["a\n<s>\n</s>", "<unk>\n<s>\n</s>\nb\na", "x" * 10_000_000, ""])
def test_words_that_are_not_the_models_are_refused(made, tmp_path, words):
    packed = np.frombuffer(zlib.compress(words.encode()), np.uint8)

    def change(header, data):
        header["sections"]["words"] = {"dtype": "uint8", "shape": [len(packed)], "offset": len(data)}
        data.extend(packed.tobytes())

    with pytest.raises(LanguageModelError, match="words"):
        load(changed(made[1], tmp_path, change))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}\n", b"junk" * 500, b"[" * 2_000_000, b"\xff" * 100 + b"\n"]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.slm"
    path.write_bytes(content)
    with pytest.raises(LanguageModelError, match=r"other\.slm"):
        load(path)


def test_a_file_cut_short_or_changed_is_refused(made, tmp_path):
    content = made[1].read_bytes()
    path = tmp_path / "cut.slm"
    for length in (1, 64, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(LanguageModelError, match=r"cut\.slm"):
            load(path)
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(LanguageModelError, match="checksum"):
        load(path)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_no_bits_lead_out_of_the_arrays(made, tmp_path_factory, seed, share):
    """A file that is made to harm gives wrong numbers at worst: every walk ends, in bounds."""
    generator = np.random.default_rng(seed)

    def change(header, content):
        entry = header["sections"]["bits"]
        start, length = entry["offset"], 8 * entry["shape"][0]
        section = np.frombuffer(bytes(content[start : start + length]), np.uint8).copy()
        hit = generator.random(length) < share
        section[hit] = generator.integers(0, 256, hit.sum(), np.uint8)
        content[start : start + length] = section.tobytes()

    model = load(changed(made[1], tmp_path_factory.getbasetemp(), change))
    contexts = int(model.arrays.context_ends[-1])
    for state in range(-1, contexts + 1):
        for word in range(0, len(model.words), 3):
            after, log_prob = advance(model.arrays, state, word)
            assert 0 <= after < contexts and np.isfinite(log_prob)
