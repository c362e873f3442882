"""speechgru music convert: ABC to MIDI, another key, tempo or grid."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from speechgru.cli._options import number, positive
from speechgru.errors import UsageError

if TYPE_CHECKING:
    from speechgru.music import NoteSequence

HELP = "Turn ABC into MIDI; transpose, change the tempo, move notes to a grid"
EXAMPLES = """\
  speechgru music convert tune.abc -o tune.mid
  speechgru music convert session.abc -o tunes/
  speechgru music convert song.mid --transpose -3 --tempo 96 --grid 4 -o lower.mid

Each tune of an ABC file becomes a file: FILE-1.mid, FILE-2.mid, ... by its place, whatever its X: says, or in a FOLDER/
a file of the tune's name. A tune that could not be read leaves its number free.
Exit code: 0 all done, 1 some file or tune could not be read or written, 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli.music import _conversion as conversion

    conversion.add_arguments(parser, "MIDI file to write, or a folder")
    parser.add_argument("--transpose", type=int, default=0, metavar="N", help="semitones up; negative: down")
    parser.add_argument(
        "--tempo", type=number(above=0), metavar="QPM", help="quarter notes a minute, for all of it"
    )
    parser.add_argument("--grid", type=positive, metavar="N", help="move notes to N steps in a beat")


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from speechgru.cli.music import _conversion as conversion
    from speechgru.music.files import midi
    from speechgru.music.generation.request import Request
    from speechgru.music.score import piano_roll

    suffix = Path(args.output).suffix.lower()
    if not args.output.endswith("/") and not Path(args.output).is_dir() and suffix not in midi.EXTENSIONS:
        raise UsageError(f"-o {args.output}: expected FILE.mid, or a FOLDER/.")
    Request(qpm=args.tempo)  # a tempo that makes no sense is refused before anything is read
    if args.grid:
        piano_roll.check_steps(args.grid)

    def edit(piece: NoteSequence) -> NoteSequence:
        from dataclasses import replace

        from speechgru.music.score.notes import Tempo

        piece = piece.transposed(args.transpose)
        piece = piece.on_grid(args.grid) if args.grid else piece
        return replace(piece, tempos=(Tempo(0.0, args.tempo),)) if args.tempo else piece

    return conversion.run(args, ".mid", edit)
