"""The phones of words that no dictionary has."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import ConfigError, LanguageModelError
from speechgru.lexicon import dictionary, g2p, graphones
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lexicon.g2p import GraphoneModel, Pronouncer

# A language with a rule: letters have a phone each, but `x` has two and `h` behind `s` makes another one of it.
LETTERS = {"a": "A", "e": "E", "k": "K", "s": "S", "t": "T", "x": "K S", "h": "H"}


def by_rule(word: str) -> list[str]:
    said, rest = [], word
    while rest:
        part = "sh" if rest.startswith("sh") else rest[0]
        said += ["SH"] if part == "sh" else LETTERS[part].split()
        rest = rest[len(part) :]
    return said


PIECES = ["a", "e", "k", "s", "t", "x", "sh", "ha", "he"]
random = Random(1)
WORDS = sorted(
    {"".join(random.choices(PIECES, k=random.randint(1, 5))) for _ in range(600)} | {"hat", "sash", "tax"}
)
RULED = dictionary.parse([f"{word} {' '.join(by_rule(word))}" for word in WORDS], "here")
model = GraphoneModel(graphones.learn(RULED), RULED.phones)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join))
def test_a_rule_is_learnt_from_examples(word: str) -> None:
    found = [RULED.phones[phone - 1] for phone in model.pronounce(word) or ()]
    assert found == by_rule(word)


def test_graphones_spell_a_word_and_say_it() -> None:
    rows = dict(zip(WORDS, graphones.cut(RULED)))
    assert rows["sash"] in ("s:S a:A s:SH h:", "s:S a:A s: h:SH")
    assert rows["tax"] == f"t:T a:A x:K{g2p.JOIN}S"
    for word, row in rows.items():
        parts = [part.split(":") for part in row.split(" ")]
        assert "".join(letter for letter, _ in parts) == word
        assert " ".join(said.replace(g2p.JOIN, " ") for _, said in parts if said) == " ".join(by_rule(word))


def test_words_with_more_phones_than_letters_hold_are_left_out() -> None:
    long = dictionary.parse(["a A", "ab A B", "w A B A B A B"], "here")
    assert list(graphones.cut(long)) == ["a:A", "a:A b:B"]
    with pytest.raises(LanguageModelError, match="half as many letters"):
        graphones.learn(Dictionary((" ", "A"), {"w": (2, 2, 2)}))


def test_phones_and_words_may_have_any_name(caplog: pytest.LogCaptureFixture) -> None:
    odd = dictionary.parse(["ta t_h a", ":a :a", "x k_h s"], "here")
    whole = graphones.completed(odd, ["xta", "a"])
    assert [odd.phones[phone - 1] for phone in whole.words["xta"]] == ["k_h", "s", "t_h", "a"]
    signs = dictionary.parse(["中 ZH U NG", "国 G U O"], "here")
    assert graphones.completed(signs, ["中国"]) is signs
    assert "1 words can't be pronounced: No word of the dictionary" in caplog.text


def test_what_has_a_strange_letter_is_not_said() -> None:
    assert model.pronounce("zeta") is None
    assert model.pronounce("") is None
    assert Pronouncer(RULED, model).text("hat zeta") is None


def test_a_model_of_other_phones_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="has the phone 'SH'"):
        GraphoneModel(model.model, tuple(phone for phone in RULED.phones if phone != "SH"))


def test_a_dictionary_is_completed_with_what_it_lacks() -> None:
    whole = graphones.completed(RULED, ["hat", "sheetsheets", "zeta", ""])
    assert whole.words.keys() - RULED.words.keys() == {"sheetsheets"}
    assert [RULED.phones[phone - 1] for phone in whole.words["sheetsheets"]] == by_rule("sheetsheets")
    assert graphones.completed(RULED, ["hat"]) is RULED


def test_the_dictionary_comes_first() -> None:
    odd = Dictionary(RULED.phones, {"hat": (2,)})
    pronouncer = Pronouncer(odd, model)
    assert pronouncer.word("hat") == (2,)
    assert pronouncer.text("hat hat") == [2, 1, 2]
    assert pronouncer.word("hatsheets") == model.pronounce("hatsheets")
    assert pronouncer.text("") == []


def test_english_comes_with_the_package() -> None:
    pronouncer = g2p.packaged("english")
    said = pronouncer.text("speechgru knows")
    assert said
    assert " ".join(pronouncer.phones[phone - 1] for phone in said) == "S P IY CH G R UW   N OW Z"
    with pytest.raises(ConfigError, match=r"'klingon'.*one of: english"):
        g2p.packaged("klingon")
