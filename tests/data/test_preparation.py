"""From a recipe to splits: what is taken, what is left out and why, and what is refused."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import replicas
import soundfile

from speechgru.config import Recipe
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.data import Utterance, manifest, preparation, splits
from speechgru.data.preparation import Data
from speechgru.errors import ConfigError, CorpusError
from speechgru.text import Vocabulary

RATE = 16000


def record(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE)), RATE)
    return path


def say(root: Path, name: str, text: str, seconds: float = 1.0) -> None:
    """A recording of the `folder` corpus."""
    record(root / f"{name}.wav", seconds).with_suffix(".txt").write_text(text)


def write_manifest(path: Path, *rows: tuple[str, str, str]) -> SourceConfig:
    """A `jsonl` corpus of (audio stem, speaker, text); the manifest's stem is its label."""
    utterances = [
        Utterance(record(path.parent / f"{name}.wav"), 1.0, text, speaker) for name, speaker, text in rows
    ]
    manifest.write(path, utterances)
    return SourceConfig("jsonl", str(path), label=path.stem)


def prepare(
    sources: list[SourceConfig],
    train: list[str],
    dev: list[str],
    test: list[str] | None = None,
    folder: Path | None = None,
    **corpus: Any,
) -> Data:
    config = CorpusConfig(sources=sources, train=train, dev=dev, test=test or [], **corpus)
    recipe = Recipe("mine", corpus=config, folder=str(folder or ""))
    return preparation.prepare(recipe, frames_per_second=25)


def ids(utterances: list[Utterance]) -> list[str]:
    return [u.id for u in utterances]


def reasons(data: Data) -> dict[str, dict[str, str]]:
    return {where: {d.utterance.id: d.reason for d in lost} for where, lost in data.dropped.items() if lost}


@pytest.fixture
def voices(tmp_path: Path) -> SourceConfig:
    """Three speakers with two recordings each, and lists of their ids."""
    for speaker, text in (("anna", "see me"), ("ben", "hear me"), ("carl", "why")):
        for i in (1, 2):
            say(tmp_path / "voices", f"{speaker}/{i}", text)
    lists = tmp_path / "splits"
    lists.mkdir()
    for name, speaker in (("train", "anna"), ("dev", "ben"), ("eval", "carl")):
        (lists / f"{name}.txt").write_text(f"mine/{speaker}/1\nmine/{speaker}/2\n\n")
    return SourceConfig("folder", str(tmp_path / "voices"), label="mine")


# --- splits by id lists


def test_lists_make_the_splits(voices: SourceConfig, tmp_path: Path) -> None:
    data = prepare([voices], ["train"], ["dev"], ["eval"], tmp_path, splits="splits")
    assert ids(data.train) == ["mine/anna/1", "mine/anna/2"]
    assert {name: ids(us) for name, us in data.dev.items()} == {"dev": ["mine/ben/1", "mine/ben/2"]}
    assert {name: ids(us) for name, us in data.test.items()} == {"eval": ["mine/carl/1", "mine/carl/2"]}
    assert {u.speaker for u in data.train} == {"mine/anna"}
    assert data.hours == {"mine": pytest.approx(2 / 3600)}
    assert not reasons(data)


def test_a_list_keeps_its_order_and_names_each_once(voices: SourceConfig, tmp_path: Path) -> None:
    (tmp_path / "splits" / "train.txt").write_text("mine/anna/2\nmine/anna/1\n")
    (tmp_path / "splits" / "more.txt").write_text("mine/anna/1\n")
    data = prepare([voices], ["train", "more"], ["dev"], [], tmp_path, splits="splits")
    assert ids(data.train) == ["mine/anna/2", "mine/anna/1"]


