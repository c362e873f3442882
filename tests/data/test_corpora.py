"""Each corpus on a small copy of its layout."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgru.data import Utterance, corpus_tools, manifest
from speechgru.data.corpora import (
    folder,
    free_spoken_digits,
    jsonl,
    librispeech,
    speech_commands,
    speechocean762,
    tedlium,
    tsv,
)
from speechgru.errors import CorpusError

RATE = 16000


def record(path: Path, seconds: float = 0.25) -> Path:
    """Write noise in the format of the extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE))
    codec = {".opus": ("OGG", "OPUS"), ".ogg": ("OGG", "VORBIS")}.get(path.suffix, (None, None))
    soundfile.write(path, noise, RATE, format=codec[0], subtype=codec[1])
    return path


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(utterances: list[Utterance]) -> list[tuple[str, str, str]]:
    return [(u.id, u.speaker, u.text) for u in utterances]


# --- LibriSpeech


def test_librispeech(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chapter = tmp_path / "dev-clean" / "84" / "121123"
    write(
        chapter / "84-121123.trans.txt",
        "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 LOST\n84-121123-0002 I'M\n\n",
    )
    record(chapter / "84-121123-0000.flac", 0.5)
    record(chapter / "84-121123-0002.opus", 0.25)
    other = tmp_path / "train-clean-100" / "19" / "198"
    write(other / "19-198.trans.txt", "19-198-0000 YES\r\n")
    record(other / "19-198-0000.ogg")
    (tmp_path / "notes").mkdir()
    with corpus_tools.collect_dropped() as dropped:
        splits = librispeech.prepare(tmp_path)
    assert {name: rows(us) for name, us in splits.items()} == {
        "dev-clean": [("84-121123-0000", "84", "go do you hear"), ("84-121123-0002", "84", "i'm")],
        "train-clean-100": [("19-198-0000", "19", "yes")],
    }
    assert [u.duration for u in splits["dev-clean"]] == pytest.approx([0.5, 0.25], abs=0.02)
    assert splits["dev-clean"][0].audio_filepath == chapter / "84-121123-0000.flac"
    assert [(d.utterance.id, d.reason) for d in dropped] == [("84-121123-0001", "missing audio")]
    assert [r.getMessage() for r in caplog.records] == [
        "librispeech dev-clean: left out 1 utterances: 1 missing audio (84-121123-0001)"
    ]


def test_librispeech_without_subsets(tmp_path: Path) -> None:
    (tmp_path / "LibriSpeech").mkdir()
    with pytest.raises(CorpusError, match="at least one of train-clean-100"):
        librispeech.prepare(tmp_path)


# --- speechocean762


def speechocean(root: Path) -> Path:
    for split, name, speaker in (("train", "000010011", "0001"), ("test", "000030012", "0003")):
        write(root / split / "text", f"{name}\tWE CALL IT BEAR\n")
        write(root / split / "utt2spk", f"{name}\t{speaker}\n")
        write(root / split / "spk2age", f"{speaker}\t{6 if split == 'train' else 41}\n")
        write(root / split / "wav.scp", f"{name}\tWAVE/SPEAKER{speaker}/{name}.WAV\n")
        record(root / "WAVE" / f"SPEAKER{speaker}" / f"{name}.opus")
    return root


def test_speechocean762(tmp_path: Path) -> None:
    root = speechocean(tmp_path)
    write(root / "train" / "text", "000010011\tWE CALL IT BEAR\n000020011\tGO\n")
    write(root / "train" / "utt2spk", "000010011\t0001\n000020011\t0010\n")
    write(root / "train" / "wav.scp", "".join(f"{n}\tWAVE/S/{n}.WAV\n" for n in ("000010011", "000020011")))
    for name in ("000010011", "000020011"):
        record(root / "WAVE" / "S" / f"{name}.opus")
    splits = speechocean762.prepare(root)
    assert {name: rows(us) for name, us in splits.items()} == {
        "train": [("000010011", "0001", "we call it bear")],
        "dev": [("000020011", "0010", "go")],
        "test": [("000030012", "0003", "we call it bear")],
    }
    assert speechocean762.ages(root) == {"0001": 6, "0003": 41}


def test_speechocean762_lists_what_has_no_audio(tmp_path: Path) -> None:
    root = speechocean(tmp_path)
    write(root / "test" / "text", "000030012\tGO\n000030013\tNO WAV.SCP LINE\n")
    with corpus_tools.collect_dropped() as dropped:
        assert len(speechocean762.prepare(root)["test"]) == 1
    assert [(d.utterance.id, d.reason) for d in dropped] == [("000030013", "missing audio")]


def test_speechocean762_errors(tmp_path: Path) -> None:
    root = speechocean(tmp_path)
    write(root / "train" / "spk2age", "0001 six\n")
    with pytest.raises(CorpusError, match="'six' in spk2age; expected"):
        speechocean762.ages(root)
    (root / "test" / "utt2spk").unlink()
    with pytest.raises(CorpusError, match="utt2spk"):
        speechocean762.prepare(root)


# --- Free Spoken Digits


@pytest.mark.parametrize("inner", ["recordings", ""])
def test_free_spoken_digits(tmp_path: Path, inner: str) -> None:
    for name in ("0_anna_0", "7_anna_10", "1_ben_0", "2_carl_0", "3_dora_1", "notes"):
        record(tmp_path / inner / f"{name}.wav")
    splits = free_spoken_digits.prepare(tmp_path)
    assert {name: rows(us) for name, us in splits.items()} == {
        "train": [("0_anna_0", "anna", "zero"), ("1_ben_0", "ben", "one"), ("7_anna_10", "anna", "seven")],
        "dev": [("2_carl_0", "carl", "two")],
        "test": [("3_dora_1", "dora", "three")],
    }


def test_free_spoken_digits_wants_three_speakers(tmp_path: Path) -> None:
    for name in ("0_anna_0", "1_ben_0"):
        record(tmp_path / f"{name}.wav")
    with pytest.raises(CorpusError, match=r"2 speakers \(anna, ben\); expected at least 3"):
        free_spoken_digits.prepare(tmp_path)


# --- folder


def test_folder(tmp_path: Path) -> None:
    record(tmp_path / "top.wav")
    write(tmp_path / "top.txt", "Lord, but I’m glad!")
    record(tmp_path / "anna" / "monday" / "b.one.flac")
    write(tmp_path / "anna" / "monday" / "b.one.txt", b"\xef\xbb\xbfFirst line,\r\nsecond line.\r\n")
    record(tmp_path / "anna" / "c.ogg")
    write(tmp_path / "anna" / "c.txt", "caf\xe9 \x93au lait\x94".encode("latin-1"))
    record(tmp_path / "anna" / "d.OGG".lower())
    write(tmp_path / "anna" / "d.txt", "two bytes".encode("utf-16"))
    write(tmp_path / "README.txt", "about")
    record(tmp_path / ".hidden" / "x.wav")
    assert rows(folder.prepare(tmp_path)["all"]) == [
        ("anna/c", "anna", "cafe au lait"),
        ("anna/d", "anna", "two bytes"),
        ("anna/monday/b.one", "anna", "first line second line"),
        ("top", "", "lord but i'm glad"),
    ]


def test_folder_lists_what_it_leaves_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, words in {
        "good": "yes",
        "empty": " \n",
        "symbol": "press #",
        "cyrillic": "да",
        "dots": "...",
    }.items():
        record(tmp_path / f"{name}.wav")
        write(tmp_path / f"{name}.txt", words)
    record(tmp_path / "untold.wav")
    write(tmp_path / "lost.txt", "no audio")
    write(tmp_path / "broken.wav", b"no sound at all")
    write(tmp_path / "broken.txt", "broken")
    with corpus_tools.collect_dropped() as dropped:
        assert [u.id for u in folder.prepare(tmp_path)["all"]] == ["good"]
    reasons = {d.utterance.id: d.reason for d in dropped}
    assert reasons.pop("broken").startswith("unreadable audio: ")
    assert reasons == {
        "empty": "empty text",
        "dots": "empty text",
        "untold": "empty text",
        "lost": "missing audio",
        "symbol": "text that can't be read out: '#'",
        "cyrillic": "text that can't be read out: 'а' 'д'",
    }
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert (
        "left out 7 utterances: 3 empty text, 2 text that can't be read out" in caplog.records[0].getMessage()
    )
    assert all(d.utterance.duration >= 0 for d in dropped)


def test_folder_prefers_lossless_audio(tmp_path: Path) -> None:
    for extension in ("ogg", "flac", "wav"):
        record(tmp_path / f"a.{extension}")
    write(tmp_path / "a.txt", "a")
    assert [u.audio_filepath.name for u in folder.prepare(tmp_path)["all"]] == ["a.flac"]


@pytest.mark.parametrize("content", [b"RIFF\0\0\0\0", b"\xff\xfea"])
def test_a_transcript_that_is_not_text_is_named(tmp_path: Path, content: bytes) -> None:
    record(tmp_path / "a.wav")
    write(tmp_path / "a.txt", content)
    with pytest.raises(CorpusError, match=r"a\.txt is not text"):
        folder.prepare(tmp_path)


def test_ids_are_the_same_wherever_the_corpus_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "two"):
        record(tmp_path / place / "x" / "a.wav")
        write(tmp_path / place / "x" / "a.txt", "a")
    monkeypatch.chdir(tmp_path / "two")
    assert (
        rows(folder.prepare(tmp_path / "one")["all"])
        == rows(folder.prepare(Path("."))["all"])
        == [("x/a", "x", "a")]
    )


