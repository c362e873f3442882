"""Errors name the file they are about, warnings their kind, also after a trip through a process pool."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest

from speechgru import audio
from speechgru.audio import encode
from speechgru.cli.audio import _files as files
from speechgru.errors import LONGEST, AudioError, AudioWarning, SpeechGruError
from speechgru.utils import console


def test_an_error_keeps_its_source_in_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(AudioError("a.wav is empty.", source=Path("a.wav"))))
    assert (str(error), error.source) == ("a.wav is empty.", "a.wav")
    assert SpeechGruError("no file at all").source == ""


def test_a_warning_keeps_its_kind_in_a_pickle() -> None:
    warning = AudioWarning("clipped", "clipped: 1.0 %")
    again = pickle.loads(pickle.dumps(warning))
    assert (again, again.kind, str(again)) == (warning, "clipped", "clipped: 1.0 %")
    assert hash(again) == hash(warning)
    assert again != AudioWarning("narrow", "clipped: 1.0 %")


@pytest.mark.parametrize("content", [b"", b"no sound at all", None])
def test_what_can_not_be_read_is_the_source(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        audio.read(path)
    assert caught.value.source == str(path)


def test_kinds_of_warnings(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    rng = np.random.default_rng(0)
    loud = np.clip(20 * rng.standard_normal(8000), -1, 1)
    encode.write(path, loud, 8000)
    path.write_bytes(path.read_bytes()[:-4000])
    with audio.AudioStream(path) as stream:
        list(stream)
    assert [warning.kind for warning in stream.warnings] == ["truncated", "clipped", "narrow"]
    with pytest.warns(AudioWarning) as told:
        audio.read(path)
    assert [each.message.kind for each in told] == ["truncated", "clipped", "narrow"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (AudioError("a.wav is empty.", source="a.wav"), "error: a.wav is empty."),
        # That a name occurs in a message says nothing: data.wav isn't a.wav.
        (AudioError("data.wav is empty.", source="data.wav"), "error: a.wav: data.wav is empty."),
        (AudioError("Too short."), "error: a.wav: Too short."),
        (FileNotFoundError(2, "No such file", "a.wav"), "error: [Errno 2] No such file: 'a.wav'"),
        (OSError(28, "No space left"), "error: a.wav: [Errno 28] No space left"),
    ],
)
def test_a_report_names_the_recording_once(
    error: SpeechGruError | OSError, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files.report("a.wav", error)
    assert capsys.readouterr().err.strip() == f"speechgru: {line}"


def test_a_message_steers_no_terminal_and_fills_no_screen() -> None:
    assert str(AudioError("a\x1b[31m b\x9b1m \u202e c\td\ne\0")) == "a\\x1b[31m b\\x9b1m \\u202e c\td\ne\\x00"
    assert str(AudioWarning("clipped", "\x1b]0;x\x07")) == "\\x1b]0;x\\x07"
    message = str(SpeechGruError("a.wav: " + "[" * 100_000 + " is no text. Expected words."))
    assert len(message) <= LONGEST and message.startswith("a.wav: [") and message.endswith("Expected words.")
    assert str(SpeechGruError("Ünïcode: 日本語 \u00a0 \U0001f3b5")) == "Ünïcode: 日本語 \u00a0 \U0001f3b5"


def test_notes_and_the_log_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("note: \x1b[2J")
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "left out %s", ("\x1b[2J",), None)
    assert console._Printable("%(message)s").format(record) == "left out \\x1b[2J"
    assert capsys.readouterr().err == "speechgru: note: \\x1b[2J\n"
