"""speechgru music render: files of music as sound or picture."""

from __future__ import annotations

import argparse

from speechgru.errors import UsageError

HELP = "Make sound or a picture of MIDI and ABC files"
EXAMPLES = """\
  speechgru music render tune.mid -o tune.wav
  speechgru music render tune.abc -o tune.png
  speechgru music render generated/ --format png -o pictures/

The extension says what is made: sound (wav, flac, mp3, ogg, opus), by a small synthesizer or a SoundFont, or a piano
roll (png) with bar lines, names of notes and voices in colours. Sound begins with the first note.
Exit code: 0 all done, 1 some file or tune could not be read or written, 2 wrong usage.
"""
FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.music import _conversion as conversion

    conversion.add_arguments(parser, "sound or picture to write, or a folder")
    parser.add_argument("--format", choices=FORMATS, help="of the files in a folder (default: wav)")
    parser.add_argument(
        "--soundfont",
        metavar="FILE.sf2",
        help="instruments for the sound, played by fluidsynth (default: the built-in synthesizer)",
    )


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from speechgru.cli.music import _conversion as conversion
    from speechgru.music.rendering import soundfont
    from speechgru.utils import dependencies

    in_folder = args.output.endswith("/") or Path(args.output).is_dir()
    if not in_folder and Path(args.output).suffix.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"-o {args.output}: expected FILE.wav, FILE.png or another of {', '.join(FORMATS)}.")
    if not in_folder and args.format:
        raise UsageError(f"--format is for a folder; the extension of {args.output} names the format.")
    if "png" in (args.format, Path(args.output).suffix.lower().lstrip(".")):
        dependencies.require("matplotlib", "A picture")
    if args.soundfont:
        soundfont.check(args.soundfont)
    return conversion.run(args, f".{args.format or 'wav'}", lambda piece: piece, args.soundfont)