def test_listed_ids_that_are_not_there_are_counted(
    voices: SourceConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (tmp_path / "splits" / "train.txt").open("a") as file:
        file.write("mine/anna/3\nother/1\nmine/anna/silent\n")
    (tmp_path / "splits" / "unused.txt").write_text("nobody/asks\n")
    (tmp_path / "voices" / "anna" / "silent.txt").write_text("a text without a recording")
    data = prepare([voices], ["train"], ["dev"], [], tmp_path, splits="splits")
    assert reasons(data) == {
        "corpora": {"mine/anna/silent": "missing audio"},
        "lists": {
            "mine/anna/3": "not there: listed in train.txt",
            "other/1": "not there: listed in train.txt",
        },
    }
    assert "train: 2 of 5 utterances are not there (mine/anna/3, ...)" in caplog.messages
    assert not any("unused" in message for message in caplog.messages)


def test_an_unknown_list_is_named_with_a_suggestion(voices: SourceConfig, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"split for train: 'trian'\. Did you mean 'train'\?"):
        prepare([voices], ["trian"], ["dev"], [], tmp_path, splits="splits")
    with pytest.raises(CorpusError, match=r"split for evla: 'evla'\. Did you mean 'eval'\?"):
        prepare([voices], ["train"], ["dev"], ["evla"], tmp_path, splits="splits")


def test_lists_that_are_not_there(voices: SourceConfig, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected a folder of id lists at .*nowhere"):
        prepare([voices], ["train"], ["dev"], [], tmp_path, splits="nowhere")


# --- splits that the corpora publish


def digits(root: Path) -> SourceConfig:
    for name in ("1_anna_0", "2_ben_0", "3_carl_0"):
        record(root / f"{name}.wav")
    return SourceConfig("free_spoken_digits", str(root), label="digits")


def test_published_splits(tmp_path: Path) -> None:
    data = prepare([digits(tmp_path)], ["train"], ["dev"], ["test"])
    assert [u.text for u in (*data.train, *data.dev["dev"], *data.test["test"])] == ["one", "two", "three"]
    assert data.vocabulary.symbols == ("<blank>", "e", "n", "o")


def test_a_label_tells_sources_apart(tmp_path: Path) -> None:
    """Two manifests both publish `all`: together under that name, one by one with their label before it."""
    heard = write_manifest(tmp_path / "heard.jsonl", ("a", "anna", "see"), ("b", "anna", "sea"))
    kept = write_manifest(tmp_path / "kept.jsonl", ("c", "carl", "why"))
    data = prepare([heard, kept], ["heard/all"], ["kept/all"])
    assert ids(data.train) == ["heard/a", "heard/b"]
    assert {name: ids(us) for name, us in data.dev.items()} == {"kept/all": ["kept/c"]}
    data.write(tmp_path)
    assert ids(manifest.read(tmp_path / "manifests" / "kept" / "all.jsonl")) == ["kept/c"]
    other = prepare([heard, kept, digits(tmp_path / "digits")], ["all"], ["digits/dev"], ["test"])
    assert ids(other.train) == ["heard/a", "heard/b", "kept/c"]
    twice = prepare([heard, kept], ["heard/all", "heard/all"], ["kept/all"])
    assert ids(twice.train) == ["heard/a", "heard/b"]


def test_an_unknown_split_is_named_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"'tset'\. Did you mean 'test'\? Choices: .*digits/dev"):
        prepare([digits(tmp_path)], ["train"], ["dev"], ["tset"])
    with pytest.raises(CorpusError, match=r"Did you mean 'digits/dev'\?"):
        prepare([digits(tmp_path)], ["train"], ["digits/dve"])


def test_labels_must_differ(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "anna", "see"))
    two = write_manifest(tmp_path / "two.jsonl", ("b", "ben", "be"))
    for first, second in (("same", "same"), ("a/b", "c")):
        with pytest.raises(CorpusError, match="a label of its own without a slash"):
            prepare([replace(one, label=first), replace(two, label=second)], ["all"], ["all"])


def test_a_held_out_split_may_not_hide_the_training_manifest(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"can't be called 'train'.* LABEL/train"):
        prepare([digits(tmp_path)], ["dev"], ["train"])
    assert list(prepare([digits(tmp_path)], ["dev"], ["digits/train"]).dev) == ["digits/train"]


def test_without_a_dev_split(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"corpus\.dev names no split"):
        prepare([digits(tmp_path)], ["train"], [])


# --- what is refused


def test_a_known_voice_is_no_test(tmp_path: Path) -> None:
    for name in ("anna/1", "ben/1", "ben/2"):
        say(tmp_path / "voices", name, "see me")
    (tmp_path / "train.txt").write_text("mine/anna/1\nmine/ben/1\n")
    (tmp_path / "dev.txt").write_text("mine/ben/2\n")
    source = SourceConfig("folder", str(tmp_path / "voices"), label="mine")
    with pytest.raises(
        CorpusError, match=r"1 speakers are both in train and in dev, the first is 'mine/ben'"
    ):
        prepare([source], ["train"], ["dev"], [], tmp_path, splits=".")


