"""speechgru lm build and lm perplexity, from text to a model and what goes wrong on the way."""

from __future__ import annotations

import re

import numpy as np
import pytest
from lm_models import SENTENCES

from speechgru.cli import main
from speechgru.lm import load

TEXT = "".join(f"{sentence.capitalize()}. " for sentence in SENTENCES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT + "\n" + TEXT.replace("the", "a") + "\n")
    (tmp_path / "other.txt").write_text("The cat sat on a dog. A zebra sat on it.\n")
    return tmp_path


def test_a_text_becomes_a_model(folder, capsys):
    line = "lm build text.txt -o model.slm --order 3 --held-out other.txt --arpa model.arpa.gz"
    assert main(line.split()) == 0
    out, err = capsys.readouterr()
    assert "perplexity on 11 held-out words" in out and "9.09 % unknown words" in out
    assert "counting n-grams" in err
    model, same = load("model.slm"), load("model.arpa.gz")
    assert model.order == 3 and model.header["sources"] == ["text.txt"]
    assert model.words == same.words and model.counts == same.counts
    assert model.score(["the", "cat"]) == pytest.approx(same.score(["the", "cat"]), abs=0.02)
    assert main(["lm", "perplexity", "model.slm", "other.txt", "text.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"other\.txt: 11 words in 2 sentences: [0-9.]+ \([0-9.]+ without", lines[0])
    assert lines[1].startswith("text.txt: ")


def test_options_shape_the_model(folder, capsys):
    common = "lm build text.txt other.txt --discount-fallback --held-out other.txt"
    assert main(f"{common} -o a.slm".split()) == 0
    assert main(f"{common} -o b.slm --prune 0 0 1 --min-count 2".split()) == 0
    assert main(f"{common} -o c.slm --vocabulary-size 5 --order 2".split()) == 0
    a, b, c = (load(f"{name}.slm") for name in "abc")
    assert b.counts[2] < a.counts[2] and a.index("zebra") and not b.index("zebra")
    assert (len(c.words), c.order) == (8, 2)


def test_excluded_sentences_are_not_learnt(folder, capsys):
    (folder / "test.txt").write_text("The cat sat on the mat.\n")
    line = "lm build text.txt -o m.slm --exclude test.txt --held-out other.txt"
    assert main(line.split()) == 0
    assert "excluded 1 sentences (the same: 1)" in capsys.readouterr().err
    assert load("m.slm").header["excluded"] == {"the same": 1}


def test_a_tiny_text_holds_nothing_out(folder, capsys):
    (folder / "tiny.txt").write_text("One two.\n")
    assert main(["lm", "build", "tiny.txt", "-o", "m.slm", "--discount-fallback"]) == 0
    assert "no sentence was held out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("none.txt -o m.slm", 1, "none.txt"),
        ("latin.txt -o m.slm", 1, "latin.txt, line 1, byte 3"),
        ("empty.txt -o m.slm", 1, "empty.txt holds no words"),
        ("text.txt -o m.slm --held-out empty.txt", 1, "empty.txt holds no words"),
        ("text.txt -o m.slm --exclude none.jsonl", 1, "none.jsonl"),
        ("text.txt -o m.slm --max-size 1kB --discount-fallback", 1, "--max-size"),
        ("tiny.txt -o m.slm", 1, "too few, or too much alike, for the discounts of Kneser-Ney"),
        ("tiny.txt -o m.slm", 1, "--discount-fallback"),
        (
            "marked.txt -o m.slm --discount-fallback",
            1,
            "marked.txt, line 2: <UNK> is a symbol of language models",
        ),
        ("text.txt -o m.slm --held-out marked.txt", 1, "marked.txt, line 2: <UNK>"),
        ("text.txt -o m.slm --exclude marked.txt", 1, "marked.txt, line 2: <UNK>"),
        ("text.txt -o m.slm --max-size huge", 2, "'huge' is not a size"),
        ("text.txt -o m.slm --prune 1 2", 2, "begin with 0"),
        ("text.txt -o m.slm --prune 0 2 1", 2, "never fall"),
        ("text.txt -o m.slm --order 2 --prune 0 0 1", 2, "up to 2 counts"),
        ("text.txt -o m.slm --prune 0 -1", 2, "-1"),
        ("text.txt -o m.slm --order 0", 2, "at least 1"),
        ("text.txt -o m.slm --order 9", 2, "1 to 8"),
        ("text.txt -o m.bin", 2, ".slm"),
        ("text.txt -o m.slm --arpa m.txt", 2, ".arpa"),
        ("text.txt", 2, "--output"),
    ],
)
def test_mistakes_are_explained_and_nothing_is_written(folder, capsys, options, code, message):
    (folder / "latin.txt").write_bytes(b"caf\xe9\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "tiny.txt").write_text("Lights on. Lights off. Doors open. Doors shut.\n")
    (folder / "marked.txt").write_text("One.\nTwo <UNK> three.\n")
    before = sorted(folder.iterdir())
    assert main(["lm", "build", *options.split()]) == code
    assert message in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_perplexity_of_what_is_no_model(folder, capsys):
    assert main(["lm", "perplexity", "text.txt", "other.txt"]) == 1
    assert "no language model" in capsys.readouterr().err
    assert main(["lm", "perplexity", "none.slm", "other.txt"]) == 1
    assert "none.slm" in capsys.readouterr().err


@pytest.mark.parametrize("symbol", ["<s>", "</s>", "<unk>", "<S>"])
def test_symbols_of_language_models_are_no_words(folder, capsys, symbol):
    (folder / "marked.txt").write_text(f"{symbol} the cat sat {symbol} on it. {symbol}\n")
    line = "lm build marked.txt -o m.slm --order 2 --discount-fallback"
    assert main(line.split()) == 1
    err = capsys.readouterr().err
    assert f"marked.txt, line 1: {symbol} is a symbol" in err and "--skip-symbols" in err
    assert main([*line.split(), "--skip-symbols"]) == 0
    assert set(load("m.slm").words) == {"<unk>", "<s>", "</s>", "the", "cat", "sat", "on", "it"}
    assert main(["lm", "perplexity", "m.slm", "marked.txt"]) == 1
    capsys.readouterr()
    assert main(["lm", "perplexity", "m.slm", "marked.txt", "--skip-symbols"]) == 0
    assert "marked.txt: 5 words in 1 sentences" in capsys.readouterr().out
    (folder / "marked.jsonl").write_text(
        f'{{"audio_filepath": "x.wav", "duration": 1, "text": "the {symbol} cat"}}\n'
    )
    assert main(["lm", "perplexity", "m.slm", "marked.jsonl"]) == 1
    assert "marked.jsonl, 1:" in capsys.readouterr().err


def test_fixed_discounts_and_few_words_are_told(folder, capsys):
    (folder / "tiny.txt").write_text("Lights on. Lights off. Doors open. Doors shut.\n")
    assert main(["lm", "build", "tiny.txt", "-o", "m.slm", "--discount-fallback"]) == 0
    err = capsys.readouterr().err
    assert "warning: 8 words in 4 sentences give no discounts (no n-gram of length 1 has an adjusted" in err
    assert "warning: m.slm knows only 6 words" in err


def test_a_bounded_vocabulary_is_no_small_text(folder, capsys):
    """Its words are all frequent, so that single words give no discounts however large the text is."""
    generator = np.random.default_rng(1)
    words = [chr(97 + i // 26) + chr(97 + i % 26) for i in range(500)]
    share = 1 / np.arange(1, 501)
    lines = [" ".join(generator.choice(words, 8, p=share / share.sum())) for _ in range(1500)]
    (folder / "many.txt").write_text("\n".join(lines) + "\n")
    line = ["lm", "build", "many.txt", "-o", "m.slm", "--order", "2"]
    assert main([*line, "--vocabulary-size", "100"]) == 0
    assert "discounts" not in capsys.readouterr().err
