"""Notes as sound by the instruments of a SoundFont (.sf2, .sf3), through the program fluidsynth where it is installed.

Which instrument plays is what the MIDI file says, else the first of the SoundFont's bank (a piano in General MIDI);
channel 10 has drums.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from speechgru.errors import MusicError
from speechgru.music.files import midi
from speechgru.music.rendering.synth import MAX_SECONDS, PEAK, SAMPLE_RATE, Wave
from speechgru.music.score.notes import NoteSequence
from speechgru.utils.files import named_errors

PROGRAM = "fluidsynth"
EXTENSIONS = (".sf2", ".sf3")
_LONGEST = 600.0  # seconds of work


def check(path: str | Path) -> Path:
    """The SoundFont at `path`, if sound can be made with it.

    Raises:
        MusicError: it doesn't exist, is no SoundFont by its first bytes, or fluidsynth isn't installed.
    """
    path = Path(path)
    if not path.is_file():
        raise MusicError(f"{path} doesn't exist; expected a SoundFont ({', '.join(EXTENSIONS)}).")
    with named_errors(path), path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise MusicError(f"{path} is no SoundFont; expected a file of {' or '.join(EXTENSIONS)}.")
    if shutil.which(PROGRAM) is None:
        raise MusicError(
            f"A SoundFont is played by the program {PROGRAM}, which isn't installed: apt install fluidsynth, brew "
            "install fluid-synth. Without a SoundFont the built-in synthesizer plays."
        )
    return path


def render(piece: NoteSequence, path: str | Path, sample_rate: int = SAMPLE_RATE) -> Wave:
    """The sound of a piece, float32 [time], its loudest sample at PEAK: SoundFonts differ much in loudness.

    Both channels are mixed; the instruments' own fading and reverberation come after the last note.

    Raises:
        MusicError: as `check`; no notes, too long a piece, or fluidsynth fails.
    """
    path = check(path)
    if not piece.notes:
        raise MusicError("There are no notes to play.")
    if piece.duration > MAX_SECONDS:
        raise MusicError(f"The piece lasts {piece.duration:.0f} s; sound is made of up to {MAX_SECONDS:g}.")
    with tempfile.TemporaryDirectory() as folder:
        notes, sound = Path(folder, "notes.mid"), Path(folder, "sound.wav")
        midi.write(notes, piece)
        # As floats, so that nothing is cut off before the loudness is set.
        form = ["-T", "wav", "-O", "float", "-r", str(sample_rate), "-F", str(sound)]
        command = [PROGRAM, "-ni", "-q", *form, str(path.resolve()), str(notes)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LONGEST,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MusicError(f"{PROGRAM} could not play {path}: {error}") from error
        if done.returncode or not sound.is_file():
            raise MusicError(f"{PROGRAM} could not play {path}: {_last(done.stderr or done.stdout)}")
        wave: Wave = soundfile.read(sound, dtype="float32", always_2d=True)[0].mean(axis=1)
    loudest = float(np.abs(wave).max(initial=0.0))
    if not loudest:
        raise MusicError(f"{path} gave no sound; it may have no instrument for these notes.")
    scaled: Wave = wave * np.float32(PEAK / loudest)
    return scaled


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing."