def test_recordings_of_ones_own_are_in_the_language_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path / "a.wav")
    record(tmp_path / "b.wav")
    write(tmp_path / "a.txt", "Fünf Äpfel, bitte!")
    write(tmp_path / "b.txt", "5 Äpfel")
    write(tmp_path / "t.tsv", "a\tFünf Äpfel, bitte!\nb\t5 Äpfel\n")
    lines = [{"audio_filepath": "a.wav", "duration": 1, "text": "Fünf Äpfel, bitte!"}]
    lines += [{"audio_filepath": "b.wav", "duration": 1, "text": "5 apples", "lang": "en-GB"}]
    write(tmp_path / "m.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    for module, place in ((folder, tmp_path), (tsv, tmp_path / "t.tsv")):
        english, german = (module.prepare(place, *said)["all"] for said in ((), ("de",)))
        assert [(u.text, u.language) for u in english] == [
            ("funf apfel bitte", "en"),
            ("five apfel", "en"),
        ]
        assert [(u.text, u.language) for u in german] == [("fünf äpfel bitte", "de")]
    assert [(u.text, u.language) for u in jsonl.prepare(tmp_path / "m.jsonl", "de")["all"]] == [
        ("fünf äpfel bitte", "de"),
        ("five apples", "en-GB"),
    ]
    warned = [r.getMessage() for r in caplog.records if "letters that English lacks" in r.getMessage()]
    assert len(warned) == 2, "where nobody said"
    assert (
        "2 of 2 texts hold letters that English lacks (Ä ü)" in warned[0] and "corpus.language" in warned[0]
    )


# --- tsv


def test_tsv(tmp_path: Path) -> None:
    record(tmp_path / "en" / "hello.opus")
    record(tmp_path / "en" / "deep" / "two.flac")
    table = write(
        tmp_path / "t.tsv",
        "path\ttext\r\nen/hello.opus\tPress 1!\r\n\r\nen/deep/two.wav\ttwo\tanna\nen/no.wav\tno\n",
    )
    with corpus_tools.collect_dropped() as dropped:
        splits = tsv.prepare(table)
    assert rows(splits["all"]) == [("en/hello", "", "press one"), ("en/deep/two", "anna", "two")]
    assert [(d.utterance.id, d.reason) for d in dropped] == [("en/no", "missing audio")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.wav\ta\nb.wav no tab\n", r"t\.tsv, line 2: 1 columns in 'b.wav no tab'; expected"),
        ("a.wav\ta\tb\tc\n", "line 1: 4 columns"),
        ("\ttext\n", "line 1: 2 columns"),
        ("a.wav\tone\na.wav\ttwo\n", "1 ids occur more than once, the first is 'a'"),
    ],
)
def test_tsv_errors(tmp_path: Path, content: str, message: str) -> None:
    record(tmp_path / "a.wav")
    with pytest.raises(CorpusError, match=message):
        tsv.prepare(write(tmp_path / "t.tsv", content))


