"""The corpus check: each kind of problem in a small corpus made for it, and nothing in a sound one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import beeps
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgru.audio import encode
from speechgru.cli import main
from speechgru.data import Utterance, check_text, corpus_check, manifest
from speechgru.data.check_audio import Examined, examine
from speechgru.data.check_text import KINDS
from speechgru.data.corpus_check import Diagnosis, diagnose
from speechgru.errors import CorpusError
from speechgru.utils.process_pool import PoolError

RATE = beeps.RATE


def speech(seed: int, seconds: float = 1.0, rate: int = RATE) -> np.ndarray[Any, Any]:
    """Noise that comes and goes as speech does, each seed its own."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    loudness = 0.001 + 0.2 * np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, 1)
    return (loudness * generator.standard_normal(len(time))).clip(-0.9, 0.9).astype(np.float32)


def say(path: Path, signal: np.ndarray[Any, Any], text: str = "see me", **given: Any) -> Utterance:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode.write(path, signal, RATE)
    return Utterance(path, len(signal) / RATE, text, **{"id": path.stem, **given})


@pytest.fixture
def sound(tmp_path: Path) -> dict[str, list[Utterance]]:
    """Three splits without anything wrong."""
    texts = ("see me", "we go on", "a bad cab", "hear it", "old fox", "new day")
    utterances = [say(tmp_path / f"u{i}.wav", speech(i), t, speaker=f"s{i}") for i, t in enumerate(texts)]
    return {"train": utterances[:4], "dev": utterances[4:5], "test": utterances[5:]}


def kinds(diagnosis: Diagnosis) -> dict[str, list[tuple[str, str]]]:
    return {k: [(f.split, f.utterance.id) for f in found] for k, found in diagnosis.by_kind().items()}


def test_a_sound_corpus(sound: dict[str, list[Utterance]]) -> None:
    diagnosis = diagnose(sound)
    assert not diagnosis.findings
    assert not diagnosis.serious
    assert diagnosis.cleaned() == sound == diagnosis.splits
    assert corpus_check.table(diagnosis) == [
        "train: 4 utterances, 0.00 h, 4 speakers",
        "dev: 1 utterances, 0.00 h, 1 speakers",
        "test: 1 utterances, 0.00 h, 1 speakers",
        "",
        "Nothing is wrong.",
    ]


def test_recordings_that_cannot_be_used(sound: dict[str, list[Utterance]], tmp_path: Path) -> None:
    missing = Utterance(tmp_path / "none.wav", 1.0, "gone", id="missing")
    (tmp_path / "text.wav").write_text("no sound")
    unreadable = Utterance(tmp_path / "text.wav", 1.0, "noise", id="unreadable")
    silent = say(tmp_path / "silent.wav", np.zeros(RATE, np.float32), "hush", id="silent")
    steady = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    hiss = say(tmp_path / "hiss.wav", steady, "hiss hiss", id="hiss")
    cut = say(tmp_path / "cut.wav", speech(9, 4.0), "cut short here", id="cut")
    whole = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    sound["train"] += [missing, unreadable, silent, hiss, cut]
    diagnosis = diagnose(sound)
    assert kinds(diagnosis) == {
        "missing audio": [("train", "missing")],
        "unreadable audio": [("train", "unreadable")],
        "damaged audio": [("train", "cut")],
        "silent audio": [("train", "silent"), ("train", "hiss")],
    }
    assert diagnosis.serious
    assert diagnosis.cleaned()["train"] == sound["train"][:4]
    assert diagnosis.findings[1].detail.startswith(str(tmp_path / "text.wav"))


