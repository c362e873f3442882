"""Commands that make files of music of files of music: their arguments, where each result goes, and the loop."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_existing
from speechgru.errors import SpeechGruError
from speechgru.utils.console import say

if TYPE_CHECKING:
    from speechgru.music import NoteSequence
    from speechgru.music.files.load import Missing, Named


def targets(pieces: Sequence[Named | Missing], output: str, extension: str) -> list[Path]:
    """Where each piece goes: the file `output`, several to `output-1` and so on; in a folder (`output` is one, or ends
    with /) files of the pieces' own names with `extension`, numbered where two would be the same.

    What could not be read has a place too: once it is mended, the others keep their names.

    """
    path = Path(output)
    if not (output.endswith("/") or path.is_dir()):
        names = (
            [path]
            if len(pieces) == 1
            else [path.with_stem(f"{path.stem}-{n + 1}") for n in range(len(pieces))]
        )
    else:
        taken: set[str] = set()
        names = []
        for piece in pieces:
            stem = name = _name(piece)
            count = 1
            while name in taken:
                count += 1
                name = f"{stem}-{count}"
            taken.add(name)
            names.append(path / f"{name}{extension}")
    return names


def _name(piece: Named | Missing) -> str:
    """Of a file in a folder: letters and digits of the file's name and the tune's title."""
    stem = Path(piece.file).stem
    return re.sub(r"[^\w.+-]+", "-", f"{stem} {piece.title}".strip()).strip("-") or "piece"


def add_arguments(parser: argparse.ArgumentParser, output: str) -> None:
    """Files to read, and where to write."""

    parser.add_argument(
        "sources", nargs="+", metavar="FILE_OR_FOLDER", help="MIDI and ABC files, folders of them"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE_OR_FOLDER/", help=output)
    add_existing(parser)


def run(
    args: argparse.Namespace,
    extension: str,
    edit: Callable[[NoteSequence], NoteSequence],
    font: str | None = None,
) -> int:
    """`edit` each piece and write it; 1 where a file, a tune or a result came to nothing: it is named.

    Args:
        font: a SoundFont for sound.
    """
    from speechgru.cli import _targets
    from speechgru.music.files import load
    from speechgru.music.rendering import render

    library = load.read(args.sources)
    library.print_problems()
    places = zip(library.entries, targets(library.entries, args.output, extension), strict=True)
    named = [(piece, file) for piece, file in places if isinstance(piece, load.Named)]
    tasks = [(piece, file) for piece, file in named if not (args.resume and file.is_file())]
    if len(tasks) < len(named):
        say(f"note: {len(named) - len(tasks)} of {len(named)} are there already.")
    _targets.check_all(
        [file for _, file in tasks], args.overwrite, sources=[piece.file for piece in library.entries]
    )
    good = bool(named) and not library.problems
    for piece, file in tasks:
        if piece.oddities:
            say(f"note: {piece.name}: {piece.oddities}")
        try:
            title = piece.title or Path(piece.file).stem
            remark = render.save(file, edit(piece.notes), title=title, font=font)
        except (SpeechGruError, OSError) as error:
            say(f"error: {piece.name}: {error}")
            good = False
            continue
        if remark:
            say(f"note: {remark}")
        print(file, flush=True)
    library.print_left_out()
    return 0 if good else 1