# --- jsonl


def test_jsonl(tmp_path: Path) -> None:
    sound = record(tmp_path / "wav" / "a.wav")
    given = [
        Utterance(sound, 0.1, "Number 1"),
        Utterance(sound, 0.15, "two", "anna", offset=0.1),
        Utterance(sound, 0.25, "both", "anna", "mine"),
        Utterance(tmp_path / "none.wav", 0.25, "none"),
    ]
    manifest.write(tmp_path / "m.jsonl", given)
    with corpus_tools.collect_dropped() as dropped:
        utterances = jsonl.prepare(tmp_path / "m.jsonl")["all"]
    assert rows(utterances) == [
        ("wav/a", "", "number one"),
        ("wav/a@0.1", "anna", "two"),
        ("mine", "anna", "both"),
    ]
    assert [(u.duration, u.offset) for u in utterances] == [(0.1, 0.0), (0.15, 0.1), (0.25, 0.0)]
    assert [(d.utterance.id, d.reason) for d in dropped] == [("none", "missing audio")]


def test_jsonl_errors(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"m\.jsonl, line 1: not JSON"):
        jsonl.prepare(write(tmp_path / "m.jsonl", "no"))
    manifest.write(tmp_path / "m.jsonl", [Utterance(tmp_path / "a.wav", 1.0, "a")] * 2)
    with pytest.raises(CorpusError, match="more than once, the first is 'a'"):
        jsonl.prepare(tmp_path / "m.jsonl")