def test_recordings_of_bad_quality_are_named_and_kept(
    sound: dict[str, list[Utterance]], tmp_path: Path
) -> None:
    loud = say(tmp_path / "loud.wav", (20 * speech(7)).clip(-1, 1), "too loud", id="loud")
    (tmp_path / "tape").mkdir()
    soundfile.write(tmp_path / "tape" / "phone.wav", speech(8, rate=8000), 8000)
    phone = Utterance(tmp_path / "tape" / "phone.wav", 1.0, "telephone", id="phone")
    sound["train"] += [loud, phone]
    diagnosis = diagnose(sound)
    assert kinds(diagnosis) == {"clipped audio": [("train", "loud")], "narrow band": [("train", "phone")]}
    assert not diagnosis.serious
    assert diagnosis.cleaned() == sound
    assert len(diagnosis.cleaned(drop=["clipped audio"])["train"]) == 5


def test_durations(tmp_path: Path) -> None:
    right = say(tmp_path / "right.wav", speech(0, 3.0), "right as it is")
    nearly = replace(say(tmp_path / "nearly.wav", speech(1, 3.0), "nearly right"), duration=3.05)
    long = replace(say(tmp_path / "long.wav", speech(2, 3.0), "stated too long"), duration=5.0)
    short = replace(say(tmp_path / "short.wav", speech(3, 3.0), "stated too short"), duration=1.0)
    none = replace(say(tmp_path / "none.wav", speech(4, 3.0), "not stated"), duration=0.0)
    diagnosis = diagnose({"train": [right, nearly, long, short, none]})
    assert kinds(diagnosis) == {"wrong duration": [("train", "long"), ("train", "short"), ("train", "none")]}
    assert diagnosis.findings[0].detail == "stated 5.00 s, measured 3.00 s"
    assert [u.duration for u in diagnosis.cleaned()["train"]] == [3.0, 3.05, 3.0, 3.0, 3.0]


def test_parts_of_a_recording(tmp_path: Path) -> None:
    signal = np.concatenate([speech(0, 2.0), np.zeros(2 * RATE, np.float32), speech(1, 2.0)])
    whole = say(tmp_path / "talk.wav", signal)
    parts = [
        replace(whole, id=name, text=name, offset=offset, duration=seconds)
        for name, offset, seconds in (
            ("first", 0.0, 2.0),
            ("pause", 2.2, 1.5),
            ("second", 4.0, 2.0),
            ("over", 4.5, 9.0),
            ("beyond", 7.0, 1.0),
        )
    ]
    diagnosis = diagnose({"train": parts})
    assert kinds(diagnosis) == {
        "silent audio": [("train", "pause")],
        "wrong duration": [("train", "over")],
        "beyond the end": [("train", "beyond")],
    }
    cleaned = {u.id: u.duration for u in diagnosis.cleaned()["train"]}
    assert cleaned == {"first": 2.0, "second": 2.0, "over": 1.5}


def test_texts(sound: dict[str, list[Utterance]], tmp_path: Path) -> None:
    sound["train"] += [
        say(tmp_path / "empty.wav", speech(10), " "),
        say(tmp_path / "full.wav", speech(11), "forty letters in one second are too many for it"),
        say(tmp_path / "pairs.wav", speech(12), "aabbccddeeffgg hhiijj"),  # 21 labels and 9 pairs: 30 frames
        say(tmp_path / "odd.wav", speech(13), "price # \u200b世"),
        say(tmp_path / "again.wav", speech(14), "see me"),
    ]
    diagnosis = diagnose(sound)
    assert kinds(diagnosis) == {
        "empty text": [("train", "empty")],
        "too short for CTC": [("train", "full"), ("train", "pairs")],
        "odd characters": [("train", "odd")],
        "duplicate text": [("train", "again")],
    }
    details = {f.utterance.id: f.detail for f in diagnosis.findings}
    assert details["pairs"] == "25 frames < 21 labels + 10 repeats"
    assert details["odd"] == "# 世"
    assert not diagnose(sound, frames_per_second=100.0).by_kind().get("too short for CTC")


