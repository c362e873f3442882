"""Text and recording put together, where every letter is a beep and so every word's place is known."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import FRAME, LETTER_SECONDS, PAUSE_SECONDS, RATE, Engine, beep, recognizer, sentence, spoken

from speechgru import cli
from speechgru.alignment import Aligner, Alignment, align_text
from speechgru.alignment.text import align_emissions, as_dict
from speechgru.audio import read
from speechgru.audio.array import Sound
from speechgru.errors import AudioError, TextError
from speechgru.inference import load_recognizer
from speechgru.inference.emissions import posteriors
from speechgru.inference.word_times import Times, silences
from speechgru.text import Vocabulary
from speechgru.transcript import Word

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

NEAR = 1.01 * FRAME / RATE  # a tone may begin within a frame
GAP_NEAR = 2 * NEAR  # the times of a gap are a frame wider


def _places(text: str) -> list[tuple[str, float, float]]:
    """Where the words of `beep(text)` lie: from the start of the first tone to the end of the last one."""
    found: list[tuple[str, float, float]] = []
    word, start, now = "", 0.0, 0.3
    for letter in f"{text} ":
        if letter in " |":
            if word:
                found.append((word, start, now - LETTER_SECONDS / 2))
            word = ""
        elif not word:
            word, start = letter, now
        else:
            word += letter
        now += PAUSE_SECONDS if letter == "|" else LETTER_SECONDS
    return found


def _align(said: str, text: str, times: Times | None = None) -> Alignment:
    heard = recognizer()
    heard.times = times
    return align_text(heard, Sound(beep(said)), text)


def _assert_near(words: tuple[Word, ...], places: list[tuple[str, float, float]]) -> None:
    assert len(words) == len(places)
    for word, (_, start, end) in zip(words, places):
        assert word.start == pytest.approx(start, abs=NEAR)
        assert word.end == pytest.approx(end, abs=NEAR)


# ------------------------------------------------------------------------------------------- posteriors


@pytest.mark.parametrize("pause_every", [0, 6])
def test_pieces_on_one_grid_are_the_whole(pause_every: int) -> None:
    """The engine of beeps hears each frame alone, so where the recording is cut may not change anything."""
    signal = beep(sentence(80, 3, pause_every))
    heard = recognizer(batch_size=3)
    found = posteriors(heard, Sound(signal))
    (whole,) = heard.log_probs([signal])
    assert len(signal) > 45 * RATE
    assert found.job.duration == len(signal) / RATE
    same = (found.log_probs[: len(whole)] == whole).all(axis=1)
    # A piece that ends within a frame lets that frame go; it lies in a pause.
    assert same.mean() > 0.98
    assert (found.log_probs.argmax(axis=1)[: len(whole)] == whole.argmax(axis=1)).all()


def test_where_nothing_is_heard_is_blank() -> None:
    engine = Engine()
    heard = recognizer()
    heard.engine = engine
    found = posteriors(heard, Sound(np.zeros(3 * RATE, np.float32)))
    assert found.log_probs.shape == (75, len(engine.vocabulary))
    assert np.exp(found.log_probs).sum(axis=1) == pytest.approx(1.0)
    assert not engine.batches


def test_silences_of_the_pieces_are_those_of_the_whole() -> None:
    signal = beep(sentence(80, 3, pause_every=6))
    heard = recognizer()
    heard.times = Times(0.0, 0.0, 0.3, 0.3)
    found = posteriors(heard, Sound(signal)).silences
    assert found == pytest.approx(silences(signal, RATE, heard.times), abs=0.021)
    assert all(before[1] < after[0] for before, after in pairwise(found))


def test_progress_rises_to_one() -> None:
    fractions: list[float] = []
    posteriors(recognizer(), Sound(beep(sentence(80, 0, 6))), fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_bad_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.wav"):
        align_text(recognizer(), str(tmp_path / "none.wav"), "hello")


# -------------------------------------------------------------------------------------------- alignment


@pytest.mark.parametrize("pause_every", [0, 6])
def test_words_of_a_long_recording_lie_where_they_were_said(pause_every: int) -> None:
    said = sentence(120, 5, pause_every)
    words = _align(said, spoken(said)).transcript.words
    assert [word.text for word in words] == spoken(said).split()
    _assert_near(words, _places(said))
    assert all(a.end <= b.start for a, b in pairwise(words))
    assert all(word.confidence == pytest.approx(0.9) for word in words)


def test_the_spelling_is_kept_and_several_spoken_words_share_a_span() -> None:
    said = "in nineteen ninety he paid five million dollars"
    found = _align(said, "In 1990, he — paid\n$5 million!").transcript
    assert [segment.text for segment in found.segments] == ["In 1990, he — paid", "$5 million!"]
    places = {word: (start, end) for word, start, end in _places(said)}
    number = found.words[1]
    assert number.text == "1990,"
    assert number.start == pytest.approx(places["nineteen"][0], abs=NEAR)
    assert number.end == pytest.approx(places["ninety"][1], abs=NEAR)


def test_unsaid_words_have_no_times_and_disturb_nobody() -> None:
    said = "the cat sat |on the mat"
    found = _align(said, "The cat quietly sat\nby a miracle\non the mat, purring.")
    assert found.missing == ("quietly", "by", "a", "miracle", "purring.")
    assert [segment.text for segment in found.transcript.segments] == ["The cat sat", "on the mat,"]
    _assert_near(found.transcript.words, _places(said))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("347", "three hundred forty seven"),
        ("347", "three hundred and forty seven"),
        ("347", "three forty seven"),
        ("347", "three four seven"),
        ("2016,", "two thousand and sixteen"),
        ("2016,", "twenty sixteen"),
        ("$5.50", "five fifty"),
        ("3:45", "quarter to four"),
        ("5/6/2016", "the sixth of may two thousand sixteen"),
        ("221B", "two twenty one b"),
        ("Mr.", "mister"),
    ],
)
def test_the_reading_that_is_spoken_is_taken(written: str, read: str) -> None:
    """Words and neighbours lie where they are, whichever it is."""
    said = f"he saw {read} then again"
    alignment = _align(said, f"he saw {written} then again")
    words = alignment.transcript.words
    places = _places(said)
    whole = (written, places[2][1], places[-3][2])
    assert [word.text for word in words] == ["he", "saw", written, "then", "again"]
    _assert_near(words, [*places[:2], whole, *places[-2:]])
    assert as_dict(alignment)["segments"][0]["words"][2]["reading"] == read


def test_a_number_that_is_read_otherwise_keeps_its_gap_and_drags_nobody() -> None:
    said = "he saw elephants then again"
    found = _align(said, "he saw 347 then again")
    places = _places(said)
    words = found.transcript.words
    _assert_near((*words[:2], *words[3:]), [*places[:2], *places[3:]])
    number = found.lines[0][2]
    assert (number.text, number.is_spoken, number.word and number.word.confidence) == ("347", False, 0.0)
    assert found.missing == () and [word.text for word in found.replaced] == ["347"]
    word = as_dict(found)["segments"][0]["words"][2]
    assert (word["text"], word["spoken"]) == ("347", False)
    assert (word["start"], word["end"]) == pytest.approx(places[2][1:], abs=GAP_NEAR)


def test_a_number_that_nobody_spoke_has_no_times() -> None:
    found = _align("he saw |then again", "he saw 347 then again")
    assert found.missing == ("347",)
    assert [word.text for word in found.transcript.words] == ["he", "saw", "then", "again"]


def test_numbers_in_a_row_are_each_read_in_their_own_way() -> None:
    said = "three four seven |twenty sixteen |three forty seven"
    words = _align(said, "347 2016 347").transcript.words
    places = _places(said)
    _assert_near(
        words,
        [
            ("", places[0][1], places[2][2]),
            ("", places[3][1], places[4][2]),
            ("", places[5][1], places[7][2]),
        ],
    )


def test_a_word_in_place_of_another_keeps_the_times_of_that() -> None:
    said = "the cat sat on hippopotamus again"
    found = _align(said, "the cat sat on mat again")
    (mat,) = found.replaced
    places = _places(said)
    assert (mat.start, mat.end) == pytest.approx(places[4][1:], abs=GAP_NEAR)
    assert [word.text for word in found.transcript.words] == ["the", "cat", "sat", "on", "again"]
    _assert_near(found.transcript.words, [*places[:4], places[5]])


def test_speech_beside_the_text_is_passed_over() -> None:
    said = "welcome to this recording |the cat sat |and now a word from our sponsors |on the mat |goodbye"
    found = _align(said, "the cat sat on the mat")
    assert not found.missing
    kept = [place for place in _places(said) if place[0] in {"the", "cat", "sat", "on", "mat"}]
    _assert_near(found.transcript.words, kept)


def test_another_recordings_text_is_said_to_be_one() -> None:
    found = _align("the cat sat on the mat", "wherefore quibble unforeseen xylophones")
    assert found.transcript.words == ()
    assert "only 0 of the text's 4 words" in found.transcript.warnings[-1].text


def test_times_are_corrected_by_the_pauses_as_those_of_a_transcript() -> None:
    said = "one|two|three"
    found = _align(said, "one two three", Times(start=0.05, end=0.05, reach=0.3, quiet=0.3)).transcript.words
    for word, (_, start, end) in zip(found, _places(said), strict=True):
        assert (word.start, word.end) == pytest.approx((start, end), abs=0.011)


def test_json_has_every_word_of_the_text() -> None:
    found = as_dict(_align("the cat sat", "the fluffy cat\nabracadabra\nsat"))
    assert found["text"] == "the fluffy cat abracadabra sat"
    assert [segment["text"] for segment in found["segments"]] == ["the fluffy cat", "abracadabra", "sat"]
    words = [word for segment in found["segments"] for word in segment["words"]]
    assert [word["spoken"] for word in words] == [True, False, True, False, True]
    assert words[1] == {"text": "fluffy", "start": None, "end": None, "confidence": 0.0, "spoken": False}
    assert found["segments"][1]["start"] is None
    assert found["segments"][0]["start"] == words[0]["start"]
    json.dumps(found, allow_nan=False)


def test_a_text_longer_than_its_recording() -> None:
    with pytest.raises(TextError, match=r"longer than the recording: its 300 characters .* 1\.1 s of sound"):
        _align("abc", "abc " * 100)


def test_a_text_without_words() -> None:
    with pytest.raises(TextError, match="no words"):
        _align("abc", "*** 世界 ***")


def test_letters_that_the_model_lacks() -> None:
    heard = recognizer()
    heard.engine.vocabulary = Vocabulary(("<blank>", *"abc"))
    with pytest.raises(TextError, match=r"doesn't write: 'dx'"):
        align_text(heard, Sound(beep("abc")), "cab dax")


def test_a_model_without_a_space() -> None:
    class Spaceless(Engine):
        vocabulary = Vocabulary(("<blank>", *"abcdefghijklmnopqrstuvwxyz"))

        def __call__(self, features: Any, lengths: Any) -> Any:
            log_probs, lengths = super().__call__(features, lengths)
            return log_probs[:, :, [0, *range(2, 28)]], lengths

    heard = recognizer()
    heard.engine = Spaceless()
    found = align_text(heard, Sound(beep("in nineteen ninety a cat")), "in 1990 a cat").transcript.words
    places = {word: (start, end) for word, start, end in _places("in nineteen ninety a cat")}
    assert [word.text for word in found] == ["in", "1990", "a", "cat"]
    assert found[3].start == pytest.approx(places["cat"][0], abs=NEAR)


# ------------------------------------------------------------------------------------------ real speech


def _joined_digits(speaker: str, digits: str) -> Sound:
    data = os.environ.get("SPEECHGRU_DATA")
    folder = Path(data or "") / "speech/free-spoken-digit-dataset/recordings"
    if data is None or not folder.is_dir():
        pytest.skip("no $SPEECHGRU_DATA with the Free Spoken Digit Dataset")
    parts = [read(folder / f"{d}_{speaker}_{3 + i}.wav", 16000) for i, d in enumerate(digits)]
    margin = np.random.default_rng(0).normal(0, 1e-4, 8000).astype(np.float32)
    return Sound(np.concatenate([margin, *parts, margin]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::speechgru.errors.AudioWarning")
@pytest.mark.parametrize("speaker", ["lucas", "yweweler"])
def test_joined_digits_are_all_spoken_and_a_number_is_read_digit_by_digit(speaker: str) -> None:
    english = load_recognizer(decoder="greedy")
    emissions = posteriors(english, _joined_digits(speaker, "34720169"))
    digits = align_emissions(english, emissions, " ".join(DIGITS[int(d)] for d in "34720169"))
    assert not digits.missing and not digits.replaced
    number = align_emissions(english, emissions, "347 2016 9")
    assert [unit.readings[0] for unit in number.lines[0]] == ["three four seven", "two zero one six", "nine"]
    assert not number.missing and not number.replaced


# ---------------------------------------------------------------------------------------- command line


Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The real command line in an empty folder, with an engine that hears beeps. Gives code, stdout, stderr."""
    monkeypatch.setattr("speechgru.alignment.models.load_aligner", lambda *_, **__: Aligner(recognizer()))
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", beep("the cat sat"), RATE)
    Path("a.txt").write_text("The cat, miraculously, sat.")

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["align", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


def test_json_is_the_default_and_what_was_not_found_is_named(run: Run) -> None:
    code, out, err = run("a.wav", "a.txt")
    found = json.loads(out)
    assert (code, found["text"], found["model"]) == (0, "The cat, miraculously, sat.", "beeps")
    assert err == "speechgru: note: a.wav: 1 of 4 words were not found in it: 'miraculously,'\n"


def test_what_is_spoken_in_place_of_a_word_is_named(run: Run) -> None:
    Path("a.txt").write_text("The 347 sat.")
    code, out, err = run("a.wav", "a.txt", "--format", "srt")
    assert code == 0
    assert "The 347 sat." in out
    assert (
        err == "speechgru: note: a.wav: in place of 1 of 3 words something else is spoken: '347' at 0.86 s\n"
    )


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("ctm", "a 1 0.900 0.440 cat, 0.9000"),
        ("srt", "The cat, sat."),
        ("vtt", "WEBVTT"),
        ("tsv", "start\tend\ttext"),
        ("textgrid", 'text = "cat,"'),
    ],
)
def test_formats(run: Run, format_: str, expected: str) -> None:
    code, out, _ = run("a.wav", "a.txt", "--format", format_)
    assert code == 0
    assert expected in out
    assert run("a.wav", "a.txt", "--format", format_, "-o", "out")[:2] == (0, "")
    assert Path("out").read_text() == out