def test_two_sources_may_name_their_speakers_alike(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "1", "see"))
    two = write_manifest(tmp_path / "two.jsonl", ("b", "1", "be"))
    assert prepare([one, two], ["one/all"], ["two/all"]).dev


def test_a_known_recording_is_no_test(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "", "see"), ("b", "", "be"))
    two = write_manifest(tmp_path / "two.jsonl", ("b", "", "be"), ("c", "", "sea"))
    with pytest.raises(
        CorpusError, match=r"1 recordings are both in train and in two/all, the first is 'two/b'"
    ):
        prepare([one, two], ["one/all"], ["two/all"])


def test_shared_sentences_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "anna", "see"))
    two = write_manifest(tmp_path / "two.jsonl", ("b", "ben", "see"), ("c", "ben", "sea"))
    with caplog.at_level(logging.WARNING):
        prepare([one, two], ["one/all"], ["two/all"])
    assert "two/all: 1 of 2 sentences also occur in train" in caplog.messages


@pytest.mark.parametrize("empty", ["train", "dev"])
def test_a_split_of_which_nothing_is_left(tmp_path: Path, empty: str) -> None:
    names = {"train": "one", "dev": "two"}
    sources = [write_manifest(tmp_path / f"{n}.jsonl", (n, n, "see me")) for n in names.values()]
    stub = Utterance(record(tmp_path / "short.wav", 0.05), 0.05, "a", names[empty], "short")
    manifest.write(tmp_path / f"{names[empty]}.jsonl", [stub])
    where = "train" if empty == "train" else "two/all"
    with pytest.raises(CorpusError, match=rf"No utterance of {where} is left; dropped: 1 too short"):
        prepare(sources, ["one/all"], ["two/all"])


# --- what is left out, and what is written


def test_everything_left_out_is_listed_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "voices"
    say(root, "anna/fine", "see me")
    say(root, "anna/long", "see me", 3)
    say(root, "anna/short", "a", 0.05)
    say(root, "anna/fast", "as fast as nobody speaks", 0.5)
    say(root, "anna/foreign", "世界")
    (root / "anna" / "broken.wav").write_text("no audio")
    (root / "anna" / "broken.txt").write_text("see me")
    say(root, "ben/long", "queue", 3)
    say(root, "ben/short", "a", 0.05)
    (tmp_path / "train.txt").write_text(
        "".join(f"mine/anna/{n}\n" for n in ("fine", "long", "short", "fast", "lost"))
    )
    (tmp_path / "dev.txt").write_text("mine/ben/long\nmine/ben/short\n")
    source = SourceConfig("folder", str(root), label="mine")
    data = prepare([source], ["train"], ["dev"], [], tmp_path, splits=".", max_duration=2.0)
    found = {
        where: {i: r.partition(":")[0] for i, r in lost.items()} for where, lost in reasons(data).items()
    }
    assert found == {
        "corpora": {
            "mine/anna/broken": "unreadable audio",
            "mine/anna/foreign": "text that can't be read out",
        },
        "lists": {"mine/anna/lost": "not there"},
        "train": {
            "mine/anna/long": "too long",
            "mine/anna/short": "too short",
            "mine/anna/fast": "too short for CTC",
        },
        "dev": {"mine/ben/short": "too short"},
    }
    # However long: held-out speech is scored.
    assert ids(data.dev["dev"]) == ["mine/ben/long"]

    data.write(tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "manifests" / "dropped.tsv").read_text().splitlines()]
    assert lines[0] == ["id", "audio_filepath", "duration", "reason", "text"]
    assert {line[0]: line[3] for line in lines[1:]} == {
        i: r for lost in reasons(data).values() for i, r in lost.items()
    }
    assert len(lines) == 1 + 7
    assert any(message.startswith("left out 7 utterances, listed in ") for message in caplog.messages)


def test_the_vocabulary_comes_from_training_text_alone(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "anna", "see me"))
    two = write_manifest(tmp_path / "two.jsonl", ("b", "ben", "quiz"))
    three = write_manifest(tmp_path / "three.jsonl", ("c", "carl", "jazz"))
    data = prepare([one, two, three], ["one/all"], ["two/all"], ["three/all"])
    assert data.vocabulary.symbols == ("<blank>", " ", "e", "m", "s")
    assert ids(data.dev["two/all"]) == ["two/b"], "its letters are no reason to leave it out"