def test_another_language_has_letters_of_its_own() -> None:
    def odd_in(texts: list[str], language: str = "") -> Callable[[str], set[str]]:
        return check_text._odd_characters([Utterance(Path(), 1.0, t, language=language) for t in texts])

    odd = odd_in([*["привет мир", "доброе утро", "да"] * 10, "мир ♥ да", "mир"])
    assert [odd(t) for t in ("доброе утро", "мир ♥ да", "mир")] == [set(), {"♥"}, {"m"}]
    # Written with English letters, it is only another language if its manifest says so: then nobody reads digits out.
    assert [odd_in([*["tiga"] * 9, "tiga 4"], language)("tiga 4") for language in ("", "id")] == [
        set(),
        {"4"},
    ]


def test_characters_per_second(tmp_path: Path) -> None:
    """Ten letters a second, give or take a tenth; one with the text of another recording."""
    usual = [
        say(tmp_path / f"{i}.wav", speech(i, 1.0 + i / 100), f"{'abcdefghij'[: 9 + i % 2]} {chr(97 + i)}")
        for i in range(24)
    ]
    slow = say(tmp_path / "slow.wav", speech(50, 9.0), "no")
    diagnosis = diagnose({"train": [*usual, slow]})
    assert kinds(diagnosis) == {"characters per second": [("train", "slow")]}
    assert diagnosis.findings[0].detail.startswith("0.2, where ")
    assert not diagnose({"train": [*usual[:10], slow]}).findings, "too few to know what is usual"


def test_leaks_between_splits(sound: dict[str, list[Utterance]], tmp_path: Path) -> None:
    stolen = tmp_path / "copy" / "stolen.flac"
    stolen.parent.mkdir()
    encode.write(stolen, soundfile.read(sound["test"][0].audio_filepath, dtype="float32")[0], RATE)
    sound["train"] += [
        Utterance(stolen, 1.0, "other words", "s9", "stolen"),
        say(tmp_path / "voice.wav", speech(20), "known voice", speaker="s4"),
        say(tmp_path / "words.wav", speech(21), "old fox", speaker="s8"),
        say(tmp_path / "twice.wav", speech(0), "twice the same", speaker="s7"),
        say(tmp_path / "named.wav", speech(22), "same name", speaker="s6", id="u5"),
    ]
    diagnosis = diagnose(sound)
    assert kinds(diagnosis) == {
        "repeated id": [("train", "u5"), ("test", "u5")],
        "recording in two splits": [("train", "stolen")],
        "speaker in two splits": [("train", "voice")],
        "sentence in two splits": [("train", "words")],
        "duplicate audio": [("train", "twice")],
    }
    details = {f.kind: f.detail for f in diagnosis.findings}
    assert details["recording in two splits"] == "also test: u5"
    assert details["speaker in two splits"] == "s4, also in dev"
    assert details["duplicate audio"] == "as u0, other text"
    left = {u.id for u in diagnosis.cleaned()["train"]}
    assert left == {"u0", "u1", "u2", "u3", "words", "u5"}
    assert "voice" in {u.id for u in diagnosis.cleaned(keep=["speaker in two splits"])["train"]}
    assert diagnosis.cleaned()["test"] == sound["test"]


def test_several_processes_find_the_same(sound: dict[str, list[Utterance]], tmp_path: Path) -> None:
    sound["train"] += [
        say(tmp_path / f"more{i}.wav", speech(30 + i, 0.2), f"more {'x' * i}") for i in range(40)
    ]
    sound["dev"].append(Utterance(tmp_path / "none.wav", 1.0, "gone"))
    done: list[int] = []
    assert diagnose(sound, processes=2, on_progress=done.append) == diagnose(sound)
    assert done[-1] == 46
    assert done == sorted(done)


def test_a_process_that_dies_is_explained(
    sound: dict[str, list[Utterance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> Any:
        raise PoolError("A process died.")

    monkeypatch.setattr(corpus_check, "in_order", die)
    with pytest.raises(CorpusError, match=r"process .*died, at .*u0\.wav or one of the 16 files.*--jobs 1"):
        diagnose(sound, processes=2)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["", "a", "b"])), min_size=1, max_size=30))
