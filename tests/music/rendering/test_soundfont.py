"""Sound by a SoundFont: the right pitches where fluidsynth is installed, and what is printed where it isn't."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import music_fonts
import numpy as np
import pytest
import soundfile

from speechgru.cli import main
from speechgru.errors import MusicError
from speechgru.music import NoteSequence
from speechgru.music.files import midi, primer
from speechgru.music.rendering import soundfont
from speechgru.music.rendering.synth import PEAK

needs_program = pytest.mark.skipif(
    shutil.which(soundfont.PROGRAM) is None, reason="fluidsynth isn't installed"
)
PIECE = primer.parse("A4:2 E5:2")


@pytest.fixture
def font(tmp_path: Path) -> Path:
    return music_fonts.write(tmp_path / "sine.sf2")


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A program `fluidsynth` that does what `body`, Python, says."""
    folder.mkdir()
    program = folder / soundfont.PROGRAM
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def hertz(wave: Any, rate: int) -> float:
    """Of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 16 * len(wave)))
    return float(np.argmax(spectrum) * rate / (16 * len(wave)))


@needs_program
def test_the_pitches_are_right_and_nothing_clips(font: Path) -> None:
    wave = soundfont.render(PIECE, font)
    assert wave.dtype == np.float32 and np.abs(wave).max() == pytest.approx(PEAK)
    first, second = wave[8820:35280], wave[44100 + 8820 : 44100 + 35280]  # a beat is half a second
    assert hertz(first, 44100) == pytest.approx(440, rel=2e-3)
    assert hertz(second, 44100) == pytest.approx(440 * 2 ** (7 / 12), rel=2e-3)


@needs_program
def test_commands_play_it(font: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    midi.write(tmp_path / "a.mid", PIECE)
    given = [str(tmp_path / "a.mid"), "--soundfont", str(font)]
    assert main(["music", "render", *given, "-o", str(tmp_path / "a.flac")]) == 0
    sound, rate = soundfile.read(tmp_path / "a.flac")
    assert hertz(sound[8820:35280], rate) == pytest.approx(440, rel=2e-3)


def test_how_the_program_is_called(font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (
        "import numpy, soundfile\n"
        "at = {name: sys.argv[sys.argv.index(name) + 1] for name in ('-r', '-F', '-O')}\n"
        "assert sys.argv[-2].endswith('sine.sf2') and sys.argv[-1].endswith('.mid') and at['-O'] == 'float'\n"
        "soundfile.write(at['-F'], numpy.array([[4.0, 0.0], [-2.0, 2.0]]), int(at['-r']), subtype='FLOAT')"
    )
    pretend(tmp_path / "bin", monkeypatch, body)
    assert soundfont.render(PIECE, font, 22050).tolist() == pytest.approx([PEAK, 0])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print('no voices', file=sys.stderr); sys.exit(3)", "could not play .*: no voices"),
        ("pass", "could not play .*: it says nothing"),
        (
            "import soundfile; soundfile.write(sys.argv[sys.argv.index('-F') + 1], [[0.0, 0.0]], 44100)",
            "gave no sound",
        ),
    ],
)
def test_a_program_that_fails(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    pretend(tmp_path / "bin", monkeypatch, body)
    with pytest.raises(MusicError, match=message):
        soundfont.render(PIECE, font)
    with pytest.raises(MusicError, match="no notes"):
        soundfont.render(NoteSequence(), font)


def test_what_is_no_soundfont(font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sf2").write_bytes(b"RIFF....WAVE")
    with pytest.raises(MusicError, match=r"a\.sf2 is no SoundFont"):
        soundfont.check(tmp_path / "a.sf2")
    with pytest.raises(MusicError, match=r"b\.sf2 doesn't exist"):
        soundfont.check(tmp_path / "b.sf2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MusicError, match="apt install fluidsynth"):
        soundfont.check(font)


def test_compose_says_what_is_wrong_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.mid")
    assert main(["compose", "--soundfont", "x.sf2", "-o", out]) == 2
    assert "add --wav" in capsys.readouterr().err
    assert main(["compose", "--soundfont", "x.sf2", "--wav", "-o", out]) == 1
    assert "x.sf2 doesn't exist" in capsys.readouterr().err and not list(tmp_path.iterdir())
