"""unicode-1 for every alphabet, and which normaliser a model is scored by."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import beeps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru import cli
from speechgru.audio import encode
from speechgru.evaluation import wer
from speechgru.models import checkpoint
from speechgru.text import english as english_
from speechgru.text import normalize
from speechgru.text.normalize import ENGLISH, UNICODE


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("«Là-bas», dit-il : l’Été !", "là bas dit il l'été"),
        ("ПРИВЕТ, Мир!", "привет мир"),
        ("М’ята", "м'ята"),
        ("Straße STRASSE", "strasse strasse"),
        ("ὈΔΥΣΣΕΎΣ Ὀδυσσεύς", "ὀδυσσεύσ ὀδυσσεύσ"),
        ("e\u0301 é", "é é"),
        ("ﬁne ｆｕｌｌ", "fine full"),
        ("हिन्दी में।", "हिन्दी में"),
        ("你好，世界。", "你好 世界"),
        ("می\u200cخواهم", "میخواهم"),
        ("٣ 3 ３", "٣ 3 3"),
        ("'quoted' don't dogs'", "quoted don't dogs"),
        ("5 € — 20 %", "5 20"),
        (" \t…\n", ""),
    ],
)
def test_unicode(written: str, plain: str) -> None:
    assert UNICODE(written) == plain


@given(st.text())
def test_twice_is_the_same_as_once(written: str) -> None:
    once = UNICODE(written)
    assert UNICODE(once) == once == unicodedata.normalize("NFKC", once)
    assert all(c in " '" or unicodedata.category(c)[0] in "LMN" for c in once)
    assert once == " ".join(once.split())


@given(st.text(st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Zs", "Po"])))
def test_case_is_no_error(written: str) -> None:
    assert UNICODE(written) == UNICODE(written.casefold())


@given(st.text())
def test_what_corpora_write_stays(written: str) -> None:
    # Corpora of other languages come through `letters`; scoring may fold it, but loses no word of it.
    letters = english_.letters(written)
    assert len(UNICODE(letters).split()) == len(letters.split())


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz"), ENGLISH),
        (("<blank>", *"einos"), ENGLISH),
        (("<blank>", *"abc019"), ENGLISH),
        (("<blank>", " ", *"abcé"), UNICODE),
        (("<blank>", " ", *"абв"), UNICODE),
        (("<blank>", *"ABC"), UNICODE),
    ],
)
def test_the_symbols_decide(symbols: tuple[str, ...], expected: normalize.Normaliser) -> None:
    assert normalize.normaliser_for(symbols) is expected


def test_the_score_is_taken_with_it_and_says_so() -> None:
    pair = ["Привет, мир"], ["привет мыр"]
    score = wer.score(*pair, normaliser=UNICODE)
    assert (score.words.total, score.words.substitutions, score.normaliser) == (2, 1, "unicode-1")
    assert wer.score(*pair).words.total == 0, "english-1 has no letter for them"
    assert wer.score(["été"], ["ete"]).wer == 0 and wer.score(["été"], ["ete"], normaliser=UNICODE).wer == 1


def test_the_model_decides_how_it_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model with a Cyrillic letter is scored by unicode-1, and the command says what it leaves out."""
    model = beeps.save_checkpoint(tmp_path / "latin.safetensors")
    loaded = checkpoint.load(model)
    symbols = ["я" if s == "z" else s for s in loaded.header["vocabulary"]]
    checkpoint.save(
        tmp_path / "ru.safetensors", loaded.kind, {**loaded.header, "vocabulary": symbols}, loaded.tensors
    )
    encode.write(tmp_path / "a.wav", beeps.beep("see"), beeps.RATE)
    line = {"audio_filepath": "a.wav", "duration": 0.9, "text": "Я, ты!"}
    (tmp_path / "m.jsonl").write_text(json.dumps(line) + "\n")
    given = ["evaluate", str(tmp_path / "m.jsonl"), "--model"]
    assert cli.main([*given, str(tmp_path / "ru.safetensors")]) == 0
    captured = capsys.readouterr()
    assert "normaliser         unicode-1" in captured.out and "\n                     2 words" in captured.out
    assert "characters of the references that the model doesn't know: т ы" in captured.err
    assert cli.main([*given, str(model)]) == 0
    captured = capsys.readouterr()
    assert "normaliser         english-1" in captured.out
    assert "no word of the references is left to compare" in captured.err


def test_a_language_that_is_stated_decides_though_the_letters_are_english(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Welsh without its circumflexes: `5` isn't read out as "five", `ŵ` is no `w`."""
    loaded = checkpoint.load(beeps.save_checkpoint(tmp_path / "m.safetensors"))
    encode.write(tmp_path / "a.wav", beeps.beep("see"), beeps.RATE)
    line = {"audio_filepath": "a.wav", "duration": 0.9, "text": "y dŵr 5"}
    (tmp_path / "m.jsonl").write_text(json.dumps(line) + "\n")

    def scored(languages: object) -> tuple[int, str, str]:
        path = tmp_path / "said.safetensors"
        checkpoint.save(path, loaded.kind, {**loaded.header, "languages": languages}, loaded.tensors)
        code = cli.main(["evaluate", str(tmp_path / "m.jsonl"), "--model", str(path)])
        return code, *capsys.readouterr()

    code, out, err = scored(["cy"])
    assert code == 0 and "normaliser         unicode-1" in out and "doesn't know: 5 ŵ" in err
    for english in (["en"], ["en-GB", "en"], []):
        assert "normaliser         english-1" in scored(english)[1]
    code, _, err = scored("cy")
    assert code == 1 and "languages is 'cy'; expected a list" in err


def test_what_is_lost_is_named() -> None:
    assert UNICODE.lost("5 € à gauche, 20 % (l’été)") == {"€", "%"}
    assert ENGLISH.lost("привет") == set("привет")