def test_any_text_is_judged(said: list[tuple[str, str]]) -> None:
    splits = {
        "a": [Utterance(Path("none.wav"), 1.0, t, s) for t, s in said],
        "b": [Utterance(Path("x"), 0.0, "a")],
    }
    diagnosis = diagnose(splits)
    assert {f.kind for f in diagnosis.findings} <= set(KINDS)
    assert len(diagnosis.by_kind()["missing audio"]) == len(said) + 1
    json.dumps(corpus_check.to_dict(diagnosis))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    assert examine((tmp_path, [(0.0, None)])) == Examined(error=examine((tmp_path, [(0.0, None)])).error)
    assert examine((tmp_path, [(0.0, None)])).error


# --- the command


@pytest.fixture
def written(sound: dict[str, list[Utterance]], tmp_path: Path) -> list[str]:
    sound["train"].append(say(tmp_path / "silent.wav", np.zeros(RATE, np.float32), "hush"))
    for name, utterances in sound.items():
        manifest.write(tmp_path / "m" / f"{name}.jsonl", utterances)
    return [str(tmp_path / "m" / f"{name}.jsonl") for name in sound]


def test_check_command(written: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, problems = tmp_path / "out", tmp_path / "problems.tsv"
    code = main(
        ["corpus", "check", "--processes", "1", "--write", str(out), "--list", str(problems), *written]
    )
    printed = capsys.readouterr()
    assert code == 1
    assert "silent audio !" in printed.out
    assert "train: silent" in printed.out
    assert "left out 1, 0.00 h" in printed.err
    assert [u.id for u in manifest.read(out / "train.jsonl")] == ["u0", "u1", "u2", "u3"]
    assert len(manifest.read(out / "test.jsonl")) == 1
    assert [line.split("\t")[:3] for line in problems.read_text().splitlines()] == [
        ["problem", "split", "id"],
        ["silent audio", "train", "silent"],
    ]
    assert (
        main(["corpus", "check", "--processes", "1", *(str(out / f"{n}.jsonl") for n in ("train", "test"))])
        == 0
    )


def test_check_command_in_json(written: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "check", "--processes", "1", "--format", "json", *written]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["serious"] is True
    assert found["splits"]["train"]["utterances"] == 5
    silent = found["problems"]["silent audio"]
    assert (silent["serious"], silent["utterances"]) == (True, 1)
    assert silent["findings"][0]["id"] == "silent"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--drop", "silent", "--write", "x", "{0}"], 2, "Unknown problem: 'silent'"),
        (["--drop", "silent audio", "{0}"], 2, "give -o DIR too"),
        (["--frames-per-second", "0", "{0}"], 2, "not a number above 0"),
        (["{0}", "{0}"], 2, "given twice"),
        (["{folder}/none.jsonl"], 1, "Can't read the manifest"),
        (["{folder}/bad.jsonl"], 1, "bad.jsonl, line 2: duration is 'long'; expected seconds"),
        (["{folder}/empty.jsonl"], 1, "has no utterances"),
        (
            ["--write", "{folder}/out", "--processes", "1", "{folder}/silent.jsonl"],
            1,
            "Nothing of silent would be left",
        ),
    ],
)
def test_check_command_errors(
    written: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    folder = tmp_path / "m"
    good = (folder / "train.jsonl").read_text().splitlines()
    (folder / "bad.jsonl").write_text(
        f'{good[0]}\n{{"audio_filepath": "a", "duration": "long", "text": ""}}\n'
    )
    (folder / "empty.jsonl").write_text("\n")
    (folder / "silent.jsonl").write_text(good[-1] + "\n")
    given_arguments = [a.format(written[0], folder=folder) for a in arguments]
    assert main(["corpus", "check", *given_arguments]) == code
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()