def test_text_or_recording_from_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run("a.wav", "a.txt", "--format", "tsv")[1]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path("a.txt").read_bytes())))
    assert run("a.wav", "-", "--format", "tsv")[1] == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path("a.wav").read_bytes())))
    assert run("-", "a.txt", "--format", "tsv")[1] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "-"), "both be standard input"),
        (("a.wav", "a.txt", "-o", "a.txt"), "is a file that is read"),
        (("a.wav", "a.txt", "-o", "./a.wav"), "is a file that is read"),
        (("a.wav", "a.txt", "-o", "."), "is a folder"),
        (("a.wav", "a.txt", "--plot", "a.jpg"), "PNG"),
        (("-", "a.txt", "--plot", "a.png"), "standard input"),
        (("a.wav", "a.txt", "-o", "a.png", "--plot", "a.png"), "both be a.png"),
        (("a.wav", "a.txt", "--format", "doc"), "Unknown choice"),
        (("a.wav",), "Not given: TEXT"),
    ],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(path.read_bytes() for path in Path().iterdir())
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(path.read_bytes() for path in Path().iterdir()) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "a.txt is empty"),
        ("café".encode("latin-1"), "a.txt is not UTF-8: byte 0xe9 in line 1"),
        (b"the cat sat " * 50, "longer than the recording"),
        (b"***", "no words"),
    ],
)
def test_bad_texts_leave_nothing_behind(run: Run, text: bytes, message: str) -> None:
    Path("a.txt").write_bytes(text)
    code, out, err = run("a.wav", "a.txt", "-o", "out.json", "--plot", "out.png")
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("speechgru: error: ") and err.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["a.txt", "a.wav"]


def test_a_bad_recording_leaves_nothing_behind(run: Run) -> None:
    Path("bad.wav").write_bytes(b"RIFF" + bytes(100))
    code, out, err = run("bad.wav", "a.txt", "-o", "out.json")
    assert (code, out) == (1, "")
    assert "bad.wav" in err
    assert not Path("out.json").exists()


def test_of_a_truncated_recording_what_is_there_is_aligned(run: Run) -> None:
    said = sentence(40, 0)
    soundfile.write("cut.flac", beep(said), RATE)
    data = Path("cut.flac").read_bytes()
    Path("cut.flac").write_bytes(data[: len(data) // 2])
    Path("a.txt").write_text(said)
    code, out, err = run("cut.flac", "a.txt")
    words = [word for segment in json.loads(out)["segments"] for word in segment["words"]]
    assert code == 1
    assert "warning" in err
    found = [word["spoken"] for word in words]
    assert all(found[:15])
    assert sum(found[-15:]) <= 1  # the last tones, of a word that breaks off, may pass for a short one