# --- Speech Commands


def test_speech_commands(tmp_path: Path) -> None:
    record(tmp_path / "bed" / "00176480_nohash_0.wav")
    record(tmp_path / "cat" / "00176480_nohash_0.wav")
    record(tmp_path / "cat" / "11111111_nohash_0.wav")
    record(tmp_path / "cat" / "22222222_nohash_0.wav")
    record(tmp_path / "cat" / "stray.wav")
    record(tmp_path / "_background_noise_" / "x_nohash_0.wav")
    write(tmp_path / "validation_list.txt", "cat/11111111_nohash_0.wav\n")
    write(tmp_path / "testing_list.txt", "cat/22222222_nohash_0.wav\n")
    assert {split: rows(us) for split, us in speech_commands.prepare(tmp_path).items()} == {
        "train": [
            ("bed/00176480_nohash_0", "00176480", "bed"),
            ("cat/00176480_nohash_0", "00176480", "cat"),
        ],
        "dev": [("cat/11111111_nohash_0", "11111111", "cat")],
        "test": [("cat/22222222_nohash_0", "22222222", "cat")],
    }


def test_texts_in_another_language_are_told_from_a_broken_archive(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16000)
    entries = [corpus_tools.Entry("a", tmp_path / "a.wav", "привет")]
    with pytest.raises(
        CorpusError, match=r"the first is 'a' \(text that can't be read out: 'в' .*another language\?"
    ):
        corpus_tools.utterances(entries, "mine")
    (found,) = corpus_tools.utterances(entries, "mine", "ru")
    assert found.text == "привет"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "x/" * 3000, "..", "."])
def test_names_that_no_file_can_have_are_missing_audio(tmp_path: Path, name: str) -> None:
    record(tmp_path / "a.wav")
    write(tmp_path / "t.tsv", f"a.wav\tA cat.\n{name}\tThe dog.\n".replace("\0", "\x01"))
    assert [u.id for u in tsv.prepare(tmp_path / "t.tsv")["all"]] == ["a"]
    lines = [
        {"audio_filepath": n, "duration": 0.25, "text": "a cat"}
        for n in ("a.wav", name.replace("\0", "\x01"))
    ]
    write(tmp_path / "m.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert [u.id for u in jsonl.prepare(tmp_path / "m.jsonl")["all"]] == ["a"]


@pytest.mark.parametrize("end", ["inf", "1e400", "1e300"])
def test_segments_without_an_end_are_refused(tmp_path: Path, end: str) -> None:
    for split in ("train", "dev", "test"):
        record(tmp_path / "legacy" / split / "sph" / "a.wav")
        write(tmp_path / "legacy" / split / "stm" / "a.stm", f"a 1 s 0.0 {end} <o> words\n")
    with pytest.raises(CorpusError, match=r"a\.stm, line 1:.*times in seconds"):
        tedlium.prepare(tmp_path)
