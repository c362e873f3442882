"""speechgru music info: what is in files of music."""

from __future__ import annotations

import argparse

from speechgru.cli._options import add_format

HELP = "Show notes, length, key, metre, tempo and voices of MIDI and ABC files"
EXAMPLES = """\
  speechgru music info tune.mid
  speechgru music info folder/ session.abc --format json

One line for each piece, each tune of an ABC file; JSON is one object a line with all measures. What a MIDI file says of
how it was made is shown too, and what is odd in it and how it was taken. Exit code: 0 all read, 1 some file or tune
could not be, 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="+", metavar="FILE_OR_FOLDER", help="MIDI and ABC files, folders of them"
    )
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from speechgru.music.evaluation import statistics
    from speechgru.music.files import load
    from speechgru.music.rendering import render

    library = load.read(args.sources)
    library.print_problems()
    for piece in library.pieces:
        if args.format == "json":
            measures = statistics.measure(piece.notes).to_dict()
            about = {"file": piece.file, "title": piece.title, "seconds": piece.notes.duration}
            odd = {name: count for name, count in asdict(piece.oddities).items() if count}
            print(json.dumps({**about, **measures, "texts": list(piece.texts), "oddities": odd}))
            continue
        print(f"{piece.name}: {render.describe(piece.notes)}")
        if piece.oddities:
            print(f"  odd: {piece.oddities}")
        for text in piece.texts:
            print(f"  {text}")
    library.print_left_out()
    return 1 if library.problems else 0
