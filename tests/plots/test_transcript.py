"""The picture of a recording: what is drawn and where, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import RATE, beep, recognizer

from speechgru import cli
from speechgru.alignment import Aligner
from speechgru.errors import AudioError, UsageError
from speechgru.plots import transcript as transcript_plot
from speechgru.transcript import Segment, Transcript, Word

PNG = b"\x89PNG\r\n\x1a\n"


def _tone(seconds: float, hertz: float) -> np.ndarray[Any, Any]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def _transcript(duration: float, *words: Word) -> Transcript:
    return Transcript((Segment(words),) if words else (), duration, source="folder/talk.wav")


def _texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_row_for_every_ten_seconds() -> None:
    figure = transcript_plot.draw(_transcript(25.0), np.concatenate([_tone(25, 440)]))
    sounds = [axes for axes in figure.axes if axes.images]
    assert [axes.get_xlim() for axes in sounds] == [(0, 10), (10, 20), (20, 30)]
    assert all(axes.get_ylabel() == "kHz" for axes in sounds)
    assert [axes.get_xlabel() for axes in sounds] == ["", "", "seconds"]
    assert "talk.wav, 25.0 s" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("hertz", [500, 2000, 6000])
def test_a_tone_is_drawn_at_its_own_frequency_and_time(hertz: float) -> None:
    signal = np.concatenate([np.zeros(2 * RATE, np.float32), _tone(3, hertz)])
    figure = transcript_plot.draw(_transcript(5.0), signal)
    (sound,) = (axes for axes in figure.axes if axes.images)
    image = sound.images[0].get_array()
    left, right, low, high = sound.images[0].get_extent()
    band = int(image.max(axis=1).argmax())
    # Bands are the tops of triangles between two edges, so they lie inside.
    place = low + (band + 1) / (image.shape[0] + 1) * (high - low)
    assert place == pytest.approx(2595 * np.log10(1 + hertz / 700), abs=30)
    ticks = {label.get_text(): place for label, place in zip(sound.get_yticklabels(), sound.get_yticks())}
    assert ticks["2"] == pytest.approx(2595 * np.log10(1 + 2000 / 700))
    loud = image.max(axis=0) > image.max() - 3
    assert left + np.flatnonzero(loud)[0] * (right - left) / image.shape[1] == pytest.approx(2.0, abs=0.03)


def test_words_stand_over_their_span_in_the_colour_of_their_confidence() -> None:
    words = Word("sure", 1.0, 2.0, 1.0), Word("$5 and $6", 3.0, 4.0, 0.0)
    figure = transcript_plot.draw(_transcript(5.0, *words), _tone(5, 440))
    assert _texts(figure) == ["sure", "$5 and $6"]
    band = next(axes for axes in figure.axes if axes.texts)
    boxes = [(box.get_x(), box.get_x() + box.get_width()) for box in band.patches]
    assert boxes == [(1.0, 2.0), (3.0, 4.0)]
    (red, _, blue, _), (red2, _, blue2, _) = (box.get_facecolor() for box in band.patches)
    assert blue > red and red2 > blue2
    assert [text.get_position()[0] for text in band.texts] == [1.5, 3.5]


def test_a_word_across_two_rows_is_drawn_in_both_and_named_once() -> None:
    figure = transcript_plot.draw(_transcript(12.0, Word("across", 9.8, 10.6, 0.5)), _tone(12, 440))
    assert _texts(figure) == ["across"]
    bands = [axes for axes in figure.axes if axes.patches and not axes.images and axes.get_xlim()[1] > 1]
    edges = [
        x for axes in bands for box in axes.patches for x in (box.get_x(), box.get_x() + box.get_width())
    ]
    assert edges == pytest.approx([9.8, 10.0, 10.0, 10.6])


def test_of_a_long_recording_the_start_is_drawn_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_plot, "MAX_SECONDS", 12.0)
    soundfile.write(tmp_path / "a.wav", np.zeros(90 * 4000, np.float32), 4000)
    transcript = _transcript(90.0, Word("late", 80.0, 81.0, 1.0))
    note = transcript_plot.save(tmp_path / "a.png", transcript, tmp_path / "a.wav")
    assert "shows the first 0.2 minutes of 1.5" in note
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    figure = transcript_plot.draw(transcript, np.zeros(12 * RATE, np.float32))
    assert _texts(figure) == []
    assert "talk.wav, the first 12 s of 90.0 s" in [text.get_text() for text in figure.texts]


def test_silence_and_a_very_short_recording(tmp_path: Path) -> None:
    for samples in (np.zeros(RATE, np.float32), np.zeros(10, np.float32)):
        soundfile.write(tmp_path / "a.wav", samples, RATE)
        assert (
            transcript_plot.save(tmp_path / "a.png", _transcript(len(samples) / RATE), tmp_path / "a.wav")
            == ""
        )
        assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.png"):
        transcript_plot.check("a.jpg", "a.wav")
    with pytest.raises(UsageError, match="standard input"):
        transcript_plot.check("a.png", "-")
    with pytest.raises(UsageError, match="replace the recording"):
        transcript_plot.check("./a.png", "a.png")
    with pytest.raises(AudioError):
        transcript_plot.save(tmp_path / "a.png", _transcript(1.0), tmp_path / "none.wav")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------- command line

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setattr("speechgru.inference.load.load_recognizer", lambda *_, **__: recognizer())
    monkeypatch.setattr("speechgru.alignment.load_aligner", lambda *_, **__: Aligner(recognizer()))
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", beep("the cat"), RATE)
    soundfile.write("b.wav", beep("sat"), RATE)
    Path("a.txt").write_text("The cat.")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        return code, *capsys.readouterr()

    return call


def test_transcribe_and_align_draw(run: Run) -> None:
    assert run("transcribe", "a.wav", "--plot", "pictures/a.png") == (0, "the cat\n", "")
    assert run("align", "a.wav", "a.txt", "--plot", "b.PNG", "-o", "a.json") == (0, "", "")
    for path in ("pictures/a.png", "b.PNG"):
        assert Path(path).read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.wav", "b.wav", "--plot", "a.png"), "one recording"),
        ((".", "--plot", "a.png"), "one recording"),
        (("a.wav", "--plot", "a.gif"), "PNG"),
        (("-", "--plot", "a.png"), "standard input"),
    ],
)
def test_transcribe_refuses(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run("transcribe", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not list(Path().glob("*.[pg]*"))


def test_a_failed_recording_leaves_no_picture(run: Run) -> None:
    Path("bad.wav").write_text("no sound")
    code, _, err = run("transcribe", "bad.wav", "--plot", "a.png")
    assert code == 1
    assert "bad.wav" in err
    assert not Path("a.png").exists()