def test_a_model_to_start_from_brings_its_vocabulary(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "one.jsonl", ("a", "anna", "see me"), ("b", "anna", "quiz"))
    two = write_manifest(tmp_path / "two.jsonl", ("c", "ben", "me"))
    corpus = CorpusConfig(sources=[one, two], train=["one/all"], dev=["two/all"])
    known = Vocabulary(("<blank>", " ", "e", "m", "s", "x"))
    data = preparation.prepare(Recipe("mine", corpus=corpus), 25, known)
    assert data.vocabulary is known
    assert ids(data.train) == ["one/a"]
    assert "outside the vocabulary" in reasons(data)["train"]["one/b"]


def test_manifests_are_written(voices: SourceConfig, tmp_path: Path) -> None:
    data = prepare([voices], ["train"], ["dev"], ["eval"], tmp_path, splits="splits")
    data.write(tmp_path)
    written = {
        name: manifest.read(tmp_path / "manifests" / f"{name}.jsonl") for name in ("train", "dev", "eval")
    }
    assert written == {"train": data.train, "dev": data.dev["dev"], "eval": data.test["eval"]}
    assert (tmp_path / "manifests" / "dropped.tsv").read_text().count("\n") == 1


# --- languages


def test_the_language_that_a_recipe_says(tmp_path: Path) -> None:
    for name in ("anna/1", "ben/1"):
        say(tmp_path / "de", name, "Übung macht den Meister")
    write_manifest(tmp_path / "en.jsonl", ("x", "carl", "hello"), ("y", "dora", "naïve"))
    german = SourceConfig("folder", str(tmp_path / "de"), "german")
    english = SourceConfig("jsonl", str(tmp_path / "en.jsonl"), "english", language="en")
    data = prepare([german, english], ["german/all"], ["english/all"], language="de-AT")
    assert {u.text for u in data.train} == {"übung macht den meister"}
    assert data.languages == ["de-AT"] and "ü" in data.vocabulary.symbols
    assert [u.text for u in data.dev["english/all"]] == ["hello", "naive"]


def test_what_says_its_own_language_is_believed(tmp_path: Path) -> None:
    line = {"audio_filepath": str(record(tmp_path / "a.wav")), "duration": 1, "text": "helo", "lang": "cy"}
    (tmp_path / "m.jsonl").write_text(json.dumps(line) + "\n")
    source = SourceConfig("jsonl", str(tmp_path / "m.jsonl"))
    assert splits.splits_of(CorpusConfig(sources=[source]))[0]["all"][0].language == "cy"
    with pytest.raises(CorpusError, match=r"m\.jsonl is not in the language 'de': a is in 'cy'"):
        splits.splits_of(CorpusConfig(sources=[source], language="de"))
    replicas.lay_out("yesno", tmp_path / "yesno")
    with pytest.raises(CorpusError, match=r"is not in the language 'de'.*is in 'en'"):
        splits.splits_of(
            CorpusConfig(sources=[SourceConfig("yesno", str(tmp_path / "yesno"))], language="de")
        )
    with pytest.raises(ConfigError, match="'German'; expected the code of a language, such as en, de"):
        splits.splits_of(CorpusConfig(sources=[source], language="German"))


def test_a_corpus_of_another_language_than_the_vocabulary(tmp_path: Path) -> None:
    """The texts have English letters only, and so would be learnt without a word."""
    for name in ("anna/1", "ben/1"):
        say(tmp_path / "id", name, f"selamat pagi {name[0]}")
    source = SourceConfig("folder", str(tmp_path / "id"))
    corpus = CorpusConfig(sources=[source], train=["all"], dev=["held-out"], hold_out=0.5)
    start = Vocabulary(("<blank>", " ", *"abcdefghijklmnopqrstuvwxyz"))

    def given(language: str, *known: str) -> Data:
        recipe = Recipe("mine", corpus=replace(corpus, language=language))
        return preparation.prepare(recipe, 25, start, languages=known)

    with pytest.raises(CorpusError, match=r"in 'id' .*writes 'en'\. Pass trainer\.symbols=texts"):
        given("id", "en")
    assert given("id", "en", "id").languages == given("id").languages == ["id"]
    assert given("en-US", "en").languages == ["en-US"]
