"""How transcripts are shown: subtitles as asked for, capitals and punctuation, confidence in colour."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import soundfile
import taggers
from beeps import RATE, beep, recognizer, save_checkpoint
from commands import Run, runner

from speechgru import Segment, Transcript, Word
from speechgru.cli import _rendering as rendering
from speechgru.utils import console

RED, YELLOW, GREEN, RESET = "\033[31m", "\033[33m", "\033[32m", "\033[0m"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Run:
    """`transcribe a.wav` and more arguments, with an engine that recognizes beeps, and a tagger tagger.safetensors."""
    monkeypatch.setattr(
        "speechgru.inference.load.load_recognizer", lambda *_, batch_size, **__: recognizer(batch_size)
    )
    soundfile.write("a.wav", beep("we stop in paris comma"), RATE)
    taggers.save(folder / "tagger.safetensors")
    return runner(capsys, "transcribe", "a.wav")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


PUNCTUATE = ("--punctuate", "--punctuation-model", "tagger.safetensors")


@pytest.mark.parametrize(("form", "lines"), [("txt", 1), ("srt", 3), ("vtt", 4), ("ass", 14), ("lrc", 2)])
def test_texts_to_read_are_punctuated_when_asked(run: Run, form: str, lines: int) -> None:
    plain, made = run("--format", form), run("--format", form, *PUNCTUATE)
    assert (made.code, made.err) == (0, "")
    assert "we stop in paris comma" in plain.out.replace("\n", " ").replace(r"\N", " ")
    assert "We stop. In Paris comma." in made.out.replace("\n", " ").replace(r"\N", " ")


@pytest.mark.parametrize("form", ["json", "ctm", "tsv", "textgrid"])
def test_what_programs_score_keeps_its_words(run: Run, form: str) -> None:
    refused = run("--format", form, "--punctuate")
    assert (refused.code, refused.out) == (2, "") and "keeps the words as they were" in refused.err


def test_several_recordings_and_files_are_punctuated_too(run: Run, folder: Path) -> None:
    assert run("b.wav", *PUNCTUATE).code == 1  # b.wav isn't there; a.wav is done
    done = run("--output-dir", "out", *PUNCTUATE)
    assert done.code == 0 and Path("out/a.txt").read_text() == "We stop. In Paris comma.\n"
    soundfile.write("c.wav", beep("comma we stop"), RATE)
    assert run("c.wav", *PUNCTUATE).out == "a.wav\tWe stop. In Paris comma.\nc.wav\tComma, we stop.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--punctuation-model", "tagger.safetensors"], "pass --punctuate too"),
        (["--max-words", "0", "--format", "srt"], "max_words is 0; expected 1 or more"),
        (["--max-words", "3"], "--max-words: for subtitles"),
        (["--karaoke", "--format", "srt"], "vtt, ass or lrc"),
        (["--highlight-words", "--karaoke", "--format", "vtt"], "Choose one"),
        (["--highlight-words", "--format", "lrc"], "srt, vtt or ass"),
        (["--color", "--format", "json"], "--color is for text"),
        (["--color=sometimes"], "put --color behind the recordings"),
        (["--max-lines", "two", "--format", "srt"], "invalid int value: 'two'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    run: Run, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("speechgru.inference.load.load_recognizer", load)
    refused = run(*options)
    assert refused.code == 2 and message in refused.err


def test_a_missing_tagger_is_told_before_any_work(run: Run) -> None:
    refused = run("--punctuate", "--punctuation-model", "none.safetensors")
    assert refused.code == 1 and "none.safetensors" in refused.err and not refused.out


def test_subtitles_are_laid_out_as_asked(run: Run) -> None:
    assert run("--format", "srt", "--max-words", "2").out.count(" --> ") == 3
    narrow = run("--format", "vtt", "--max-line-width", "8", "--max-lines", "1").out.splitlines()
    assert [line for line in narrow if line and "-->" not in line] == [
        "WEBVTT",
        "we stop",
        "in paris",
        "comma",
    ]
    assert run("--format", "srt", "--highlight-words").out.count("<u>") == 5
    assert run("--format", "ass", "--karaoke").out.count(r"\kf") == 5


def test_align_lays_out_its_subtitles_too(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = save_checkpoint(tmp_path / "beeps.safetensors")
    monkeypatch.setattr("speechgru.alignment.models.load_ctc", lambda *_, **__: recognizer())
    Path("a.txt").write_text("We stop in Paris, comma!")
    align = runner(capsys, "align", "a.wav", "a.txt", "--model", str(model))
    assert align("--format", "lrc", "--max-words", "1").out.count("[00:0") >= 6
    refused = align("--max-words", "1")
    assert refused.code == 2 and "for subtitles" in refused.err


def test_confidence_is_coloured_and_control_characters_are_not_passed_on() -> None:
    words = (Word("sure", 0, 1, 0.9), Word("maybe", 1, 2, 0.7), Word("n\033[2Jo", 2, 3, 0.2))
    assert rendering.colored(Transcript((Segment(words),), 3.0)).text == (
        f"{GREEN}sure{RESET} {YELLOW}maybe{RESET} {RED}n[2Jo{RESET}"
    )


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    terminal, pipe = Terminal(), io.StringIO()
    assert console.use_color("auto", terminal) and not console.use_color("auto", pipe)
    assert console.use_color("always", pipe) and not console.use_color("never", terminal)
    monkeypatch.setenv("NO_COLOR", "")  # empty: not set, says no-color.org
    assert console.use_color("auto", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not console.use_color("auto", terminal) and console.use_color("always", terminal)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not console.use_color("auto", terminal)


def test_a_pipe_gets_colours_only_when_forced(run: Run) -> None:
    plain = run().out
    assert run("--color").out == plain == "we stop in paris comma\n"
    forced = run("--color=always").out
    assert forced.count(GREEN) == 5 and re.sub(r"\033\[\d+m", "", forced) == plain
