"""What a piece becomes: a MIDI file, its sound, its picture."""

from __future__ import annotations

from pathlib import Path

from speechgru import audio
from speechgru.errors import MusicError
from speechgru.music import midi, picture, soundfont, synth
from speechgru.music.keys import pitch_name
from speechgru.music.notes import NoteSequence

SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus")
PICTURES = (".png",)


def save(path: Path, piece: NoteSequence, text: str = "", title: str = "", font: str | None = None) -> str:
    """Write a piece, whole or not at all, as what the extension says: MIDI, sound or picture.

    Args:
        text: of a MIDI file's text event, in ASCII.
        title: of a picture.
        font: a SoundFont that sound is made with; None: the built-in synthesizer.

    Returns:
        What is to be known of it, "" for nothing.

    Raises:
        MusicError: another extension, no notes, too long for sound, as `soundfont.check`. OSError: it can't be written.
    """
    suffix = path.suffix.lower()
    if suffix in midi.EXTENSIONS:
        midi.write(path, piece, text=text)
        return ""
    if suffix in SOUNDS:
        # Opus knows few rates; all formats know 48 kHz.
        rate = 48000 if suffix == ".opus" else synth.SAMPLE_RATE
        wave = soundfont.render(piece, font, rate) if font else synth.render(piece, rate)
        audio.write(path, wave, rate)
        return ""
    if suffix in PICTURES:
        return picture.save(path, piece, title)
    raise MusicError(
        f"{path}: expected a file of MIDI ({', '.join(midi.EXTENSIONS)}), sound ({', '.join(SOUNDS)}) or a picture "
        f"({', '.join(PICTURES)})."
    )


def describe(piece: NoteSequence) -> str:
    """A piece in a line: notes, beats, seconds, range, what is known of key, metre and tempo, voices."""
    pitches = [note.pitch for note in piece.pitched()]
    said = [f"{len(piece.notes)} notes", f"{piece.length:g} beats", f"{piece.duration:.1f} s"]
    said += [f"{pitch_name(min(pitches))} to {pitch_name(max(pitches))}"] if pitches else []
    said += [str(change.key) for change in piece.keys[:1]]
    said += [str(metre) for metre in piece.metres[:1]]
    said.append(f"{piece.tempos[0].qpm:g} beats a minute")
    said += [f"{len(piece.voices)} voices"] if len(piece.voices) > 1 else []
    return ", ".join(said)
