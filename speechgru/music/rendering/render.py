"""What a piece becomes: a MIDI file, its sound, its picture."""

from __future__ import annotations

from pathlib import Path

from speechgru.audio import encode
from speechgru.errors import MusicError
from speechgru.music.files import midi
from speechgru.music.rendering import piano_roll_plot, soundfont, synth
from speechgru.music.rendering.synth import Wave
from speechgru.music.score.keys import pitch_name
from speechgru.music.score.notes import NoteSequence

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
        encode.write(path, sound(piece, rate, font), rate)
        return ""
    if suffix in PICTURES:
        return piano_roll_plot.save(path, piece, title)
    raise MusicError(
        f"{path}: expected a file of MIDI ({', '.join(midi.EXTENSIONS)}), sound ({', '.join(SOUNDS)}) or a picture "
        f"({', '.join(PICTURES)})."
    )


def sound(piece: NoteSequence, rate: int, font: str | None = None) -> Wave:
    """The sound of a piece, float32 [time], from its first note on: nobody wants to wait through the silence that fills
    up the bar of an upbeat.

    Raises:
        MusicError: no notes, too long, as `soundfont.check`.
    """
    wave = soundfont.render(piece, font, rate) if font else synth.render(piece, rate)
    return wave[round(piece.seconds(piece.notes[0].start) * rate) :]


def describe(piece: NoteSequence) -> str:
    """A piece in a line: notes, beats, seconds, range, what is known of key, metre and tempo, voices."""
    pitches = [note.pitch for note in piece.pitched()]
    parts = [f"{len(piece.notes)} notes", f"{piece.length:g} beats", f"{piece.duration:.1f} s"]
    parts += [f"{pitch_name(min(pitches))} to {pitch_name(max(pitches))}"] if pitches else []
    parts += [str(change.key) for change in piece.keys[:1]]
    parts += [str(metre) for metre in piece.metres[:1]]
    parts.append(f"{piece.tempos[0].qpm:g} beats a minute")
    parts += [f"{len(piece.voices)} voices"] if len(piece.voices) > 1 else []
    return ", ".join(parts)
